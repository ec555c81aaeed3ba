package node_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	netsmtp "net/smtp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
	"github.com/mailmesh/mailmesh/jmap"
)

// liveClient is a JMAP client that hears signals.
type liveClient struct {
	t       testing.TB
	account jmap.ID
	address string
	socket  *jmap.Socket
}

func connectLive(t testing.TB, n *nodetest.Node, a node.DemoAccount) *liveClient {
	t.Helper()
	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	c, err := jmap.Dial(t.Context(), "https://"+n.Doors["https"], jmap.Basic(a.Address, a.Password), jmap.Options{HTTP: trusting})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Listen(t.Context(), []string{"Signal"}, ""); err != nil {
		t.Fatal(err)
	}
	return &liveClient{t, c.Session.Primary(jmap.Core), a.Address, s}
}

// signal sends one, as a client does.
func (c *liveClient) signal(state string, to *liveClient) {
	c.t.Helper()
	var b jmap.Batch
	sent := jmap.Add[struct{}](&b, "Signal/send", map[string]any{"accountId": c.account, "to": []string{to.address}, "state": state})
	if err := c.socket.Do(c.t.Context(), &b); err != nil {
		c.t.Fatal(err)
	}
	if sent.Err != nil {
		c.t.Fatal(sent.Err)
	}
}

// hear waits for the next signal, which must say this.
func (c *liveClient) hear(state string, from *liveClient) {
	c.t.Helper()
	select {
	case p := <-c.socket.Pushed():
		var s jmap.Signal
		if err := json.Unmarshal(p.Raw, &s); err != nil || s.State != state || s.From.Email != from.address {
			c.t.Fatalf("heard %s (%v), want that %s is %s", p.Raw, err, from.address, state)
		}
	case <-time.After(10 * time.Second):
		c.t.Fatalf("did not hear that %s is %s", from.address, state)
	}
}

// writeTo has one account write to the other, as a mail program does.
func writeTo(t testing.TB, n *nodetest.Node, from, to node.DemoAccount) {
	t.Helper()
	conn, err := tls.Dial("tcp", n.Doors["submissions"], &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := netsmtp.NewClient(conn, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	steps := []func() error{
		func() error { return c.Auth(netsmtp.PlainAuth("", from.Address, from.Password, "localhost")) },
		func() error { return c.Mail(from.Address) },
		func() error { return c.Rcpt(to.Address) },
		func() error {
			w, err := c.Data()
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "From: <%s>\r\nTo: <%s>\r\nSubject: hello\r\n\r\nhello\r\n", from.Address, to.Address)
			return w.Close()
		},
		c.Quit,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// Two people who have written to each other, each with a WebSocket over TLS: they see that the other is there, and writes. Nothing of it
// comes into the log.
func TestTyping(t *testing.T) {
	var log bytes.Buffer
	n := nodetest.Start(t, nodetest.Config(t), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	a, b := n.Accounts[0], n.Accounts[1]
	writeTo(t, n, a, b)
	writeTo(t, n, b, a)
	alice := connectLive(t, n, a)
	bob := connectLive(t, n, b)
	alice.hear("online", bob)
	bob.hear("online", alice)
	alice.signal("composing", bob)
	bob.hear("composing", alice)
	alice.signal("gone", bob)
	bob.hear("gone", alice)
	bob.socket.Close()
	n.Stop(t)
	for _, word := range []string{"composing", "gone", "Signal"} {
		if strings.Contains(log.String(), word) {
			t.Errorf("the log has %q", word)
		}
	}
}

// BenchmarkTyping takes the time from a client's signal until another client has it, over TLS. What an account may send at once bounds
// how many one run takes.
func BenchmarkTyping(b *testing.B) {
	n := nodetest.Start(b, nodetest.Config(b), nil)
	x, y := n.Accounts[0], n.Accounts[1]
	writeTo(b, n, x, y)
	writeTo(b, n, y, x)
	alice, bob := connectLive(b, n, x), connectLive(b, n, y)
	alice.hear("online", bob)
	bob.hear("online", alice)
	for b.Loop() {
		var took []time.Duration
		for range 55 {
			for _, pair := range [][2]*liveClient{{alice, bob}, {bob, alice}} {
				start := time.Now()
				pair[0].signal("composing", pair[1])
				pair[1].hear("composing", pair[0])
				took = append(took, time.Since(start))
			}
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
	}
}
