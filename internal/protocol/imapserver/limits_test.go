package imapserver

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// RFC 9051 5.4: at least 30 minutes after sign-in; and BYE that says why, in IDLE too (RFC 2177 3).
func TestAutologout(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		a, b, idle := f.login(), f.login("SELECT INBOX"), f.login("SELECT INBOX")
		idle.idle()
		begun := time.Now()
		time.Sleep(10 * time.Minute)
		b.ok("NOOP")
		a.hear(`\* BYE \[UNAVAILABLE\] nothing was sent for too long`)
		doortest.Within(t, begun, 30*time.Minute)
		a.hearClosed()
		idle.hear(`\* BYE \[UNAVAILABLE\] .*`)
		doortest.Within(t, begun, 30*time.Minute)
		b.hear(`\* BYE \[UNAVAILABLE\] .*`)
		doortest.Within(t, begun, 40*time.Minute)
		b.hearClosed()
	})
}

// The time to sign in is counted from the start, whatever a client does meanwhile.
func TestPreauth(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		begun := time.Now()
		silent, busy, slow := f.connect("imap"), f.connect("imap"), f.connect("imap")
		for range 5 {
			time.Sleep(20 * time.Second)
			busy.ok("NOOP")
			slow.write("x")
		}
		for _, c := range []*client{silent, busy, slow} {
			c.hear(`\* BYE \[UNAVAILABLE\] no sign-in for too long`)
			c.hearClosed()
		}
		doortest.Within(t, begun, 2*time.Minute)
	})
}

// Who has not signed in must hurry while the door is crowded.
func TestCrowdedDoor(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		begun := time.Now()
		signedIn, first, second := f.login(), f.connect("imap"), f.connect("imap")
		time.Sleep(25 * time.Second) // not crowded: nothing happens
		first.ok("NOOP")
		synctest.Wait()
		last := f.connect("imap")
		second.hear(`\* BYE \[UNAVAILABLE\] no sign-in for too long`) // they look every ten seconds
		second.hearClosed()
		doortest.Within(t, begun, 30*time.Second)
		time.Sleep(time.Minute) // when one is gone, the others have their time
		for _, c := range []*client{first, last, signedIn} {
			c.ok("NOOP")
		}
	}, func(o *Options) { o.Limits.Connections = 4 })
}

func TestHandshakeTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		begun := time.Now()
		nc, err := f.Secure.Dial("192.0.2.7:1")
		f.Must(err)
		plain := f.connect("remote")
		plain.ok("STARTTLS")
		if _, err := nc.Read(make([]byte, 1)); err == nil {
			t.Error("the server speaks first")
		}
		plain.hearClosed()
		doortest.Within(t, begun, 30*time.Second)
	})
}

// A command that stops half-way, at any place.
func TestStalledCommand(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		line, literal, message, auth := f.login(), f.login(), f.login(), f.connect("imap")
		begun := time.Now()
		line.write("a SEL")
		literal.write("a SELECT {10+}\r\nabc")
		message.write("a APPEND INBOX {10}\r\n")
		message.hear(`\+ .*`)
		message.write("abc")
		auth.write("a AUTHENTICATE PLAIN\r\n")
		auth.hear(`\+ `)
		auth.hear(`\* BYE \[UNAVAILABLE\] no sign-in .*`)
		for _, c := range []*client{line, literal, message} {
			c.hear(`\* BYE \[UNAVAILABLE\] a command stopped half-way for too long`)
			c.hearClosed()
			doortest.Within(t, begun, 5*time.Minute)
		}
	})
}

// A client that does not take its replies loses the connection, in FETCH and in IDLE; others go on meanwhile.
func TestClientThatNeverReads(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		f.Deliver(ann, "INBOX", strings.Repeat("x", 100_000))
		fetching, idling, other := f.login("SELECT INBOX"), f.login("SELECT INBOX"), f.login("SELECT INBOX")
		begun := time.Now()
		fetching.send("FETCH 1 BODY.PEEK[]")
		idling.idle()
		f.Deliver(ann, "INBOX", sample(1))
		if got := other.ok("NOOP"); len(got) == 0 || got[0] != "* 2 EXISTS" {
			t.Errorf("another session hears %q", got)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		doortest.Within(t, begun, time.Minute)
		for _, c := range []*client{fetching, idling} {
			if _, err := c.conn.Write([]byte("x")); err == nil {
				t.Error("the connection is still there")
			}
		}
		other.ok("NOOP")
	})
}

// A drain says goodbye to those who wait, and lets a command that has begun end.
func TestDrain(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		fresh, selected, idle := f.connect("imap"), f.login("SELECT INBOX"), f.login("SELECT INBOX")
		appending, stuck := f.login(), f.login()
		idle.idle()
		for _, c := range []*client{appending, stuck} {
			c.write("a APPEND INBOX {4}\r\n")
			c.hear(`\+ .*`)
			c.write("12")
		}
		synctest.Wait()
		begun := time.Now()
		stopped := make(chan struct{})
		go func() { f.Stop(); close(stopped) }()
		for _, c := range []*client{fresh, selected, idle} {
			c.hear(`\* BYE \[UNAVAILABLE\] this server is out of service for a moment.*`)
			c.hearClosed()
		}
		doortest.Within(t, begun, 0)
		time.Sleep(4 * time.Second)
		appending.write("34\r\n")
		appending.hear(`a OK \[APPENDUID .*`)
		appending.hear(`\* BYE \[UNAVAILABLE\] this server is out of service for a moment.*`)
		stuck.hear(`\* BYE \[UNAVAILABLE\] this server is out of service for a moment.*`)
		doortest.Within(t, begun, 5*time.Second)
		stuck.hearClosed()
		<-stopped
	})
}

// A session that takes too long is aborted, also under TLS where saying goodbye would wait for the client.
func TestDrainDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		f.Deliver(ann, "INBOX", strings.Repeat("x", 100_000))
		c := f.connect("imaps")
		c.ok("LOGIN " + annAddress + ` "` + annPassword + `"`)
		c.ok("SELECT INBOX")
		c.send("FETCH 1 BODY.PEEK[]")
		synctest.Wait()
		begun := time.Now()
		f.Stop()
		doortest.Within(t, begun, 10*time.Second)
	})
}

func TestConnectionLimits(t *testing.T) {
	f := serve(t, func(o *Options) { o.Limits.Connections, o.Limits.ConnectionsPerHost = 3, 2 })
	f.connect("imap")
	f.connect("imap")
	nc, err := f.Dial("imap")
	f.Must(err)
	third := &client{t: t, conn: nc}
	buf := make([]byte, 200)
	n, _ := nc.Read(buf)
	if got := string(buf[:n]); got != "* BYE [UNAVAILABLE] too many connections from one host, try again later\r\n" {
		t.Errorf("heard %q", got)
	}
	third.conn.Close()
	f.connect("remote")
	nc, err = f.Plain.Dial("198.51.100.1:1")
	f.Must(err)
	n, _ = nc.Read(buf)
	if got := string(buf[:n]); !strings.HasPrefix(got, "* BYE [UNAVAILABLE] too many connections, ") {
		t.Errorf("heard %q", got)
	}
}

// Ten wrong passwords are free; then those of strangers are refused unseen, for a while.
func TestFailedSignInsAreThrottled(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		for i := range 10 {
			c := f.connect("imaps")
			if _, reply := c.do("LOGIN ann@example.org wrong" + strings.Repeat("x", i)); !strings.HasPrefix(reply, "NO [AUTHENTICATIONFAILED]") {
				t.Fatalf("attempt %d: %s", i, reply)
			}
			c.conn.Close()
		}
		c := f.connect("imaps")
		if _, reply := c.do("LOGIN ann@example.org wrongest"); !strings.HasPrefix(reply, "NO [AUTHENTICATIONFAILED]") {
			t.Fatalf("the attempt that closes: %s", reply)
		}
		if _, reply := c.do(`LOGIN ann@example.org "correct horse"`); !strings.HasPrefix(reply, "NO [UNAVAILABLE]") {
			t.Fatalf("the right password while the account is closed: %s", reply)
		}
		time.Sleep(time.Minute)
		if _, reply := c.do(`LOGIN ann@example.org "correct horse"`); !strings.HasPrefix(reply, "OK") {
			t.Fatalf("later: %s", reply)
		}
	})
}

func TestFailedSignInIsLogged(t *testing.T) {
	f := serve(t)
	c := f.connect("imap")
	c.do("LOGIN ann@example.org wrong")
	if log := f.SignIns.String(); !strings.Contains(log, "sign-in refused") || !strings.Contains(log, ann.String()) || !strings.Contains(log, "tls=false") ||
		!strings.Contains(log, "127.0.0.1") || strings.Contains(log, "wrong password") {
		t.Errorf("the log says %q", log)
	}
}

// Mail can be read while nothing can be written: a full disk, say.
func TestReadOnlyStore(t *testing.T) {
	f := serve(t)
	f.Deliver(ann, "INBOX", sample(1))
	f.Must(f.DB.Write(t.Context(), 0, func(d *db.Tx) error {
		_, err := d.Exec(`CREATE TRIGGER full BEFORE UPDATE ON mailbox BEGIN SELECT RAISE(ABORT, 'no space'); END`)
		return err
	}))
	c := f.login("SELECT INBOX")
	if got := c.ok("FETCH 1 (FLAGS BODY[TEXT])"); len(got) != 1 || !strings.Contains(got[0], "FLAGS (\\Recent) BODY[TEXT] {32}\r\nThis is the text") {
		t.Errorf("FETCH: %q", got)
	}
	for _, command := range []string{"STORE 1 +FLAGS (\\Seen)", "COPY 1 Sent", "MOVE 1 Sent", "APPEND INBOX {1+}\r\nx"} {
		if _, reply := c.do(command); !strings.HasPrefix(reply, "NO [SERVERBUG]") {
			t.Errorf("%s: %s", command, reply)
		}
	}
	c.ok("CLOSE")
	if log := f.log.String(); strings.Count(log, "no space") < 7 {
		t.Errorf("the log says %s", log)
	}
}

// A client that does not know whether its command was carried out must be told so: to repeat it may do it twice.
func TestUnknownOutcome(t *testing.T) {
	f := serve(t)
	s := newSession(t.Context(), f.Server, listen.NewConn(&net.TCPConn{}))
	for want, err := range map[string]error{
		"it is not known whether this was done": mail.ErrOutcomeUnknown,
		"this cannot be done right now":         errors.New("the disk is full"),
	} {
		r := s.failed(imap.Request{Name: "MOVE"}, &mail.Error{Op: "mailbox.Move", Kind: mail.Unavailable, Err: err})
		if r.cond != imap.NO || r.code != imap.CodeUnavailable || !strings.HasPrefix(r.text, want) {
			t.Errorf("%v: %v", err, r)
		}
	}
}

// A fault of the store is answered NO [SERVERBUG] or NO [UNAVAILABLE], logged with its cause, and loses nothing.
func TestStoreFaults(t *testing.T) {
	f := serve(t)
	f.Deliver(ann, "INBOX", sample(1))
	c := f.login("SELECT INBOX")
	broken := errors.New("the disk is on fire")
	f.Blobs.Fail = func(string) error { return broken }
	if _, reply := c.do("FETCH 1 BODY.PEEK[]"); !strings.HasPrefix(reply, "NO [SERVERBUG]") {
		t.Errorf("FETCH: %s", reply)
	}
	if _, reply := c.do("SEARCH BODY text"); !strings.HasPrefix(reply, "NO [SERVERBUG]") {
		t.Errorf("SEARCH: %s", reply)
	}
	f.Blobs.Fail = func(string) error { return mail.E("disk", mail.Unavailable, broken) }
	if _, reply := c.do("APPEND INBOX {4+}\r\nabcd"); !strings.HasPrefix(reply, "NO [UNAVAILABLE]") {
		t.Errorf("APPEND: %s", reply)
	}
	if log := f.log.String(); strings.Count(log, "the disk is on fire") != 3 {
		t.Errorf("the log says %s", log)
	}
	f.Blobs.Fail = nil
	if got := c.ok("FETCH 1 BODY.PEEK[TEXT]"); len(got) != 1 || !strings.Contains(got[0], "This is the text of message 1.") {
		t.Errorf("afterwards FETCH answers %q", got)
	}
	c.ok("NOOP")
}

// Who has not signed in cannot make the server hold much.
func TestStrangersAreBounded(t *testing.T) {
	f := serve(t)
	c := f.connect("imap")
	for _, command := range []string{"LOGIN {5000+}\r\n" + strings.Repeat("x", 5000) + " y", "LOGIN " + strings.Repeat("x", 20_000) + " y",
		"ID (" + strings.Repeat("{4096+}\r\n"+strings.Repeat("x", 4096)+" NIL ", 10) + ")"} {
		if _, reply := c.do(command); !strings.HasPrefix(reply, "BAD ") {
			t.Errorf("%.40s: %s", command, reply)
		}
	}
	c.send("LOGIN {1000000+}")
	c.hear(`\* BYE \[TOOBIG\] .*`)
	c.hearClosed()
	c = f.login()
	if _, reply := c.do("STATUS {5000+}\r\n" + strings.Repeat("x", 5000) + " (MESSAGES)"); !strings.HasPrefix(reply, "NO [CANNOT]") {
		t.Errorf("after sign-in: %s", reply)
	}
}

// A session ends when its account does.
func TestAccountGone(t *testing.T) {
	f := serve(t)
	f.Deliver(ann, "INBOX", sample(1))
	c := f.login("SELECT INBOX")
	f.Must(f.Tx.Write(t.Context(), nil, func(t *tx.Tx) error { return f.Directory.CloseHome(t, ann) }))
	c.send("STORE 1 FLAGS (x)")
	c.hear(`\* 1 FETCH \(FLAGS \(\\Recent\)\)`)
	c.hear(`\* BYE \[UNAVAILABLE\] the account is not here any more`)
	c.hearClosed()
}

// A panic ends one session, with BYE, and no other.
func TestPanic(t *testing.T) {
	f := serve(t)
	f.Deliver(ann, "INBOX", sample(1))
	other := f.login()
	c := f.login("SELECT INBOX")
	f.Blobs.Fail = func(string) error { panic("on purpose") }
	c.send("FETCH 1 BODY[]")
	c.hear(`\* BYE \[SERVERBUG\] .*`)
	c.hearClosed()
	if log := f.log.String(); !strings.Contains(log, "on purpose") || !strings.Contains(log, "fetch.go") {
		t.Errorf("the log says %s", log)
	}
	other.ok("NOOP")
}

func TestTLS(t *testing.T) { doortest.TLSVersions(t, serve(t).Secure) }

func TestOptions(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a server over nothing")
	}
	r := openRooms(t)
	o := Options{Tx: r.Tx, Auth: r.Auth, Mailbox: r.Mailbox, Bodies: r.Bodies, Finder: r.Finder, Realtime: r.Realtime, Directory: r.Directory}
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "host name") {
		t.Errorf("without host name: %v", err)
	}
	o.Hostname = "x"
	s, err := New(o)
	r.Must(err)
	if err := s.ServeTLS(context.Background(), listentest.NewPipes()); err == nil {
		t.Error("TLS without a certificate")
	}
	l := listentest.NewPipes()
	go s.Serve(t.Context(), l)
	nc, err := l.Dial("192.0.2.1:1")
	r.Must(err)
	c := newClient(t, nc)
	if hello := c.line(); strings.Contains(hello, "STARTTLS") || !strings.Contains(hello, "LOGINDISABLED") {
		t.Errorf("greeting %q", hello)
	}
	if _, reply := c.do("STARTTLS"); !strings.HasPrefix(reply, "BAD") {
		t.Errorf("STARTTLS: %s", reply)
	}
}
