package directory

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// expand lists the members of a group and of the groups in it, each once and no group, at most MaxMembers of them; and the groups
// that were gone into.
func (s *Store) expand(t *tx.Tx, group mail.Address) (all []mail.Address, inside map[key]bool, err error) {
	inside = map[key]bool{keyOf(group): true}
	known := make(map[key]bool)
	for todo := []key{keyOf(group)}; len(todo) > 0 && len(all) < MaxMembers; todo = todo[1:] {
		rows, err := t.SQL().Query(`SELECT m.member, CASE WHEN a.kind IS NULL THEN 0 ELSE 1 END FROM group_member m
			LEFT JOIN address a ON a.domain = m.member_domain AND a.local = m.member_local AND a.kind = 'group'
			WHERE m.domain = $1 AND m.local = $2 ORDER BY m.member_domain, m.member_local LIMIT $3`, todo[0].domain, todo[0].local, MaxMembers)
		if err != nil {
			return nil, nil, err
		}
		for rows.Next() {
			var text string
			var isGroup bool
			if err := rows.Scan(&text, &isGroup); err != nil {
				rows.Close()
				return nil, nil, err
			}
			a, err := mail.ParseAddress(text)
			switch k := keyOf(a); {
			case err != nil: // what is kept was parsed before; if a row is damaged, the others count
			case isGroup && !inside[k]:
				inside[k] = true
				todo = append(todo, k)
			case !isGroup && !known[k] && len(all) < MaxMembers:
				known[k] = true
				all = append(all, a)
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, nil, err
		}
	}
	return all, inside, nil
}

// enterGroup takes a group to the result.
func (w *walk) enterGroup(k key) error {
	g, err := w.store.Group(w.t, k.address())
	if mail.Is(err, mail.NotFound) {
		return nil // its address is there without it: a damaged row
	}
	if err != nil {
		return err
	}
	members, _, err := w.store.expand(w.t, g.Address)
	w.out.Groups = append(w.out.Groups, mail.Group{Address: g.Address, Name: g.Name, Members: members})
	return err
}

// enterOwners follows the owners of a group; where it has none, the postmaster of the domain stands for them.
func (w *walk) enterOwners(k key) error {
	owners, err := w.store.members(w.t, selectMember+`WHERE domain = $1 AND local = $2 AND owner = 1 ORDER BY member_domain, member_local LIMIT $3`,
		k.domain, k.local, MaxTargets)
	for _, m := range owners {
		w.todo = append(w.todo, m.Address)
	}
	if len(owners) == 0 {
		w.todo = append(w.todo, mail.Address{Local: "postmaster", Domain: k.domain})
	}
	return err
}

// MayPost reports whether a sender may send to a group: nil, or mail.Denied with the reason. Whoever has the null reverse-path
// may not: a report, or a program's answer, is no contribution (RFC 3834 4).
func (s *Store) MayPost(t *tx.Tx, group, from mail.Address) error {
	g, err := s.Group(t, group)
	if err != nil {
		return err
	}
	denied := func(why string) error {
		return mail.E("directory.MayPost", mail.Denied, fmt.Errorf("%s: %s", g.Address, why))
	}
	k := keyOf(from)
	k.local = userOf(k.local)
	switch {
	case from.IsNull():
		return denied("reports and automatic answers are not sent to a group")
	case g.Policy == PostAnyone, g.Policy == PostDomain && k.domain == g.Address.Domain:
		return nil
	}
	member, owner, err := s.membership(t, keyOf(g.Address), k)
	switch {
	case err != nil:
		return err
	case owner, member && g.Policy == PostMembers:
		return nil
	case g.Policy == PostMembers:
		if inner, err := s.memberOfInner(t, g, k); err != nil || inner {
			return err
		}
		return denied("only its members may send to it")
	case g.Policy == PostDomain:
		return denied("only addresses of " + g.Address.Domain + " may send to it")
	}
	return denied("only its owners may send to it")
}

// membership finds a sender among the members: by the address, or by the account that it and a member's address are of.
func (s *Store) membership(t *tx.Tx, group, from key) (member, owner bool, err error) {
	var owners int
	var found int
	err = t.SQL().QueryRow(`SELECT COUNT(*), COALESCE(MAX(m.owner), 0) FROM group_member m WHERE m.domain = $1 AND m.local = $2 AND (
		(m.member_domain = $3 AND m.member_local = $4) OR EXISTS (SELECT 1 FROM address x JOIN address y ON y.account_id = x.account_id
			WHERE x.domain = $3 AND x.local = $4 AND x.account_id <> 0 AND y.domain = m.member_domain AND y.local = m.member_local))`,
		group.domain, group.local, from.domain, from.local).Scan(&found, &owners)
	if errors.Is(err, db.ErrNoRows) {
		err = nil
	}
	return found > 0, owners > 0, err
}

// memberOfInner reports whether a sender is in a group that is in the group.
func (s *Store) memberOfInner(t *tx.Tx, g Group, from key) (bool, error) {
	_, inside, err := s.expand(t, g.Address)
	for k := range inside {
		if err != nil || k == keyOf(g.Address) {
			continue
		}
		var member bool
		if member, _, err = s.membership(t, k, from); member {
			return true, err
		}
	}
	return false, err
}

// isOwners reports whether an address is that of a group's owners.
func isOwners(local string) bool {
	_, detail, _ := cutDetail(local)
	return strings.EqualFold(detail, Owners)
}
