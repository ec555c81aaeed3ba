//go:build system

package system

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The commands of docs/operations/backup.md: a database is put back, made ready, verified and served.
func TestRestored(t *testing.T) {
	s := newServer(t)
	l := newLoad(s, 2)
	l.run(context.Background(), 1)
	if out, err := s.try("", "restored"); err == nil || !strings.Contains(out, "another mailmesh uses this data folder") {
		t.Fatalf("on a running server: %v, %s", err, out)
	}
	s.stop()
	path := filepath.Join(s.data, "mailmesh.db")
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	lost := l.run(context.Background(), 2)
	s.stop()
	write(t, path, string(backup), 0o600)

	var done struct {
		Accounts int `json:"accounts"`
		Unknown  int `json:"bodies_unknown"`
	}
	if err := json.Unmarshal([]byte(s.run("", "restored", "--json")), &done); err != nil || done.Accounts != 2 || done.Unknown != int(lost.Mails) {
		t.Errorf("got %+v, %v; want 2 accounts and %d bodies unknown", done, err, lost.Mails)
	}
	s.verify()
	s.start()
	c := dialAs(t, s, l.accounts[0])
	before, err := c.bodies()
	if err != nil {
		t.Fatal(err)
	}
	l.run(context.Background(), 1)
	if after, err := dialAs(t, s, l.accounts[0]).bodies(); err != nil || after != before+8 {
		t.Errorf("%d messages, then %d, %v; want 8 more", before, after, err)
	}
	s.stop()
	s.verify()
}
