//go:build system

package interop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

func testToPostfix(t *testing.T, in *internet) {
	in.alpha.submit(t, "ada", []string{"pat@postfix.example"}, "to postfix", "One line.\r\n.A dot.\r\n")
	m := arrives(t, in.postfix, "pat", "to postfix")
	if !strings.HasSuffix(m.text, "\n\nOne line.\n.A dot.\n") {
		t.Errorf("the body is another:\n%s", m.text)
	}
	if !strings.Contains(m.text, "from mx.alpha.example (unknown [192.0.2.11])") && !strings.Contains(m.text, "from mx.alpha.example (mx.alpha.example [192.0.2.11])") ||
		!strings.Contains(m.text, "using TLSv1.3") {
		t.Errorf("not over TLS from where it should:\n%s", m.text)
	}
}

// The signatures of our mail hold where it arrives, under the keys that the DNS has: one of each kind.
func testSigned(t *testing.T, in *internet) {
	in.alpha.submit(t, "ada", []string{"pat@postfix.example"}, "signed", "One line.\r\n\r\n ends  \r\n\r\n")
	m := arrives(t, in.postfix, "pat", "signed")
	in.verify(t, m, "alpha.example")
}

// verify checks the signatures of mail that came to Postfix.
func (in *internet) verify(t *testing.T, m received, domain string) {
	t.Helper()
	lookUp := func(name string) ([]string, error) {
		answer, err := in.resolver().TXT(t.Context(), name)
		return answer.Records, err
	}
	found, err := dkim.VerifyWithOptions(strings.NewReader(strings.ReplaceAll(m.text, "\n", "\r\n")), &dkim.VerifyOptions{LookupTXT: lookUp})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		if v.Err != nil || v.Domain != domain {
			t.Errorf("the signature of %s: %v", v.Domain, v.Err)
		}
	}
	if len(found) != 2 {
		t.Errorf("%d signatures:\n%s", len(found), m.text)
	}
}

// The program finds nothing wrong with a server in an internet such as this.
func testCheck(t *testing.T, in *internet) {
	out, err := in.alpha.try("", "check")
	if err != nil {
		t.Errorf("mailmesh check: %v\n%s", err, out)
	}
}

// From domain to domain, all of them ours.
func testAmongUs(t *testing.T, in *internet) {
	in.alpha.submit(t, "ada", []string{"bob@beta.example", "gil@gamma.example", "ada@alpha.example"}, "among us", "Hello.\r\n")
	arrives(t, in.beta, "bob", "among us")
	if m := arrives(t, in.gamma, "gil", "among us"); !strings.Contains(m.text, "[IPv6:2001:db8::11]") {
		t.Errorf("it did not come by IPv6:\n%s", m.text)
	}
	arrives(t, in.alpha, "ada", "among us")
	in.beta.submit(t, "bob", []string{"ada@alpha.example"}, "an answer among us", "Hello back.\r\n")
	arrives(t, in.alpha, "ada", "an answer among us")
}

func testUTF8ToPostfix(t *testing.T, in *internet) {
	in.alpha.addAccount("jürgen")
	in.alpha.submit(t, "jürgen", []string{"påt@postfix.example"}, "größe to postfix", "Grüße.\r\n", "MAIL:SMTPUTF8", "MAIL:BODY=8BITMIME")
	if m := arrives(t, in.postfix, "påt", "größe to postfix"); !strings.Contains(m.text, "From: <jürgen@alpha.example>\n") {
		t.Errorf("not as UTF-8:\n%s", m.text)
	}
}

// A host that knows no UTF-8 gets none: the sender is told (RFC 6531 3.2).
func testUTF8ToASCII(t *testing.T, in *internet) {
	h := newHost(t, in, "ascii.example", "")
	h.behave(manners{ascii: true})
	in.alpha.addAccount("jörg")
	in.alpha.submit(t, "jörg", []string{"bjørn@ascii.example"}, "utf-8 to ascii", "Hello.\r\n", "MAIL:SMTPUTF8")
	reported(t, in.alpha, "jörg", "bjørn@ascii.example", "failed")
	if len(h.transactions("")) > 0 {
		t.Error("it was sent")
	}
}

// Domains in U-labels are those in A-labels (RFC 5890), on both sides.
func testIDN(t *testing.T, in *internet) {
	h := newHost(t, in, "xn--bcher-kva.example", "")
	in.alpha.submit(t, "ada", []string{"who@bücher.example"}, "to bücher", "Hello.\r\n", "MAIL:SMTPUTF8")
	arrives(t, h, "who", "to bücher")
	in.alpha.submit(t, "ada", []string{"who@xn--bcher-kva.example"}, "to the same in ascii", "Hello.\r\n")
	arrives(t, h, "who", "to the same in ascii")

	in.zone("xn--rger-koa.example", "@ MX 10 mx.gamma.example.\n")
	in.gamma.run("", "domain", "add", "ärger.example")
	in.gamma.run("", "alias", "add", "info@ärger.example", "gil@gamma.example")
	in.postfix.send(t, "pat@postfix.example", []string{"info@ärger.example"}, "to ärger", "Hello.\r\n")
	arrives(t, in.gamma, "gil", "to ärger")
	in.postfix.send(t, "pat@postfix.example", []string{"info@xn--rger-koa.example"}, "to ärger in ascii", "Hello.\r\n")
	arrives(t, in.gamma, "gil", "to ärger in ascii")
	in.alpha.submit(t, "ada", []string{"info@ärger.example"}, "to ärger from alpha", "Hello.\r\n", "MAIL:SMTPUTF8")
	arrives(t, in.gamma, "gil", "to ärger from alpha")
}

func testLargeToPostfix(t *testing.T, in *internet) {
	in.alpha.submit(t, "ada", []string{"pat@postfix.example"}, "large to postfix", large())
	m := arrives(t, in.postfix, "pat", "large to postfix")
	if !strings.HasSuffix(m.text, "\n\n"+strings.ReplaceAll(large(), "\r\n", "\n")) {
		t.Errorf("it is not what was sent: %d bytes", len(m.text))
	}
}

func testCrowdToPostfix(t *testing.T, in *internet) {
	var to []string
	for i := range 500 {
		to = append(to, fmt.Sprintf("r%d@postfix.example", i))
	}
	in.alpha.submit(t, "ada", to, "a crowd to postfix", "Hello all.\r\n")
	await(t, "all of the crowd have their mail", func() bool { return len(with(in.postfix.inbox("all"), "a crowd to postfix")) >= len(to) })
	seen := map[string]bool{}
	for _, m := range with(in.postfix.inbox("all"), "a crowd to postfix") {
		if who := m.Header.Get("Delivered-To"); seen[who] {
			t.Errorf("%s got it twice", who)
		} else {
			seen[who] = true
		}
	}
	if len(seen) != len(to) {
		t.Errorf("%d recipients", len(seen))
	}
}

// What the other side refuses is told to the sender, once, in its words.
func testBounceToPostfix(t *testing.T, in *internet) {
	in.alpha.submit(t, "ada", []string{"nobody@postfix.example", "pat@postfix.example"}, "to nobody at postfix", "Hello?\r\n")
	arrives(t, in.postfix, "pat", "to nobody at postfix")
	m := reported(t, in.alpha, "ada", "nobody@postfix.example", "failed")
	if !strings.Contains(m.text, "Status: 5.1.1") || !strings.Contains(m.text, "mx.postfix.example") || !strings.Contains(m.text, "User unknown") {
		t.Errorf("the report:\n%s", m.text)
	}
}

// A domain that is not there, one that takes no mail (RFC 7505), and one whose host is ourselves.
func testNowhere(t *testing.T, in *internet) {
	in.zone("null.example", "@ MX 0 .\n")
	in.zone("circle.example", "@ MX 10 mx.alpha.example.\n")
	for domain, status := range map[string]string{"none.example": "5.1.2", "null.example": "5.1.10", "circle.example": "5.4.6"} {
		in.alpha.submit(t, "ada", []string{"who@" + domain}, "to "+domain, "Hello?\r\n")
		if m := reported(t, in.alpha, "ada", "who@"+domain, "failed"); !strings.Contains(m.text, "Status: "+status) {
			t.Errorf("%s: want status %s:\n%s", domain, status, m.text)
		}
	}
}

// RFC 3461: who asks is told of success; a host that knows DSN is asked to do it, else we say that it went on.
func testSuccessReports(t *testing.T, in *internet) {
	h := newHost(t, in, "nodsn.example", "")
	in.alpha.submit(t, "ada", []string{"who@nodsn.example"}, "tell me of nodsn", "Hello.\r\n", "RCPT:NOTIFY=SUCCESS")
	reported(t, in.alpha, "ada", "who@nodsn.example", "relayed")
	if len(h.transactions("tell me of nodsn")) != 1 {
		t.Error("it did not go there")
	}
	in.alpha.submit(t, "ada", []string{"pat@postfix.example"}, "tell me of postfix", "Hello.\r\n", "RCPT:NOTIFY=SUCCESS")
	reported(t, in.alpha, "ada", "pat@postfix.example", "delivered") // by Postfix
	in.alpha.submit(t, "ada", []string{"bob@beta.example"}, "tell me of beta", "Hello.\r\n", "RCPT:NOTIFY=SUCCESS")
	reported(t, in.alpha, "ada", "bob@beta.example", "delivered") // by beta
}

// reported waits for the report about a recipient in an inbox of ours, and returns it.
func reported(t *testing.T, m *mailmesh, local, recipient, action string) received {
	t.Helper()
	var found []received
	await(t, fmt.Sprintf("%s is told that mail to %s is %s", local, recipient, action), func() bool {
		found = nil
		for _, r := range m.inbox(local) {
			if r.reports(recipient, action) {
				found = append(found, r)
			}
		}
		return len(found) > 0
	})
	if len(found) > 1 {
		t.Errorf("%s was told %d times", local, len(found))
	}
	if from := found[0].Header.Get("Return-Path"); from != "<>" {
		t.Errorf("the report comes from %s", from)
	}
	return found[0]
}

// reports says whether a message is a report (RFC 3464) that says something of a recipient.
func (r received) reports(recipient, action string) bool {
	if !strings.Contains(r.Header.Get("Content-Type"), "multipart/report") {
		return false
	}
	for block := range strings.SplitSeq(strings.ReplaceAll(r.text, "\r\n", "\n"), "\n\n") {
		if strings.Contains(block, "Final-Recipient:") && strings.Contains(block, recipient) && strings.Contains(block, "Action: "+action) {
			return true
		}
	}
	return false
}

// addAccount makes one more account.
func (m *mailmesh) addAccount(local string) {
	m.t.Helper()
	m.run(password+"\n", "account", "add", local+"@"+m.domain, "--password-stdin")
}
