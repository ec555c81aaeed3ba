package nats

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/clustertest"
	"github.com/mailmesh/mailmesh/test/cluster/wire"
)

var secret = bytes.Repeat([]byte{7}, 32)

// patience bounds what must happen; a test that passes waits for nothing but that.
const testPatience = 10 * time.Second

func start(t testing.TB, o Options) (b *Bus, addr string) {
	t.Helper()
	if o.Secret == nil {
		o.Secret = secret
	}
	b = New(o)
	addr, err := b.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b, addr
}

// until waits for a state that other goroutines come to.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testPatience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", testPatience, what)
		}
	}
}

// connect makes a cluster of n nodes that are connected to each other, with where each is reached.
func connect(t testing.TB, n int) (nodes []*Bus, at map[string]string) {
	t.Helper()
	at = map[string]string{}
	for i := range n {
		b, addr := start(t, Options{})
		nodes, at[name(i)] = append(nodes, b), addr
	}
	for i, b := range nodes {
		route(t, b, name(i), at)
	}
	for _, b := range nodes {
		until(t, "all nodes are connected", func() bool { return b.Routes() == n-1 })
	}
	return nodes, at
}

func name(i int) string { return string(rune('a' + i)) }

func route(t testing.TB, b *Bus, self string, others map[string]string) {
	t.Helper()
	if err := b.Route(self, others); err != nil {
		t.Fatal(err)
	}
}

func TestContract(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			clustertest.Bus(t, func(t *testing.T) (list []cluster.Bus) {
				nodes, _ := connect(t, n)
				for _, b := range nodes {
					list = append(list, b)
				}
				return list
			})
		})
	}
}

// Before it is started and after it is closed a bus is one of a single node; who listened before the start hears others after it.
func TestBeforeAndAfter(t *testing.T) {
	a := New(Options{Secret: secret})
	heard := make(chan string, 10)
	cancel := a.Subscribe("x", func(p []byte) { heard <- string(p) })
	a.Publish("x", []byte("alone"))
	if got := <-heard; got != "alone" {
		t.Errorf("heard %q", got)
	}
	if _, err := a.Ping(t.Context(), 1); err == nil {
		t.Error("it pings without a server")
	}
	addr, err := a.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := start(t, Options{})
	route(t, b, "b", map[string]string{"a": addr})
	until(t, "b's message arrives", func() bool { b.Publish("x", []byte("from b")); return len(heard) > 0 })
	if got := <-heard; got != "from b" {
		t.Errorf("heard %q", got)
	}
	a.Close()
	a.Close()
	for len(heard) > 0 {
		<-heard
	}
	a.Publish("x", []byte("alone again"))
	if got := <-heard; got != "alone again" {
		t.Errorf("heard %q", got)
	}
	cancel()
	if _, err := a.Start("127.0.0.1:0"); err == nil {
		t.Error("a closed bus starts again")
	}
}

func TestStartFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, endpoint := range []string{taken.Addr().String(), "nonsense", "127.0.0.1:port"} {
		b := New(Options{Secret: secret})
		if _, err := b.Start(endpoint); err == nil || !strings.Contains(err.Error(), endpoint) {
			t.Errorf("start at %s: %v", endpoint, err)
		}
		b.Close()
	}
}

// Of two nodes the later dials: cutting the way to the first node cuts it off from all, and nobody finds another way to it. Mended,
// it is back within two seconds.
func TestCutAndMended(t *testing.T) {
	a, addr := start(t, Options{})
	b, atB := start(t, Options{})
	c, atC := start(t, Options{})
	w, err := wire.New(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	at := map[string]string{"a": w.Addr(), "b": atB, "c": atC}
	for name, bus := range map[string]*Bus{"a": a, "b": b, "c": c} {
		route(t, bus, name, at)
	}
	all := []*Bus{a, b, c}
	until(t, "all are connected", func() bool { return !slices.ContainsFunc(all, func(b *Bus) bool { return b.Routes() != 2 }) })
	w.Set(wire.Fault{Refuse: true})
	until(t, "a is cut off", func() bool { return a.Routes() == 0 && b.Routes() == 1 && c.Routes() == 1 })
	heard := make(chan string, 100)
	defer a.Subscribe("x", func(p []byte) { heard <- string(p) })()
	b.Publish("x", []byte("lost"))
	w.Mend()
	mended := time.Now()
	until(t, "a is back", func() bool { b.Publish("x", []byte("back")); return len(heard) > 0 })
	if took := time.Since(mended); took > 2*time.Second {
		t.Errorf("it took %v to be back", took)
	}
	if got := <-heard; got != "back" {
		t.Errorf("heard %q: the bus keeps nothing", got)
	}
}

// Nodes come and go with what Route is told.
func TestNodesComeAndGo(t *testing.T) {
	nodes, at := connect(t, 3)
	d, addr := start(t, Options{})
	at["d"] = addr
	for i, b := range nodes {
		route(t, b, name(i), at)
	}
	route(t, d, "d", at)
	for _, b := range append(nodes, d) {
		until(t, "the new node is connected to all", func() bool { return b.Routes() == 3 })
	}
	nodes[1].Close()
	delete(at, "b")
	for _, b := range []*Bus{nodes[0], nodes[2], d} {
		until(t, "the node that left is gone", func() bool { return b.Routes() == 2 })
	}
	route(t, d, "d", map[string]string{})
	until(t, "who is told of nobody leaves all it has dialled", func() bool { return d.Routes() == 0 })
}

// Ping goes to every node and back, over the routes.
func TestPing(t *testing.T) {
	nodes, _ := connect(t, 3)
	for i, b := range nodes {
		var took map[string]time.Duration
		until(t, "two answer", func() (ok bool) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			var err error
			if took, err = b.Ping(ctx, 2); err != nil {
				t.Fatal(err)
			}
			return len(took) == 2
		})
		if _, self := took[name(i)]; self {
			t.Errorf("%s answers itself", name(i))
		}
		for from, d := range took {
			if d <= 0 {
				t.Errorf("%s answers %s after %v", from, name(i), d)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if took, err := nodes[0].Ping(ctx, 3); err != nil || len(took) > 2 {
		t.Errorf("of three wanted %v answer, %v", took, err)
	}
}

// Who does not know the secret does not get in: as a node, over TLS with any other certificate, or as a client of the server.
func TestStrangers(t *testing.T) {
	a, addr := start(t, Options{})
	before := &record{}
	stranger, _ := start(t, Options{Secret: bytes.Repeat([]byte{8}, 32), Log: slog.New(before)})
	route(t, stranger, "z", map[string]string{"a": addr})
	until(t, "the stranger is refused", func() bool { return before.has("certificate") })
	if a.Routes() != 0 || stranger.Routes() != 0 {
		t.Errorf("a stranger is connected: %d, %d", a.Routes(), stranger.Routes())
	}

	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err == nil {
		_, err = conn.Read(make([]byte, 1)) // TLS 1.3 tells a client only then
		conn.Close()
	}
	if err == nil {
		t.Error("who shows no certificate is spoken to")
	}
	if conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
		conn.Close()
		t.Error("TLS 1.2 is spoken")
	}

	at := a.running.server.ClientURL()
	if !strings.Contains(at, "127.0.0.1:") {
		t.Errorf("clients connect at %s", at)
	}
	if c, err := client.Connect(at); err == nil || !errors.Is(err, client.ErrAuthorization) {
		t.Errorf("a client without the password: %v", err)
		if c != nil {
			c.Close()
		}
	}
}

// Who connects and says nothing keeps the server from taking new routes for a while, and nobody from publishing.
func TestSilentStranger(t *testing.T) {
	a, addr := start(t, Options{})
	at := map[string]string{}
	for turn := 0; ; turn++ {
		silent, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		if turn%2 == 0 {
			at = map[string]string{"a": "127.0.0.1:1"}
		} else {
			at = nil
		}
		begun, routed := time.Now(), make(chan error)
		go func() { routed <- a.Route("b", at) }()
		var longest time.Duration
		for waiting := true; waiting; {
			select {
			case err := <-routed:
				if err != nil {
					t.Fatal(err)
				}
				waiting = false
			default:
				sent := time.Now()
				a.Publish("x", nil)
				longest = max(longest, time.Since(sent))
			}
		}
		took := time.Since(begun)
		if took < handshakeTime/2 {
			continue // the server has not looked at the stranger yet
		}
		if longest > took/2 {
			t.Errorf("while the server took %v for new routes, publishing took %v", took, longest)
		}
		return
	}
}

// Strangers do not fill the log.
func TestLogger(t *testing.T) {
	lines := &record{}
	now := time.Now()
	l := &logger{log: slog.New(lines), now: func() time.Time { return now }}
	for i := range 1000 {
		l.Errorf("handshake %d", i)
	}
	if len(lines.text) != mostLines || !lines.has("handshake 0") {
		t.Errorf("%d lines, want %d", len(lines.text), mostLines)
	}
	quiet := &record{}
	if start(t, Options{Log: slog.New(quiet)}); quiet.has("Plaintext") {
		t.Error("operators are told of a password that they do not know of")
	}
	now = now.Add(linesEvery)
	l.Warnf("a minute later")
	if n := len(lines.text); n != mostLines+2 || !lines.has("left out") || lines.text[n-1] != "nats: a minute later" {
		t.Errorf("then %q", lines.text[mostLines:])
	}
}

// Each node makes the same authority, and a certificate of its own that only this authority vouches for.
func TestIdentity(t *testing.T) {
	one, err := tlsConfig(secret)
	if err != nil {
		t.Fatal(err)
	}
	two, err := tlsConfig(secret)
	if err != nil {
		t.Fatal(err)
	}
	other, err := tlsConfig([]byte("another secret"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(one.Certificates[0].Certificate[0], two.Certificates[0].Certificate[0]) {
		t.Error("two nodes have one certificate")
	}
	own, err := x509.ParseCertificate(two.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, year := range []int{2000, 2026, 2999} { // whatever the clock of a node says
		at := time.Date(year, 7, 1, 0, 0, 0, 0, time.UTC)
		for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			if _, err := own.Verify(x509.VerifyOptions{DNSName: nodeName, Roots: one.RootCAs, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
				t.Errorf("in %d: %v", year, err)
			}
		}
	}
	if _, err := own.Verify(x509.VerifyOptions{Roots: other.RootCAs}); err == nil {
		t.Error("another secret's authority vouches for it")
	}
}

// A subscription whose handler does not return loses messages, is told of, and keeps nobody else waiting.
func TestSlowConsumer(t *testing.T) {
	stuck := make(chan struct{}, 100)
	a, addr := start(t, Options{Stuck: func() { stuck <- struct{}{} }})
	b, _ := start(t, Options{})
	route(t, b, "b", map[string]string{"a": addr})
	release, asleep := make(chan struct{}), make(chan struct{})
	var once sync.Once
	defer a.Subscribe("slow", func([]byte) { once.Do(func() { close(asleep); <-release }) })()
	heard := make(chan string, 1000)
	defer a.Subscribe("quick", func(p []byte) { heard <- string(p) })()
	until(t, "the slow one is at it", func() bool {
		b.Publish("slow", nil)
		select {
		case <-asleep:
			return true
		default:
			return false
		}
	})
	payload := make([]byte, cluster.MaxPayload)
	sent := 0
	for ; len(stuck) == 0; sent += len(payload) {
		if sent > 3*maxPending {
			t.Fatal("everything waits for the slow one")
		}
		b.Publish("slow", payload)
		if sent%(100*len(payload)) == 0 {
			b.Publish("quick", []byte("x"))
			<-heard
		}
	}
	close(release)
	if a.Routes() != 1 {
		t.Error("the route is gone")
	}
}

// record is a log that is looked into.
type record struct {
	mu   sync.Mutex
	text []string
}

func (r *record) Enabled(context.Context, slog.Level) bool { return true }
func (r *record) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *record) WithGroup(string) slog.Handler            { return r }
func (r *record) Handle(_ context.Context, x slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, x.Message)
	return nil
}

func (r *record) has(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.text, func(line string) bool { return strings.Contains(line, text) })
}

// The way of a message from one of three nodes to another, and back.
func BenchmarkRoundTrip(b *testing.B) {
	nodes, _ := connect(b, 3)
	back := make(chan struct{}, 1)
	defer nodes[0].Subscribe("pong", func([]byte) { back <- struct{}{} })()
	defer nodes[2].Subscribe("ping", func([]byte) { nodes[2].Publish("pong", nil) })()
	until(b, "pong", func() bool {
		nodes[0].Publish("ping", nil)
		select {
		case <-back:
			return true
		case <-time.After(20 * time.Millisecond):
			return false
		}
	})
	payload := make([]byte, 24)
	var took []time.Duration
	for b.Loop() {
		sent := time.Now()
		nodes[0].Publish("ping", payload)
		<-back
		took = append(took, time.Since(sent))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
