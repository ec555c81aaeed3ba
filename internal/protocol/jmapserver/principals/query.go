package principals

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// query is Principal/query (RFC 9670 2.4).
func (p *Principals) query(ctx context.Context, c *method.Call) (any, error) {
	var args method.QueryArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if _, err := c.OwnAccount(ctx, args.AccountID); err != nil {
		return nil, err
	}
	var asked []mail.Address
	filter, err := method.ParseFilter(args.Filter, condition(&asked))
	if err != nil {
		return nil, err
	}
	if len(asked) > maxLookups {
		return nil, method.Fail(method.UnsupportedFilter, "at most %d addresses can be asked for at a time", maxLookups)
	}
	for _, by := range args.Sort {
		if by.Property != "name" && by.Property != "email" {
			return nil, method.Fail(method.UnsupportedSort, "principals are sorted by name and email, not %.100q", by.Property)
		}
	}
	all, _, err := p.seen(ctx, c.User)
	if err == nil {
		all, err = p.asked(ctx, c.User, all, asked)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b principal) int { return compare(a, b, args.Sort) })
	var ids []string
	for _, v := range all {
		if filter(v) {
			ids = append(ids, v.ID)
		}
	}
	now, err := state(all)
	if err != nil {
		return nil, err
	}
	return method.Page(&args, ids, now, false)
}

// asked adds those whose whole address is asked for.
func (p *Principals) asked(ctx context.Context, u *method.User, all []principal, asked []mail.Address) ([]principal, error) {
	seen := len(all)
	err := p.o.Tx.Read(ctx, func(t *tx.Tx) error {
		all = all[:seen]
		for _, address := range asked {
			a, err := p.o.Directory.ByAddress(t, address)
			if mail.Is(err, mail.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(all, func(v principal) bool { return v.account == a.ID }) {
				all = append(all, p.of(a))
			}
		}
		return nil
	})
	if err == nil && len(all) > seen {
		err = p.fill(ctx, u, all[seen:])
	}
	return all, err
}

func compare(a, b principal, sort []method.SortBy) int {
	for _, by := range sort {
		n := cmp.Compare(casemap.Fold(a.Name), casemap.Fold(b.Name))
		if by.Property == "email" {
			n = cmp.Compare(casemap.Fold(*a.Email), casemap.Fold(*b.Email))
		}
		if by.IsAscending != nil && !*by.IsAscending {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return cmp.Compare(a.account, b.account)
}

// condition reads a FilterCondition. Texts are found anywhere, in any case of letters; those that are addresses are noted, too.
func condition(asked *[]mail.Address) method.Condition[principal] {
	return func(name string, value ijson.Value) (f method.Filter[principal], err error) {
		var want string
		switch name {
		case "accountIds":
			var ids []string
			if err = ijson.Strict(value, &ids); err == nil {
				return func(v principal) bool {
					return slices.ContainsFunc(ids, func(id string) bool { _, has := v.Accounts[id]; return has })
				}, nil
			}
		case "email", "name", "text", "type", "timeZone":
			err = ijson.Strict(value, &want)
		default:
			return nil, method.Fail(method.UnsupportedFilter, "a filter of principals cannot ask for %.100q", name)
		}
		if err != nil {
			return nil, method.Fail(method.InvalidArguments, "filter: %s: %v", name, err)
		}
		folded := casemap.Fold(want)
		if address, err := directory.ParseAddress(want); err == nil && (name == "email" || name == "text") {
			*asked = append(*asked, address)
		}
		has := func(text string) bool { return strings.Contains(casemap.Fold(text), folded) }
		return map[string]method.Filter[principal]{
			"email": func(v principal) bool { return has(*v.Email) },
			"name":  func(v principal) bool { return has(v.Name) },
			"text":  func(v principal) bool { return has(v.Name) || has(*v.Email) },
			"type":  func(v principal) bool { return v.Type == want },
			// Nobody's is known.
			"timeZone": func(principal) bool { return false },
		}[name], nil
	}
}
