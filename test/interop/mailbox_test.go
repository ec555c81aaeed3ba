//go:build system

package interop

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// inbox returns the messages of an account, by IMAP.
func (m *mailmesh) inbox(local string) (messages []received) {
	m.t.Helper()
	c, err := imapclient.DialTLS(m.address+":993", &imapclient.Options{TLSConfig: &tls.Config{RootCAs: m.in.ca.pool(), ServerName: "mx." + m.domain}})
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(local+"@"+m.domain, password).Wait(); err != nil {
		m.t.Fatal(err)
	}
	if _, err := c.Enable(imap.CapUTF8Accept).Wait(); err != nil { // else mail in UTF-8 comes dressed up (RFC 6858)
		m.t.Fatal(err)
	}
	selected, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		m.t.Fatal(err)
	}
	if selected.NumMessages == 0 {
		return nil
	}
	all := imap.SeqSet{}
	all.AddRange(1, selected.NumMessages)
	fetched, err := c.Fetch(all, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, message := range fetched {
		messages = append(messages, parse(m.t, string(message.BodySection[0].Bytes)))
	}
	return messages
}

// inboxes are the ends of the mail flow here.
type inboxes interface{ inbox(box string) []received }

// arrives waits for the message with a subject, and returns it: there must be one alone.
func arrives(t *testing.T, at inboxes, box, subject string) received {
	t.Helper()
	var found []received
	await(t, fmt.Sprintf("%q is in the inbox of %s", subject, box), func() bool {
		found = with(at.inbox(box), subject)
		return len(found) > 0
	})
	if len(found) > 1 {
		t.Errorf("%q came to %s %d times", subject, box, len(found))
	}
	return found[0]
}

// with are the messages whose subject has a text in it.
func with(messages []received, subject string) (found []received) {
	for _, m := range messages {
		if strings.Contains(m.Header.Get("Subject"), subject) {
			found = append(found, m)
		}
	}
	return found
}

// absent fails the test when the message is there.
func absent(t *testing.T, at inboxes, box, subject string) {
	t.Helper()
	if found := with(at.inbox(box), subject); len(found) > 0 {
		t.Errorf("%q came to %s:\n%.2000s", subject, box, found[0].text)
	}
}
