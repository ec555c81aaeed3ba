package load

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/jmap"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// Read reads what the servers keep, once they are well and rest: all mailboxes and bytes over IMAP from the first address,
// all emails over JMAP from the last, and the counters from every address.
func Read(ctx context.Context, t Targets) (*history.Server, error) {
	r := &reader{Targets: t, plan: Plan{}.filled()}
	return r.all(ctx)
}

type reader struct {
	Targets
	plan Plan
}

func (r *reader) all(ctx context.Context) (*history.Server, error) {
	server := &history.Server{Accounts: map[string]*history.Account{}}
	for _, a := range r.Accounts {
		server.Accounts[a.Address] = &history.Account{Mailboxes: map[string]*history.Mailbox{}, Emails: map[string]history.Email{}}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, a := range r.Accounts {
		g.Go(func() error {
			if err := r.account(ctx, a, server.Accounts[a.Address]); err != nil {
				return fmt.Errorf("read %s: %w", a.Address, err)
			}
			return nil
		})
	}
	return server, g.Wait()
}

func (r *reader) account(ctx context.Context, a Account, into *history.Account) error {
	for i, address := range r.IMAP {
		c, err := dialIMAP(ctx, address, a, r.plan)
		if err != nil {
			return err
		}
		if i == 0 {
			err = r.mailboxes(c, into)
		}
		if err == nil {
			err = r.counters(c, address, into)
		}
		c.Logout()
		if err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	for i, address := range r.JMAP {
		if err := r.emails(ctx, a, address, i == len(r.JMAP)-1, into); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	return nil
}

// mailboxes lists all messages with their bytes.
func (r *reader) mailboxes(c *imap.Conn, into *history.Account) error {
	var names []string
	err := c.Do(`LIST "" *`, func(resp imap.Response) error {
		if resp.Is("LIST") && !strings.Contains(strings.ToLower(string(resp.Rest)), `\noselect`) {
			_, rest, _ := strings.Cut(string(resp.Rest), ") ")
			_, name, _ := strings.Cut(rest, " ")
			names = append(names, strings.Trim(name, `"`))
		}
		return nil
	})
	for _, name := range names {
		if err == nil {
			err = r.mailbox(c, name, into)
		}
	}
	return err
}

func (r *reader) mailbox(c *imap.Conn, name string, into *history.Account) error {
	selected, err := c.Examine(name)
	if err != nil {
		return err
	}
	m := &history.Mailbox{UIDValidity: selected.UIDValidity}
	into.Mailboxes[name] = m
	m.Claims = append(m.Claims, history.Claim{By: "SELECT", Of: history.Messages, Value: uint64(selected.Exists)},
		history.Claim{By: "SELECT", Of: history.UIDNext, Value: uint64(selected.UIDNext)})
	if selected.Exists == 0 {
		return nil
	}
	return lines(c, "FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[])", func(l line) {
		msg := history.Message{UID: l.uid, Flags: l.flags, Deleted: l.deleted, Size: l.size, Token: token(l.header)}
		if int(l.size) != len(l.header) {
			msg.Damage = fmt.Sprintf("RFC822.SIZE is %d, there are %d octets", l.size, len(l.header))
		} else if err := message.Verify(l.header); err != nil && strings.Contains(string(l.header), "X-Mailload-Body: ") {
			msg.Damage = err.Error()
		}
		m.Messages = append(m.Messages, msg)
	})
}

// counters asks for what is known without counting.
func (r *reader) counters(c *imap.Conn, address string, into *history.Account) error {
	for name, m := range into.Mailboxes {
		got, err := c.Status(name, "MESSAGES", "UNSEEN", "DELETED", "SIZE", "UIDNEXT")
		if err != nil {
			return err
		}
		for item, of := range map[string]history.Counter{"MESSAGES": history.Messages, "UNSEEN": history.Unseen, "DELETED": history.Deleted,
			"SIZE": history.Size, "UIDNEXT": history.UIDNext} {
			m.Claims = append(m.Claims, history.Claim{By: "STATUS at " + address, Of: of, Value: got[item]})
		}
	}
	return c.Do("GETQUOTAROOT INBOX", func(resp imap.Response) error {
		if !resp.Is("QUOTA") {
			return nil
		}
		_, list, _ := strings.Cut(string(resp.Rest), "(")
		fields := strings.Fields(strings.TrimSuffix(list, ")"))
		for i := 0; i+2 < len(fields); i += 3 {
			of := map[string]history.Counter{"STORAGE": history.KiB, "MESSAGE": history.Emails}[fields[i]]
			var used uint64
			if _, err := fmt.Sscan(fields[i+1], &used); err != nil || of == "" {
				continue
			}
			into.Claims = append(into.Claims, history.Claim{By: "QUOTA at " + address, Of: of, Value: used})
		}
		return nil
	})
}

// emails asks for the counters of JMAP, and for all emails if list says so.
func (r *reader) emails(ctx context.Context, a Account, address string, list bool, into *history.Account) error {
	via := newRoute(address)
	defer via.cut()
	c, id, boxes, err := dialJMAP(ctx, via, a)
	if err != nil {
		return err
	}
	got, err := jmap.Call[jmap.GetResponse[jmap.Mailbox]](ctx, c, "Mailbox/get", jmap.Get{AccountID: id})
	if err != nil {
		return err
	}
	for _, box := range got.List {
		name := box.Name
		if p, ok := placeOf(box); ok {
			name = p.String()
		}
		m := into.Mailboxes[name]
		if m == nil {
			continue // IMAP was not asked
		}
		claim := func(of history.Counter, value int) {
			m.Claims = append(m.Claims, history.Claim{By: "Mailbox/get at " + address, Of: of, Value: uint64(value)})
		}
		claim(history.Shown, box.TotalEmails)
		claim(history.Unread, box.UnreadEmails)
		if _, ok := history.PlaceOf(name); ok {
			claim(history.Threads, box.TotalThreads)
			claim(history.UnreadThreads, box.UnreadThreads)
		}
	}
	if err := r.quotas(ctx, c, id, address, into); err != nil || !list {
		return err
	}
	return allEmails(ctx, c, id, func(e jmap.Email) { into.Emails[string(e.ID)] = email(e, boxes) })
}

// quotas reads what Quota/get says is used (RFC 9425).
func (r *reader) quotas(ctx context.Context, c *jmap.Client, id jmap.ID, address string, into *history.Account) error {
	type quota struct {
		ResourceType string   `json:"resourceType"`
		Types        []string `json:"types"`
		Used         uint64   `json:"used"`
	}
	got, err := jmap.Call[jmap.GetResponse[quota]](ctx, c, "Quota/get", jmap.Get{AccountID: id})
	if err != nil {
		return err
	}
	for _, q := range got.List {
		of := map[string]history.Counter{"octets": history.Octets, "count": history.Emails}[q.ResourceType]
		if of == "" || len(q.Types) == 0 || q.Types[0] != "Email" {
			continue
		}
		into.Claims = append(into.Claims, history.Claim{By: "Quota/get at " + address, Of: of, Value: q.Used})
	}
	return nil
}
