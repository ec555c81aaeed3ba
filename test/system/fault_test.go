//go:build system

package system

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/sys/unix"

	bench "github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/soak"
	"github.com/mailmesh/mailmesh/test/program"
)

// load is mail that keeps coming while things break, and what was promised about it.
type load struct {
	s         *server
	journals  string
	accounts  []string
	passwords map[string]string

	connections int
}

func newLoad(s *server, accounts int) *load {
	s.t.Helper()
	l := &load{s: s, journals: s.t.TempDir(), accounts: s.addAccounts(accounts), passwords: map[string]string{}, connections: 8}
	for _, a := range l.accounts {
		l.passwords[a] = password
	}
	return l
}

// run delivers mail over all connections until ctx ends, or count mails over each.
func (l *load) run(ctx context.Context, count int) *soak.Report {
	l.s.t.Helper()
	report, err := soak.Run(ctx, soak.Options{Addr: l.s.ready.SMTP, Connections: l.connections, From: "load@example.net", To: l.accounts,
		PerMail: 2, Size: 2 << 10, MaxSize: 256 << 10, Dir: l.journals, Count: count})
	if err != nil {
		l.s.t.Error(err)
	}
	return report
}

// check demands that all that was acknowledged is there, once and whole, and nothing that was refused.
func (l *load) check() {
	l.s.t.Helper()
	checked, err := soak.Check(context.Background(), soak.CheckOptions{Addr: l.s.ready.IMAP, Accounts: l.passwords, Dir: l.journals,
		IMAP: bench.Options{}, Atomic: true})
	if err == nil {
		err = checked.Err()
	}
	if err != nil {
		l.s.t.Fatal(err)
	}
	l.s.t.Logf("%d recipients acknowledged, all there; %d in doubt", checked.Acked, checked.InDoubt)
}

// wantTemporary fails the test for replies to mail that are not temporary failures, and for connections that were lost
// without a word: after many failures in a row there is one, 421.
func (l *load) wantTemporary(r *soak.Report) {
	l.s.t.Helper()
	if r.Refused == 0 {
		l.s.t.Error("no mail was refused")
	}
	for why := range r.Why {
		if !temporary.MatchString(why) {
			l.s.t.Errorf("mail was not refused for now: %s", why)
		}
	}
}

var temporary = regexp.MustCompile(`\b4\d\d\b`)

// wantNo demands that an IMAP command fails for now, in the words of RFC 5530.
func wantNo(t *testing.T, what string, err error) {
	t.Helper()
	var no *imap.Error
	if !errors.As(err, &no) || no.Type != imap.StatusResponseTypeNo || no.Code != imap.ResponseCodeUnavailable && no.Code != imap.ResponseCodeServerBug {
		t.Errorf("%s was answered %v, want NO [UNAVAILABLE] or NO [SERVERBUG]", what, err)
	}
}

// appendTo appends a small message to INBOX.
func (c *client) appendTo(text string) error {
	a := c.Append("INBOX", int64(len(text)), nil)
	if _, err := a.Write([]byte(text)); err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	_, err := a.Wait()
	return err
}

// flag changes a flag of every message.
func (c *client) flag(f imap.Flag) error {
	return c.Store(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{f}}, nil).Close()
}

// bodies reads every message whole and returns how many there are.
func (c *client) bodies() (n int, err error) {
	all, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
	return len(all), err
}

// probe tries one of each: mail and changes must fail for now. Reading may as well: after a failed COMMIT the database is
// opened anew, which takes a little room on the disk.
func (l *load) probe(c *client) {
	l.s.t.Helper()
	l.wantTemporary(l.run(context.Background(), 1))
	wantNo(l.s.t, "APPEND", c.appendTo("Subject: a\r\n\r\nb\r\n"))
	wantNo(l.s.t, "STORE", c.flag(imap.FlagAnswered))
	if n, err := c.bodies(); err != nil {
		wantNo(l.s.t, "FETCH", err)
	} else if n == 0 {
		l.s.t.Error("no messages were read")
	}
}

// mended demands that everything works again.
func (l *load) mended(c *client) {
	l.s.t.Helper()
	if r := l.run(context.Background(), 3); r.Refused > 0 || r.Lost > 0 || r.Acked == 0 {
		l.s.t.Errorf("after the fault: %+v", r)
	}
	if err := errors.Join(c.appendTo("Subject: a\r\n\r\nb\r\n"), c.flag(imap.FlagFlagged)); err != nil {
		l.s.t.Errorf("after the fault: %v", err)
	}
}

// wantLogged demands that the log names the cause, in one of the ways that packs and database have.
func (l *load) wantLogged(causes ...string) {
	l.s.t.Helper()
	log := l.s.log.String()
	if !slices.ContainsFunc(causes, func(cause string) bool { return strings.Contains(log, cause) }) {
		l.s.t.Errorf("the log says none of %q", causes)
	}
}

// Writes fail, for as long as files must not grow: each at another point of the way of a mail. The server answers for now
// only, says why in its log, goes on when writes succeed again, and has lost nothing.
func TestWritesFail(t *testing.T) {
	t.Logf("repeat with -seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 1))
	s := newServer(t)
	l := newLoad(s, 4)
	limit := func(bytes uint64) {
		t.Helper()
		if err := unix.Prlimit(s.pid(), unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	l.run(t.Context(), 4)
	c := dialAs(t, s, l.accounts[0])

	limit(0)
	l.probe(c)
	limit(unix.RLIM_INFINITY)
	l.wantLogged("file too large", "disk I/O error")
	l.mended(c)

	ctx, stop := context.WithCancel(context.Background())
	loaded := make(chan *soak.Report, 1)
	go func() { loaded <- l.run(ctx, 0) }()
	for range 12 {
		time.Sleep(time.Duration(20+random.IntN(150)) * time.Millisecond) // the load runs for this long
		limit(random.Uint64N(2 << 20))
		time.Sleep(time.Duration(20+random.IntN(150)) * time.Millisecond)
		limit(unix.RLIM_INFINITY)
	}
	stop()
	l.wantTemporary(<-loaded)
	l.mended(c)
	s.stop()
	s.verify()
	s.start()
	l.check()
}

// Another program holds the lock of the database for longer than the server waits for it.
func TestDatabaseLocked(t *testing.T) {
	s := newServer(t)
	l := newLoad(s, 4)
	l.run(t.Context(), 1)
	c := dialAs(t, s, l.accounts[0])
	drivers := sql.Drivers() // SQLite is infra/db's
	i := slices.IndexFunc(drivers, func(name string) bool { return strings.HasPrefix(name, "sqlite") })
	d, err := sql.Open(drivers[i], filepath.Join(s.data, "mailmesh.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.SetMaxOpenConns(1)
	do := func(statement string) {
		t.Helper()
		if _, err := d.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	do("BEGIN IMMEDIATE")
	l.connections = 1 // one write after the other waits for its ten seconds
	l.wantTemporary(l.run(context.Background(), 1))
	if n, err := c.bodies(); err != nil || n == 0 {
		t.Errorf("readers do not wait, but %d messages were read: %v", n, err)
	}
	l.wantLogged("database is locked")
	do("ROLLBACK")
	l.mended(c)
	s.stop()
	s.verify()
	s.start()
	l.check()
}

// inPrivateMounts runs the rest of the test in a process that can mount, where nobody else sees it. It returns true there.
func inPrivateMounts(t *testing.T) bool {
	t.Helper()
	const inside = "MAILMESH_TEST_PRIVATE_MOUNTS"
	if os.Getenv(inside) == t.Name() {
		return true
	}
	args := []string{"--mount"}
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	unshare := tool(t, "unshare")
	if out, err := exec.Command(unshare, append(args, "mount", "-t", "tmpfs", "-o", "size=1m", "none", t.TempDir())...).CombinedOutput(); err != nil {
		t.Skipf("this machine does not let us mount: %v: %s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(unshare, append(args, self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")...)
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	return false
}

// The disk runs full, and is given more room.
func TestDiskFull(t *testing.T) {
	if !inPrivateMounts(t) {
		return
	}
	s := &server{t: t, data: filepath.Join(t.TempDir(), "data"), log: new(program.Output)}
	if err := os.Mkdir(s.data, 0o700); err != nil {
		t.Fatal(err)
	}
	mount := func(flags uintptr, size string) {
		t.Helper()
		if err := unix.Mount("none", s.data, "tmpfs", flags, "size="+size); err != nil {
			t.Fatal(err)
		}
	}
	mount(0, "20m")
	t.Cleanup(func() { s.kill(); unix.Unmount(s.data, unix.MNT_DETACH) })
	s.start()
	l := newLoad(s, 4)
	l.run(t.Context(), 4)
	c := dialAs(t, s, l.accounts[0])
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second) // long after it is full
	defer stop()
	l.wantTemporary(l.run(ctx, 0))
	fill(t, filepath.Join(s.data, "ballast")) // to the last byte, so that also small writes fail
	l.probe(c)
	l.wantLogged("no space left on device", "disk is full")
	mount(unix.MS_REMOUNT, "200m")
	l.mended(c)
	s.stop()
	s.verify()
	s.start()
	l.check()
}

// fill writes a file until there is no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = error(nil); err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
}
