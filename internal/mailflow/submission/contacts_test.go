package submission_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// contacts returns the contacts of an account by address: its name and on how many days it was written to.
func (w *world) contacts(account mail.AccountID) map[string]string {
	out := map[string]string{}
	w.Must(w.Tx.Read(w.T.Context(), func(t *tx.Tx) error {
		list, err := w.Contacts.List(t, account, 0, 0)
		for _, c := range list {
			out[c.Address.String()] = fmt.Sprintf("%s/%d", c.Name, c.Days)
		}
		return err
	}))
	return out
}

func (w *world) mutual(account mail.AccountID, address string, other mail.AccountID) (ok bool) {
	w.Must(w.Tx.Read(w.T.Context(), func(t *tx.Tx) (err error) {
		list, err := w.Contacts.Peers(t, account, 10)
		if err != nil {
			return err
		}
		var peers []contacts.Peer
		for _, c := range list {
			if c.Address == mailflowtest.Address(address) {
				peers = append(peers, contacts.Peer{Contact: c, Account: other})
			}
		}
		as, err := w.Contacts.MutualOf(t, account, peers)
		_, ok = as[other]
		return err
	}))
	return ok
}

// Whom somebody writes to is a contact by the same commit, with the name that the message gives.
func TestRecipientsBecomeContacts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Must(w.submit("From: ann@example.org\r\nTo: \"Bob B\" <Bob@Example.org>, =?utf-8?Q?C=C3=A4rl?= <carl@elsewhere.example>\r\n\r\nx\r\n",
			"bob", "carl@elsewhere.example", "hidden@elsewhere.example"))
		got := w.contacts(w.ann)
		if len(got) != 3 || got["bob@example.org"] != "Bob B/1" || got["carl@elsewhere.example"] != "Cärl/1" || got["hidden@elsewhere.example"] != "/1" {
			t.Errorf("ann's contacts are %v", got)
		}
		if got := w.contacts(w.bob); len(got) != 0 || w.mutual(w.ann, "bob", w.bob) {
			t.Errorf("who has written to nobody has the contacts %v", got)
		}
		w.Must(w.Submit(w.bob, w.envelope("bob"), strings.NewReader("From: bob@example.org\r\n\r\nx\r\n"), "a"))
		if w.mutual(w.ann, "bob", w.bob) {
			t.Error("an answer to an address that did not write makes them mutual")
		}
		w.Must(w.Submit(w.bob, w.envelope("bob"), strings.NewReader("From: bob@example.org\r\n\r\nx\r\n"), "ann"))
		if !w.mutual(w.ann, "bob", w.bob) || !w.mutual(w.bob, "ann", w.ann) || w.mutual(w.bob, "a", w.ann) {
			t.Error("an answer does not make them mutual, or more than that")
		}
	})
}

// What nobody wrote by hand, and what was refused, makes no contacts.
func TestNoContacts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		null := w.envelope("ann")
		null.ReversePath = mail.Address{}
		w.Must(w.Submit(w.ann, null, strings.NewReader(plain), "bob"))
		w.Must(w.submit("From: ann@example.org\r\nAuto-Submitted: Auto-Replied (vacation)\r\n\r\nx\r\n", "bob"))
		w.write(func(t *tx.Tx) error { return w.Submissions.SetSending(t, w.ann, submissions.Sending{MaxRecipients: 2}) })
		if err := w.submit(plain, "bob"); err == nil {
			t.Error("beyond the budget")
		}
		w.write(func(t *tx.Tx) error { return w.Submissions.SetSending(t, w.ann, submissions.Sending{}) })
		if got := w.contacts(w.ann); len(got) != 0 {
			t.Errorf("contacts are %v", got)
		}
		w.Must(w.submit("From: ann@example.org\r\nAuto-Submitted: no\r\n\r\nx\r\n", "bob"))
		if got := w.contacts(w.ann); len(got) != 1 {
			t.Errorf("contacts are %v", got)
		}
	})
}

// The most people a message can acquaint with its sender fit into a commit beside the most recipients.
func TestMostContacts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var to []string
		for i := range contacts.MaxPeople {
			to = append(to, fmt.Sprintf("u%d@elsewhere.example", i))
		}
		w.Must(w.submit(plain, to...))
		if got := w.contacts(w.ann); len(got) != contacts.MaxPeople {
			t.Errorf("%d contacts", len(got))
		}
	})
}
