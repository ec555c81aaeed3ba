package node_test

import (
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// Mail that one node accepts is seen at once by who waits at another.
func TestMailRingsOnOtherNodes(t *testing.T) {
	nodes := nodetest.Cluster(t, 3, nil)
	alice := nodes[0].Accounts[0]
	c := nodes[2].SignIn(t, alice.Address, alice.Password)
	before := c.OK("SELECT INBOX")
	wait := c.Idle()
	if r := nodes[0].Send(t, "lmtp", "me@example.net", []string{alice.Address}, letter("over there")); !strings.HasPrefix(r[0], "250") {
		t.Fatal(r)
	}
	if heard := wait(); !strings.Contains(heard, " EXISTS") {
		t.Errorf("after %q IDLE heard %q", before, heard)
	}
}
