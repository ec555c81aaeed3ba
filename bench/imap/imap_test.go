package imap

import (
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
	if opts.Username == "" {
		opts.Username = "a@example.org"
	}
	c, err := Dial(context.Background(), addr, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestAppendAndFetchInEveryWay(t *testing.T) {
	for _, caps := range []string{"IMAP4rev1", "IMAP4rev1 LITERAL+", "IMAP4rev1 LITERAL-", "IMAP4rev1 MULTIAPPEND", "IMAP4rev1 LITERAL+ MULTIAPPEND"} {
		t.Run(caps, func(t *testing.T) {
			s := start(t, fakemail.Options{Capabilities: caps})
			c := connect(t, s.IMAP, Options{})
			a := c.Appender("INBOX")
			var want [][]byte
			for batch := range 2 {
				for i := range 5 {
					content := fmt.Appendf(nil, "Subject: %d.%d\r\n\r\n", batch, i)
					content = append(content, bytes.Repeat([]byte("line {5}\r\n"), 1000*i)...)
					want = append(want, content)
					if err := a.Add(`\Seen`, content[:10], content[10:]); err != nil {
						t.Fatal(err)
					}
				}
				if err := a.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			checkBodies(t, c, want)
		})
	}
}

func checkBodies(t *testing.T, c *Conn, want [][]byte) {
	t.Helper()
	sel, err := c.Select("INBOX")
	if err != nil || int(sel.Exists) != len(want) || sel.UIDValidity != 1 || int(sel.UIDNext) != len(want)+1 {
		t.Fatalf("SELECT: %+v, %v", sel, err)
	}
	n := 0
	err = c.Do("FETCH 1:* (UID FLAGS ENVELOPE BODY.PEEK[])", func(r Response) error {
		var names []string
		for it := r.Items(); it.Next(); {
			names = append(names, string(it.Name))
			text, err := Text(it.Value)
			if string(it.Name) == "BODY[]" && (err != nil || !bytes.Equal(text, want[n])) {
				t.Errorf("message %d: %d bytes, want %d (%v)", r.Num, len(text), len(want[n]), err)
			}
		}
		if got := strings.Join(names, " "); got != "FLAGS UID ENVELOPE BODY[]" {
			t.Errorf("items %q", got)
		}
		n++
		return nil
	})
	if err != nil || n != len(want) {
		t.Errorf("%d messages, want %d (%v)", n, len(want), err)
	}
}

func TestSecuredConnections(t *testing.T) {
	s := start(t, fakemail.Options{})
	for addr, security := range map[string]dial.Security{s.IMAPS: dial.TLS, s.IMAP: dial.StartTLS} {
		c := connect(t, addr, Options{Options: dial.Options{Security: security}, Lean: true})
		if !c.Offers("LITERAL+") || c.Offers("X-NONE") {
			t.Errorf("%s: capabilities %v", security, c.caps)
		}
		if err := c.Logout(); err != nil {
			t.Error(err)
		}
		_, err := Dial(context.Background(), addr, Options{Options: dial.Options{Security: security, Verify: true}})
		if err == nil {
			t.Errorf("%s: a self-signed certificate was taken", security)
		}
	}
}

func TestRefusedSignInDoesNotTellThePassword(t *testing.T) {
	s := start(t, fakemail.Options{Passwords: map[string]string{"a@example.org": "right"}})
	_, err := Dial(context.Background(), s.IMAP, Options{Username: "a@example.org", Password: "wrong-secret"})
	if se := new(StatusError); !errors.As(err, &se) || se.Status != "NO" {
		t.Fatalf("error %v, want NO", err)
	}
	if strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("the error tells the password: %v", err)
	}
}

func TestStatusAndSearch(t *testing.T) {
	s := start(t, fakemail.Options{})
	s.Damage("a@example.org", fakemail.Put([]byte("Subject: needle\r\n\r\nhay\r\n")), fakemail.Put([]byte("Subject: x\r\n\r\nhay needle\r\n")))
	c := connect(t, s.IMAP, Options{})
	got, err := c.Status("INBOX", "MESSAGES", "UNSEEN", "SIZE")
	if err != nil || got["MESSAGES"] != 2 || got["UNSEEN"] != 2 || got["SIZE"] != 50 {
		t.Errorf("STATUS %v, %v", got, err)
	}
	if _, err := c.Status("INBOX", "RECENT"); err == nil {
		t.Error("a missing STATUS item was not noticed")
	}
	if _, err := c.Select("INBOX"); err != nil {
		t.Fatal(err)
	}
	for criteria, want := range map[string]int{"TEXT needle": 2, "BODY needle": 1, "UNSEEN": 2, "TEXT absent": 0} {
		if n, err := c.Search(criteria); err != nil || n != want {
			t.Errorf("SEARCH %s = %d, %v; want %d", criteria, n, err, want)
		}
	}
}

func TestIdle(t *testing.T) {
	s := start(t, fakemail.Options{})
	c := connect(t, s.IMAP, Options{})
	if _, err := c.Select("INBOX"); err != nil {
		t.Fatal(err)
	}
	if err := c.StartIdle(); err != nil {
		t.Fatal(err)
	}
	s.Damage("a@example.org", fakemail.Put([]byte("\r\nx\r\n")))
	if r, err := c.Next(); err != nil || !r.Is("EXISTS") || c.Exists != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := c.EndIdle(); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Next(); err != nil || r.Tag != Tagged || !r.Is("OK") {
		t.Fatalf("%+v, %v", r, err)
	}
}

// script answers the command that the test sends with fixed bytes.
func script(t *testing.T, answer string) *Conn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	go func() {
		defer server.Close()
		buf := make([]byte, 4096)
		if _, err := server.Read(buf); err == nil {
			io.WriteString(server, answer)
		}
	}()
	return newConn(client, Options{})
}

func TestAnswersThatMustFail(t *testing.T) {
	cases := map[string]string{
		"closed":                    "",
		"closed in a literal":       "* 1 FETCH (BODY[] {10}\r\nabc",
		"refused":                   "m1 NO [SERVERBUG] sorry\r\n",
		"bye":                       "* BYE going down\r\n",
		"other tag":                 "m2 OK\r\n",
		"continuation":              "+ what\r\n",
		"number too large":          "* 99999999999 EXISTS\r\nm1 OK\r\n",
		"no kind":                   "* 1\r\nm1 OK\r\n",
		"literal too large":         "* 1 FETCH (BODY[] {999999999}\r\n",
		"unbalanced list":           "* 1 FETCH (FLAGS (a)\r\nm1 OK\r\n",
		"unbalanced the other way":  "* 1 FETCH (FLAGS ))\r\nm1 OK\r\n",
		"item without value":        "* 1 FETCH (FLAGS)\r\nm1 OK\r\n",
		"quoted string without end": "* 1 FETCH (X \"abc)\r\nm1 OK\r\n",
		"not a list":                "* 1 FETCH FLAGS\r\nm1 OK\r\n",
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			err := script(t, answer).Do("FETCH 1 FLAGS", func(r Response) error {
				it := r.Items()
				for it.Next() {
				}
				return it.Err()
			})
			if err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestItems(t *testing.T) {
	const answer = "* 7 FETCH (UID 5 FLAGS (\\Seen $X) ENVELOPE (\"a \\\") (b\" NIL {3}\r\n)\"( (NIL \"x\"))" +
		" BODY[HEADER.FIELDS (SUBJECT FROM)]<0> {4}\r\n\r\n)) BODY[TEXT] ~{2}\r\n\x00( BODY[1] \"q\\\\\" BODY[2] NIL BODY[3] \"\")\r\n"
	want := []string{
		"UID|5", `FLAGS|!`, `ENVELOPE|!`, "BODY[HEADER.FIELDS (SUBJECT FROM)]<0>|\r\n))",
		"BODY[TEXT]|\x00(", `BODY[1]|q\`, "BODY[2]|", "BODY[3]|",
	}
	var got []string
	err := script(t, answer+"* OK text that ends like a literal {12}\r\nm1 OK done {3}\r\n").Do("FETCH 7 ALL", func(r Response) error {
		if r.Is("OK") {
			return nil
		}
		if r.Num != 7 || !r.Is("FETCH") {
			t.Errorf("response %+v", r)
		}
		it := r.Items()
		for it.Next() {
			text, err := Text(it.Value)
			if err != nil {
				text = []byte("!")
			}
			got = append(got, string(it.Name)+"|"+string(text))
		}
		return it.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("items\n%q, want\n%q", got, want)
	}
}

func TestCompletion(t *testing.T) {
	c := script(t, "m1 OK [COPYUID 7 3 12] done\r\nm2 NO no\r\n")
	if err := c.Do("UID COPY 3 Archive", nil); err != nil {
		t.Fatal(err)
	}
	if value, ok := c.Completion().Code("COPYUID"); !ok || string(value) != "7 3 12" {
		t.Errorf("COPYUID %q, %v", value, ok)
	}
	if err := c.Do("UID COPY 4 Archive", nil); err == nil {
		t.Error("NO is no error")
	}
	if _, ok := c.Completion().Code("COPYUID"); ok {
		t.Error("the code of an earlier command is told")
	}
}

func TestHasFlag(t *testing.T) {
	for value, want := range map[string]bool{
		`(\Seen)`: true, `(\Answered \SEEN $x)`: true, `(\seen)`: true, `()`: false, `(\Seenx Seen)`: false, ``: false,
	} {
		if got := HasFlag([]byte(value), `\Seen`); got != want {
			t.Errorf("HasFlag(%s) = %v", value, got)
		}
	}
}

func TestESEARCH(t *testing.T) {
	cases := map[string]int{
		"* ESEARCH (TAG \"m1\") ALL 1:3,7,10:9\r\n": 6,
		"* ESEARCH (TAG \"m1\")\r\n":                0,
		"* SEARCH\r\n":                              0,
		"* ESEARCH (TAG \"m1\") ALL 1:x\r\n":        -1,
		"":                                          -1,
	}
	for answer, want := range cases {
		n, err := script(t, answer+"m1 OK done\r\n").Search("ALL")
		if want < 0 && err == nil || want >= 0 && (err != nil || n != want) {
			t.Errorf("%q: %d, %v; want %d", answer, n, err, want)
		}
	}
}

func TestErrorOfHandlerLeavesTheConnectionInStep(t *testing.T) {
	boom := errors.New("boom")
	c := script(t, "* 1 EXISTS\r\n* 2 EXISTS\r\nm1 OK\r\n* 3 EXISTS\r\nm2 OK\r\n")
	calls := 0
	if err := c.Do("NOOP", func(Response) error { calls++; return boom }); !errors.Is(err, boom) || calls != 1 {
		t.Errorf("error %v after %d calls, want boom after 1", err, calls)
	}
	if c.Exists != 2 {
		t.Errorf("Exists is %d, want 2", c.Exists)
	}
}

func FuzzItems(f *testing.F) {
	f.Add([]byte("(UID 5 FLAGS (\\Seen) BODY[] {3}\r\nabc)"))
	f.Add([]byte("(ENVELOPE (\"a\" NIL ((NIL))) BODY[HEADER.FIELDS (X)] \"\\\"\")"))
	f.Add([]byte("(X ~{1}\r\n)"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		it := Response{Rest: raw}.Items()
		for it.Next() {
			Text(it.Value)
		}
	})
}
