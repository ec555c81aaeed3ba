package measure

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"path/filepath"
	"testing"
	"time"

	foreignimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	foreignsmtp "github.com/emersion/go-smtp"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/smtp"
	"github.com/mailmesh/mailmesh/bench/soak"
)

// foreign is a server written by others, so that the clients and the fake server do
// not only understand each other.
type foreign struct {
	smtp, lmtp, imap string
	users            map[string]*imapmemserver.User
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func startForeign(t *testing.T) *foreign {
	t.Helper()
	f := &foreign{users: map[string]*imapmemserver.User{}}
	store := imapmemserver.New()
	for _, a := range accounts {
		u := imapmemserver.NewUser(a.Address, a.Password)
		if err := u.Create("INBOX", nil); err != nil {
			t.Fatal(err)
		}
		store.AddUser(u)
		f.users[a.Address] = u
	}
	is := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return polled{store.NewSession().(imapserver.SessionIMAP4rev2)}, nil, nil
		},
		Caps:         foreignimap.CapSet{foreignimap.CapIMAP4rev1: {}, foreignimap.CapIMAP4rev2: {}},
		InsecureAuth: true, Logger: log.New(io.Discard, "", 0),
	})
	l := listen(t)
	f.imap = l.Addr().String()
	go is.Serve(l)
	t.Cleanup(func() { is.Close() })
	f.smtp, f.lmtp = f.door(t, false), f.door(t, true)
	return f
}

// polled idles by asking for changes. The library's own way says "+ idling" before it begins to listen, and tells of mail that
// comes in between only with the next.
type polled struct{ imapserver.SessionIMAP4rev2 }

func (s polled) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if err := s.Poll(w, true); err != nil {
				return err
			}
		case <-stop:
			return nil
		}
	}
}

func (f *foreign) door(t *testing.T, lmtp bool) string {
	s := foreignsmtp.NewServer(foreignsmtp.BackendFunc(func(*foreignsmtp.Conn) (foreignsmtp.Session, error) {
		return &foreignSession{f: f}, nil
	}))
	s.LMTP, s.Domain, s.ErrorLog = lmtp, "foreign.example", log.New(io.Discard, "", 0)
	l := listen(t)
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

type foreignSession struct {
	f  *foreign
	to []string
}

func (s *foreignSession) Reset()        { s.to = nil }
func (s *foreignSession) Logout() error { return nil }

func (s *foreignSession) Mail(string, *foreignsmtp.MailOptions) error { return nil }

func (s *foreignSession) Rcpt(to string, _ *foreignsmtp.RcptOptions) error {
	if s.f.users[to] == nil {
		return &foreignsmtp.SMTPError{Code: 550, Message: "no such user"}
	}
	s.to = append(s.to, to)
	return nil
}

type literal struct{ *bytes.Reader }

func (s *foreignSession) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, to := range s.to {
		if _, err := s.f.users[to].Append("INBOX", literal{bytes.NewReader(content)}, &foreignimap.AppendOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func TestForeignServer(t *testing.T) {
	f := startForeign(t)
	ctx := context.Background()
	for name, o := range map[string]smtp.Options{"smtp": {}, "bdat": {BDAT: true}, "lmtp": {LMTP: true}, "in steps": {NoPipelining: true}} {
		l := load(f.smtp)
		if l.SMTP = o; o.LMTP {
			l.Addr = f.lmtp
		}
		if r, err := Rate(ctx, RateOptions{Load: l, Count: 40}); err != nil || r.Accepted != 40 || len(r.Errors) != 0 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	v := VisibleOptions{Load: load(f.smtp), IMAPAddr: f.imap, Accounts: accounts, Count: 40, Poll: time.Millisecond, Wait: time.Second}
	if r, err := Visible(ctx, v); err != nil || r.Visible != 40 {
		t.Errorf("visible: %+v, %v", r, err)
	}
	i := IdleOptions{SMTPAddr: f.smtp, IMAPAddr: f.imap, From: "s@example.org", Account: accounts[0], Count: 10, Size: 2048}
	if r, err := Idle(ctx, i); err != nil || r.MailToIdle.Count != 10 {
		t.Errorf("idle: %+v, %v", r, err)
	}
	m := MailboxOptions{Addr: f.imap, Account: accounts[1], Mailbox: "bench", Messages: 120, Size: 4096, Batch: 20, Rounds: 2, Bodies: 50}
	if r, err := Mailbox(ctx, m); err != nil || len(r.Timings) != 9 {
		t.Errorf("imap: %+v, %v", r, err)
	}
	m.Size, m.Mailbox = 6000, "synchronizing" // too long for LITERAL-
	if r, err := Mailbox(ctx, m); err != nil || len(r.Timings) != 9 {
		t.Errorf("imap: %+v, %v", r, err)
	}
}

func TestForeignServerPassesTheSoak(t *testing.T) {
	f := startForeign(t)
	ctx := context.Background()
	dir := t.TempDir()
	o := soak.Options{Addr: f.smtp, Connections: 4, From: "s@example.org", To: Addresses(accounts), PerMail: 2, Size: 1024, MaxSize: 60_000, Dir: dir, Count: 10}
	if r, err := soak.Run(ctx, o); err != nil || r.Acked != 80 {
		t.Fatalf("%+v, %v", r, err)
	}
	passwords := map[string]string{}
	for _, a := range accounts {
		passwords[a.Address] = a.Password
	}
	check := soak.CheckOptions{Addr: f.imap, IMAP: imap.Options{}, Accounts: passwords, Dir: dir, State: filepath.Join(dir, "s.json"), Atomic: true, Strict: true}
	for range 2 {
		r, err := soak.Check(ctx, check)
		if err != nil || !r.OK() || r.BodiesRead != 80 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
}
