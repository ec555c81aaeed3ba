package node_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
	"github.com/mailmesh/mailmesh/internal/store/transfer"
)

// movingLoad is clients that go on while the server moves, and what they were told.
type movingLoad struct {
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	sent     map[string]bool   // subject: true when it was acknowledged, false when nobody knows
	keywords map[string]string // UID in alice's INBOX: the keyword that was set last
	refused  int
}

// startMovingLoad lets clients send to alice and bob, and set keywords of alice's mail.
func startMovingLoad(n *nodetest.Node) *movingLoad {
	ctx, cancel := context.WithCancel(context.Background())
	l := &movingLoad{cancel: cancel, sent: map[string]bool{}, keywords: map[string]string{}}
	for i := range 3 {
		l.running.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				l.send(n.Doors["smtp"], fmt.Sprintf("moving %d.%d", i, k), n.Accounts)
			}
		})
	}
	l.running.Go(func() {
		for ctx.Err() == nil {
			l.flag(ctx, n.Doors["imap"], n.Accounts[0])
		}
	})
	return l
}

func (l *movingLoad) stop() { l.cancel(); l.running.Wait() }

// lines is a connection that speaks in lines.
type lines struct {
	net.Conn
	*bufio.Reader
}

func (c lines) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func (c lines) line() string {
	text, _ := c.ReadString('\n')
	return text
}

func (c lines) say(format string, args ...any) string {
	fmt.Fprintf(c.Conn, format+"\r\n", args...)
	return c.line()
}

func dialLines(address string) (lines, bool) {
	nc, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		time.Sleep(time.Millisecond) // the server has gone
		return lines{}, false
	}
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	c := lines{nc, bufio.NewReader(nc)}
	return c, c.line() != ""
}

// send sends one message, and notes what the server said.
func (l *movingLoad) send(door, subject string, to []node.DemoAccount) {
	c, ok := dialLines(door)
	if !ok {
		return
	}
	defer c.Close()
	for _, command := range []string{"HELO client.example.net", "MAIL FROM:<me@example.net>", "RCPT TO:<" + to[0].Address + ">", "RCPT TO:<" + to[1].Address + ">", "DATA"} {
		if !strings.HasPrefix(c.say("%s", command), map[bool]string{true: "3", false: "2"}[command == "DATA"]) {
			l.note(func() { l.refused++ })
			return
		}
	}
	answer := c.say("Subject: %s\r\n\r\n%s\r\n.", subject, strings.Repeat(subject+"\r\n", 1+len(subject)%7*40))
	switch {
	case strings.HasPrefix(answer, "250"):
		l.note(func() { l.sent[subject] = true })
	case answer == "":
		l.note(func() { l.sent[subject] = false })
	default:
		l.note(func() { l.refused++ })
	}
}

func (l *movingLoad) note(what func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what()
}

// flag sets keywords in a session until something else than OK is answered.
func (l *movingLoad) flag(ctx context.Context, door string, a node.DemoAccount) {
	c, ok := dialLines(door)
	if !ok {
		return
	}
	defer c.Close()
	command := func(text string) bool {
		for answer := c.say("a %s", text); answer != ""; answer = c.line() {
			if rest, tagged := strings.CutPrefix(answer, "a "); tagged {
				return strings.HasPrefix(rest, "OK")
			}
		}
		return false
	}
	if !command(fmt.Sprintf("LOGIN %q %q", a.Address, a.Password)) || !command("SELECT INBOX") {
		return
	}
	for i := 0; ctx.Err() == nil; i++ {
		uid, keyword := fmt.Sprint(1+i%5), fmt.Sprintf("k%d", i)
		if !command("UID STORE " + uid + " FLAGS.SILENT (" + keyword + ")") {
			l.note(func() { delete(l.keywords, uid) }) // nobody knows
			return
		}
		l.note(func() { l.keywords[uid] = keyword })
	}
}

// check holds the mail of the new server to what was said by the old one.
func (l *movingLoad) check(t *testing.T, n *nodetest.Node) {
	t.Helper()
	acknowledged := 0
	for _, a := range n.Accounts[:2] {
		c := n.SignIn(t, a.Address, a.Password)
		c.OK("SELECT INBOX")
		there := map[string]int{}
		for _, m := range regexp.MustCompile(`(?i)Subject: (moving \S+)`).FindAllStringSubmatch(c.OK("UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]"), -1) {
			there[m[1]]++
		}
		for subject, known := range l.sent {
			if n := there[subject]; n > 1 || known && n != 1 {
				t.Errorf("%s has %q %d times; acknowledged: %v", a.Address, subject, n, known)
			}
			if known {
				acknowledged++
			}
			delete(there, subject)
		}
		for subject := range there {
			t.Errorf("%s has %q, which was refused", a.Address, subject)
		}
	}
	c := n.SignIn(t, n.Accounts[0].Address, n.Accounts[0].Password)
	c.OK("SELECT INBOX")
	for uid, keyword := range l.keywords {
		if answer := c.OK("UID FETCH %s FLAGS", uid); !strings.Contains(answer, keyword) {
			t.Errorf("message %s has lost the keyword %s: %s", uid, keyword, answer)
		}
	}
	t.Logf("%d deliveries acknowledged, %d messages refused, %d keywords", acknowledged, l.refused, len(l.keywords))
	if acknowledged == 0 || len(l.keywords) == 0 {
		t.Error("nothing happened while the server moved")
	}
}

// clustered is the configuration of a node of the cluster that a server moves to.
func clustered(t *testing.T, old config.Config, database string) config.Config {
	t.Helper()
	cfg := nodetest.Config(t)
	cfg.Database = database
	key, err := os.ReadFile(filepath.Join(old.Data, "master.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(cfg.Data, "master.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// migrate begins a migration and waits for its end.
func migrate(t *testing.T, cfg config.Config, to node.NewMigration) node.Migration {
	t.Helper()
	admin, done, err := node.OpenAdmin(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	s, err := admin.BeginMigration(t.Context(), to)
	for err == nil && s.Error == "" && (s.State == node.MigrationRuns || s.State == node.MigrationPauses) {
		time.Sleep(10 * time.Millisecond) // as `mailmesh migrate` does
		s, err = admin.Migration(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A server moves to a cluster while clients use it. All that it has acknowledged is there, once, under the same numbers, and it is
// not served again.
func TestMigrate(t *testing.T) {
	database := dbtest.PostgresURL(t, nil)
	cfg := nodetest.Config(t)
	n := nodetest.Start(t, cfg, nil)
	alice := n.Accounts[0]
	load := startMovingLoad(n)
	numbers := nodetest.Numbers(n.SignIn(t, alice.Address, alice.Password).OK("SELECT INBOX"))
	s := migrate(t, cfg, node.NewMigration{To: database})
	if s.State != node.MigrationIsMoved || s.Error != "" {
		t.Fatalf("the migration has ended as %+v", s)
	}
	load.stop()
	n.Stop(t)
	t.Logf("moved in %d ms, of which the doors were shut for %d", s.TookMS, s.PausedMS)

	if again, err := node.Open(t.Context(), cfg, slog.New(slog.DiscardHandler)); !errors.Is(err, node.ErrMoved) {
		t.Errorf("the old server opens with %v", err)
		again.Close()
	}
	moved := clustered(t, cfg, database)
	n = nodetest.Start(t, moved, nil)
	load.check(t, n)
	after := nodetest.Numbers(n.SignIn(t, alice.Address, alice.Password).OK("SELECT INBOX"))
	if after["UIDVALIDITY"] != numbers["UIDVALIDITY"] || after["UIDNEXT"] < numbers["UIDNEXT"] || after["HIGHESTMODSEQ"] < numbers["HIGHESTMODSEQ"] {
		t.Errorf("the numbers of INBOX are %v, they were %v", after, numbers)
	}
	nodetest.Verify(t, moved)
	n.Stop(t)
}

// A move that fails at its end leaves a server that goes on, also with what is queued, and is moved by the next try. One that is
// killed after there is no way back is ended by the same command, and until then nobody serves.
func TestMigrateFails(t *testing.T) {
	database := dbtest.PostgresURL(t, nil)
	cfg := nodetest.Config(t)
	n := nodetest.Start(t, cfg, nil)
	alice, bob := n.Accounts[0], n.Accounts[1]
	obstacle := filepath.Join(cfg.Data, "moved") // where the mark goes
	if err := os.Mkdir(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	refuses(t, cfg, node.NewMigration{To: "sqlite:x"}, "postgres://")
	refuses(t, cfg, node.NewMigration{To: database, Blobs: "ftp://x"}, "s3://")
	other := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(other, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, cfg, node.NewMigration{To: database, MasterKey: other}, "not this server's master key")
	session := n.SignIn(t, alice.Address, alice.Password)
	if s := migrate(t, cfg, node.NewMigration{To: database}); s.State != node.MigrationFailed || s.Error == "" {
		t.Fatalf("the migration has ended as %+v", s)
	}
	if _, end := session.Do("NOOP"); !strings.HasPrefix(end, "BYE") {
		t.Errorf("a session of before the doors shut is answered %s", end)
	}
	if r := n.Send(t, "smtp", "me@example.net", []string{alice.Address}, letter("after")); !strings.HasPrefix(r[0], "250") {
		t.Errorf("after a move that has failed the server answers %s", r[0])
	}
	forwarded(t, n, cfg, bob)
	before := nextID(t, database)
	if _, err := node.Open(t.Context(), clustered(t, cfg, database), slog.New(slog.DiscardHandler)); !errors.Is(err, transfer.ErrUnfinished) {
		t.Errorf("a cluster that is being filled opens with %v", err)
	}
	if after := nextID(t, database); after != before {
		t.Errorf("opening it has written to it: the next id is %d, it was %d", after, before)
	}

	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	if s := migrate(t, cfg, node.NewMigration{To: database}); s.State != node.MigrationIsMoved {
		t.Fatalf("the next migration has ended as %+v", s)
	}
	n.Stop(t)
	moved := clustered(t, cfg, database)
	unrelease(t, cfg, database)
	if _, err := node.Open(t.Context(), moved, slog.New(slog.DiscardHandler)); !errors.Is(err, transfer.ErrUnfinished) {
		t.Errorf("a cluster that was not released opens with %v", err)
	}
	for range 2 {
		if err := node.EndMigration(t.Context(), cfg, node.NewMigration{To: database}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	}
	n = nodetest.Start(t, moved, nil)
	c := n.SignIn(t, alice.Address, alice.Password)
	c.OK("SELECT INBOX")
	if answer := c.OK(`UID SEARCH SUBJECT after`); !regexp.MustCompile(`SEARCH \d`).MatchString(answer) {
		t.Errorf("what came after the first try is not there: %s", answer)
	}
	nodetest.Verify(t, moved)
}

// forwarded sends mail that goes by way of the queue, and waits for it.
func forwarded(t *testing.T, n *nodetest.Node, cfg config.Config, to node.DemoAccount) {
	t.Helper()
	admin, done, err := node.OpenAdmin(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if _, err = admin.AddGroup(t.Context(), node.NewGroup{Address: "all@demo.example", Post: "anyone"}); err == nil {
		err = admin.SetMember(t.Context(), "all@demo.example", to.Address, node.MemberChange{})
	}
	if err != nil {
		t.Fatal(err)
	}
	c := n.SignIn(t, to.Address, to.Password)
	c.OK("SELECT INBOX")
	if r := n.Send(t, "smtp", "me@example.net", []string{"all@demo.example"}, letter("forwarded")); !strings.HasPrefix(r[0], "250") {
		t.Fatalf("mail for a group is answered %s", r[0])
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if answer := c.OK("UID SEARCH SUBJECT forwarded"); regexp.MustCompile(`SEARCH \d`).MatchString(answer) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the queue does nothing")
		}
	}
}

// refuses wants a migration not even begun.
func refuses(t *testing.T, cfg config.Config, to node.NewMigration, why string) {
	t.Helper()
	admin, done, err := node.OpenAdmin(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if _, err := admin.BeginMigration(t.Context(), to); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("to %+v: %v, want %q", to, err, why)
	}
}

func nextID(t *testing.T, database string) (id int64) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{URL: database})
	if err == nil {
		err = d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow(`SELECT next_id FROM instance`).Scan(&id) })
		err = errors.Join(err, d.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// unrelease leaves the target as a kill right before its release does.
func unrelease(t *testing.T, old config.Config, database string) {
	t.Helper()
	var token string
	for _, url := range []string{"sqlite:" + filepath.Join(old.Data, "mailmesh.db"), database} {
		d, err := db.Open(t.Context(), db.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if token == "" {
			err = d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow(`SELECT token FROM transfer`).Scan(&token) })
		} else {
			err = d.Write(t.Context(), 0, func(tx *db.Tx) error {
				tx.Queue(`INSERT INTO transfer (part, token, state, place, seq, row_count) SELECT '', $1, 1, $2, 0, 0`, token, []byte{})
				return nil
			})
		}
		if err := errors.Join(err, d.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
