//go:build system

package interop

import (
	"fmt"
	"net/smtp"
	"strings"
	"testing"
)

// send hands a message to a server on port 25 without signing in, as a host of its own network may.
func (p *postfix) send(t *testing.T, from string, to []string, subject, body string) {
	t.Helper()
	c, err := smtp.Dial(p.address + ":25")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Mail(from); err != nil {
		t.Fatal(err)
	}
	for _, address := range to {
		if err := c.Rcpt(address); err != nil {
			t.Fatal(err)
		}
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(message(from, to[0], subject, body))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c.Quit()
}

// message is a plain one.
func message(from, to, subject, body string) string {
	return fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <%s@client.example>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n\r\n%s",
		from, to, subject, strings.ReplaceAll(subject, " ", "."), body)
}

// From Postfix to us: plain, over the TLS that the TLSA record asks for.
func testFromPostfix(t *testing.T, in *internet) {
	in.postfix.send(t, "pat@postfix.example", []string{"ada@alpha.example"}, "from postfix", "One line.\r\n.A dot.\r\n")
	m := arrives(t, in.alpha, "ada", "from postfix")
	if !strings.HasSuffix(m.text, "\r\n\r\nOne line.\r\n.A dot.\r\n") {
		t.Errorf("the body is another:\n%s", m.text)
	}
	if !strings.Contains(m.text, "tls TLS_AES") || !strings.Contains(in.postfix.logged(), "Verified TLS connection established to mx.alpha.example[192.0.2.11]:25") {
		t.Errorf("it did not come over the TLS of DANE:\n%s", m.text)
	}
}

// Addresses and header fields in UTF-8 (RFC 6531, RFC 6532).
func testUTF8FromPostfix(t *testing.T, in *internet) {
	in.alpha.addAccount("ådä")
	in.postfix.send(t, "jürgen@postfix.example", []string{"ådä@alpha.example"}, "größe from postfix", "Grüße.\r\n")
	m := arrives(t, in.alpha, "ådä", "größe from postfix")
	if !strings.Contains(m.text, "From: <jürgen@postfix.example>\r\n") || !strings.Contains(m.text, "\tby mx.alpha.example with UTF8SMTPS") {
		t.Errorf("not as UTF-8:\n%s", m.text)
	}
}

const megabyte = 1 << 20

// large is a body of 20 MB, no two lines alike.
func large() string {
	var b strings.Builder
	for i := 0; b.Len() < 20*megabyte; i++ {
		fmt.Fprintf(&b, "%072d\r\n", i)
	}
	return b.String()
}

func testLargeFromPostfix(t *testing.T, in *internet) {
	in.postfix.send(t, "pat@postfix.example", []string{"ada@alpha.example"}, "large from postfix", large())
	if m := arrives(t, in.alpha, "ada", "large from postfix"); !strings.HasSuffix(m.text, "\r\n\r\n"+large()) {
		t.Errorf("it is not what was sent: %d bytes", len(m.text))
	}
}

// 500 recipients, of whom we take 100 at a time (RFC 5321 4.5.3.1.8).
func testCrowdFromPostfix(t *testing.T, in *internet) {
	var to []string
	for i := range 500 {
		to = append(to, fmt.Sprintf("ada+%d@alpha.example", i))
	}
	before, bounced := strings.Count(in.postfix.logged(), "@alpha.example>, relay=mx.alpha.example[192.0.2.11]:25"), strings.Count(in.postfix.logged(), "status=bounced")
	in.postfix.send(t, "pat@postfix.example", to, "a crowd from postfix", "Hello all.\r\n")
	await(t, "all of the crowd have their mail", func() bool {
		return strings.Count(in.postfix.logged(), "@alpha.example>, relay=mx.alpha.example[192.0.2.11]:25") == before+len(to)
	})
	if bad := strings.Count(in.postfix.logged(), "status=bounced"); bad != bounced {
		t.Errorf("%d were refused", bad-bounced)
	}
	// One person, in as many transactions as it took.
	if copies := len(with(in.alpha.inbox("ada"), "a crowd from postfix")); copies < 5 {
		t.Errorf("%d copies", copies)
	}
}

// Unknown users are refused at RCPT: Postfix tells its user, and not us.
func testBounceFromPostfix(t *testing.T, in *internet) {
	in.postfix.send(t, "pat@postfix.example", []string{"nobody@alpha.example"}, "to nobody at alpha", "Hello?\r\n")
	m := arrives(t, in.postfix, "pat", "Undelivered Mail")
	if !strings.Contains(m.text, "nobody@alpha.example") || !strings.Contains(m.text, "5.1.1") {
		t.Errorf("the report:\n%s", m.text)
	}
}
