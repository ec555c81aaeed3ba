package node_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
	"github.com/mailmesh/mailmesh/internal/realtime"
)

// What is done at the first of three nodes is seen at once by who waits at another.
func TestEventsCrossNodes(t *testing.T) {
	nodes := nodetest.Cluster(t, 3, nil)
	here, there := nodes[0], nodes[2]
	alice, bob := here.Accounts[0], here.Accounts[1]
	c, other := there.SignIn(t, alice.Address, alice.Password), here.SignIn(t, alice.Address, alice.Password)
	c.OK("SELECT INBOX")
	other.OK("SELECT INBOX")

	wait := c.Idle()
	deliver(t, here, alice)
	if heard := wait(" EXISTS"); !strings.Contains(heard, " EXISTS") {
		t.Errorf("of mail IDLE heard %q", heard)
	}
	wait = c.Idle()
	other.OK("STORE 1 +FLAGS (over-there)")
	if heard := wait("over-there"); !strings.Contains(heard, "over-there") {
		t.Errorf("of a flag IDLE heard %q", heard)
	}

	s, err := dialJMAP(t, there, alice).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Listen(t.Context(), []string{"Email"}, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Do(t.Context(), echo()); err != nil {
		t.Fatal(err)
	}
	deliver(t, here, alice)
	if p := nextPush(t, s); !strings.Contains(string(p.Raw), "Email") {
		t.Errorf("pushed: %s", p.Raw)
	}

	writeTo(t, here, alice, bob)
	writeTo(t, there, bob, alice)
	a, b := connectLive(t, here, alice), connectLive(t, there, bob)
	a.hear("online", b)
	b.hear("online", a)
	a.signal("composing", b)
	b.hear("composing", a)

	wait = c.Idle()
	off := true
	if _, err := here.Inside.DirectAdmin().ChangeAccount(t.Context(), alice.Address, node.AccountChange{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	if heard := wait("* BYE"); !strings.HasPrefix(heard, "* BYE") {
		t.Errorf("who is signed in elsewhere heard %q when the account was disabled", heard)
	}
	if _, answer := nodes[1].Dial(t).Do("LOGIN %q %q", alice.Address, alice.Password); !strings.HasPrefix(answer, "NO") {
		t.Errorf("signing in on a third node: %s", answer)
	}
}

func deliver(t *testing.T, n *nodetest.Node, to node.DemoAccount) {
	t.Helper()
	if r := n.Send(t, "lmtp", "me@example.net", []string{to.Address}, letter("over there")); !strings.HasPrefix(r[0], "250") {
		t.Fatal(r)
	}
}

// No event gets to another node: one round of asking the store, which comes every 15 seconds at the latest, makes up for all of them.
func TestLostEventsAreMadeUpFor(t *testing.T) {
	if realtime.PollInterval > 15*time.Second {
		t.Errorf("the store is asked every %v", realtime.PollInterval)
	}
	nodes := nodetest.Cluster(t, 2, func(_ int, cfg *config.Config) { cfg.Listen.Cluster = nil })
	here, there := nodes[0], nodes[1]
	alice := here.Accounts[0]
	c, other := there.SignIn(t, alice.Address, alice.Password), here.SignIn(t, alice.Address, alice.Password)
	c.OK("SELECT INBOX")
	other.OK("SELECT INBOX")
	poll := func() {
		t.Helper()
		if err := there.Inside.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	off := true
	for _, step := range []struct {
		what, hears string
		do          func()
	}{
		{"mail", " EXISTS", func() { deliver(t, here, alice) }},
		{"a flag", "kept", func() { other.OK("STORE 1 +FLAGS (kept)") }},
		{"mail that is gone", " EXPUNGE", func() { other.OK("STORE 1 +FLAGS (\\Deleted)"); other.OK("EXPUNGE") }},
		{"the end of a sign-in", "* BYE", func() {
			if _, err := here.Inside.DirectAdmin().ChangeAccount(t.Context(), alice.Address, node.AccountChange{Disabled: &off}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		wait := c.Idle()
		step.do()
		poll()
		if heard := wait(step.hears); !strings.Contains(heard, step.hears) {
			t.Errorf("of %s IDLE heard %q", step.what, heard)
		}
	}
}
