package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/measure"
)

// The real programs, where they are installed: mail that SMTP takes is there over
// IMAP, with and without TLS, and nothing runs after Stop.
func TestPair(t *testing.T) {
	p := newPair(t)
	e, err := p.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	account := measure.Account{Address: "a@bench.example", Password: "a password, with spaces"}
	for _, address := range []string{account.Address, "b@other.example"} {
		if err := p.AddAccount(context.Background(), address, account.Password); err != nil {
			t.Fatal(err)
		}
	}
	got, err := measure.Idle(context.Background(), measure.IdleOptions{
		SMTPAddr: e.SMTP, From: "s@sender.example", IMAPAddr: e.IMAP, Account: account, Count: 2, Size: 4 << 10, Interval: time.Millisecond,
	})
	if err != nil || got.MailToIdle.Count != 2 {
		t.Fatalf("mail to idle: %+v, %v; see %s", got, err, p.Dir)
	}
	c, err := imap.Dial(context.Background(), e.IMAPS, imap.Options{Options: dial.Options{Security: dial.TLS}, Username: account.Address, Password: account.Password})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if selected, err := c.Select("INBOX"); err != nil || selected.Exists != 2 {
		t.Errorf("INBOX %+v, %v; want two messages", selected, err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := imap.Dial(context.Background(), e.IMAP, imap.Options{}); err == nil {
		t.Error("it listens after Stop")
	}
}

func TestPairRefusesAccounts(t *testing.T) {
	p := &Pair{Dir: t.TempDir(), Log: new(bytes.Buffer)}
	for _, address := range []string{"nonsense", "a:b@bench.example"} {
		if err := p.AddAccount(context.Background(), address, "x"); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
}

func TestPairNeedsAFolderForOthers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := &Pair{Dir: filepath.Join(dir, "pair"), Log: new(bytes.Buffer)}
	if _, err := p.Start(context.Background()); err == nil || !strings.Contains(err.Error(), dir+" (mode -rwx------)") {
		t.Errorf("error %v, want one that names the folder", err)
	}
}

// newPair has a folder that the users of the programs can reach, unlike those of
// t.TempDir.
func newPair(t *testing.T) *Pair {
	t.Helper()
	dir, err := os.MkdirTemp("", "pair-")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the children have it
	p := &Pair{Dir: filepath.Join(dir, "pair"), Log: log}
	if err := p.Available(); err != nil {
		os.RemoveAll(dir)
		t.Skip(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			fmt.Fprintf(os.Stderr, "%s is kept\n", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return p
}
