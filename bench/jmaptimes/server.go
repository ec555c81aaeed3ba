package jmaptimes

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/jmap"
)

// Server is where it is.
type Server struct {
	HTTPS string // host:port
	SMTP  string
	IMAP  string
	PIDs  []int
}

// client signs in. All that it does goes to the server's HTTPS door, whatever host the session names, from the host that from
// is the number of (dial.Options.From). It gives up its connections when ctx ends.
func (s Server) client(ctx context.Context, a measure.Account, from int) (*jmap.Client, error) {
	_, port, err := net.SplitHostPort(s.HTTPS)
	if err != nil {
		return nil, fmt.Errorf("the server has no HTTPS door: %w", err)
	}
	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial.Connect(ctx, s.HTTPS, dial.Options{Security: dial.TLS, From: from})
		},
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     2 * time.Second, // ten thousand clients would hold as many connections for nothing
	}
	context.AfterFunc(ctx, transport.CloseIdleConnections)
	return jmap.Dial(ctx, "https://localhost:"+port, jmap.Basic(a.Address, a.Password), jmap.Options{HTTP: &http.Client{Transport: transport}})
}

// inbox finds the account's INBOX.
func inbox(ctx context.Context, c *jmap.Client) (account, mailbox jmap.ID, err error) {
	account = c.Session.Primary(jmap.Mail)
	got, err := jmap.Call[jmap.GetResponse[jmap.Mailbox]](ctx, c, "Mailbox/get", jmap.Get{AccountID: account})
	if err != nil {
		return "", "", err
	}
	for _, m := range got.List {
		if m.Role != nil && *m.Role == "inbox" {
			return account, m.ID, nil
		}
	}
	return "", "", fmt.Errorf("%s has no mailbox with the role inbox", account)
}
