//go:build system

package interop

import (
	"fmt"
	"strings"
	"testing"
)

// Mail to an address of alpha that leads to Postfix goes there under an address of alpha's, and what comes back finds its sender.
func testForwarded(t *testing.T, in *internet) {
	in.alpha.run("", "alias", "add", "away@alpha.example", "pat@postfix.example")
	in.beta.submit(t, "bob", []string{"away@alpha.example"}, "forwarded to postfix", "Hello.\r\n")
	m := arrives(t, in.postfix, "pat", "forwarded to postfix")
	if from := m.Header.Get("Return-Path"); !strings.HasSuffix(from, "@alpha.example>") {
		t.Errorf("it comes from %s", from)
	}
	in.verify(t, m, "beta.example")

	in.alpha.run("", "alias", "add", "lost@alpha.example", "nobody@postfix.example")
	in.beta.submit(t, "bob", []string{"lost@alpha.example"}, "forwarded to nobody", "Hello.\r\n")
	reported(t, in.beta, "bob", "nobody@postfix.example", "failed")
}

// Two addresses that lead to each other: the circle ends, and the sender is told once.
func testCircle(t *testing.T, in *internet) {
	in.alpha.run("", "alias", "add", "round@alpha.example", "round@beta.example")
	in.beta.run("", "alias", "add", "round@beta.example", "round@alpha.example")
	in.gamma.submit(t, "gil", []string{"round@alpha.example"}, "round and round", "Hello.\r\n")
	reported(t, in.gamma, "gil", "round@", "failed")
}

// A group with members on all servers: each has one copy.
func testGroup(t *testing.T, in *internet) {
	in.alpha.run("", "group", "add", "all@alpha.example")
	for _, member := range []string{"ada@alpha.example", "bob@beta.example", "gil@gamma.example", "pat@postfix.example"} {
		in.alpha.run("", "group", "member", "add", "all@alpha.example", member)
	}
	in.alpha.submit(t, "ada", []string{"all@alpha.example"}, "to the group", "Hello all.\r\n")
	for box, at := range map[string]inboxes{"ada": in.alpha, "bob": in.beta, "gil": in.gamma, "pat": in.postfix} {
		arrives(t, at, box, "to the group")
	}
}

// A server that sends by way of another one: here Postfix, whose network it is in.
func testSmarthost(t *testing.T, in *internet) {
	delta := newMailmesh(t, in, "delta.example", "192.0.2.14", "deb")
	delta.process.stop()
	delta.configure(t, "[outbound]\nsmarthost = \"smtp://mx.postfix.example:25\"\n")
	delta.start(t)
	delta.submit(t, "deb", []string{"bob@beta.example"}, "by the smarthost", "Hello.\r\n")
	if m := arrives(t, in.beta, "bob", "by the smarthost"); !strings.Contains(m.text, "by mx.postfix.example") {
		t.Errorf("it took another way:\n%s", m.text)
	}
}

// What an operator can do with mail that waits, and see of mail that went.
func testOperator(t *testing.T, in *internet) {
	h := newHost(t, in, "operator.example", "")
	in.alpha.run("", "queue", "hold", "--domain", h.domain)
	for i := range 3 {
		in.alpha.submit(t, "ada", []string{fmt.Sprintf("who%d@operator.example", i)}, fmt.Sprintf("held %d", i), "Hello.\r\n")
	}
	await(t, "all of it is held", func() bool {
		all := in.alpha.queue(t, h.domain)
		return len(all) == 3 && all[0].State == "stopped" && all[2].State == "stopped"
	})
	in.alpha.run("", "queue", "release", "--domain", h.domain)
	for i := range 3 {
		arrives(t, h, fmt.Sprintf("who%d", i), fmt.Sprintf("held %d", i))
	}
	in.alpha.submit(t, "ada", []string{"later@operator.example"}, "in two seconds", "Hello.\r\n", "MAIL:HOLDFOR=2")
	absent(t, h, "later", "in two seconds")
	arrives(t, h, "later", "in two seconds")
}
