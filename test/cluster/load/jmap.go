package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/mailmesh/mailmesh/jmap"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// jmapClient is a client of JMAP at one of the servers.
type jmapClient struct {
	client
	account Account
	session *jmap.Client // nil: none
	via     *route
	id      jmap.ID // of the account
	boxes   map[history.Place]jmap.ID
}

func (r *Run) jmapClient(kind string, a, i int, account Account) jmapClient {
	return jmapClient{client: r.newClient(kind, a, i, r.targets.JMAP), account: account}
}

// open reads the session and the mailboxes.
func (c *jmapClient) open(ctx context.Context, address string) (err error) {
	c.via = newRoute(address)
	if c.session, c.id, c.boxes, err = dialJMAP(ctx, c.via, c.account); err != nil {
		c.via.cut()
		c.session = nil
	}
	return err
}

// quit closes the connections.
func (c *jmapClient) quit() {
	if c.session != nil {
		c.via.cut()
		c.session = nil
	}
}

// route is HTTPS to one address, whatever name is asked for. Its connections can be cut at once, WebSockets too, for which a server
// that says nothing any more would be waited for.
type route struct {
	http.Transport
	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newRoute(address string) *route {
	r := &route{conns: map[net.Conn]bool{}}
	r.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	r.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.conns[nc] = true
		}
		return nc, err
	}
	return r
}

// cut closes all connections.
func (r *route) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for nc := range r.conns {
		nc.Close()
	}
	clear(r.conns)
	r.CloseIdleConnections()
}

func dialJMAP(ctx context.Context, via http.RoundTripper, a Account) (*jmap.Client, jmap.ID, map[history.Place]jmap.ID, error) {
	c, err := jmap.Dial(ctx, "https://localhost", jmap.Basic(a.Address, a.Password), jmap.Options{HTTP: &http.Client{Transport: via}})
	if err != nil {
		return nil, "", nil, err
	}
	id := c.Session.Primary(jmap.Mail)
	list, err := jmap.Call[jmap.GetResponse[jmap.Mailbox]](ctx, c, "Mailbox/get", jmap.Get{AccountID: id, Properties: []string{"name", "role"}})
	if err != nil {
		return nil, "", nil, err
	}
	boxes := map[history.Place]jmap.ID{}
	for _, m := range list.List {
		if p, ok := placeOf(m); ok {
			boxes[p] = m.ID
		}
	}
	for p := history.Inbox; p <= history.Copies; p++ {
		if boxes[p] == "" {
			return nil, "", nil, fmt.Errorf("no mailbox %s is in the answer to Mailbox/get", p)
		}
	}
	return c, id, boxes, nil
}

func placeOf(m jmap.Mailbox) (history.Place, bool) {
	if m.Role != nil && *m.Role == "inbox" {
		return history.Inbox, true
	}
	return history.PlaceOf(m.Name)
}

// do sends a request, and is patient.
func (c *jmapClient) do(b *jmap.Batch) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.run.plan.Patience)
	defer cancel()
	return c.session.Do(ctx, b)
}

// failed says what an error means for an operation; one of the network ends the session.
func (c *jmapClient) failed(doing string, err error) history.Outcome {
	c.run.reason(c.name, doing, err)
	var request *jmap.RequestError
	var method *jmap.MethodError
	var set *jmap.SetError
	switch {
	case errors.As(err, &set):
		return history.Refused
	case errors.As(err, &method):
		switch method.Type {
		case "serverUnavailable", "serverFail", "serverPartialFail":
			return history.Deferred
		}
		return history.Refused
	case errors.As(err, &request) && request.Status < 500 && request.Status != http.StatusTooManyRequests:
		return history.Refused
	case errors.As(err, &request):
		c.away()
		return history.Deferred
	}
	c.away()
	return history.Unknown
}

// away ends the session: the next is with another server.
func (c *jmapClient) away() {
	c.quit()
	c.leave()
}

// emailProperties are what clients want to know of an email.
var emailProperties = []string{"id", "messageId", "mailboxIds", "keywords", "size", "threadId"}

// email is an email as the record has it.
func email(e jmap.Email, boxes map[history.Place]jmap.ID) history.Email {
	out := history.Email{Size: e.Size, Thread: string(e.ThreadID)}
	if len(e.MessageID) > 0 && strings.HasSuffix(e.MessageID[0], "@mailload.example") {
		out.Token = e.MessageID[0]
	}
	for keyword, on := range e.Keywords {
		if on {
			out.Flags |= history.Flag(keyword)
		}
	}
	out.Others = len(e.MailboxIDs)
	for p, id := range boxes {
		if e.MailboxIDs[id] {
			out.In |= history.In(p)
			out.Others--
		}
	}
	return out
}

// stateNumber is the number in a state, which only grows: Mailmesh's are made of an epoch and a number.
func stateNumber(state string) (uint64, bool) {
	_, number, ok := strings.Cut(state, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	return n, ok && err == nil
}
