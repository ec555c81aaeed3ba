package certs

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cert"
	"github.com/mailmesh/mailmesh/internal/infra/cert/certtest"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// short are leases that a test can wait for.
var short = Options{Lease: 150 * time.Millisecond, Poll: 2 * time.Millisecond}

// opener makes handles of one database, each as a node of its own has it.
func opener(t *testing.T, open dbtest.Open, o Options) func() *Store {
	return func() *Store {
		t.Helper()
		var err error
		if o.Tx, err = tx.New(t.Context(), tx.Options{DB: open()}); err != nil {
			t.Fatal(err)
		}
		if o.MasterKey == nil {
			o.MasterKey = bytes.Repeat([]byte("k"), 32)
		}
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
}

func TestStorage(t *testing.T) {
	for engine, on := range map[string]func(t *testing.T) dbtest.Open{
		"sqlite":   func(t *testing.T) dbtest.Open { return dbtest.OnSQLite(t, schema.Files) },
		"postgres": func(t *testing.T) dbtest.Open { return dbtest.OnPostgres(t, schema.Files) },
	} {
		t.Run(engine, func(t *testing.T) {
			certtest.Storage(t, func(t *testing.T) func() cert.Storage {
				open := opener(t, on(t), Options{Poll: time.Millisecond})
				return func() cert.Storage { return open() }
			})
		})
	}
}

func each(t *testing.T, o Options, test func(t *testing.T, open func() *Store)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) { test(t, opener(t, open, o)) })
}

// A lock whose holder has died is given to who waits for it, and the dead one's return takes nothing away.
func TestALockOfTheDead(t *testing.T) {
	var log lines
	o := short
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	each(t, o, func(t *testing.T, open func() *Store) {
		dead, heir, third := open(), open(), open()
		if err := dead.Lock(t.Context(), "issue"); err != nil {
			t.Fatal(err)
		}
		dead.mu.Lock()
		dead.held["issue"].stop() // as if the process were gone: nothing renews it
		dead.mu.Unlock()
		begun := time.Now()
		soon, cancel := context.WithTimeout(t.Context(), 20*short.Lease)
		defer cancel()
		if err := heir.Lock(soon, "issue"); err != nil {
			t.Fatal(err)
		}
		if err := dead.Store(t.Context(), "key", []byte("late")); !mail.Is(err, mail.Unavailable) {
			t.Errorf("who has lost the lock stores: %v", err)
		}
		if err := heir.Store(t.Context(), "key", []byte("new")); err != nil {
			t.Error(err)
		}
		if waited := time.Since(begun); waited < short.Lease/3 {
			t.Errorf("the lock was given away after %v", waited)
		}
		if err := dead.Unlock(t.Context(), "issue"); err != nil {
			t.Errorf("the dead returns: %v", err)
		}
		atOnce, cancel := context.WithTimeout(t.Context(), short.Lease/5)
		defer cancel()
		if err := third.Lock(atOnce, "issue"); err == nil {
			t.Error("the lock is held twice")
		}
	})
}

// A lock is renewed as long as it is held.
func TestALockIsRenewed(t *testing.T) {
	each(t, short, func(t *testing.T, open func() *Store) {
		s := open()
		until := func() (until int64) {
			err := s.tx.Read(t.Context(), func(t *tx.Tx) error { return t.SQL().QueryRow(`SELECT until FROM cert_lock`).Scan(&until) })
			if err != nil {
				t.Fatal(err)
			}
			return until
		}
		if err := s.Lock(t.Context(), "issue"); err != nil {
			t.Fatal(err)
		}
		for first, begun := until(), time.Now(); until() < first+2*short.Lease.Milliseconds(); time.Sleep(short.Lease / 5) {
			if time.Since(begun) > 10*time.Second {
				t.Fatal("it is not renewed")
			}
		}
	})
}

// Whose lock was taken is told when it looks.
func TestALostLockIsLogged(t *testing.T) {
	var log lines
	o := short
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	open := opener(t, dbtest.OnSQLite(t, schema.Files), o)
	a := open()
	if err := a.Lock(t.Context(), "issue"); err != nil {
		t.Fatal(err)
	}
	err := a.tx.Write(t.Context(), nil, func(t *tx.Tx) error {
		_, err := t.SQL().Exec(`UPDATE cert_lock SET token = 'another'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a.renewal.Wait() // gives up by itself
	if !strings.Contains(log.String(), "a lock was lost") {
		t.Errorf("logged %q", log.String())
	}
}

// lines is a log that several goroutines write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Files are nothing without the master key, nor in each other's place.
func TestFilesAreSealed(t *testing.T) {
	const secret = "-----BEGIN PRIVATE KEY-----"
	var kept [][]byte
	on := dbtest.OnSQLite(t, schema.Files)
	s := opener(t, on, Options{})()
	for _, name := range []string{"a", "b"} {
		if err := s.Store(t.Context(), name, []byte(secret)); err != nil {
			t.Fatal(err)
		}
	}
	err := s.tx.Write(t.Context(), nil, func(t *tx.Tx) error {
		kept = nil
		for _, name := range []string{"a", "b"} {
			var sealed []byte
			if err := t.SQL().QueryRow(`SELECT sealed FROM cert_file WHERE name = $1`, name).Scan(&sealed); err != nil {
				return err
			}
			kept = append(kept, bytes.Clone(sealed))
		}
		_, err := t.SQL().Exec(`UPDATE cert_file SET sealed = $1 WHERE name = 'b'`, kept[0])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(kept[0], []byte("PRIVATE")) || bytes.Equal(kept[0], kept[1]) {
		t.Errorf("kept are %q", kept)
	}
	if _, err := s.Load(t.Context(), "b"); err == nil {
		t.Error("a file opens in the place of another")
	}
	other := opener(t, on, Options{MasterKey: bytes.Repeat([]byte("x"), 32)})()
	if _, err := other.Load(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Errorf("another key: %v", err)
	}
	if got, err := s.Load(t.Context(), "a"); err != nil || string(got) != secret {
		t.Errorf("loaded %q, %v", got, err)
	}
}

func TestLimits(t *testing.T) {
	s := opener(t, dbtest.OnSQLite(t, schema.Files), Options{})()
	for name, size := range map[string]int{"": 0, "/a": 0, "a/": 0, "a\x00b": 0, strings.Repeat("n", MaxName+1): 0, "large": MaxFile + 1} {
		if err := s.Store(t.Context(), name, make([]byte, size)); !mail.Is(err, mail.Invalid) && !mail.Is(err, mail.TooLarge) {
			t.Errorf("%.20q of %d bytes: %v", name, size, err)
		}
	}
	if err := s.Lock(t.Context(), strings.Repeat("n", MaxName+1)); !mail.Is(err, mail.Invalid) {
		t.Errorf("a long lock: %v", err)
	}
	if err := s.Store(t.Context(), strings.Repeat("n", MaxName), make([]byte, MaxFile)); err != nil {
		t.Error(err)
	}
}
