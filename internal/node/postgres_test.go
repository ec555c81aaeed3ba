package node_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// The whole path on PostgreSQL, where bodies lie in the database too: mail in, read, a restart, everything there.
func TestOnPostgres(t *testing.T) {
	cfg := nodetest.Config(t)
	cfg.Database = dbtest.PostgresURL(t, nil)
	n := nodetest.Start(t, cfg, nil)
	alice, bob := n.Accounts[0], n.Accounts[1]
	large := letter("large") + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 40_000) // parts of several rows
	for door, content := range map[string]string{"smtp": letter("small"), "lmtp": large} {
		for i, r := range n.Send(t, door, "me@example.net", []string{alice.Address, bob.Address}, content) {
			if !strings.HasPrefix(r, "250") {
				t.Fatalf("%s, recipient %d: %s", door, i, r)
			}
		}
	}
	read := func(a node.DemoAccount) string {
		c := n.SignIn(t, a.Address, a.Password)
		c.OK("SELECT INBOX")
		return c.OK("UID FETCH 1:* (UID EMAILID RFC822.SIZE BODY.PEEK[])")
	}
	c := n.SignIn(t, alice.Address, alice.Password)
	c.OK("SELECT INBOX")
	c.OK("UID STORE 1 +FLAGS (kept)")
	c.OK("UID COPY 1:* Archive")
	mail := map[node.DemoAccount]string{alice: read(alice), bob: read(bob)}
	for a, text := range mail {
		if !strings.Contains(text, "this is small\r\n") || !strings.Contains(text, large) {
			t.Errorf("%s has %d bytes of mail, not what was sent", a.Address, len(text))
		}
	}
	if report := nodetest.Verify(t, cfg); report.Accounts != 2 || report.Bodies.Objects == 0 {
		t.Errorf("verified only %+v", report)
	}

	n.Stop(t)
	nodetest.Verify(t, cfg)
	n = nodetest.Start(t, cfg, nil)
	for a, text := range mail {
		if read(a) != text {
			t.Errorf("after a restart %s has other mail", a.Address)
		}
	}
	c = n.SignIn(t, alice.Address, alice.Password)
	if answer := c.OK("SELECT Archive"); !strings.Contains(answer, " EXISTS") {
		t.Errorf("the copies are gone: %s", answer)
	}
	if answer := c.OK("UID SEARCH KEYWORD kept"); !strings.Contains(answer, "SEARCH 1") {
		t.Errorf("the keyword is gone: %s", answer)
	}
	if status, _ := get(t, "http://"+n.Doors["metrics"]+"/readyz"); status != http.StatusOK {
		t.Errorf("not ready: %d", status)
	}
	n.Stop(t)
}

// wire is the way to a PostgreSQL server, which can be cut.
type wire struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

// newWire returns a URL that leads over the wire to the database of another.
func newWire(t *testing.T, database string) (w *wire, over string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w = new(wire)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", socket)
			if err != nil || !w.hold(near, far) {
				near.Close()
				continue
			}
			running.Go(func() { io.Copy(far, near); far.Close() })
			running.Go(func() { io.Copy(near, far); near.Close() })
		}
	})
	t.Cleanup(func() { listener.Close(); w.set(true); running.Wait() })
	u.Host, u.RawQuery = listener.Addr().String(), "sslmode=disable"
	return w, u.String()
}

// hold notes a connection unless the wire is cut.
func (w *wire) hold(near, far net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		far.Close()
		return false
	}
	w.conns = append(w.conns, near, far)
	return true
}

// set cuts the wire or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

// The database server cannot be reached for a while.
func TestPostgresAway(t *testing.T) {
	cfg := nodetest.Config(t)
	w, over := newWire(t, dbtest.PostgresURL(t, nil))
	cfg.Database = over
	b := newBroken(t, cfg)
	c := b.signIn()
	c.OK("SELECT INBOX")
	ready := func() int {
		status, _ := get(t, "http://"+b.n.Doors["metrics"]+"/readyz")
		return status
	}
	w.set(true)
	b.wantNotNow("mail", b.send("away", 0))
	for _, command := range []string{"UID STORE 1:* +FLAGS (lost)", "UID FETCH 1:* BODY.PEEK[]", "APPEND INBOX {3+}\r\nx\r\n", "SELECT Archive"} {
		_, answer := c.Do("%s", command)
		b.wantNotNow(command, answer)
	}
	_, answer := b.n.Dial(t).Do("LOGIN %q %q", b.alice.Address, b.alice.Password)
	b.wantNotNow("LOGIN", answer)
	b.wantLogged("failed to connect")
	if status := ready(); status != http.StatusServiceUnavailable {
		t.Errorf("readyz says %d", status)
	}
	w.set(false)
	becomes(t, b.n, http.StatusOK)
	b.mended()
}
