package node_test

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// backUp makes a copy of the database of a running node, as an operator does.
func backUp(t *testing.T, cfg config.Config) (copied string) {
	t.Helper()
	drivers := sql.Drivers()
	i := slices.IndexFunc(drivers, func(name string) bool { return strings.HasPrefix(name, "sqlite") })
	if i < 0 {
		t.Fatalf("no SQLite among %v", drivers)
	}
	d, err := sql.Open(drivers[i], filepath.Join(cfg.Data, "mailmesh.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	copied = filepath.Join(t.TempDir(), "backup.db")
	if _, err := d.Exec(`VACUUM INTO '` + copied + `'`); err != nil {
		t.Fatal(err)
	}
	return copied
}

// putBack replaces the database by a copy.
func putBack(t *testing.T, cfg config.Config, copied string) {
	t.Helper()
	content, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		os.Remove(filepath.Join(cfg.Data, "mailmesh.db"+suffix))
	}
	if err := os.WriteFile(filepath.Join(cfg.Data, "mailmesh.db"), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// objects counts the bodies in the packs by their id.
func objects(t *testing.T, cfg config.Config) map[int64]int {
	t.Helper()
	p, err := pack.Open(pack.Options{FS: pack.OS(filepath.Join(cfg.Data, "packs"))})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out := map[int64]int{}
	if err := p.List(t.Context(), func(f blob.Found) error { out[int64(f.ID)]++; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func letter(subject string) string {
	return fmt.Sprintf("From: me@example.net\r\nTo: alice@demo.example\r\nSubject: %s\r\nMessage-ID: <%[1]s@example.net>\r\n\r\nthis is %[1]s\r\n", subject)
}

func send(t *testing.T, n *nodetest.Node, subject string) {
	t.Helper()
	if r := n.Send(t, "smtp", "me@example.net", []string{n.Accounts[0].Address}, letter(subject)); !strings.HasPrefix(r[0], "250") {
		t.Fatalf("%s was answered %s", subject, r[0])
	}
}

// A database is put back to before mail that clients have seen. They get a full resync, never another message under a
// number they know; new mail gets through, and nothing is taken for what was lost.
func TestRestore(t *testing.T) {
	cfg := nodetest.Config(t)
	n := nodetest.Start(t, cfg, nil)
	alice := n.Accounts[0]
	send(t, n, "before")
	copied := backUp(t, cfg)

	// The future that will be lost: further starts take further blocks of ids.
	send(t, n, "lost-0")
	for i := range 3 {
		n.Stop(t)
		n = nodetest.Start(t, cfg, nil)
		send(t, n, fmt.Sprint("lost-", i+1))
	}
	c := n.SignIn(t, alice.Address, alice.Password)
	c.OK("ENABLE QRESYNC")
	c.OK("CREATE New")
	c.OK("SELECT INBOX")
	c.OK(`UID STORE 1:* +FLAGS (lost)`)
	lost := nodetest.Numbers(c.OK("SELECT INBOX"))
	ids := c.OK("UID FETCH 1:* (EMAILID)")

	if _, err := node.Restored(t.Context(), cfg, slog.New(slog.DiscardHandler)); !errors.Is(err, node.ErrInUse) {
		t.Fatalf("a running server was restored: %v", err)
	}
	n.Stop(t)
	before := objects(t, cfg)
	putBack(t, cfg, copied)
	done, err := node.Restored(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil || done.Accounts != 2 || done.Unknown != 4 {
		t.Fatalf("did %+v, %v; want 2 accounts, 4 bodies that nobody knows", done, err)
	}

	n = nodetest.Start(t, cfg, nil)
	for i := range 4 {
		send(t, n, fmt.Sprint("after-", i))
	}
	c = n.SignIn(t, alice.Address, alice.Password)
	c.OK("ENABLE QRESYNC")
	answer := c.OK("SELECT INBOX (QRESYNC (%d %d 1:%d))", lost["UIDVALIDITY"], lost["HIGHESTMODSEQ"], lost["UIDNEXT"]-1)
	now := nodetest.Numbers(answer)
	if now["UIDVALIDITY"] <= lost["UIDVALIDITY"] || strings.Contains(answer, "VANISHED") || strings.Contains(answer, " FETCH ") {
		t.Errorf("a client that knows %v was told\n%s", lost, answer)
	}
	if now["UIDNEXT"] > lost["UIDNEXT"] || now["HIGHESTMODSEQ"] >= lost["HIGHESTMODSEQ"] {
		t.Errorf("the test proves nothing: %v, then %v", lost, now)
	}
	subjects := c.OK("UID FETCH 1:* (EMAILID FLAGS BODY.PEEK[])")
	for word, want := range map[string]int{"this is before": 1, "this is after-": 4, "this is lost-": 0, "FLAGS (lost)": 0} {
		if got := strings.Count(subjects, word); got != want {
			t.Errorf("%q is there %d times, want %d:\n%s", word, got, want, subjects)
		}
	}
	if answer, _ := c.Do("SELECT New"); strings.Contains(answer, "EXISTS") {
		t.Errorf("a mailbox from the lost future is there:\n%s", answer)
	}
	for _, id := range newEmailIDs(subjects, "this is after-") {
		if strings.Contains(ids, "("+id+")") {
			t.Errorf("EMAILID %s named another message before", id)
		}
	}
	n.Stop(t)
	nodetest.Verify(t, cfg)
	for id, copies := range objects(t, cfg) {
		if copies > 1 {
			t.Errorf("object %d is there %d times, it was %d", id, copies, before[id])
		}
	}
}

// newEmailIDs are the EMAILIDs of those messages in an answer whose text has a word in it.
func newEmailIDs(answer, word string) (ids []string) {
	for _, message := range strings.Split(answer, "EMAILID (")[1:] {
		if strings.Contains(message, word) {
			ids = append(ids, message[:strings.IndexByte(message, ')')])
		}
	}
	return ids
}

// A restore that did not come to its end keeps the folder closed.
func TestHalfARestore(t *testing.T) {
	cfg := nodetest.Config(t)
	nodetest.Start(t, cfg, nil).Stop(t)
	quiet := slog.New(slog.DiscardHandler)
	set := func(last int64) {
		t.Helper()
		change(t, cfg, `UPDATE account SET last_uidvalidity = $1 WHERE id = (SELECT MAX(id) FROM account)`, last)
	}
	set(1<<32 - 1) // no numbers left: it fails half-way
	if done, err := node.Restored(t.Context(), cfg, quiet); err == nil || done.Accounts == 0 {
		t.Fatalf("it did %+v, %v", done, err)
	}
	set(0)
	if _, err := node.Open(t.Context(), cfg, quiet); err == nil || !strings.Contains(err.Error(), "mailmesh restored") {
		t.Errorf("the folder was opened: %v", err)
	}
	if _, err := node.Restored(t.Context(), cfg, quiet); err != nil {
		t.Fatal(err)
	}
	nodetest.Start(t, cfg, nil).Stop(t)
}
