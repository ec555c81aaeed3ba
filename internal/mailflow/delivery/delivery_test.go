package delivery_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/delivery"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The message is in all mailboxes when the caller's commit stands, once in each, and in none when it does not.
func TestDeliver(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := mailflowtest.New(t, open(), mailflowtest.Options{})
		ann, bob := r.Account("ann"), r.Account("bob")
		d := delivery.New(delivery.Options{Bodies: r.Bodies, Mailbox: r.Mailbox, Contacts: r.Contacts})
		const content = "Subject: x\r\n\r\nx\r\n"
		body, err := r.Bodies.Put(t.Context(), strings.NewReader(content))
		r.Must(err)
		m := mailflow.Accepted{Body: body, Message: mailbox.Message{Size: int64(len(content)), Summary: []byte{}}}
		to := []mailflow.Local{{Account: bob}, {Account: ann}, {Account: bob, Detail: "tag"}}
		deliver := func(then error) (out []mailflow.Delivered, err error) {
			err = r.Tx.Write(t.Context(), []mail.AccountID{ann, bob}, func(t *tx.Tx) (err error) {
				out, err = d.Deliver(t, m, to)
				return errors.Join(err, then)
			})
			return out, err
		}

		if _, err := deliver(errors.New("on purpose")); err == nil || len(r.Inbox(ann))+len(r.Inbox(bob)) != 0 {
			t.Errorf("%v; ann has %d messages, bob %d", err, len(r.Inbox(ann)), len(r.Inbox(bob)))
		}
		out, err := deliver(nil)
		r.Must(err)
		if len(out) != 2 || out[0].Account != bob || out[1].Account != ann || out[0].Mailbox == out[1].Mailbox {
			t.Errorf("delivered %+v", out)
		}
		for i, account := range []mail.AccountID{bob, ann} {
			inbox := r.Inbox(account)
			if len(inbox) != 1 || inbox[0].Content != content || inbox[0].UID != out[i].UID {
				t.Errorf("account %v holds %+v, delivered %+v", account, inbox, out[i])
			}
		}
	})
}

// An account without INBOX is a fault, and nobody gets the message: the sender keeps it.
func TestNoInbox(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := mailflowtest.New(t, open(), mailflowtest.Options{})
		ann, bob := r.Account("ann"), r.Account("bob")
		r.Must(r.Tx.Write(t.Context(), []mail.AccountID{bob}, func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE mailbox SET role = '' WHERE account_id = $1`, bob)
			return err
		}))
		_, err := r.Take(r.Envelope("id1", "ann", "bob"), strings.NewReader("Subject: x\r\n\r\n"))
		if !mail.Is(err, mail.Unavailable) || len(r.Inbox(ann)) != 0 {
			t.Errorf("%v; ann has %d messages", err, len(r.Inbox(ann)))
		}
	})
}

// Mail from whom an account blocks is in its Junk, and in the INBOX of everybody else.
func TestBlocked(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := mailflowtest.New(t, open(), mailflowtest.Options{})
		ann, bob, carl := r.Account("ann"), r.Account("bob"), r.Account("carl")
		r.Must(r.Tx.Write(t.Context(), []mail.AccountID{bob, carl}, func(t *tx.Tx) error {
			for _, account := range []mail.AccountID{bob, carl} {
				if _, err := r.Contacts.Add(t, account, contacts.Contact{Address: mailflowtest.Address("mallory@client.example"), Blocked: true}); err != nil {
					return err
				}
			}
			_, err := t.SQL().Exec(`UPDATE mailbox SET role = '' WHERE account_id = $1 AND role = 'junk'`, carl) // has removed Junk
			return err
		}))
		r.Send("id1", "From: \"Mallory\" <Mallory@CLIENT.example>\r\n\r\nx\r\n", "ann", "bob", "carl")
		r.Send("id2", "From: ann@client.example\r\n\r\nx\r\n", "ann", "bob", "carl")
		if got := [3]int{len(r.Inbox(ann)), len(r.Inbox(bob)), len(r.Inbox(carl))}; got != [3]int{2, 1, 2} || len(r.Junk(bob)) != 1 {
			t.Errorf("in the inboxes are %v, in Junk %d", got, len(r.Junk(bob)))
		}
	})
}

// Mail from whom an account knows is important to it (RFC 8457), and to nobody else.
func TestImportant(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := mailflowtest.New(t, open(), mailflowtest.Options{})
		ann, bob, carl := r.Account("ann"), r.Account("bob"), r.Account("carl")
		zoe := mailflowtest.Address("zoe@client.example")
		r.Must(r.Tx.Write(t.Context(), []mail.AccountID{ann, bob}, func(t *tx.Tx) error {
			if err := r.Contacts.Wrote(t, ann, mailflowtest.Address("ann@example.org"), []contacts.Person{{Address: zoe}}); err != nil {
				return err
			}
			_, err := r.Contacts.Add(t, bob, contacts.Contact{Address: zoe, Accepted: true, Blocked: true})
			return err
		}))
		r.Send("id1", "From: Zoe <ZOE@client.example>\r\n\r\nx\r\n", "ann", "bob", "carl")
		for who, kept := range map[string][]mailflowtest.Kept{"ann": r.Inbox(ann), "bob": r.Junk(bob), "carl": r.Inbox(carl)} {
			if len(kept) != 1 || (kept[0].Flags&mail.Important != 0) != (who == "ann") {
				t.Errorf("%s has %+v", who, kept)
			}
		}
	})
}
