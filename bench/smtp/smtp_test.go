package smtp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/fakemail"
	"github.com/mailmesh/mailmesh/bench/message"
)

func start(t *testing.T, opts fakemail.Options) *fakemail.Server {
	t.Helper()
	s, err := fakemail.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func connect(t *testing.T, addr string, opts Options) *Conn {
	t.Helper()
	c, err := Dial(context.Background(), addr, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func mail(t *testing.T, size int, to ...string) Mail {
	t.Helper()
	g, err := message.NewGenerator(message.NewText(1, 4*size), message.Options{Size: size, Dots: true})
	if err != nil {
		t.Fatal(err)
	}
	m := g.Next("from@example.org", to[0], "")
	return Mail{From: "from@example.org", To: to, Content: [3][]byte{m.Header, m.Body, m.Tail}, Dots: true}
}

// codes is what became of each recipient, such as "RCPT 550".
func codes(o *Outcome) string {
	var out []string
	for _, r := range o.Replies {
		out = append(out, fmt.Sprintf("%v %d", r.Stage, r.Code))
	}
	return strings.Join(out, ", ")
}

var ways = map[string]struct {
	opts       Options
	extensions string
}{
	"pipelined":      {},
	"in steps":       {Options{NoPipelining: true}, ""},
	"no extensions":  {Options{BDAT: true}, "X-NOTHING"},
	"bdat":           {Options{BDAT: true}, ""},
	"bdat in steps":  {Options{BDAT: true, NoPipelining: true}, ""},
	"starttls":       {Options{Options: dial.Options{Security: dial.StartTLS}}, ""},
	"auth":           {Options{Username: "a", Password: "b"}, ""},
	"lmtp":           {Options{LMTP: true}, ""},
	"lmtp, bdat":     {Options{LMTP: true, BDAT: true}, ""},
	"lmtp, in steps": {Options{LMTP: true, NoPipelining: true}, ""},
}

func TestEveryWayOfSending(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := start(t, fakemail.Options{Extensions: way.extensions})
			addr := s.SMTP
			if way.opts.LMTP {
				addr = s.LMTP
			}
			c := connect(t, addr, way.opts)
			for i, size := range []int{1024, 5000, 200_000} {
				o, err := c.Send(mail(t, size, "a@example.org", "unknown@example.org", "b@example.org"))
				if err != nil {
					t.Fatal(err)
				}
				if got := codes(o); got != "end of content 250, RCPT 550, end of content 250" || o.Accepted() != 2 {
					t.Fatalf("outcome %s", got)
				}
				if o.Started.After(o.Dot) || o.Dot.After(o.Done) {
					t.Errorf("times out of order: %+v", o)
				}
				if n := s.Count("b@example.org"); n != i+1 {
					t.Fatalf("%d messages stored, want %d", n, i+1)
				}
			}
			if err := c.Quit(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Every refusal is followed by a mail that must pass: the session is in step.
func TestRefusals(t *testing.T) {
	cases := []struct {
		from string
		to   []string
		want string
	}{
		{"refused@example.org", []string{"a@example.org", "b@example.org"}, "MAIL 550, MAIL 550"},
		{"x@example.org", []string{"unknown@example.org"}, "RCPT 550"},
		{"x@example.org", []string{"full@example.org", "unknown@example.org"}, "RCPT 452, RCPT 550"},
		{"x@example.org", []string{"later@example.org"}, "end of content 451"},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := start(t, fakemail.Options{Extensions: way.extensions, Faults: fakemail.Faults{Accept: func(n int) fakemail.Fate {
				if n == len(cases) { // each good mail counts, too
					return fakemail.Refuse
				}
				return fakemail.Keep
			}}})
			addr := s.SMTP
			if way.opts.LMTP {
				addr = s.LMTP
			}
			c := connect(t, addr, way.opts)
			for _, tc := range cases {
				m := mail(t, 2048, tc.to...)
				m.From = tc.from
				o, err := c.Send(m)
				if err != nil || codes(o) != tc.want {
					t.Fatalf("from %s: %s, %v; want %s", tc.from, codes(o), err, tc.want)
				}
				for _, r := range o.Replies {
					if r.Text == "" {
						t.Errorf("refusal %d without its text", r.Code)
					}
				}
				if o, err = c.Send(mail(t, 2048, "good@example.org")); err != nil || o.Accepted() != 1 {
					t.Fatalf("the mail after the refusal: %s, %v", codes(o), err)
				}
			}
		})
	}
}

func TestContentArrivesByteForByte(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := start(t, fakemail.Options{Extensions: way.extensions})
			addr := s.SMTP
			if way.opts.LMTP {
				addr = s.LMTP
			}
			m := mail(t, 100_000, "a@example.org")
			if _, err := connect(t, addr, way.opts).Send(m); err != nil {
				t.Fatal(err)
			}
			want := bytes.Join(m.Content[:], nil)
			s.Damage("a@example.org", func(b *fakemail.Mailbox) {
				if got := b.Content(0); !bytes.HasSuffix(got, want) {
					t.Errorf("%d bytes stored do not end with the %d sent", len(got), len(want))
				}
			})
		})
	}
}

func TestLostConnection(t *testing.T) {
	s := start(t, fakemail.Options{Faults: fakemail.Faults{Accept: func(int) fakemail.Fate { return fakemail.HangUp }}})
	o, err := connect(t, s.SMTP, Options{}).Send(mail(t, 2048, "a@example.org"))
	if !errors.Is(err, io.EOF) || o.Accepted() != 0 || o.Replies[0].Stage != 0 {
		t.Errorf("outcome %s, error %v; want an unknown fate and EOF", codes(o), err)
	}
}

// script is a server that sends fixed replies whatever it is told.
func script(t *testing.T, replies string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.Write([]byte(replies))
		io.Copy(io.Discard, bufio.NewReader(c))
	}()
	return l.Addr().String()
}

func TestBadServers(t *testing.T) {
	cases := map[string]string{
		"no greeting":     "554 5.3.2 go away\r\n",
		"not SMTP":        "SSH-2.0-OpenSSH\r\n",
		"bad separator":   "220 hi\r\n250/x\r\n",
		"EHLO refused":    "220 hi\r\n502 5.5.1 no\r\n",
		"endless reply":   "220 hi\r\n" + strings.Repeat("250-X\r\n", 200),
		"a line too long": "220 " + strings.Repeat("x", 10_000) + "\r\n",
	}
	for name, replies := range cases {
		t.Run(name, func(t *testing.T) {
			if c, err := Dial(context.Background(), script(t, replies), Options{}); err == nil {
				c.Close()
				t.Error("the connection was taken for good")
			}
		})
	}
}

func TestDialEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Dial(ctx, script(t, ""), Options{}); err == nil {
		t.Error("Dial with a cancelled context succeeded")
	}
}
