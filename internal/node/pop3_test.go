package node_test

import (
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// What one door removes the other hears of: an IMAP session of a QUIT, a POP3 session of an EXPUNGE.
func TestPOP3BesideIMAP(t *testing.T) {
	cfg := nodetest.Config(t)
	n := nodetest.Start(t, cfg, nil)
	alice := n.Accounts[0]
	imap := n.SignIn(t, alice.Address, alice.Password)
	imap.OK("SELECT INBOX")
	ids := imap.OK("FETCH 1:3 (EMAILID)")
	pop, answer := n.Pop(t, alice.Address, alice.Password)
	if !strings.HasPrefix(answer, "+OK ") {
		t.Fatal(answer)
	}
	for i, line := range strings.Split(pop.Text("UIDL"), "\n")[:3] {
		if id := strings.Fields(line)[1]; !strings.Contains(strings.Split(ids, "\n")[i], "EMAILID ("+id+")") {
			t.Errorf("UIDL says %q, IMAP %s", line, ids)
		}
	}
	imap.OK(`STORE 2 +FLAGS.SILENT (\Deleted)`)
	imap.OK("EXPUNGE")
	if answer := pop.Do("RETR 2"); !strings.HasPrefix(answer, "-ERR the message was removed meanwhile") {
		t.Errorf("RETR 2: %s", answer)
	}
	pop.Do("DELE 1")
	pop.Do("DELE 2")
	if answer := imap.OK("NOOP"); strings.Contains(answer, "EXPUNGE") {
		t.Errorf("before QUIT: %s", answer)
	}
	if answer := pop.Do("QUIT"); answer != "+OK good bye, 1 message deleted" {
		t.Errorf("QUIT: %s", answer)
	}
	if answer := imap.OK("NOOP"); !strings.Contains(answer, "* 1 EXPUNGE") {
		t.Errorf("after QUIT: %s", answer)
	}
	nodetest.Verify(t, cfg)
}
