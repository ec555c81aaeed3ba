package node_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// logged keeps what a node logs at warning level and above.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// broken is a node with a fault underneath, and what it has acknowledged.
type broken struct {
	t     *testing.T
	cfg   config.Config
	log   *logged
	n     *nodetest.Node
	alice node.DemoAccount
	kept  []string // subjects of messages that were answered 250
}

func newBroken(t *testing.T, cfg config.Config) *broken {
	t.Helper()
	b := &broken{t: t, cfg: cfg, log: new(logged)}
	b.start()
	for _, subject := range []string{"first", "second"} {
		if r := b.send(subject, 0); r[0] != '2' {
			t.Fatal(r)
		}
	}
	return b
}

func (b *broken) start() {
	b.t.Helper()
	b.n = nodetest.Start(b.t, b.cfg, b.log.logger())
	b.alice = b.n.Accounts[0]
}

// send sends a message with padding and notes it when it was taken.
func (b *broken) send(subject string, padding int) string {
	b.t.Helper()
	r := b.n.Send(b.t, "smtp", "me@example.net", []string{b.alice.Address}, letter(subject)+strings.Repeat(strings.Repeat("x", 76)+"\r\n", padding/78))
	if strings.HasPrefix(r[0], "250") {
		b.kept = append(b.kept, subject)
	}
	return r[0]
}

func (b *broken) signIn() *nodetest.IMAP { return b.n.SignIn(b.t, b.alice.Address, b.alice.Password) }

var notNow = regexp.MustCompile(`^(NO \[(UNAVAILABLE|SERVERBUG)\]|-ERR \[SYS/TEMP\]|BYE)`)

// wantNotNow demands answers that ask to try again.
func (b *broken) wantNotNow(what, answer string) {
	b.t.Helper()
	if !notNow.MatchString(answer) && !strings.HasPrefix(answer, "4") {
		b.t.Errorf("%s was answered %q, want 4yz, NO [UNAVAILABLE], NO [SERVERBUG] or -ERR [SYS/TEMP]", what, answer)
	}
}

// wantLogged demands that the log names the cause.
func (b *broken) wantLogged(cause string) {
	b.t.Helper()
	if !strings.Contains(b.log.String(), cause) {
		b.t.Errorf("the log does not say %q:\n%s", cause, b.log.String())
	}
}

// mended demands, on the node as it is and after a restart, that all is well and that nothing was lost.
func (b *broken) mended() {
	b.t.Helper()
	if r := b.send("after", 0); r[0] != '2' {
		b.t.Errorf("after the fault mail is answered %s", r)
	}
	b.wantAll()
	b.n.Stop(b.t)
	nodetest.Verify(b.t, b.cfg)
	b.start()
	b.wantAll()
}

// wantAll demands that every message that was acknowledged is there once.
func (b *broken) wantAll() {
	b.t.Helper()
	c := b.signIn()
	c.OK("SELECT INBOX")
	all := c.OK("UID FETCH 1:* BODY.PEEK[]")
	for _, subject := range b.kept {
		if n := strings.Count(all, "\r\nthis is "+subject+"\r\n"); n != 1 {
			b.t.Errorf("%q is there %d times", subject, n)
		}
	}
}

// indexed brings the text index of all accounts to its end: their mail lies in the same packs.
func (b *broken) indexed() {
	b.t.Helper()
	rooms := b.n.Inside.Rooms()
	for _, a := range b.n.Accounts {
		address, err := mail.ParseAddress(a.Address)
		if err != nil {
			b.t.Fatal(err)
		}
		account, err := rooms.Provision.Account(b.t.Context(), address)
		for more := true; more && err == nil; {
			more, err = rooms.Search.Step(b.t.Context(), account.ID, true)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// The folder of the packs is away while the server runs, as when a disk falls off.
func TestPacksAway(t *testing.T) {
	b := newBroken(t, nodetest.Config(t))
	b.indexed()
	b.n.Stop(t)
	b.start() // with no file open: nothing is left to be read by itself
	c := b.signIn()
	c.OK("SELECT INBOX")
	packs := filepath.Join(b.cfg.Data, "packs")
	if err := os.Rename(packs, packs+".away"); err != nil {
		t.Fatal(err)
	}
	b.wantNotNow("small mail", b.send("small", 0))
	b.wantNotNow("large mail", b.send("large", 2<<20))
	_, answer := c.Do("UID FETCH 1 BODY.PEEK[]")
	b.wantNotNow("FETCH", answer)
	_, answer = c.Do("APPEND INBOX {3+}\r\nx\r\n")
	b.wantNotNow("APPEND", answer)
	pop, answer := b.n.Pop(t, b.alice.Address, b.alice.Password)
	if !strings.HasPrefix(answer, "+OK") { // all it needs is in rows
		t.Errorf("PASS: %s", answer)
	}
	b.wantNotNow("RETR", pop.Do("RETR 1"))
	b.wantLogged("no such file or directory")
	c.OK("UID FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)") // is in rows
	c.OK("UID STORE 1:* +FLAGS (kept)")
	if err := os.Rename(packs+".away", packs); err != nil {
		t.Fatal(err)
	}
	if text := pop.Text("RETR 1"); text == "" {
		t.Error("RETR sends nothing")
	}
	if answer := c.OK("UID FETCH 1 BODY.PEEK[]"); strings.Contains(answer, "BODY[] NIL") {
		t.Errorf("the body is not there again: %s", answer)
	}
	b.mended()
}

// The database file is overwritten underneath the server, and put right again.
func TestDatabaseDamaged(t *testing.T) {
	b := newBroken(t, nodetest.Config(t))
	b.n.Stop(t)
	b.start() // with nothing of it in memory
	path := filepath.Join(b.cfg.Data, "mailmesh.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damage := bytes.Repeat([]byte("damaged "), (len(whole)-4096)/8)
	overwrite := func(content []byte) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteAt(content, 4096) // all but the first page, which says what it is
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	overwrite(damage)
	b.wantNotNow("mail", b.send("damaged", 0))
	_, answer := b.n.Dial(t).Do("LOGIN %q %q", b.alice.Address, b.alice.Password)
	b.wantNotNow("LOGIN", answer)
	_, answer = b.n.Pop(t, b.alice.Address, b.alice.Password)
	b.wantNotNow("PASS", answer)
	b.wantLogged("malformed")
	overwrite(whole[4096:])
	b.n.Stop(t) // what the server has in memory of the damaged file is not to be trusted: the operator starts it anew
	b.start()
	b.mended()
}
