// Package clustertest holds every implementation of package cluster to its contract.
package clustertest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
)

// patience is how long a message that must arrive is waited for; a test that passes waits for nothing.
const patience = 10 * time.Second

// Bus runs the contract of cluster.Bus. connect returns the nodes of a new cluster that are connected to each other, one
// or more, and ends them with the test.
func Bus(t *testing.T, connect func(*testing.T) []cluster.Bus) {
	tests := []struct {
		name string
		run  func(*testing.T, []cluster.Bus)
	}{
		{"every node hears", everyNodeHears},
		{"several subscriptions", severalSubscriptions},
		{"only the subject", onlyTheSubject},
		{"in order", inOrder},
		{"payload is the caller's again", payloadReuse},
		{"cancel", cancelEnds},
		{"a handler may use the bus", handlerUsesBus},
		{"limits", limits},
		{"many at once", manyAtOnce},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, connect(t)) })
	}
}

// listener hears messages of one subject at one node.
type listener struct {
	bus     cluster.Bus
	subject string
	cancel  func()
	heard   chan string
}

// listen subscribes and returns when the subscription has taken effect for publications of every node, which in a
// cluster takes a moment: it publishes until it hears itself.
func listen(t *testing.T, nodes []cluster.Bus, at int, subject string) *listener {
	t.Helper()
	l := &listener{bus: nodes[at], subject: subject, heard: make(chan string, 10_000)}
	l.cancel = l.bus.Subscribe(subject, func(p []byte) { l.heard <- string(p) })
	t.Cleanup(l.cancel)
	for i, from := range nodes {
		l.sync(t, from, fmt.Sprintf("sync-%p-%d", l, i))
	}
	return l
}

// sync publishes a mark until it is heard. Everything published before by the same goroutine at that node has then
// arrived; older marks are dropped.
func (l *listener) sync(t *testing.T, from cluster.Bus, mark string) (before []string) {
	t.Helper()
	deadline := time.After(patience)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	from.Publish(l.subject, []byte(mark))
	for {
		select {
		case got := <-l.heard:
			if got == mark {
				return before
			}
			if !strings.HasPrefix(got, "sync-") {
				before = append(before, got)
			}
		case <-again.C:
			from.Publish(l.subject, []byte(mark))
		case <-deadline:
			t.Fatalf("a message on %q was not heard within %v", l.subject, patience)
		}
	}
}

// next returns the next message that is no mark.
func (l *listener) next(t *testing.T) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-l.heard:
			if !strings.HasPrefix(got, "sync-") {
				return got
			}
		case <-deadline:
			t.Fatalf("no message on %q within %v", l.subject, patience)
		}
	}
}

func everyNodeHears(t *testing.T, nodes []cluster.Bus) {
	for from := range nodes {
		var ears []*listener
		subject := fmt.Sprintf("all.%d", from)
		for at := range nodes {
			ears = append(ears, listen(t, nodes, at, subject))
		}
		nodes[from].Publish(subject, []byte("hello"))
		for at, ear := range ears {
			if got := ear.next(t); got != "hello" {
				t.Errorf("node %d heard %q from node %d", at, got, from)
			}
			if rest := ear.sync(t, nodes[from], "sync-end"); len(rest) > 0 {
				t.Errorf("node %d heard more than once from node %d: %q", at, from, rest)
			}
		}
	}
}

func severalSubscriptions(t *testing.T, nodes []cluster.Bus) {
	last := len(nodes) - 1
	a, b := listen(t, nodes, last, "two"), listen(t, nodes, last, "two")
	nodes[0].Publish("two", []byte("x"))
	if got := a.next(t) + b.next(t); got != "xx" {
		t.Errorf("two subscriptions heard %q together, want xx", got)
	}
}

func onlyTheSubject(t *testing.T, nodes []cluster.Bus) {
	ear := listen(t, nodes, 0, "a.b")
	for _, other := range []string{"a", "a.b.c", "a.c", "A.B", "b"} {
		nodes[0].Publish(other, []byte(other))
	}
	if got := ear.sync(t, nodes[0], "sync-end"); len(got) > 0 {
		t.Errorf("heard messages of other subjects: %q", got)
	}
}

func inOrder(t *testing.T, nodes []cluster.Bus) {
	ear := listen(t, nodes, len(nodes)-1, "ordered")
	for i := range 1000 {
		nodes[0].Publish("ordered", fmt.Appendf(nil, "%06d", i))
	}
	got := ear.sync(t, nodes[0], "sync-end")
	if len(got) == 0 {
		t.Fatal("all of 1000 messages were lost")
	}
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			t.Fatalf("%s arrived after %s", got[i], got[i-1])
		}
	}
}

func payloadReuse(t *testing.T, nodes []cluster.Bus) {
	ear := listen(t, nodes, len(nodes)-1, "reuse")
	payload := make([]byte, 8)
	for i := range uint64(100) {
		binary.BigEndian.PutUint64(payload, i)
		nodes[0].Publish("reuse", payload)
	}
	seen := make(map[string]bool)
	for _, got := range ear.sync(t, nodes[0], "sync-end") {
		if n := binary.BigEndian.Uint64([]byte(got)); n > 99 || seen[got] {
			t.Fatalf("heard %d twice or never sent", n)
		}
		seen[got] = true
	}
}

func cancelEnds(t *testing.T, nodes []cluster.Bus) {
	gone, stays := listen(t, nodes, 0, "cancel"), listen(t, nodes, 0, "cancel")
	gone.cancel()
	gone.cancel() // a second time does nothing
	// What was under way at cancel may still come, so the first message that must not come is one sent after another
	// subscription of that node heard everything before it.
	stays.sync(t, nodes[0], "sync-after-cancel")
	for len(gone.heard) > 0 {
		<-gone.heard
	}
	nodes[0].Publish("cancel", []byte("late"))
	if got := stays.next(t); got != "late" {
		t.Fatalf("heard %q, want late", got)
	}
	select {
	case got := <-gone.heard:
		t.Errorf("a cancelled subscription heard %q", got)
	default:
	}
}

func handlerUsesBus(t *testing.T, nodes []cluster.Bus) {
	answer := listen(t, nodes, 0, "answer")
	var once sync.Once
	var cancel func()
	ready := make(chan struct{})
	cancel = nodes[0].Subscribe("question", func([]byte) {
		once.Do(func() {
			<-ready
			nodes[0].Subscribe("third", func([]byte) {})()
			nodes[0].Publish("answer", []byte("42"))
			cancel()
		})
	})
	close(ready)
	nodes[0].Publish("question", nil)
	if got := answer.next(t); got != "42" {
		t.Errorf("heard %q, want 42", got)
	}
}

func limits(t *testing.T, nodes []cluster.Bus) {
	ear := listen(t, nodes, 0, "limits")
	nodes[0].Publish("limits", make([]byte, cluster.MaxPayload+1))
	nodes[0].Publish("", []byte("x"))
	nodes[0].Publish("limits.*", []byte("x"))
	nodes[0].Publish("limits", make([]byte, cluster.MaxPayload))
	if got := ear.next(t); len(got) != cluster.MaxPayload {
		t.Errorf("heard %d bytes, want only the message of %d", len(got), cluster.MaxPayload)
	}
}

func manyAtOnce(t *testing.T, nodes []cluster.Bus) {
	ear := listen(t, nodes, len(nodes)-1, "many")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				bus := nodes[(g+i)%len(nodes)]
				cancel := bus.Subscribe("many.other", func([]byte) {})
				bus.Publish("many", fmt.Appendf(nil, "%d-%d", g, i))
				bus.Publish("many.other", nil)
				cancel()
			}
		})
	}
	wg.Wait()
	seen := make(map[string]bool)
	for _, from := range nodes {
		for _, got := range ear.sync(t, from, "sync-end") {
			if seen[got] {
				t.Fatalf("heard %q twice", got)
			}
			seen[got] = true
		}
	}
	if len(seen) == 0 {
		t.Error("all messages were lost")
	}
}
