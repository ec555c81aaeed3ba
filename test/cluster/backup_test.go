//go:build system

package cluster

import (
	"errors"
	"fmt"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mailmesh/mailmesh/test/cluster/nodes"
	"github.com/mailmesh/mailmesh/test/cluster/postgres"
	"github.com/mailmesh/mailmesh/test/program"
)

// archive is an archive of backups made by the scripts of deploy/postgresql.
type archive struct {
	*testing.T
	*postgres.Pair
	folder string
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	a := &archive{T: t, Pair: postgres.ForTest(t, postgres.Options{Single: true, Settings: map[string]string{"archive_mode": "on",
		"archive_command": `"$(dirname "$(dirname "$PWD")")"/archive-wal "$(dirname "$(dirname "$PWD")")"/archive %p %f`}})}
	a.folder = filepath.Join(a.Folder(), "archive")
	for _, name := range []string{"archive-wal", "backup", "restore"} { // where the server's user can read them
		script, err := os.ReadFile(filepath.Join("../../deploy/postgresql", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(a.Folder(), name), script, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	a.script("/bin/mkdir", a.folder)
	return a
}

func (a *archive) script(path string, args ...string) {
	a.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.Folder(), path)
	}
	if err := a.Pair.Run(a.Context(), path, args...); err != nil {
		a.Fatal(err)
	}
}

// ask returns the text that the database answers.
func (a *archive) ask(sql string) (answer string) {
	a.Helper()
	conn, err := pgx.Connect(a.Context(), a.URL())
	if err != nil {
		a.Fatal(err)
	}
	defer conn.Close(a.Context())
	if err := conn.QueryRow(a.Context(), sql).Scan(&answer); err != nil {
		a.Fatal(err)
	}
	return answer
}

// archived waits until all that was written so far is in the archive.
func (a *archive) archived() {
	a.Helper()
	name := a.ask("SELECT pg_walfile_name(pg_switch_wal())")
	for deadline := time.Now().Add(20 * time.Second); a.ask("SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver") < name; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.Fatalf("%s is not archived: %s", name, a.Logs())
		}
	}
}

// The whole cluster is put back to a moment by the scripts and commands of docs/operations/postgresql.md: mail from before it is there,
// mail from after it is not, all of it can be read, and the cluster goes on from there.
func TestPointInTime(t *testing.T) {
	path, err := program.Path()
	if err != nil {
		t.Fatal(err)
	}
	a := newArchive(t)
	c, err := nodes.New(nodes.Plan{Program: path, Folder: t.TempDir(), Count: 2, Database: a.URL(), Servers: []string{a.A.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Start(t.Context()))
	to, err := c.AddAccounts(t.Context(), domain, "ann", password, 1)
	must(err)
	sent := 0
	send := func(n int) {
		t.Helper()
		for range n {
			sent++
			text := fmt.Sprintf("From: you@example.com\r\nSubject: mail %d\r\n\r\n%s\r\n", sent, strings.Repeat("text ", 500))
			must(sendPlain(c.Nodes[sent%2].Doors["smtp"], to[0], text))
		}
	}
	count := func() string { t.Helper(); return a.ask("SELECT count(*)::text FROM email") }

	send(5)
	a.script("backup", a.folder)
	send(5)
	moment := a.ask("SELECT clock_timestamp()::text")
	send(5)
	if got := count(); got != "15" {
		t.Fatalf("there are %s messages, want 15", got)
	}
	a.archived()
	if out, err := c.Nodes[0].Command(t.Context(), "", "restored"); err == nil {
		t.Errorf("while nodes run: %s", out)
	}
	for _, n := range c.Nodes {
		must(n.Kill())
	}
	must(a.A.Kill())
	must(os.RemoveAll(a.A.Data()))
	a.script("restore", a.folder, a.A.Data(), moment)
	must(a.A.Start(t.Context()))
	a.awaitPrimary()
	// A standby that is made of it now gets this file, too: told to stop at that time it would become a second primary.
	settings, err := os.ReadFile(filepath.Join(a.A.Data(), "postgresql.auto.conf"))
	if must(err); strings.Contains(string(settings), "recovery_") || strings.Contains(string(settings), "restore_command") {
		t.Errorf("of the way back is left:\n%s", settings)
	}
	if got := count(); got != "10" {
		t.Errorf("put back there are %s messages, want 10", got)
	}
	if out, err := c.Nodes[0].Command(t.Context(), "", "restored"); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if out, err := c.Nodes[1].Command(t.Context(), "", "verify"); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	must(c.Start(t.Context()))
	send(3)
	if got := count(); got != "13" {
		t.Errorf("then there are %s messages, want 13", got)
	}
	a.script("backup", a.folder, "0") // a second one, after which the first is not needed
	bases, err := filepath.Glob(filepath.Join(a.folder, "base", "2*"))
	if must(err); len(bases) != 1 {
		t.Errorf("kept are %v", bases)
	}
}

// sendPlain sends without TLS: the nodes have certificates that nobody knows.
func sendPlain(door, to, text string) error {
	c, err := smtp.Dial(door)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := errors.Join(c.Mail("you@example.com"), c.Rcpt(to)); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return errors.Join(w.Close(), c.Quit())
}

// awaitPrimary waits until the server has read the archive as far as it was told.
func (a *archive) awaitPrimary() {
	a.Helper()
	for deadline := time.Now().Add(20 * time.Second); a.ask("SELECT pg_is_in_recovery()::text") != "false"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.Fatalf("it is still recovering: %s", a.Logs())
		}
	}
}
