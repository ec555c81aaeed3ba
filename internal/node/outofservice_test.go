package node_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/cert/pebbletest"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// line is what a door says next, over TLS where its name says so, "" at the end of the connection.
type line func() string

func dialDoor(t *testing.T, n *nodetest.Node, door string) line {
	t.Helper()
	var nc net.Conn
	var err error
	if strings.HasSuffix(door, "s") {
		nc, err = tls.Dial("tcp", n.Doors[door], &tls.Config{InsecureSkipVerify: true})
	} else {
		nc, err = net.Dial("tcp", n.Doors[door])
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Minute))
	r := bufio.NewReader(nc)
	return func() string {
		text, err := r.ReadString('\n')
		if err != nil && err != io.EOF {
			t.Fatalf("%s: %v", door, err)
		}
		return text
	}
}

// farewells are how each door says that the node is out of service: SMTP's and LMTP's 421 (RFC 5321 3.8, RFC 3463 3.4), BYE
// (RFC 9051 7.1.5), [SYS/TEMP] (RFC 3206 4).
var farewells = map[string]string{
	"smtp": "421 4.3.2 ", "lmtp": "421 4.3.2 ", "submission": "421 4.3.2 ", "submissions": "421 4.3.2 ",
	"imap": "* BYE [UNAVAILABLE] ", "imaps": "* BYE [UNAVAILABLE] ", "pop3": "-ERR [SYS/TEMP] ", "pop3s": "-ERR [SYS/TEMP] ",
}

// becomes waits until readyz answers with a status.
func becomes(t *testing.T, n *nodetest.Node, want int) (text string) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		status, text := get(t, "http://"+n.Doors["metrics"]+"/readyz")
		if status == want {
			return strings.TrimSpace(text)
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("readyz says %d, %s", status, text)
		}
	}
}

// A node that has lost its database says so at every door, to those that wait and to those that come, and comes back by itself.
func TestOutOfService(t *testing.T) {
	t.Parallel()
	cfg := nodetest.Config(t)
	w, over := newWire(t, dbtest.PostgresURL(t, nil))
	cfg.Database = over
	n := nodetest.Start(t, cfg, nil)
	alice := n.Accounts[0]
	waiting := map[string]line{}
	for door := range farewells {
		waiting[door] = dialDoor(t, n, door)
		waiting[door]()
	}
	socket, err := dialJMAP(t, n, alice).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer web.CloseIdleConnections()
	ask := func(door string) (status int, retry string) {
		res, err := web.Get(door + "://" + n.Doors[door] + "/.well-known/jmap")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode, res.Header.Get("Retry-After")
	}
	ask("https")

	w.Set(cut)
	for door, want := range farewells {
		if got := waiting[door](); !strings.HasPrefix(got, want) {
			t.Errorf("who waits at %s hears %q, want %q", door, got, want)
		}
		if got := dialDoor(t, n, door); !strings.HasPrefix(got(), want) || got() != "" {
			t.Errorf("%s does not greet with %q and close", door, want)
		}
	}
	if status, text := get(t, "http://"+n.Doors["metrics"]+"/readyz"); status != 503 || !strings.Contains(text, "database") {
		t.Errorf("readyz says %d %s", status, text)
	}
	for _, door := range []string{"http", "https"} {
		if status, retry := ask(door); status != 503 || retry != "5" {
			t.Errorf("%s answers %d, Retry-After %q", door, status, retry)
		}
	}
	for range socket.Pushed() { // until it ends
	}
	if err := socket.Err(); err == nil || !strings.Contains(err.Error(), "StatusTryAgainLater") {
		t.Errorf("the WebSocket ends with %v", err)
	}

	w.Mend()
	becomes(t, n, 200)
	for door, want := range map[string]string{"smtp": "220", "imaps": "* OK", "pop3": "+OK"} {
		if got := dialDoor(t, n, door)(); !strings.HasPrefix(got, want) {
			t.Errorf("back in service %s says %q", door, got)
		}
	}
	if status, _ := ask("https"); status != 401 {
		t.Errorf("back in service https answers %d", status)
	}
	if got := n.Send(t, "smtp", "me@example.net", []string{alice.Address}, letter("later")); !strings.HasPrefix(got[0], "250") {
		t.Error(got)
	}
}

// A node whose database is not there yet waits for it, with its doors closed.
func TestWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	cfg := nodetest.Config(t)
	w, over := newWire(t, dbtest.PostgresURL(t, nil))
	cfg.Database = over
	w.Set(cut)
	cfg.Listen.Metrics = config.Endpoints{config.Endpoint(fmt.Sprintf("127.0.0.1:%d", pebbletest.FreePort(t)))}
	opened := make(chan *node.Node, 1)
	log := new(logged)
	go func() {
		n, err := node.OpenWhenReachable(t.Context(), cfg, log.logger())
		if err != nil {
			t.Error(err)
		}
		opened <- n
	}()
	health := "http://" + string(cfg.Listen.Metrics[0])
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if res, err := http.Get(health + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode != 503 {
				t.Errorf("readyz says %d", res.StatusCode)
			}
			break
		}
		if time.Since(begun) > time.Minute {
			t.Fatal("nobody answers")
		}
	}
	if status, _ := get(t, health+"/healthz"); status != 200 {
		t.Errorf("healthz says %d", status)
	}
	w.Mend()
	n := <-opened
	if n == nil {
		t.Fatal("it did not open")
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if got := strings.Count(log.String(), "waits for it"); got != 1 {
		t.Errorf("it is logged %d times:\n%s", got, log.String())
	}
	// What waiting does not help ends it at once, and so does who stops the server.
	wrong := cfg
	wrong.Database = over + "&synchronous_commit=off"
	if _, err := node.OpenWhenReachable(t.Context(), wrong, log.logger()); err == nil || !strings.Contains(err.Error(), "synchronous_commit") {
		t.Errorf("a database that does not keep what it says: %v", err)
	}
	w.Set(cut)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := node.OpenWhenReachable(ctx, cfg, log.logger()); err == nil {
		t.Error("it did not end")
	}
}
