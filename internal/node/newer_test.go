package node_test

import (
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/jmap"
)

// A node of a newer release leaves kinds of changes in the log that this one does not know, and sends events that mean nothing here: its
// clients go on.
func TestWhatANewerReleaseSays(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	alice := n.Accounts[0]
	imap := n.SignIn(t, alice.Address, alice.Password)
	imap.OK("SELECT INBOX")
	client := dialJMAP(t, n, alice)
	account := client.Session.Primary(jmap.Mail)
	before, err := jmap.Call[jmap.GetResponse[jmap.Email]](t.Context(), client, "Email/get", jmap.Get{AccountID: account, IDs: []jmap.ID{}})
	if err != nil {
		t.Fatal(err)
	}

	for _, subject := range []string{"account.state", "presence", "mail.delivered", "snooze", "x.y"} {
		for _, payload := range []string{"", "\xff", strings.Repeat("x", 500)} {
			n.Inside.Publish(subject, []byte(payload))
		}
	}
	id, err := mail.ParseAccountID(string(account))
	if err != nil {
		t.Fatal(err)
	}
	err = n.Inside.Rooms().Tx.Write(t.Context(), []mail.AccountID{id}, func(q *tx.Tx) error {
		for op := tx.Created; op <= tx.Destroyed+1; op++ {
			q.Changed(tx.Change{Account: id, Kind: tx.LastKind + 1, Op: op, Object: 1})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	imap.OK("NOOP")
	if got := n.Send(t, "smtp", "me@example.net", []string{alice.Address}, letter("after")); !strings.HasPrefix(got[0], "250") {
		t.Error(got)
	}
	if answer := imap.OK("NOOP"); !strings.Contains(answer, " EXISTS") {
		t.Errorf("IMAP is not told of new mail: %s", answer)
	}
	after, err := jmap.Call[jmap.ChangesResponse](t.Context(), client, "Email/changes", jmap.Changes{AccountID: account, SinceState: before.State})
	if err != nil || len(after.Created) != 1 {
		t.Errorf("JMAP is told %+v, %v", after, err)
	}
	imap.OK("SEARCH TEXT after")
}
