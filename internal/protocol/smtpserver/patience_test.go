package smtpserver

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// drip begins to send a byte every second, for an hour at most, until the server closes.
func (c *client) drip() {
	var dripping sync.WaitGroup
	dripping.Go(func() {
		for range 3600 {
			if _, err := io.WriteString(c.Conn, "x"); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
		c.Close()
	})
	c.t.Cleanup(dripping.Wait)
}

// Replies do not wait for what was sent behind their command, but those to MAIL, RCPT and RSET (RFC 2920 3.2).
func TestRepliesAreSentAtOnce(t *testing.T) {
	inbound := &fakeInbound{entered: make(chan struct{}, 1), proceed: make(chan struct{})}
	f := start(t, Options{Inbound: inbound})
	c := f.connect(t, "")
	message := "MAIL FROM:<>\r\nRCPT TO:<bob@x>\r\n"
	c.say("HELO c\r\n" + message + "DATA\r\n.\r\n" + message + "BDAT 1 LAST\r\nx")
	c.hear("220", "250", "250", "250", "354")
	<-inbound.entered
	inbound.proceed <- struct{}{}
	c.hear("250 2.0.0 ok: kept")
	<-inbound.entered
	inbound.proceed <- struct{}{}
	c.hear("250", "250", "250 2.0.0 ok: kept")
}

// The replies to a group are sent as one (RFC 2920 3.2).
func TestAGroupIsAnsweredAtOnce(t *testing.T) {
	const group = "RSET\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
	_, replies, writes := converse(t, "EHLO c\r\n"+group, 1000)
	if writes != len([]string{"220", "250 to EHLO", "the group"}) || !strings.HasSuffix(replies, "\r\n354 end with <CRLF>.<CRLF>\r\n") {
		t.Errorf("%d writes of %q", writes, replies)
	}
}

// A client that is sent away while it goes on sending can read why.
func TestSentAwayWhileSending(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, err := New(Options{Mode: MX, Hostname: "mx.example.org", Inbound: &fakeInbound{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- srv.Serve(ctx, l) }()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for range 20 {
		if _, err := io.WriteString(nc, strings.Repeat("FOO\r\n", 2000)); err != nil {
			t.Fatalf("cut off while sending: %v", err)
		}
	}
	nc.(*net.TCPConn).CloseWrite()
	replies, err := io.ReadAll(nc)
	if err != nil || !strings.HasSuffix(string(replies), "421 4.7.0 mx.example.org too many errors\r\n") {
		t.Errorf("heard %q, %v", replies, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A command has one deadline: a client that sends it byte by byte does not move it.
func TestSlowCommand(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fixture) {
		c := f.connect(t, "")
		c.hear("220")
		begin := time.Now()
		c.drip()
		c.hear("421 4.4.2")
		c.hearClosed()
		since(t, begin, 5*time.Minute)
	})
}

// In a crowded door clients are hurried that have named no recipient, those who came before it was crowded too, until there is
// room again.
func TestCrowdedDoor(t *testing.T) {
	bubble(t, Options{Limits: Limits{Connections: 8}}, func(t *testing.T, f *fixture) {
		begin, left := time.Now(), make(chan time.Duration)
		open := func(say string, replies ...string) {
			c := f.connect(t, "")
			c.say(say)
			c.hear(replies...)
			go func() {
				defer func() { left <- time.Since(begin) }()
				c.hear("421 4.4.2 mx.example.org nothing came for too long")
				c.hearClosed()
			}()
			time.Sleep(time.Second)
		}
		open("HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@x>\r\n", "220", "250", "250", "250")
		for range 5 {
			open("", "220")
		}
		time.Sleep(19500 * time.Millisecond) // not crowded: nothing happens
		open("", "220")
		open("HELO c\r\nMAIL FROM:<>\r\n", "220", "250", "250") // now it is full
		// They look every ten seconds; when two are gone the others have the time they would have had.
		for i, want := range []float64{31, 32, 300, 303, 304, 305, 325.5, 326.5} {
			if got := <-left; got.Seconds() != want {
				t.Errorf("connection %d is closed after %v, want %v s", i, got, want)
			}
		}
	})
}

// A message that hardly moves has 10 seconds in a crowded door, and not the minutes of a quiet one.
func TestCrowdedDoorContent(t *testing.T) {
	bubble(t, Options{Limits: Limits{Connections: 2}}, func(t *testing.T, f *fixture) {
		slow := f.connect(t, "")
		slow.toContent()
		fast := f.connect(t, "")
		fast.toContent()
		begin := time.Now()
		slow.drip()
		go func() {
			for range 60 {
				io.WriteString(fast.Conn, strings.Repeat("x", 998)+"\r\n")
				time.Sleep(time.Second)
			}
			io.WriteString(fast.Conn, ".\r\nQUIT\r\n")
		}()
		slow.hear("421 4.4.2 mx.example.org the message comes too slowly")
		slow.hearClosed()
		if took := time.Since(begin).Truncate(time.Second); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
		fast.hear("250", "221")
		if kept := f.kept(); len(kept) != 1 {
			t.Errorf("%d messages are kept", len(kept))
		}
	})
}
