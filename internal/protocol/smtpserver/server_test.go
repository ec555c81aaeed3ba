package smtpserver

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// client is the plainest of clients: it sends text and reads lines.
type client struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func (f *fixture) connect(t *testing.T, from string) *client {
	t.Helper()
	nc, err := f.Dial(from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &client{t, nc, bufio.NewReader(nc)}
}

// say sends without waiting for the server to read it.
func (c *client) say(text string) { go io.WriteString(c.Conn, text) }

// hear reads as many lines as there are prefixes and compares.
func (c *client) hear(prefixes ...string) {
	c.t.Helper()
	for _, want := range prefixes {
		if line, err := c.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, want) {
			c.t.Fatalf("the server says %q, %v; want %q", line, err, want)
		}
	}
}

func (c *client) hearClosed() {
	c.t.Helper()
	if line, err := c.r.ReadString('\n'); err == nil || line != "" {
		c.t.Fatalf("the server says %q, %v; want it to close", line, err)
	}
}

// toContent opens a transaction up to the go-ahead.
func (c *client) toContent() {
	c.t.Helper()
	c.say("HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@x>\r\nDATA\r\n")
	c.hear("220", "250", "250", "250", "354")
}

// bubble runs a test with a fake clock.
func bubble(t *testing.T, o Options, test func(t *testing.T, f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := start(t, o)
		test(t, f)
		f.stop()
		synctest.Wait()
	})
}

// since fails the test unless the fake clock has moved by this much.
func since(t *testing.T, begin time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(begin); got != want {
		t.Errorf("it took %v, want %v", got, want)
	}
}

func TestIdleTimeout(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fixture) {
		c := f.connect(t, "")
		c.hear("220")
		begin := time.Now()
		c.hear("421 4.4.2")
		c.hearClosed()
		since(t, begin, 5*time.Minute) // RFC 5321 4.5.3.2.7

		d := f.connect(t, "")
		d.say("HELO d\r\nMAIL FROM:<>\r\nRCPT TO:<bo") // inside a line
		d.hear("220", "250", "250")
		begin = time.Now()
		d.hear("421 4.4.2")
		since(t, begin, 5*time.Minute)
	})
}

// A client that sends a byte now and then never runs into the idle limit, but into the rate of content.
func TestSlowContent(t *testing.T) {
	bubble(t, Options{Limits: Limits{MinDataRate: 100, DataGrace: time.Minute}}, func(t *testing.T, f *fixture) {
		c := f.connect(t, "")
		c.toContent()
		begin := time.Now()
		c.drip()
		c.hear("421 4.4.2 mx.example.org the message comes too slowly")
		c.hearClosed()
		since(t, begin, time.Minute+610*time.Millisecond) // 61 bytes earn 10 ms each
		if kept := f.kept(); len(kept) != 0 {
			t.Errorf("kept %v", kept)
		}
	})
}

// At the demanded rate a message may take as long as it wants.
func TestContentFastEnough(t *testing.T) {
	bubble(t, Options{Limits: Limits{MinDataRate: 100, DataGrace: time.Minute}}, func(t *testing.T, f *fixture) {
		c := f.connect(t, "")
		c.toContent()
		for range 1000 {
			io.WriteString(c.Conn, strings.Repeat("x", 98)+"\r\n")
			time.Sleep(time.Second)
		}
		c.say(".\r\nQUIT\r\n")
		c.hear("250", "221")
	})
}

// A slow client cannot hold a connection by announcing chunks that nobody wants either.
func TestSlowRefusedChunk(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fixture) {
		c := f.connect(t, "")
		c.say("BDAT 1000000\r\nx")
		c.hear("220", "421 4.4.2")
		c.hearClosed()
	})
}

func TestClientThatDoesNotRead(t *testing.T) {
	bubble(t, Options{Limits: Limits{Commands: 1 << 30, CommandRate: 1 << 30}}, func(t *testing.T, f *fixture) {
		c := f.connect(t, "")
		c.hear("220")
		begin, sent := time.Now(), 0
		for {
			n, err := io.WriteString(c.Conn, "NOOP\r\n")
			if sent += n; err != nil {
				break
			}
		}
		since(t, begin, time.Minute) // Limits.Write
		// What the server took before it gave up: one buffer of commands, whose replies are two buffers of replies.
		if sent > 2*readBuffer {
			t.Errorf("it took %d bytes of commands without being able to answer", sent)
		}
	})
}

func TestCommandRate(t *testing.T) {
	bubble(t, Options{Limits: Limits{CommandRate: 10}}, func(t *testing.T, f *fixture) {
		c := f.connect(t, "")
		c.say(strings.Repeat("NOOP\r\n", 35))
		begin := time.Now()
		for range 36 {
			c.hear("2")
		}
		since(t, begin, 3*time.Second)
		// Mail is not slowed down.
		time.Sleep(time.Second)
		c.say("HELO c\r\n")
		c.hear("250")
		begin = time.Now()
		for range 100 {
			c.say("MAIL FROM:<>\r\nRCPT TO:<bob@x>\r\nDATA\r\n.\r\n")
			c.hear("250", "250", "354", "250")
		}
		since(t, begin, 0)
	})
}

func TestConnectionLimits(t *testing.T) {
	bubble(t, Options{Limits: Limits{Connections: 4, ConnectionsPerHost: 2}}, func(t *testing.T, f *fixture) {
		a := f.connect(t, "192.0.2.1:1")
		f.connect(t, "[::ffff:192.0.2.1]:2").hear("220")
		c := f.connect(t, "192.0.2.1:3")
		c.hear("421 4.7.0 mx.example.org too many connections from your address")
		c.hearClosed()
		f.connect(t, "[2001:db8::1]:1").hear("220")
		f.connect(t, "[2001:db8::2]:1").hear("220")
		d := f.connect(t, "[2001:db9::1]:1")
		d.hear("421 4.3.2 mx.example.org too many connections")
		d.hearClosed()
		if want := []string{" 421 4.7.0", " 421 4.3.2"}; fmt.Sprint(f.counter.refused) != fmt.Sprint(want) {
			t.Errorf("counted as refused: %q", f.counter.refused)
		}
		// A place that is left is free again.
		a.say("QUIT\r\n")
		a.hear("220", "221")
		a.hearClosed()
		synctest.Wait()
		f.connect(t, "192.0.2.1:4").hear("220")
	})
}

func TestDrain(t *testing.T) {
	inbound := &fakeInbound{entered: make(chan struct{}, 1), proceed: make(chan struct{})}
	synctest.Test(t, func(t *testing.T) {
		inbound.entered, inbound.proceed = make(chan struct{}, 1), make(chan struct{})
		f := start(t, Options{Inbound: inbound})
		idle := f.connect(t, "")
		idle.hear("220")
		open := f.connect(t, "")
		open.say("HELO c\r\nMAIL FROM:<>\r\n")
		open.hear("220", "250", "250")
		busy := f.connect(t, "")
		busy.toContent()

		f.stop()
		idle.hear("421 4.3.2 mx.example.org out of service")
		idle.hearClosed()
		open.hear("421 4.3.2 mx.example.org out of service")
		open.hearClosed()
		// The message under way is finished, answered, and then the connection is.
		busy.say("text\r\n.\r\nNOOP\r\n")
		<-inbound.entered
		close(inbound.proceed)
		busy.hear("250 2.0.0", "421 4.3.2 mx.example.org out of service")
		busy.hearClosed()
		if err := <-f.done; err != nil {
			t.Errorf("Serve returns %v", err)
		}
		if _, err := f.Dial(""); err == nil {
			t.Error("a connection is accepted after the end")
		}
	})
}

// Past the deadline messages under way are cut off, in the content and in Inbound, and nothing is answered 250.
func TestDrainDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbound := &fakeInbound{entered: make(chan struct{}, 1), proceed: make(chan struct{})}
		f := start(t, Options{Inbound: inbound})
		slow := f.connect(t, "")
		slow.toContent()
		stuck := f.connect(t, "")
		stuck.toContent()
		stuck.say(".\r\n")
		<-inbound.entered
		begin := time.Now()
		f.stop()
		<-f.done
		since(t, begin, 30*time.Second)
		slow.hearClosed()
		stuck.hearClosed()
	})
}

func TestTLSHandshakeTimeout(t *testing.T) {
	bubble(t, Options{TLS: serverTLS()}, func(t *testing.T, f *fixture) {
		c := f.connect(t, "")
		c.say("STARTTLS\r\n")
		c.hear("220", "220 2.0.0")
		begin := time.Now()
		c.hearClosed()
		since(t, begin, 30*time.Second)
	})
}

// A listener that speaks TLS from the first byte works as well.
func TestImplicitTLS(t *testing.T) {
	f := start(t, Options{Mode: LMTP, TLS: serverTLS()})
	left, right := net.Pipe()
	if err := f.Hand(tls.Server(right, serverTLS())); err != nil {
		t.Fatal(err)
	}
	tc := tls.Client(left, &tls.Config{InsecureSkipVerify: true})
	defer tc.Close()
	c := &client{t, tc, bufio.NewReader(tc)}
	c.hear("220")
	io.WriteString(tc, "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@x>\r\nDATA\r\n")
	c.hear("250-", "250-", "250-", "250-", "250-", "250-", "250-", "250-", "250-", "250 HELP", "250", "250", "354")
	io.WriteString(tc, ".\r\n")
	c.hear("250")
	if got := f.kept()[0].session.Protocol(false); got != "LMTPS" {
		t.Errorf("the protocol is %s", got)
	}
}

// What Inbound is given is what the client said.
func TestEnvelope(t *testing.T) {
	f := start(t, Options{})
	c := f.connect(t, "192.0.2.1:25")
	c.hear("220")
	io.WriteString(c, "EHLO c.example\r\n")
	for line := ""; line != "250 HELP\r\n"; {
		line, _ = c.r.ReadString('\n')
	}
	c.say("MAIL FROM:<Ann@Client.Example> BODY=8BITMIME SIZE=3 RET=FULL ENVID=a+2Bb SMTPUTF8\r\n" +
		"RCPT TO:<bob+tag@Example.org> NOTIFY=DELAY ORCPT=rfc822;x@y\r\nRCPT TO:<postmaster>\r\nDATA\r\n")
	c.hear("250", "250", "250", "354")
	c.say("x\r\n.\r\n")
	c.hear("250 2.0.0 ok: kept as id2")
	got := f.kept()[0]
	if s := got.session; s.ID != "id1" || s.Hello != "c.example" || !s.ESMTP || s.Remote.String() != "192.0.2.1:25" || s.TLS != nil {
		t.Errorf("session %+v", s)
	}
	want := mail.Envelope{ID: "id2", ReversePath: mail.Address{Local: "Ann", Domain: "client.example"}, Body: mail.Body8BitMIME,
		SMTPUTF8: true, Size: 3, Ret: mail.RetFull, EnvID: "a+b", Recipients: []mail.Recipient{
			{Address: mail.Address{Local: "bob+tag", Domain: "example.org"}, Notify: mail.NotifyDelay, Accounts: []mail.AccountID{7},
				Original: mail.OriginalRecipient{Type: "rfc822", Address: "x@y"}},
			{Address: mail.Address{Local: "postmaster"}, Accounts: []mail.AccountID{10}},
		}}
	if fmt.Sprintf("%+v", got.Envelope) != fmt.Sprintf("%+v", want) {
		t.Errorf("envelope\n got %+v\nwant %+v", got.Envelope, want)
	}
	if f.counter.accepted != 2 {
		t.Errorf("%d recipients are counted", f.counter.accepted)
	}
}

// KeepBareNewlines keeps them, and is no way to smuggle: the end is still CRLF.CRLF.
func TestKeepBareNewlines(t *testing.T) {
	f := start(t, Options{KeepBareNewlines: true})
	c := f.connect(t, "")
	c.toContent()
	c.say("a\n.\nb\r.\rc\n.\r\nd\r\n.\n\r\n.\r\n")
	c.hear("250 2.0.0")
	if want := "a\n.\nb\r.\rc\n.\r\nd\r\n\n\r\n"; f.kept()[0].content != want {
		t.Errorf("content %q, want %q", f.kept()[0].content, want)
	}
}

// Faults of ours are logged with their cause and the message's id; the client learns nothing of it.
func TestFaultsAreLogged(t *testing.T) {
	var log bytes.Buffer
	f := start(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	c := f.connect(t, "")
	c.say("HELO c\r\nMAIL FROM:<ann@x>\r\nRCPT TO:<down@x>\r\nRCPT TO:<late-fault@x>\r\nDATA\r\n")
	c.hear("220", "250", "250", "451 4.3.0 cannot do this now", "250", "354")
	c.say(".\r\nQUIT\r\n")
	c.hear("451 4.3.0 cannot do this now", "221")
	c.hearClosed()
	f.stop()
	<-f.done
	for _, want := range []string{"level=ERROR", "the secret cause", "id=id2", "session=id1", "from=ann@x"} {
		if n := strings.Count(log.String(), want); n < 2 {
			t.Errorf("%q is logged %d times in\n%s", want, n, log.String())
		}
	}
	if f.counter.open != 0 {
		t.Errorf("%d sessions are counted as open", f.counter.open)
	}
}

// What is refused by a rule is one line of the log, which says all that is known of it.
func TestARefusalIsOneLine(t *testing.T) {
	for name, tt := range map[string]struct{ say, reply, want string }{
		"recipient":       {"RCPT TO:<invalid@x>\r\n", "553 5.1.3", `to=invalid@x command=RCPT reply="553 5.1.3 bad recipient address: no such thing"`},
		"by a reply":      {"RCPT TO:<reply@x>\r\n", "552 5.2.2", `to=reply@x command=RCPT reply="552 5.2.2 full\r\n250 for good"`},
		"syntax":          {"RCPT TO:bob\r\n", "501 5.", "command=RCPT"},
		"content":         {"RCPT TO:<late-full@x>\r\nDATA\r\n.\r\n", "250", `recipients=1 command=DATA reply="452 4.2.2 the mailbox is full"`},
		"size of content": {"RCPT TO:<bob@x>\r\nDATA\r\n" + strings.Repeat("x", 2000) + "\r\n.\r\n", "250", `recipients=1 command=DATA reply="552 5.3.4`},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			f := start(t, Options{Limits: Limits{MessageSize: 1000}, Log: slog.New(slog.NewTextHandler(&log, nil))})
			c := f.connect(t, "192.0.2.7:1")
			c.say("HELO c\r\nMAIL FROM:<ann@x>\r\n" + tt.say + "QUIT\r\n")
			c.hear("220", "250", "250", tt.reply)
			io.Copy(io.Discard, c.r)
			f.stop()
			<-f.done
			got := log.String()
			if strings.Count(got, "\n") != 1 {
				t.Errorf("not one line is logged:\n%s", got)
			}
			for _, want := range []string{"level=INFO", "session=id1", "id=id2", "from=ann@x", "remote=192.0.2.7:1", "tls=false", tt.want} {
				if !strings.Contains(got, want) {
					t.Errorf("%q is missing in\n%s", want, got)
				}
			}
		})
	}
}

func TestOptions(t *testing.T) {
	good := Options{Mode: MX, Hostname: "mx.example.org", Inbound: &fakeInbound{}}
	for name, change := range map[string]func(*Options){
		"mode":       func(o *Options) { o.Mode = "imap" },
		"Inbound":    func(o *Options) { o.Inbound = nil },
		"host name":  func(o *Options) { o.Hostname = "" },
		"host name ": func(o *Options) { o.Hostname = "a\r\nb" },
		"recipients": func(o *Options) { o.Limits.Recipients = 99 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) {
			t.Errorf("%s: New returns %v", name, err)
		}
	}
	s, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if first, second := s.o.NewID(), s.o.NewID(); len(first) != 16 || first == second {
		t.Errorf("ids are %q and %q", first, second)
	}
}

// A connection that waits between transactions holds no buffers: neither 32 KiB of input nor 4 KiB of replies.
func TestIdleConnectionsAreCheap(t *testing.T) {
	const connections = 200
	f := start(t, Options{Limits: Limits{Connections: connections + 1}})
	clients := make([]*client, 0, connections)
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // twice: what a sync.Pool holds survives one
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for range connections {
		nc, err := f.Dial("")
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		c := &client{t, nc, bufio.NewReaderSize(nc, 16)}
		c.toContent()
		c.say(".\r\n")
		c.hear("250")
		clients = append(clients, c)
	}
	perConnection := (heap() - before) / connections
	t.Logf("%d bytes of heap a connection, with its client and a pipe", perConnection)
	if perConnection > readBuffer/4 {
		t.Errorf("an idle connection holds %d bytes", perConnection)
	}
	runtime.KeepAlive(clients)
}
