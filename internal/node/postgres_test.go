package node_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
	"github.com/mailmesh/mailmesh/test/cluster/wire"
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

// newWire returns a URL that leads over a wire to the database of another.
func newWire(t *testing.T, database string) (w *wire.Wire, over string) {
	t.Helper()
	u, err := url.Parse(database)
	if err == nil {
		w, err = wire.New("unix:" + filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	u.Host, u.RawQuery = w.Addr(), "sslmode=disable"
	return w, u.String()
}

// cut lets nothing over a wire until it is mended.
var cut = wire.Fault{Refuse: true}

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
	w.Set(cut)
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
	w.Mend()
	becomes(t, b.n, http.StatusOK)
	b.mended()
}
