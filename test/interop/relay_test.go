//go:build system

package interop

import (
	"net"
	"net/textproto"
	"slices"
	"strings"
	"testing"
)

// relayTricks are recipients by which servers have been made to hand on what is none of their business.
var relayTricks = []string{
	"<pat@postfix.example>",
	"<pat@POSTFIX.EXAMPLE>",
	"<pat@postfix.example.>",
	// Source routes (RFC 5321 appendix C).
	"<@alpha.example:pat@postfix.example>",
	"<@mx.alpha.example,@alpha.example:pat@postfix.example>",
	"<@postfix.example:ada%alpha.example@postfix.example>",
	// What relays of old took apart: percent, bang, and both.
	"<pat%postfix.example@alpha.example>",
	"<pat%postfix.example@mx.alpha.example>",
	"<pat%postfix.example%mx.alpha.example@alpha.example>",
	"<postfix.example!pat@alpha.example>",
	"<alpha.example!postfix.example!pat@mx.alpha.example>",
	"<postfix.example!pat%mx.alpha.example@alpha.example>",
	"<@alpha.example:pat%postfix.example@alpha.example>",
	// Quoted local parts, and two at signs.
	`<"pat@postfix.example"@alpha.example>`,
	`<"pat%postfix.example"@alpha.example>`,
	`<"postfix.example!pat"@alpha.example>`,
	`<"pat@postfix.example">`,
	`<"pat@postfix.example"@>`,
	`<"pat\@postfix.example"@alpha.example>`,
	"<pat@postfix.example@alpha.example>",
	"<pat@alpha.example@postfix.example>",
	`<"<pat@postfix.example>"@alpha.example>`,
	"<<pat@postfix.example>>",
	"pat@postfix.example",
	"<pat@postfix.example>,<ada@alpha.example>",
	"<pat@postfix.example ada@alpha.example>",
	// Address literals, and what looks like one.
	"<pat@[192.0.2.20]>",
	"<pat@[IPv6:::ffff:192.0.2.20]>",
	"<pat@192.0.2.20>",
	"<pat%postfix.example@[192.0.2.11]>",
	`<"pat@postfix.example"@[192.0.2.11]>`,
	"<pat@[127.0.0.1]>",
	"<pat@localhost>",
	"<pat>",
	// Names that have ours in them.
	"<pat@sub.alpha.example>",
	"<pat@alpha.example.postfix.example>",
	"<pat@postfixalpha.example>",
	"<pat@notalpha.example>",
	"<pat@alpha.example\x00.postfix.example>",
	"<pat@alpha.example#postfix.example>",
	// Subaddresses of nobody.
	"<pat+pat%postfix.example@alpha.example>",
}

// The server hands nothing on for strangers, whatever they call themselves and however they write it.
func testNoRelay(t *testing.T, in *internet) {
	for _, sender := range []string{"<>", "<stranger@postfix.example>", "<ada@alpha.example>", "<postmaster@mx.alpha.example>", "<ada@[192.0.2.11]>", "<ada@localhost>"} {
		for tricks := range slices.Chunk(relayTricks, 10) { // after some more errors the server hangs up
			c := in.alpha.dial25(t)
			if _, err := c.say("MAIL FROM:%s", sender); err != nil {
				c.Close()
				continue // it may be refused already
			}
			for _, trick := range tricks {
				if reply, err := c.say("RCPT TO:%s", trick); err == nil {
					t.Errorf("MAIL FROM:%s RCPT TO:%s is answered %q", sender, trick, reply)
				}
			}
			c.says(t, "250", "NOOP") // all of them were answered
			c.Close()
		}
	}
	if queue := in.alpha.queue(t, "postfix.example"); len(queue) > 0 {
		t.Errorf("the queue has %+v", queue)
	}
}

// Who has signed in may write to everyone, but in nobody's name but his own, and the tricks mean no more than they say.
func testNoRelayForUsers(t *testing.T, in *internet) {
	in.alpha.addAccount("eve")
	for _, sender := range []string{"<ada@alpha.example>", "<bob@beta.example>", "<eve%alpha.example@beta.example>", `<"ada@alpha.example"@alpha.example>`,
		"<@alpha.example:ada@alpha.example>", "<ada@[192.0.2.11]>", "<eve@mx.alpha.example>", "<eve@sub.alpha.example>", "<postmaster@alpha.example>"} {
		c := in.alpha.signIn(t, "eve")
		if _, err := c.say("MAIL FROM:%s", sender); err == nil {
			if reply, err := c.say("RCPT TO:<pat@postfix.example>"); err == nil {
				t.Errorf("eve may send as %s: %q", sender, reply)
			}
		}
		c.Close()
	}
	for tricks := range slices.Chunk(relayTricks, 10) {
		c := in.alpha.signIn(t, "eve")
		c.says(t, "250", "MAIL FROM:<eve@alpha.example>")
		for _, trick := range tricks {
			// Those that are for our domain, or for none, are refused here too: they are nobody.
			reply, err := c.say("RCPT TO:%s", trick)
			if err == nil && (strings.HasSuffix(trick, "@alpha.example>") || !strings.Contains(trick, "@")) {
				t.Errorf("RCPT TO:%s is answered %q", trick, reply)
			}
		}
		c.Close()
	}
}

// dial25 connects as another host does.
func (m *mailmesh) dial25(t *testing.T) client {
	t.Helper()
	conn, err := net.Dial("tcp", m.address+":25")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := client{textproto.NewConn(conn)}
	c.reads(t, "220", "the greeting")
	c.says(t, "250", "EHLO stranger.example")
	return c
}
