package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// pipe runs a server at the other end of a connection.
func pipe(t *testing.T, serve func(nc net.Conn, r *bufio.Reader)) *Conn {
	server, client := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	go func() {
		serve(server, bufio.NewReader(server))
		server.Close()
	}()
	return New(client, Options{Hostname: "us.example"})
}

// say answers one command after another; what is "" is not answered, and what is read is dropped.
func say(nc net.Conn, r *bufio.Reader, replies ...string) {
	for i, reply := range replies {
		if i > 0 {
			r.ReadString('\n')
		}
		io.WriteString(nc, reply)
	}
}

func letter(content string) Message {
	return Message{
		Envelope: &mail.Envelope{ReversePath: mail.Address{Local: "ann", Domain: "us.example"},
			Recipients: []mail.Recipient{{Address: mail.Address{Local: "bob", Domain: "them.example"}}}},
		Size: int64(len(content)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
}

func TestStartTLS(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{listentest.Certificate()}}
	c := pipe(t, func(nc net.Conn, r *bufio.Reader) {
		say(nc, r, "220 hi\r\n", "250-plain.example\r\n250-X\r\n250 STARTTLS\r\n", "220 go on\r\n")
		secure := tls.Server(nc, config)
		say(secure, bufio.NewReader(secure), "", "250-secure.example\r\n250 AUTH PLAIN\r\n", "235 ok\r\n")
		io.Copy(io.Discard, secure)
	})
	if err := c.Greet(); err != nil || c.TLS() != nil || !c.Offers("X") {
		t.Fatalf("greeted: %v", err)
	}
	if err := c.StartTLS(t.Context(), &tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Fatal(err)
	}
	if c.TLS() == nil || c.Offers("X") || c.Helo() != "secure.example" {
		t.Errorf("what was said in clear is still believed: %+v", c.offered)
	}
	if err := c.Auth("ann", "secret"); err != nil {
		t.Error(err)
	}
}

func TestStartTLSFails(t *testing.T) {
	handshake := func(err error) bool { var h *HandshakeError; return errors.As(err, &h) }
	refused := func(err error) bool { var r *RefusedError; return errors.As(err, &r) && r.Reply.Code == 454 }
	for name, c := range map[string]struct {
		serve func(net.Conn, *bufio.Reader)
		is    func(error) bool
	}{
		"refused":  {func(nc net.Conn, r *bufio.Reader) { say(nc, r, "454 4.7.0 no\r\n", "") }, refused},
		"injected": {func(nc net.Conn, r *bufio.Reader) { say(nc, r, "220 go on\r\n250-X\r\n") }, func(err error) bool { return errors.Is(err, ErrReply) }},
		"not TLS":  {func(nc net.Conn, r *bufio.Reader) { say(nc, r, "220 go on\r\n", "500 what?\r\n") }, handshake},
		"closed":   {func(nc net.Conn, r *bufio.Reader) { say(nc, r, "220 go on\r\n") }, handshake},
		"never finishes": {func(nc net.Conn, r *bufio.Reader) { say(nc, r, "220 go on\r\n"); io.Copy(io.Discard, r) },
			func(err error) bool { return handshake(err) && errors.Is(err, context.DeadlineExceeded) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := pipe(t, func(nc net.Conn, r *bufio.Reader) { r.ReadString('\n'); c.serve(nc, r) })
				begun := time.Now()
				if err := conn.StartTLS(t.Context(), &tls.Config{InsecureSkipVerify: true}); !c.is(err) {
					t.Errorf("%v", err)
				}
				if took := time.Since(begun); took > time.Minute {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// Whatever a server is slow at, there is an end to it.
func TestTimes(t *testing.T) {
	greeted := []string{"220 hi\r\n", "250 them.example\r\n"}
	for name, c := range map[string]struct {
		serve func(net.Conn, *bufio.Reader)
		limit time.Duration
		ended bool
	}{
		"accepts and hangs": {func(nc net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) }, 5 * time.Minute, false},
		"trickles":          {func(nc net.Conn, r *bufio.Reader) { drip(nc) }, 5 * time.Minute, false},
		"hangs after MAIL":  {func(nc net.Conn, r *bufio.Reader) { say(nc, r, append(greeted, "")...); io.Copy(io.Discard, r) }, 5 * time.Minute, false},
		"hangs at DATA": {func(nc net.Conn, r *bufio.Reader) {
			say(nc, r, append(greeted, "250 ok\r\n", "250 ok\r\n", "")...)
			io.Copy(io.Discard, r)
		}, 2 * time.Minute, false},
		"reads no content": {func(nc net.Conn, r *bufio.Reader) {
			say(nc, r, append(greeted, "250 ok\r\n", "250 ok\r\n", "354 go\r\n")...)
			time.Sleep(time.Hour)
		}, 4 * time.Minute, false},
		"hangs at the end": {func(nc net.Conn, r *bufio.Reader) {
			say(nc, r, append(greeted, "250 ok\r\n", "250 ok\r\n", "354 go\r\n")...)
			io.Copy(io.Discard, r)
		}, 10 * time.Minute, true},
		"reads very slowly": {func(nc net.Conn, r *bufio.Reader) {
			say(nc, r, append(greeted, "250 ok\r\n", "250 ok\r\n", "354 go\r\n")...)
			sip(r)
		}, 32 * time.Minute, false},
		"resets in DATA": {func(nc net.Conn, r *bufio.Reader) {
			say(nc, r, append(greeted, "250 ok\r\n", "250 ok\r\n", "354 go\r\n")...)
		}, time.Second, false},
		"resets after DATA": {func(nc net.Conn, r *bufio.Reader) {
			say(nc, r, append(greeted, "250 ok\r\n", "250 ok\r\n", "354 go\r\n")...)
			io.CopyN(io.Discard, r, 1<<20+3)
		}, time.Second, true},
		"a reply of a 1 MB": {func(nc net.Conn, r *bufio.Reader) { say(nc, r, "220 hi\r\n", "250 "+strings.Repeat("x", 1<<20)) }, time.Second, false},
		"a reply without end": {func(nc net.Conn, r *bufio.Reader) {
			say(nc, r, "220 hi\r\n", "")
			for {
				if _, err := io.WriteString(nc, "250-and\r\n"); err != nil {
					return
				}
			}
		}, time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := pipe(t, c.serve)
				begun := time.Now()
				var result Result
				err := conn.Greet()
				if err == nil {
					result, err = conn.Send(letter(strings.Repeat("0123456789abcd\r\n", 1<<16)))
					if result.Answers[0].At != Undecided || result.Ended != c.ended {
						t.Errorf("the result is %+v", result)
					}
				}
				if took := time.Since(begun); err == nil || took > c.limit {
					t.Errorf("%v after %v", err, took)
				}
				if c.limit > time.Second && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("not a time limit: %v", err)
				}
				conn.Close()
				time.Sleep(2 * time.Hour) // of the bubble: the server notices
			})
		})
	}
}

// drip sends one byte of a reply a minute.
func drip(nc net.Conn) {
	for {
		if _, err := io.WriteString(nc, "2"); err != nil {
			return
		}
		time.Sleep(time.Minute)
	}
}

// sip reads a little every two minutes.
func sip(r *bufio.Reader) {
	for {
		if _, err := io.CopyN(io.Discard, r, 64<<10); err != nil {
			return
		}
		time.Sleep(2*time.Minute + 30*time.Second)
	}
}

// A server that refuses in the middle of the content and closes is heard.
func TestLastWords(t *testing.T) {
	c := pipe(t, func(nc net.Conn, r *bufio.Reader) {
		say(nc, r, "220 hi\r\n", "250 them.example\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n")
		r.ReadString('\n')
		nc.SetReadDeadline(time.Now()) // it reads nothing more
		io.WriteString(nc, "552 5.3.4 too much\r\n")
	})
	c.opts.Times.Block = 50 * time.Millisecond
	if err := c.Greet(); err != nil {
		t.Fatal(err)
	}
	result, err := c.Send(letter(strings.Repeat("0123456789abcd\r\n", 1<<16)))
	if err == nil || result.Answers[0].Reply.Code != 552 || result.Answers[0].At != AtData {
		t.Errorf("%+v, %v", result, err)
	}
}

// What a server says too much is not taken for the answer to the next message.
func TestAnswersToNothing(t *testing.T) {
	c := pipe(t, func(nc net.Conn, r *bufio.Reader) {
		say(nc, r, "220 hi\r\n", "250 them.example\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n")
		for line := ""; line != ".\r\n"; line, _ = r.ReadString('\n') {
		}
		io.WriteString(nc, "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n")
		io.Copy(io.Discard, r)
	})
	if err := c.Greet(); err != nil {
		t.Fatal(err)
	}
	if result, err := c.Send(letter("text\r\n")); err != nil || result.Answers[0].At != AtEnd {
		t.Fatalf("%+v, %v", result, err)
	}
	if result, err := c.Send(letter("text\r\n")); !errors.Is(err, ErrReply) || result.Heard || result.Ended || result.Answers[0].At != Undecided {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestContentThatCannotBeRead(t *testing.T) {
	broken := errors.New("the disk is gone")
	c := pipe(t, func(nc net.Conn, r *bufio.Reader) {
		say(nc, r, "220 hi\r\n", "250 them.example\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n")
		io.Copy(io.Discard, r)
	})
	if err := c.Greet(); err != nil {
		t.Fatal(err)
	}
	m := letter("")
	for _, open := range []func() (io.ReadCloser, error){
		func() (io.ReadCloser, error) { return nil, broken },
		func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<17)), failing{broken})), nil
		},
	} {
		m.Open = open
		result, err := c.Send(m)
		var mine *ContentError
		if !errors.As(err, &mine) || !errors.Is(err, broken) || result.Ended || result.Answers[0].At != Undecided {
			t.Errorf("%+v, %v", result, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
