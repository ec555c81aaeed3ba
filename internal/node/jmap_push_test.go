package node_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
	"github.com/mailmesh/mailmesh/jmap"
)

// dialJMAP signs in over HTTPS.
func dialJMAP(t testing.TB, n *nodetest.Node, a node.DemoAccount) *jmap.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := jmap.Dial(t.Context(), "https://"+n.Doors["https"], jmap.Basic(a.Address, a.Password), jmap.Options{HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// nextPush is what is pushed next, which comes within half a minute.
func nextPush(t testing.TB, s *jmap.Socket) jmap.Pushed {
	t.Helper()
	select {
	case p, ok := <-s.Pushed():
		if !ok {
			t.Fatal(s.Err())
		}
		return p
	case <-time.After(30 * time.Second):
		t.Fatal("nothing is pushed")
	}
	return jmap.Pushed{}
}

// Mail that comes is pushed over the WebSocket and the event source of who gets it, and of nobody else.
func TestMailIsPushed(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	alice, bob := n.Accounts[0], n.Accounts[1]
	var sockets []*jmap.Socket
	for _, a := range []node.DemoAccount{alice, bob} {
		s, err := dialJMAP(t, n, a).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Listen(t.Context(), []string{"Email", "EmailDelivery"}, ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Do(t.Context(), echo()); err != nil {
			t.Fatal(err)
		}
		sockets = append(sockets, s)
	}
	heard, began := make(chan jmap.Event, 10), make(chan error, 1)
	go func() {
		err := dialJMAP(t, n, alice).Listen(t.Context(), jmap.Listening{CloseAfter: "state"}, func(e jmap.Event) error { heard <- e; return nil })
		began <- err
	}()
	for len(heard) == 0 { // the first that comes after the event source has begun is told there too
		n.Send(t, "lmtp", bob.Address, []string{alice.Address}, "Subject: hello\r\n\r\nhello\r\n")
		p := nextPush(t, sockets[0])
		if p.StateChange == nil || len(p.StateChange.Changed) != 1 {
			t.Fatalf("pushed: %s", p.Raw)
		}
		for _, types := range p.StateChange.Changed {
			if types["EmailDelivery"] == "" || types["Email"] == "" || len(types) != 2 {
				t.Errorf("pushed: %s", p.Raw)
			}
		}
	}
	if e := <-heard; e.Name != "state" || e.ID == "" {
		t.Errorf("the event is %+v", e)
	}
	if err := <-began; !errors.Is(err, io.EOF) {
		t.Errorf("the event source ends with %v", err)
	}
	if err := sockets[1].Do(t.Context(), echo()); err != nil || len(sockets[1].Pushed()) != 0 {
		t.Errorf("Bob is told of Alice's mail (%v)", err)
	}
}

func echo() *jmap.Batch {
	b := &jmap.Batch{}
	jmap.Add[any](b, "Core/echo", map[string]any{})
	return b
}

// A node that stops says goodbye, and does not wait for clients that stay connected.
func TestPushingEndsWithTheNode(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	c := dialJMAP(t, n, n.Accounts[0])
	s, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Do(t.Context(), echo()); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- c.Listen(context.WithoutCancel(t.Context()), jmap.Listening{Types: []string{"Email"}}, func(jmap.Event) error { return nil })
	}()
	n.Stop(t)
	if p, ok := <-s.Pushed(); ok {
		t.Errorf("pushed: %s", p.Raw)
	}
	if s.Err() == nil {
		t.Error("the WebSocket stays")
	}
	<-ended
}

// Mail that deserves it is notified of, with what is shown of it.
func TestMailIsNotifiedOf(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	alice, bob := n.Accounts[0], n.Accounts[1]
	s, err := dialJMAP(t, n, alice).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Listen(t.Context(), []string{"Notification"}, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Do(t.Context(), echo()); err != nil {
		t.Fatal(err)
	}
	n.Send(t, "lmtp", bob.Address, []string{alice.Address}, "From: "+bob.Address+"\r\nSubject: hello\r\n\r\nAre you there?\r\n")
	p := nextPush(t, s)
	var told struct{ Subject, Preview string }
	if err := json.Unmarshal(p.Raw, &told); err != nil || p.Type != "Notification" || told.Subject != "hello" || told.Preview != "Are you there?" {
		t.Errorf("pushed: %s", p.Raw)
	}
}
