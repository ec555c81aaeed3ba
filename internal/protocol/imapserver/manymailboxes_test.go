package imapserver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// manyMailboxes is a server whose account ann has n mailboxes, a hundred below each that is at the top.
func manyMailboxes(t testing.TB, n int, change ...func(*Options)) *serving {
	f := serve(t, change...)
	for i := 0; i < n; i += 100 {
		f.write(ann, func(t *tx.Tx) error {
			for j := range 100 {
				path := fmt.Sprintf("top %d", i/100)
				if j > 0 {
					path += fmt.Sprintf("/a mailbox of number %d", j)
				}
				if _, err := f.mailbox.Create(t, ann, path, ""); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return f
}

func BenchmarkManyMailboxes(b *testing.B) {
	f := manyMailboxes(b, mailbox.MaxMailboxes-100, func(o *Options) { o.Log = nil })
	c := f.login()
	for _, command := range []string{`LIST "" *`, `LIST "" * RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN UIDNEXT))`,
		`LIST "" * RETURN (METADATA (/shared/comment))`, `LIST (SUBSCRIBED) "" *`, `LIST "" INBOX`, `XLIST "" *`, `LSUB "" *`,
		"NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName))",
		"NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName))", "NOOP"} {
		b.Run(strings.ReplaceAll(command, " ", "_"), func(b *testing.B) { timed(b, c, command) })
	}
	// What a change of one mailbox costs a session that watches all.
	to := "top 7/a mailbox of number 7"
	b.Run("held_while_the_client_waits", func(b *testing.B) {
		for b.Loop() {
			before, _ := memory()
			c := f.login()
			c.send(`LIST "" * RETURN (STATUS (MESSAGES))`)
			c.hear(`\* LIST .*`)
			after, _ := memory()
			b.ReportMetric(float64(after-before), "B-held")
			c.conn.Close()
		}
	})
	b.Run("one_message", func(b *testing.B) {
		for b.Loop() {
			f.deliver(ann, to, sample(1))
			c.hear(`\* STATUS "` + to + `" .*`)
		}
	})
}

// A client that asks for all mailboxes and takes nothing holds little, however many sessions do so; others do not wait for them.
func TestListsAreBounded(t *testing.T) {
	t.Parallel()
	const mailboxes, sessions = 1000, 10
	f := manyMailboxes(t, mailboxes, func(o *Options) { o.Log = nil; o.Limits.Lists = 2 })
	var all []*client
	for i := range sessions {
		c := f.login()
		c.send(`LIST "" *`)
		if i < 2 {
			c.hear(`\* LIST .*`) // the rest waits for the client
		}
		all = append(all, c)
	}
	b := f.connect("imap")
	b.ok("LOGIN " + bobAddress + ` "` + bobPassword + `"`)
	if lines := b.ok(`LIST "" *`); len(lines) != 4 {
		t.Errorf("bob has %d mailboxes", len(lines))
	}
	share := f.shares.join(ann, &f.o.Limits)
	defer f.shares.leave(ann)
	if n := len(share.lists); n != 2 {
		t.Errorf("%d LISTs run at a time", n)
	}
	for _, c := range all[1:] {
		c.readAhead()
	}
	all[0].conn.Close() // is no longer waited for
	for _, c := range all[1:] {
		if lines, reply := c.until("t2"); len(lines) < mailboxes-1 || !strings.HasPrefix(reply, "OK") {
			t.Errorf("%d names, %q", len(lines), reply)
		}
	}
}
