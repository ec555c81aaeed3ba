package pop3server

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// RFC 1939 3: ten minutes at least, then the end without a word, and nothing is deleted.
func TestAutologout(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		f.Deliver(ann, mailbox.Inbox, sample(1))
		silent, busy := f.login(), f.login()
		begun := time.Now()
		silent.ok("DELE 1")
		time.Sleep(9 * time.Minute)
		busy.ok("NOOP")
		silent.hearClosed()
		doortest.Within(t, begun, 10*time.Minute)
		busy.hearClosed()
		doortest.Within(t, begun, 19*time.Minute)
		f.login().hearStat("1 153")
	})
}

func (c *client) hearStat(want string) {
	c.t.Helper()
	if got := c.ok("STAT"); got != "+OK "+want {
		c.t.Fatalf("STAT: %q, want %q", got, want)
	}
}

// The time to sign in is counted from the start, whatever a client does meanwhile.
func TestPreauth(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		begun := time.Now()
		silent, busy := f.connect("pop3"), f.connect("pop3")
		for range 9 {
			time.Sleep(time.Minute)
			busy.text("CAPA")
		}
		silent.hearClosed()
		busy.hearClosed()
		doortest.Within(t, begun, 10*time.Minute)
	})
}

// Who has not signed in must hurry while the door is crowded.
func TestCrowdedDoor(t *testing.T) {
	doortest.Bubble(t, func(t *testing.T) {
		f := serve(t, func(o *Options) { o.Limits.Connections = 4 })
		begun := time.Now()
		signedIn, first, second := f.login(), f.connect("pop3"), f.connect("pop3")
		time.Sleep(25 * time.Second) // not crowded: nothing happens
		first.text("CAPA")
		synctest.Wait()
		last := f.connect("pop3")
		second.hearClosed() // they look every ten seconds
		doortest.Within(t, begun, 30*time.Second)
		time.Sleep(time.Minute) // when one is gone, the others have their time
		for _, c := range []*client{first, last, signedIn} {
			c.text("CAPA")
		}
		f.Stop()
	})
}

func TestHandshakeTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		begun := time.Now()
		nc, err := f.Secure.Dial("192.0.2.7:1")
		f.Must(err)
		plain := f.connect("remote")
		plain.ok("STLS")
		if _, err := nc.Read(make([]byte, 1)); err == nil {
			t.Error("the server speaks first")
		}
		plain.hearClosed()
		doortest.Within(t, begun, 30*time.Second)
	})
}

// A line counts from its first octet: one that comes bit by bit gains nothing.
func TestStalledLine(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		half, slow, auth := f.login(), f.login(), f.connect("pop3")
		auth.write("AUTH PLAIN\r\n")
		auth.hear(`\+ `)
		begun := time.Now()
		half.write("STA")
		auth.write("AGF")
		for range 5 {
			slow.write("x")
			time.Sleep(10 * time.Second)
		}
		for _, c := range []*client{half, slow, auth} {
			c.hearClosed()
			doortest.Within(t, begun, time.Minute)
		}
	})
}

// A client that does not take its replies loses the connection; others go on meanwhile.
func TestClientThatNeverReads(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		f.Deliver(ann, mailbox.Inbox, strings.Repeat("x", 100_000))
		c, other := f.login(), f.login()
		begun := time.Now()
		c.write("RETR 1\r\n")
		synctest.Wait()
		other.text("RETR 1")
		time.Sleep(time.Minute)
		synctest.Wait()
		doortest.Within(t, begun, time.Minute)
		if _, err := c.conn.Write([]byte("x")); err == nil {
			t.Error("the connection is still there")
		}
		other.ok("NOOP")
	})
}

// A drain says goodbye to those who wait and deletes nothing of theirs; a command that runs may end.
func TestDrain(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		f.Deliver(ann, mailbox.Inbox, strings.Repeat("x", 100_000)+"\r\n")
		fresh, marked, reading := f.connect("pop3"), f.login(), f.login()
		marked.ok("DELE 1")
		reading.write("RETR 1\r\n")
		synctest.Wait()
		begun := time.Now()
		stopped := make(chan struct{})
		go func() { f.Stop(); close(stopped) }()
		for _, c := range []*client{fresh, marked} {
			c.hear(`-ERR \[SYS/TEMP\] this server is out of service for a moment.*`)
			c.hearClosed()
		}
		time.Sleep(5 * time.Second)
		reading.hear(`\+OK 100002 octets`)
		reading.hear("x+")
		reading.hear(`\.`)
		reading.hear(`-ERR \[SYS/TEMP\] this server is out of service for a moment.*`)
		reading.hearClosed()
		<-stopped
		doortest.Within(t, begun, 5*time.Second)
		view, err := f.Mailbox.View(t.Context(), ann, f.Path(ann, mailbox.Inbox).ID)
		if f.Must(err); view.Len() != 1 {
			t.Errorf("%d messages are left", view.Len())
		}
	})
}

// A session that takes too long is aborted, also under TLS where saying goodbye would wait for the client.
func TestDrainDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		f.Deliver(ann, mailbox.Inbox, strings.Repeat("x", 100_000))
		c := f.connect("pop3s")
		c.signIn()
		c.write("RETR 1\r\n")
		synctest.Wait()
		begun := time.Now()
		f.Stop()
		doortest.Within(t, begun, 10*time.Second)
	})
}

func TestConnectionLimits(t *testing.T) {
	f := serve(t, func(o *Options) { o.Limits.Connections, o.Limits.ConnectionsPerHost = 3, 2 })
	f.connect("pop3")
	f.connect("pop3")
	nc, err := f.Dial("pop3")
	f.Must(err)
	newClient(t, nc).hear(`-ERR \[SYS/TEMP\] too many connections from one host, try again later`)
	f.connect("remote")
	nc, err = f.Plain.Dial("198.51.100.1:1")
	f.Must(err)
	newClient(t, nc).hear(`-ERR \[SYS/TEMP\] too many connections, try again later`)
}

func TestCommandLimits(t *testing.T) {
	f := serve(t)
	stranger, babbler, long := f.connect("pop3"), f.login(), f.connect("pop3")
	for range 49 {
		stranger.text("CAPA")
	}
	stranger.write("CAPA\r\n")
	for stranger.line() != "." {
	}
	stranger.hear("-ERR too many commands before signing in")
	stranger.hearClosed()
	for range 3 { // a good one between makes the count begin anew
		babbler.ok("NOOP")
		for range 19 {
			babbler.write("GET / HTTP/1.1\r\n")
			babbler.hear("-ERR .*")
		}
	}
	babbler.write("x\n")
	babbler.hear("-ERR .*")
	babbler.hear("-ERR too many commands in a row that are not POP3")
	babbler.hearClosed()
	go long.conn.Write([]byte(strings.Repeat("x", 100_000)))
	long.hear("-ERR the line is too long")
	long.hearClosed()
}

// Ten wrong passwords are free; then those of strangers are refused unseen, for a while.
func TestFailedSignInsAreThrottled(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		for i := range 11 {
			c := f.connect("pop3s")
			c.ok("USER " + annAddress)
			c.write("PASS wrong" + strings.Repeat("x", i) + "\r\n")
			c.hear(`-ERR \[AUTH\] .*`)
			c.conn.Close()
		}
		c := f.connect("pop3s")
		c.ok("USER " + annAddress)
		c.write("PASS " + annPassword + "\r\n")
		c.hear(`-ERR \[SYS/TEMP\] too many failed attempts, try again later`)
		time.Sleep(time.Minute)
		c.signIn()
	})
}

// Who has signed in goes when the sign-in does.
func TestSignInTakenAway(t *testing.T) {
	bubble(t, func(t *testing.T, f *serving) {
		f.Deliver(ann, mailbox.Inbox, sample(1))
		c := f.login()
		c.ok("DELE 1")
		f.Write(ann, func(t *tx.Tx) error { return f.Auth.RemoveAccount(t, ann) })
		c.ok("NOOP")
		time.Sleep(time.Minute)
		c.write("QUIT\r\n")
		c.hear(`-ERR \[AUTH\] this sign-in is no longer good, nothing was deleted`)
		c.hearClosed()
		view, err := f.Mailbox.View(t.Context(), ann, f.Path(ann, mailbox.Inbox).ID)
		if f.Must(err); view.Len() != 1 {
			t.Errorf("%d messages are left", view.Len())
		}
	})
}

// A fault of the store is answered -ERR [SYS/TEMP], logged with its cause, and loses nothing.
func TestStoreFaults(t *testing.T) {
	f := serve(t)
	f.Deliver(ann, mailbox.Inbox, sample(1))
	c := f.login()
	broken := errors.New("the disk is on fire")
	f.Blobs.Fail = func(string) error { return broken }
	if answer := c.do("RETR 1"); !strings.HasPrefix(answer, "-ERR [SYS/TEMP] internal fault") {
		t.Errorf("RETR: %s", answer)
	}
	f.Blobs.Fail = func(string) error { return mail.E("disk", mail.Unavailable, broken) }
	if answer := c.do("TOP 1 0"); !strings.HasPrefix(answer, "-ERR [SYS/TEMP] this cannot be done right now") {
		t.Errorf("TOP: %s", answer)
	}
	if log := f.log.String(); strings.Count(log, "the disk is on fire") != 2 {
		t.Errorf("the log says %s", log)
	}
	f.Blobs.Fail = nil
	if got := c.text("RETR 1"); got != sample(1) {
		t.Errorf("afterwards RETR sends %q", got)
	}
	f.Must(f.DB.Close())
	fresh := f.connect("pop3")
	fresh.ok("USER " + annAddress)
	if answer := fresh.do("PASS " + annPassword); !strings.HasPrefix(answer, "-ERR [SYS/TEMP]") {
		t.Errorf("PASS: %s", answer)
	}
	c.ok("DELE 1")
	if answer := c.do("QUIT"); answer != "-ERR [SYS/TEMP] some deleted messages were not removed" {
		t.Errorf("QUIT: %s", answer)
	}
	c.hearClosed()
}

// RFC 1939 6: when not all can be deleted, QUIT says so, and no message goes that was not marked.
func TestQuitThatFailsHalfWay(t *testing.T) {
	f := serve(t)
	for range 3 {
		f.Deliver(ann, mailbox.Inbox, slices.Repeat([]string{sample(1)}, 100)...)
	}
	f.exec(`CREATE TRIGGER full BEFORE DELETE ON membership WHEN old.uid = 250 BEGIN SELECT RAISE(ABORT, 'no space'); END`)
	c := f.login()
	for n := 2; n <= 300; n++ { // not the first
		c.ok("DELE " + strconv.Itoa(n))
	}
	c.write("QUIT\r\n")
	c.hear(`-ERR \[SYS/TEMP\] some deleted messages were not removed`)
	c.hearClosed()
	view, err := f.Mailbox.View(t.Context(), ann, f.Path(ann, mailbox.Inbox).ID)
	if f.Must(err); view.Len() < 52 || view.Len() > 299 || view.At(1).UID != 1 {
		t.Errorf("%d messages are left, the first is %d", view.Len(), view.At(1).UID)
	}
	f.exec(`DROP TRIGGER full`)
	c = f.login()
	for n := 2; n <= view.Len(); n++ {
		c.ok("DELE " + strconv.Itoa(n))
	}
	c.ok("QUIT")
	f.login().hearStat("1 153")
}

func (f *serving) exec(statement string) {
	f.T.Helper()
	f.Must(f.DB.Write(f.T.Context(), 0, func(d *db.Tx) error {
		_, err := d.Exec(statement)
		return err
	}))
}

// A fault in the middle of a message ends the connection without the final dot: the client must not take half a message
// for a whole one.
func TestFaultInTheMiddle(t *testing.T) {
	f := serve(t)
	f.Deliver(ann, mailbox.Inbox, "Subject: long\r\n\r\n"+strings.Repeat(strings.Repeat("0123456789abcde", 5)+"\r\n", 10_000))
	c := f.login()
	f.damage()
	c.ok("RETR 1")
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			break
		}
		if line == ".\r\n" || strings.HasPrefix(line, "-ERR") {
			t.Fatalf("after half a message: %q", line)
		}
	}
	if log := f.log.String(); !strings.Contains(log, "content cannot be read") {
		t.Errorf("the log says %s", log)
	}
}

// damage changes an octet in the middle of the only body there is.
func (f *serving) damage() {
	f.T.Helper()
	var at blob.Location
	f.Read(func(t *tx.Tx) error { return t.SQL().QueryRow(`SELECT location FROM object`).Scan(&at) })
	if !f.Blobs.Damage(at, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }) {
		f.T.Fatal("there is no such body")
	}
}

// A session ends when its account does.
func TestAccountGone(t *testing.T) {
	f := serve(t)
	f.Deliver(ann, mailbox.Inbox, sample(1))
	c := f.login()
	c.ok("DELE 1")
	f.Must(f.Tx.Write(t.Context(), nil, func(t *tx.Tx) error { return f.Directory.CloseHome(t, ann) }))
	c.write("QUIT\r\n")
	c.hear(`-ERR \[SYS/TEMP\] .*`)
	c.hearClosed()
}

func TestDisabledAccount(t *testing.T) {
	f := serve(t)
	f.Must(f.Tx.Write(t.Context(), nil, func(t *tx.Tx) error { return f.Directory.SetDisabled(t, ann, true) }))
	c := f.connect("pop3")
	c.ok("USER " + annAddress)
	c.write("PASS " + annPassword + "\r\n")
	c.hear(`-ERR \[AUTH\] this account is disabled`)
}

// A panic ends one session, and no other.
func TestPanic(t *testing.T) {
	f := serve(t)
	f.Deliver(ann, mailbox.Inbox, sample(1))
	other, c := f.login(), f.login()
	f.Blobs.Fail = func(string) error { panic("on purpose") }
	c.write("RETR 1\r\n")
	c.hear(`-ERR \[SYS/TEMP\] internal fault, logged as session .*`)
	c.hearClosed()
	if log := f.log.String(); !strings.Contains(log, "on purpose") || !strings.Contains(log, "retrieve.go") {
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
	o := Options{Tx: r.Tx, Auth: r.Auth, Mailbox: r.Mailbox, Bodies: r.Bodies}
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
	c.hear(`\+OK .*`)
	if caps := c.text("CAPA"); strings.Contains(caps, "STLS") || strings.Contains(caps, "\nUSER") || strings.Contains(caps, "SASL") {
		t.Errorf("without TLS and from elsewhere: %q", caps)
	}
	c.write("STLS\r\n")
	c.hear("-ERR .*")
}
