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

	"github.com/mailmesh/mailmesh/bench/fakemail"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/proc"
)

// The test binary is also the server's command line.
func TestMain(m *testing.M) {
	if os.Getenv(fakemail.CommandEnv) != "" {
		if err := fakemail.Command(os.Args[1:], os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func newServer(t *testing.T, behaviour string) (*Mailmesh, *bytes.Buffer) {
	t.Helper()
	fakemail.BeCommand(t, behaviour)
	log := new(bytes.Buffer)
	m := &Mailmesh{Binary: os.Args[0], Data: filepath.Join(t.TempDir(), "data"), Log: log}
	t.Cleanup(func() { m.Stop() })
	return m, log
}

func TestStartAndStop(t *testing.T) {
	m, log := newServer(t, "serve")
	for range 2 { // again on the same data
		e, err := m.Start(context.Background())
		if err != nil {
			t.Fatalf("%v; log %s", err, log)
		}
		c, err := imap.Dial(context.Background(), e.IMAP, imap.Options{Username: "a@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if e.SMTP == "" || e.LMTP == "" || e.IMAPS == "" {
			t.Errorf("endpoints %+v", e)
		}
		if err := m.Rest(context.Background()); err != nil {
			t.Error(err)
		}
		if memory, err := proc.System.Memory(e.PIDs...); err != nil || memory.RSS == 0 {
			t.Errorf("memory %+v, %v", memory, err)
		}
		if err := m.Stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := imap.Dial(context.Background(), e.IMAP, imap.Options{}); err == nil {
			t.Error("the server listens after Stop")
		}
	}
}

func TestAddAccount(t *testing.T) {
	m, _ := newServer(t, "serve")
	if _, err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"a@one.example", "b@one.example", "c@two.example"} {
		if err := m.AddAccount(context.Background(), address, "secret"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.Join(m.Data, "commands"))
	want := "domain add one.example \naccount add a@one.example secret\naccount add b@one.example secret\n" +
		"domain add two.example \naccount add c@two.example secret\n"
	if err != nil || string(got) != want {
		t.Errorf("commands %q, %v; want %q", got, err, want)
	}
	err = m.AddAccount(context.Background(), "refused@one.example", "secret")
	if err == nil || !strings.Contains(err.Error(), "is refused") || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v, want the command's own words and no password", err)
	}
	if err := m.AddAccount(context.Background(), "nonsense", "x"); err == nil {
		t.Error("an address without a domain was taken")
	}
}

func TestServerThatDoesNotStart(t *testing.T) {
	m, log := newServer(t, "crash")
	if _, err := m.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "before it was ready") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(log.String(), "on purpose") {
		t.Errorf("log %q", log)
	}
	m.Binary = "/nonexistent"
	if _, err := m.Start(context.Background()); err == nil {
		t.Error("a binary that does not exist was started")
	}
}

func TestStartEndsWithContext(t *testing.T) {
	m, _ := newServer(t, "serve")
	ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	if _, err := m.Start(ctx); err == nil {
		t.Error("started although the context had ended")
	}
}
