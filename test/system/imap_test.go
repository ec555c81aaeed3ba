//go:build system

package system

import (
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// client is a session of a foreign IMAP client, signed in and with INBOX selected.
type client struct {
	t *testing.T
	*imapclient.Client
}

func dialIMAP(t *testing.T, s *server) *client {
	t.Helper()
	return dialAs(t, s, s.ready.Accounts[0].Address)
}

// dialAs signs in as one of the demo's accounts, or one of addAccounts.
func dialAs(t *testing.T, s *server, a string) *client {
	t.Helper()
	p := password
	for _, demo := range s.ready.Accounts {
		if demo.Address == a {
			p = demo.Password
		}
	}
	c, err := imapclient.DialInsecure(s.ready.IMAP, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(a, p).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	return &client{t, c}
}

// search returns the UIDs of messages whose header field holds a value and that have all of the flags named.
func (c *client) search(field, value string, flags ...string) []imap.UID {
	c.t.Helper()
	criteria := &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: field, Value: value}}}
	for _, f := range flags {
		criteria.Flag = append(criteria.Flag, map[string]imap.Flag{"FLAGGED": imap.FlagFlagged, "SEEN": imap.FlagSeen}[f])
	}
	data, err := c.UIDSearch(criteria, nil).Wait()
	if err != nil {
		c.t.Fatal(err)
	}
	return data.AllUIDs()
}
