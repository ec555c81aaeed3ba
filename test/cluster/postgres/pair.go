package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// User is the owner of the databases. No password is asked for.
const User = "mailmesh"

// Options change what Start starts. The zero value is a primary with a synchronous standby.
type Options struct {
	Settings map[string]string // of postgresql.conf, on both
	Single   bool              // no standby
	Folder   string            // to make the data in; empty for one in memory
}

// Pair is a primary and a standby. Its methods may be called from several goroutines, one change of roles at a time.
type Pair struct {
	A, B *Server // A begins as the primary; B is nil with Options.Single

	dir      string
	bin      string
	lifeline *os.File

	mu      sync.Mutex
	primary *Server
}

// ForTest starts a pair that ends with the test.
func ForTest(t testing.TB, o Options) *Pair {
	t.Helper()
	if _, err := programs(); err != nil && os.Getenv("CI") != "true" {
		t.Skipf("no PostgreSQL for this test: %v; run test/setup", err)
	}
	p, err := Start(t.Context(), o)
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("PostgreSQL's logs end:\n%s", p.Logs())
		}
		if err := p.Close(); err != nil {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	})
	return p
}

// programs is the folder with PostgreSQL's programs: also those that some packages of the server alone lack.
func programs() (string, error) {
	bin, err := dbtest.Programs()
	if err != nil {
		return "", err
	}
	for _, name := range []string{"pg_basebackup", "pg_ctl"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return "", err
		}
	}
	return bin, nil
}

// keeper outlives a process that is killed: it reads the end of its input, ends the servers and removes the folder $1.
const keeper = `
trap '' HUP INT TERM QUIT
cat >/dev/null
for f in "$1"/*/data/postmaster.pid; do
	read -r pid <"$f" && kill -QUIT "$pid" && kill -CONT "$pid"
done 2>/dev/null
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
`

// Start starts the servers and returns when the standby is synchronous.
func Start(ctx context.Context, o Options) (*Pair, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	folder := o.Folder
	if folder == "" {
		folder = dbtest.MemoryFolder()
	}
	dir, err := os.MkdirTemp(folder, "mailmesh-pair-")
	if err != nil {
		return nil, err
	}
	p := &Pair{dir: dir, bin: bin}
	if err := p.keep(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := p.start(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("%w; the logs end: %s", err, p.Logs()), p.Close())
	}
	return p, nil
}

// keep starts the keeper.
func (p *Pair) keep() error {
	end, lifeline, err := os.Pipe()
	if err != nil {
		return err
	}
	defer end.Close()
	cmd := exec.Command("/bin/sh", "-c", keeper, "keeper", p.dir)
	cmd.Dir, cmd.Stdin = "/", end
	if err := dbtest.AsOrdinaryUser(cmd, p.dir); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, lifeline.Close())
	}
	go func() { _ = cmd.Wait() }()
	p.lifeline = lifeline
	return nil
}

func (p *Pair) start(ctx context.Context, o Options) error {
	var err error
	if p.A, err = p.newServer("a", o.Settings); err != nil {
		return err
	}
	p.primary = p.A
	if err := p.Run(ctx, "initdb", "--no-sync", "--auth=trust", "--username="+User, "--encoding=UTF8", "--no-locale",
		"--pgdata="+p.A.Data()); err != nil {
		return err
	}
	if err := p.A.Start(ctx); err != nil {
		return err
	}
	if err := p.A.do(ctx, "postgres", "CREATE DATABASE "+User); err != nil {
		return err
	}
	if o.Single {
		return nil
	}
	if p.B, err = p.newServer("b", o.Settings); err != nil {
		return err
	}
	return p.follow(ctx, p.B, p.A)
}

// follow makes s a new copy of the primary, its synchronous standby.
func (p *Pair) follow(ctx context.Context, s, primary *Server) error {
	if err := os.RemoveAll(s.Data()); err != nil {
		return err
	}
	if err := p.Run(ctx, "pg_basebackup", "--dbname="+primary.URL("postgres"), "--pgdata="+s.Data(), "--checkpoint=fast", "--no-sync"); err != nil {
		return err
	}
	s.Set("primary_conninfo", "host="+primary.host()+" port="+primary.port()+" user="+User+" application_name="+s.Name+" connect_timeout=2")
	if err := os.WriteFile(filepath.Join(s.Data(), "standby.signal"), nil, 0o644); err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	if err := p.Synchronous(s.Name); err != nil {
		return err
	}
	return p.AwaitSync(ctx)
}

// Primary is the server that was last made the primary.
func (p *Pair) Primary() *Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.primary
}

// Standby is the other one, nil in a pair of one. It may be an old primary that has not rejoined.
func (p *Pair) Standby() *Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.primary == p.A {
		return p.B
	}
	return p.A
}

// URL names both servers and the database that tests use.
func (p *Pair) URL() string {
	if p.B == nil {
		return URL(User, p.A.Addr())
	}
	return URL(User, p.A.Addr(), p.B.Addr())
}

// URL names servers, or proxies before them, in the order in which they are tried.
func URL(database string, addrs ...string) string {
	u := url.URL{Scheme: "postgres", User: url.User(User), Host: strings.Join(addrs, ","), Path: "/" + database,
		RawQuery: "sslmode=disable"}
	return u.String()
}

// Synchronous names the standbys that a COMMIT waits for on the primary: one by its name, or none with "".
func (p *Pair) Synchronous(names string) error {
	primary := p.Primary()
	primary.Set("synchronous_standby_names", names)
	return primary.Reload()
}

// AwaitSync waits until the primary has a synchronous standby that follows it.
func (p *Pair) AwaitSync(ctx context.Context) error {
	return p.Primary().await(ctx, "a synchronous standby", func(ctx context.Context, c *pgx.Conn) (ok bool, err error) {
		err = c.QueryRow(ctx, `SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state IN ('sync','quorum') AND state = 'streaming'`).Scan(&ok)
		return ok, err
	})
}

// Promote makes the standby the primary with pg_ctl, and leaves the old one as it is: stop or kill it before, or have two.
// The new one waits for no standby until Rejoin.
func (p *Pair) Promote(ctx context.Context) error {
	s := p.Standby()
	s.Set("synchronous_standby_names", "")
	if err := p.Run(ctx, "pg_ctl", "promote", "--pgdata="+s.Data(), "--timeout=30"); err != nil {
		return err
	}
	p.mu.Lock()
	p.primary = s
	p.mu.Unlock()
	return nil
}

// Rejoin makes the server that is not the primary a synchronous standby of the one that is. What it has and the primary has not is lost.
func (p *Pair) Rejoin(ctx context.Context) error {
	s := p.Standby()
	if err := s.Kill(); err != nil {
		return err
	}
	return p.follow(ctx, s, p.Primary())
}

// Logs are the last lines of the servers' logs.
func (p *Pair) Logs() string {
	var b strings.Builder
	for _, name := range []string{"a", "b"} {
		log, _ := os.ReadFile(filepath.Join(p.dir, name, "log"))
		if len(log) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", name, log[max(0, len(log)-4000):])
		}
	}
	return b.String()
}

// Close ends the servers and removes their data.
func (p *Pair) Close() error {
	var errs []error
	for _, s := range []*Server{p.B, p.A} {
		if s != nil {
			errs = append(errs, s.Kill())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(p.dir), p.lifeline.Close())...)
}

// Folder is where the servers keep what they have; the user that they run as may write in it.
func (p *Pair) Folder() string { return p.dir }

// Run runs one of PostgreSQL's programs, or another by its path, as the user that the servers run as; A is who it talks to by default.
func (p *Pair) Run(ctx context.Context, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	path := program
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.bin, program)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "PATH="+p.bin+":"+os.Getenv("PATH"), "PGHOST="+p.A.host(), "PGPORT="+p.A.port(), "PGUSER="+User)
	if err := dbtest.AsOrdinaryUser(cmd, p.dir); err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, out)
	}
	return nil
}
