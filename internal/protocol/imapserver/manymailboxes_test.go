package imapserver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// manyMailboxes is a server whose account ann has n mailboxes, a hundred below each that is at the top.
func manyMailboxes(t testing.TB, n int, change ...func(*Options)) *serving {
	f := serve(t, change...)
	for i := 0; i < n; i += 100 {
		f.Write(ann, func(t *tx.Tx) error {
			for j := range 100 {
				path := fmt.Sprintf("top %d", i/100)
				if j > 0 {
					path += fmt.Sprintf("/a mailbox of number %d", j)
				}
				if _, err := f.Mailbox.Create(t, ann, path, ""); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return f
}

// putOne puts a message that is \Recent and \Deleted into each mailbox of ann, and an annotation, without the rooms: only what is
// listed.
func (f *serving) putOne() {
	const some = `FROM mailbox WHERE account_id = $1 AND id IN (SELECT id FROM mailbox WHERE account_id = $1 AND uidnext = 1 ORDER BY id LIMIT 400)`
	for more := true; more; {
		f.Must(f.DB.Write(f.T.Context(), int64(ann), func(d *db.Tx) error {
			n, err := d.Exec(`INSERT INTO membership (account_id, mailbox_id, uid, email_id, modseq, flags, keywords, size, received, saved,
					thread_id, sent, attachment)
				SELECT account_id, id, 1, id, modseq, $2, '', 100, 0, 0, id, 0, 0 `+some, ann, mail.Deleted)
			if err == nil {
				_, err = d.Exec(`INSERT INTO annotation (account_id, mailbox_id, viewer_id, entry, value, gone, modseq)
					SELECT account_id, id, 0, '/shared/comment', $2, 0, modseq `+some, ann, []byte("words"))
			}
			if err == nil {
				_, err = d.Exec(`UPDATE mailbox SET uidnext = 2, messages = 1, unseen = 1, deleted = 1, bytes = 100 WHERE account_id = $1
					AND id IN (SELECT id `+some+`)`, ann)
			}
			more = n > 0
			return err
		}))
	}
}

func BenchmarkManyMailboxes(b *testing.B) {
	f := manyMailboxes(b, mailbox.MaxMailboxes-100, func(o *Options) { o.Log = nil })
	f.putOne()
	c := f.login()
	for _, command := range []string{`ESEARCH IN (personal) RETURN (COUNT) DELETED`, `ESEARCH IN (subtree "top 7") ALL`, `LIST "" *`, `LIST "" * RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN UIDNEXT))`,
		`LIST "" * RETURN (STATUS (MESSAGES RECENT DELETED-STORAGE))`, `LIST "" * RETURN (METADATA (/shared/comment))`, `LIST (SUBSCRIBED) "" *`, `LIST "" INBOX`, `XLIST "" *`, `LSUB "" *`,
		"NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName))",
		"NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName))", "NOOP"} {
		b.Run(strings.ReplaceAll(command, " ", "_"), func(b *testing.B) {
			var most uint64
			for b.Loop() {
				b.StopTimer()
				stop := watchHeap()
				b.StartTimer()
				c.answered(command)
				most = max(most, stop())
			}
			b.ReportMetric(float64(most)/(1<<20), "MiB-grown")
			if most > 64<<20 {
				b.Errorf("the heap grew by %d MiB", most>>20)
			}
		})
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
			b.ReportMetric(float64(after)-float64(before), "B-held")
			c.conn.Close()
		}
	})
	b.Run("one_message", func(b *testing.B) {
		for b.Loop() {
			f.Deliver(ann, to, sample(1))
			c.hear(`\* STATUS "` + to + `" .*`)
		}
	})
}

// What is read of many mailboxes together is told of each, also where it is too much to be held at a time.
func TestListTellsOfEach(t *testing.T) {
	t.Parallel()
	const mailboxes = 300
	f := manyMailboxes(t, mailboxes)
	f.putOne()
	c := f.login()
	const command = `LIST "" top* RETURN (STATUS (RECENT DELETED-STORAGE) METADATA (/shared/comment))`
	check := func(long func(int) bool) {
		t.Helper()
		lines := c.ok(command)
		if len(lines) != 3*mailboxes {
			t.Fatalf("%d lines", len(lines))
		}
		for i := 0; i < len(lines); i += 3 {
			name := strings.TrimPrefix(lines[i][strings.Index(lines[i], `"/"`):], `"/" `)
			if lines[i+1] != "* STATUS "+name+" (RECENT 1 DELETED-STORAGE 100)" || !strings.HasPrefix(lines[i+2], "* METADATA "+name+" (/shared/comment ") ||
				long(i/3) != (len(lines[i+2]) > 30_000) {
				t.Fatalf("%q", lines[i:i+3])
			}
		}
	}
	check(func(int) bool { return false })
	// More than batchBytes in the first batch, and in no other.
	n := 0
	for _, line := range c.ok(`LIST "" top*`) {
		if n++; n <= batchBytes/(30<<10) {
			name := strings.TrimPrefix(line[strings.Index(line, `"/"`):], `"/" `)
			c.ok("SETMETADATA " + name + " (/shared/comment {32000+}\r\n" + strings.Repeat("x", 32000) + ")")
		}
	}
	check(func(i int) bool { return i < batchBytes/(30<<10) })
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
