package db_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/test/cluster/postgres"
)

// syncLog is a log that may be read while it is written.
type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// onPair opens the database of a pair of servers.
func onPair(t *testing.T, p *postgres.Pair, urls ...string) (*db.DB, *syncLog) {
	t.Helper()
	url := p.URL()
	if len(urls) > 0 {
		url = urls[0]
	}
	log := new(syncLog)
	d, err := db.Open(t.Context(), db.Options{URL: url, Logger: slog.New(slog.NewTextHandler(log, nil))})
	must(t, err)
	t.Cleanup(func() { d.Close() })
	must(t, d.Migrate(t.Context(), schema))
	return d, log
}

func hasAccount(t *testing.T, d *db.DB, id int64) bool {
	t.Helper()
	return number(t, d, "SELECT count(*) FROM account WHERE id = $1", id) == 1
}

// writer adds accounts one after the other until stop, and notes which were acknowledged.
type writer struct {
	first, next  int64
	acknowledged []int64
	unknown      int
	refused      int
	pause        time.Duration // the longest between two acknowledgements
}

func (w *writer) run(d *db.DB, stop <-chan struct{}) {
	last := time.Now()
	for w.next = w.first; ; w.next++ {
		select {
		case <-stop:
			return
		default:
		}
		switch err := d.Write(context.Background(), w.next, addAccount(w.next)); {
		case err == nil:
			w.acknowledged = append(w.acknowledged, w.next)
			w.pause, last = max(w.pause, time.Since(last)), time.Now()
		case errors.Is(err, db.ErrCommitUnknown):
			w.unknown++
		default:
			w.refused++
		}
	}
}

// underLoad runs strike while writers write, and returns them when all have written again after it.
func underLoad(t *testing.T, d *db.DB, strike func()) []*writer {
	t.Helper()
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writers := make([]*writer, 8)
	for i := range writers {
		writers[i] = &writer{first: int64(i+1) << 32}
		writing.Go(func() { writers[i].run(d, stop) })
	}
	read := func() (n int64) { return accounts(t, d) }
	before := read()
	waitFor(t, func() bool { return read() > before+100 })
	strike()
	before = read()
	waitFor(t, func() bool { return read() > before+100 })
	close(stop)
	writing.Wait()
	return writers
}

// Whatever becomes of the primary, what was acknowledged is there afterwards, and the writers go on by themselves.
func TestPrimaryChanges(t *testing.T) {
	ctx := context.Background()
	for name, strike := range map[string]func(p *postgres.Pair) error{
		"killed":  func(p *postgres.Pair) error { return errors.Join(p.Primary().Kill(), p.Promote(ctx)) },
		"stopped": func(p *postgres.Pair) error { return errors.Join(p.Primary().Stop(), p.Promote(ctx)) },
		"frozen":  func(p *postgres.Pair) error { return errors.Join(p.Primary().Freeze(), p.Promote(ctx)) },
		"restart": func(p *postgres.Pair) error { return p.Primary().Restart(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := postgres.ForTest(t, postgres.Options{})
			d, log := onPair(t, p)
			old := p.Primary()
			writers := underLoad(t, d, func() { must(t, strike(p)) })
			var acknowledged, unknown, refused int
			var pause time.Duration
			for _, w := range writers {
				for _, id := range w.acknowledged {
					if !hasAccount(t, d, id) {
						t.Errorf("account %d was acknowledged and is gone", id)
					}
				}
				acknowledged, unknown, refused, pause = acknowledged+len(w.acknowledged), unknown+w.unknown, refused+w.refused, max(pause, w.pause)
			}
			t.Logf("%d acknowledged, %d unknown, %d refused, longest pause %v", acknowledged, unknown, refused, pause)
			if refused > 0 || pause > 8*time.Second {
				t.Errorf("%d writes were refused, the longest pause was %v", refused, pause)
			}
			if changed := strings.Contains(log.String(), "the primary has changed"); changed != (p.Primary() != old) {
				t.Errorf("the log does not tell of the change as it was: %s", log)
			}
		})
	}
}

// A primary that comes back beside the one that took its place is not used: not by who knew it, and not by who meets both.
func TestOldPrimaryComesBack(t *testing.T) {
	p := postgres.ForTest(t, postgres.Options{})
	d, log := onPair(t, p)
	old := p.Primary()
	must(t, old.Freeze())
	must(t, p.Promote(t.Context()))
	write(t, d, addAccount(1))
	must(t, old.Thaw())
	waitFor(t, func() bool { return strings.Contains(log.String(), "two servers take writes") })
	other, _ := onPair(t, p)
	for i, d := range []*db.DB{d, other} {
		write(t, d, addAccount(int64(10+i)))
		if !hasAccount(t, d, 1) {
			t.Errorf("node %d reads from the old primary", i)
		}
	}
	// The new one goes away: the old one is not taken for it, because it lacks what was acknowledged since.
	db.WaitForPrimary(d, 200*time.Millisecond)
	must(t, p.Primary().Kill())
	waitFor(t, func() bool { return strings.Contains(log.String(), "the primary is lost") })
	err := d.Write(t.Context(), 0, addAccount(2))
	if !db.IsUnavailable(err) || !strings.Contains(err.Error(), "timeline 1 and one on 2 was seen") {
		t.Errorf("only the old primary is there: %v", err)
	}
	must(t, p.Primary().Start(t.Context()))
	waitFor(t, func() bool { return d.Write(t.Context(), 0, addAccount(2)) == nil })
}

// While no server is there a write waits so long and no longer; after that it is refused at once, until one comes back.
func TestNoPrimary(t *testing.T) {
	for name, several := range map[string]bool{"one host": false, "two hosts": true} {
		t.Run(name, func(t *testing.T) {
			p := postgres.ForTest(t, postgres.Options{Single: true})
			url := p.URL()
			if several {
				url = postgres.URL(postgres.User, "127.0.0.1:1", p.A.Addr())
			}
			d, _ := onPair(t, p, url)
			write(t, d, addAccount(1))
			db.WaitForPrimary(d, 300*time.Millisecond)
			must(t, p.A.Kill())
			waitFor(t, func() bool {
				start := time.Now()
				err := d.Write(t.Context(), 0, addAccount(2))
				if took := time.Since(start); !db.IsUnavailable(err) || took > 5*time.Second {
					t.Fatalf("no server: %v after %v", err, took)
				}
				return time.Since(start) < 50*time.Millisecond
			})
			var waited atomic.Bool
			done := make(chan error)
			db.WaitForPrimary(d, time.Minute)
			go func() {
				waited.Store(true)
				done <- d.Write(t.Context(), 0, addAccount(3))
			}()
			waitFor(t, waited.Load)
			must(t, p.A.Start(t.Context()))
			must(t, <-done)
		})
	}
}

// The synchronous standby is away: a COMMIT is not acknowledged, and not waited for without end. Reads go on.
func TestStandbyAway(t *testing.T) {
	p := postgres.ForTest(t, postgres.Options{})
	d, _ := onPair(t, p)
	db.CommitWithin(d, 200*time.Millisecond)
	must(t, p.Standby().Freeze())
	start := time.Now()
	if err := d.Write(t.Context(), 0, addAccount(1)); !errors.Is(err, db.ErrCommitUnknown) {
		t.Errorf("COMMIT without the standby: %v", err)
	}
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("it was waited for %v", took)
	}
	must(t, d.Ping(t.Context()))
	must(t, p.Standby().Thaw())
	waitFor(t, func() bool { return d.Write(t.Context(), 0, addAccount(2)) == nil })
}

// A server that was promoted and would lose what it acknowledges is not used.
func TestUnsafeSuccessor(t *testing.T) {
	p := postgres.ForTest(t, postgres.Options{})
	d, _ := onPair(t, p)
	p.Standby().Set("synchronous_commit", "off")
	must(t, p.Standby().Reload())
	must(t, p.Primary().Kill())
	must(t, p.Promote(t.Context()))
	db.WaitForPrimary(d, time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := d.Write(ctx, 0, addAccount(1)); !db.IsUnavailable(err) {
		t.Errorf("the new primary does not sync: %v", err)
	}
	p.Primary().Set("synchronous_commit", "on")
	must(t, p.Primary().Reload())
	waitFor(t, func() bool { return d.Write(t.Context(), 0, addAccount(2)) == nil })
}

// A server that does not tell its timeline to this user is used all the same.
func TestTimelineNotTold(t *testing.T) {
	p := postgres.ForTest(t, postgres.Options{Single: true})
	for _, sql := range []string{"CREATE USER guest", "REVOKE EXECUTE ON FUNCTION pg_walfile_name FROM PUBLIC", "GRANT ALL ON SCHEMA public TO guest"} {
		conn, err := pgx.Connect(t.Context(), p.URL())
		must(t, err)
		_, err = conn.Exec(t.Context(), sql)
		must(t, err)
		must(t, conn.Close(t.Context()))
	}
	d, _ := onPair(t, p, strings.Replace(p.URL(), postgres.User+"@", "guest@", 1))
	write(t, d, addAccount(1))
}

// Health tells who is who, and how far the standby is behind.
func TestHealth(t *testing.T) {
	p := postgres.ForTest(t, postgres.Options{})
	d, _ := onPair(t, p)
	health := func(d *db.DB) db.Health {
		t.Helper()
		h, err := d.Health(t.Context())
		must(t, err)
		return h
	}
	roles := func(h db.Health) (out []string) {
		for _, s := range h.Servers {
			out = append(out, s.Role)
		}
		return out
	}
	h := health(d)
	if !slices.Equal(roles(h), []string{"primary", "standby"}) || h.Servers[0].Timeline != 1 || h.Servers[0].Answer <= 0 ||
		len(h.Standbys) != 1 || h.Standbys[0].Name != "b" || h.Standbys[0].Sync != "sync" || h.Standbys[0].State != "streaming" {
		t.Errorf("a pair: %+v", h)
	}
	must(t, p.Primary().Kill())
	must(t, p.Promote(t.Context()))
	write(t, d, addAccount(1)) // waits for the new one
	waitFor(t, func() bool { return health(d).Servers[0].Role == "away" })
	h = health(d)
	if !slices.Equal(roles(h), []string{"away", "primary"}) || h.Servers[0].Err == "" || h.Servers[1].Timeline != 2 || len(h.Standbys) != 0 {
		t.Errorf("the standby was promoted: %+v", h)
	}
	alone, _ := onPair(t, p, p.Primary().URL(postgres.User))
	if h := health(alone); !slices.Equal(roles(h), []string{"primary"}) || h.Servers[0].Timeline != 2 {
		t.Errorf("one host: %+v", h)
	}
	must(t, p.A.Start(t.Context())) // nobody made it a standby
	waitFor(t, func() bool { return health(d).Servers[0].Role == "former primary" })
}

// A request to cancel a statement comes late and meets the next one on the connection: that runs again.
func TestLateCancel(t *testing.T) {
	p := postgres.ForTest(t, postgres.Options{Single: true})
	d, _ := onPair(t, p)
	other, _ := onPair(t, p)
	for name, do := range map[string]func(context.Context, func(*db.Tx) error) error{
		"read":  d.Read,
		"write": func(ctx context.Context, fn func(*db.Tx) error) error { return d.Write(ctx, 0, fn) },
	} {
		runs := 0
		must(t, do(t.Context(), func(tx *db.Tx) error {
			if runs++; runs > 1 {
				return nil
			}
			var pid int64
			if err := tx.QueryRow("SELECT pg_backend_pid()").Scan(&pid); err != nil {
				return err
			}
			go func() {
				// It sleeps by then, or the cancelling is repeated.
				for other.Read(t.Context(), func(tx *db.Tx) error {
					var ok bool
					return tx.QueryRow("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'", pid).Scan(&ok)
				}) != nil && t.Context().Err() == nil {
				}
			}()
			return tx.QueryRow("SELECT 1 FROM pg_sleep(20)").Scan(&pid)
		}))
		if runs != 2 {
			t.Errorf("the %s ran %d times", name, runs)
		}
	}
}
