package imap

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

// readAppend reads an APPEND and all its messages, of which URLs stand for themselves.
func readAppend(t *testing.T, r *Reader) (mailbox string, messages []*AppendMessage, contents []string, err error) {
	t.Helper()
	req, err := r.ReadCommand()
	if err != nil {
		return "", nil, nil, err
	}
	c, isAppend := req.Command.(*Append)
	if !isAppend {
		c = req.Command.(Replace).Append
	}
	for {
		m, err := c.Next()
		if err == io.EOF {
			return c.Mailbox, messages, contents, nil
		} else if err != nil {
			return c.Mailbox, messages, contents, err
		}
		content, err := readParts(m)
		if err != nil {
			return c.Mailbox, messages, contents, err
		}
		messages, contents = append(messages, m), append(contents, content)
	}
}

func readParts(m *AppendMessage) (content string, err error) {
	for {
		part, err := m.Next()
		if err == io.EOF {
			return content, nil
		} else if err != nil {
			return "", err
		}
		if part.URL != "" {
			content += "<" + part.URL + ">"
			continue
		}
		r, err := part.Open()
		if err != nil {
			return "", err
		}
		octets, err := io.ReadAll(r)
		if content += string(octets); err != nil {
			return "", err
		}
	}
}

func TestAppend(t *testing.T) {
	told := 0
	r := newTestReader("a APPEND sent (\\Seen) \" 1-Feb-2020 03:04:05 +0100\" {5}\r\nhello () {2+}\r\n\r\n ~{3+}\r\na\x00b UTF8 (~{2}\r\né)\r\nb NOOP\r\n",
		Config{Continue: func() error { told++; return nil }})
	mailbox, messages, contents, err := readAppend(t, r)
	if err != nil || mailbox != "sent" || told != 2 {
		t.Fatalf("mailbox %q, told to go on %d times, %v", mailbox, told, err)
	}
	if want := []string{"hello", "\r\n", "a\x00b", "é"}; !reflect.DeepEqual(contents, want) {
		t.Errorf("got %q, want %q", contents, want)
	}
	date := time.Date(2020, 2, 1, 2, 4, 5, 0, time.UTC)
	if m := messages[0]; !m.Date.Equal(date) || !reflect.DeepEqual(m.Flags, []string{`\Seen`}) {
		t.Errorf("first: %+v", m)
	}
	if m := messages[1]; !m.Date.IsZero() || m.Flags == nil || len(m.Flags) != 0 {
		t.Errorf("second: %+v", m)
	}
	if m := messages[2]; m.Flags != nil || m.Catenate {
		t.Errorf("third: %+v", m)
	}
	if req, err := r.ReadCommand(); req.Tag != "b" {
		t.Errorf("next: %+v %v", req, err)
	}
}

func TestAppendErrorBehindAMessage(t *testing.T) {
	for _, rest := range []string{" bogus {6+}\r\nx NOOP", "x", " {3+}\r\nabc y", " UTF8 (~{1+}\r\na", " \"x\" {1}"} {
		r := newTestReader("a APPEND b {3+}\r\nabc"+rest+"\r\nnext NOOP\r\n", Config{})
		_, _, _, err := readAppend(t, r)
		var e *Error
		if !errors.As(err, &e) || e.Tag != "a" || e.Condition != BAD {
			t.Errorf("%q: got %v", rest, err)
		}
		if req, err := r.ReadCommand(); req.Tag != "next" {
			t.Errorf("%q: next is %+v %v", rest, req, err)
		}
	}
}

// However much of a command the caller leaves, the next one is read.
func TestAppendDiscard(t *testing.T) {
	for _, two := range []string{
		"a APPEND b {3+}\r\nabc {4+}\r\ndefg\r\n",
		"a APPEND b CATENATE (TEXT {3+}\r\nabc URL {1+}\r\nx) CATENATE (UTF8 (~{4+}\r\ndefg) URL {3+}\r\na/b)\r\n",
	} {
		testDiscard(t, two)
	}
	// A client that waits never sends what was refused.
	r := newTestReader("a APPEND b {3}\r\nnext NOOP\r\n", Config{})
	r.ReadCommand()
	if req, err := r.ReadCommand(); req.Tag != "next" {
		t.Errorf("waiting: next is %+v %v", req, err)
	}
}

func testDiscard(t *testing.T, two string) {
	t.Helper()
	first := func(c *Append) *AppendPart { m, _ := c.Next(); part, _ := m.Next(); return part }
	opened := func(c *Append) *AppendPart { part := first(c); part.Open(); return part }
	steps := map[string]func(c *Append){
		"untouched":   func(c *Append) {},
		"announced":   func(c *Append) { c.Next() },
		"part":        func(c *Append) { first(c) },
		"discarded":   func(c *Append) { first(c); c.Discard(); c.Discard() },
		"opened":      func(c *Append) { opened(c) },
		"begun":       func(c *Append) { opened(c).Read(make([]byte, 1)) },
		"read":        func(c *Append) { io.ReadAll(opened(c)) },
		"second":      func(c *Append) { opened(c); c.Next() },
		"second read": func(c *Append) { opened(c); io.ReadAll(opened(c)) },
		"all":         func(c *Append) { opened(c); opened(c); c.Next() },
	}
	for name, step := range steps {
		r := newTestReader(two+"next NOOP\r\n", Config{})
		req, err := r.ReadCommand()
		if err != nil {
			t.Fatal(err)
		}
		step(req.Command.(*Append))
		if req, err := r.ReadCommand(); req.Tag != "next" {
			t.Errorf("%s: next is %+v %v", name, req, err)
		}
	}
}

func TestAppendMisuse(t *testing.T) {
	r := newTestReader("a APPEND b {3+}\r\nabc\r\n", Config{})
	req, _ := r.ReadCommand()
	c := req.Command.(*Append)
	m, _ := c.Next()
	part, _ := m.Next()
	if _, err := part.Read(make([]byte, 1)); err == nil {
		t.Error("a message was read before it was opened")
	}
	if _, err := m.Next(); err != errNotOpened {
		t.Errorf("got %v", err)
	}
	if _, err := c.Next(); err != errNotOpened {
		t.Errorf("got %v", err)
	}
}

// RFC 4469 5.
func TestCatenate(t *testing.T) {
	told := 0
	r := newTestReader("a APPEND b (\\Seen) CATENATE (URL /x;UID=1 TEXT {3}\r\nabc URL {2}\r\n/y TEXT ~{1+}\r\n\x00 UTF8 (~{2}\r\né)) "+
		"{2+}\r\nhi CATENATE (URL \"/z )\")\r\nb NOOP\r\n", Config{Continue: func() error { told++; return nil }})
	_, messages, contents, err := readAppend(t, r)
	if err != nil || told != 3 {
		t.Fatalf("told to go on %d times, %v", told, err)
	}
	if want := []string{"</x;UID=1>abc</y>\x00é", "hi", "</z )>"}; !reflect.DeepEqual(contents, want) {
		t.Errorf("got %q, want %q", contents, want)
	}
	if !messages[0].Catenate || messages[1].Catenate || !reflect.DeepEqual(messages[0].Flags, []string{`\Seen`}) {
		t.Errorf("got %+v, %+v", messages[0], messages[1])
	}
	if req, err := r.ReadCommand(); req.Tag != "b" {
		t.Errorf("next: %+v %v", req, err)
	}
}

func TestCatenateErrors(t *testing.T) {
	for _, data := range []string{"()", "(URL)", "(URL \"\")", "(URL a", "(URL a) x", "(URL a  URL b)", "(URL a)(URL b)", "(TEXT a)", "(FILE a)",
		"(URL a TEXT {1+}\r\nx", "(TEXT {1+}\r\nx", "(TEXT {1+}\r\nx))", "(UTF8 ({1+}\r\nx))", "(UTF8 (~{1+}\r\nx)", "URL a",
		"(URL {2}\r\n\x00\x00)"} {
		r := newTestReader("a APPEND b CATENATE "+data+"\r\nnext NOOP\r\n", Config{})
		_, _, _, err := readAppend(t, r)
		var e *Error
		if !errors.As(err, &e) || e.Tag != "a" || e.Condition != BAD {
			t.Errorf("%q: got %v", data, err)
		}
		if req, err := r.ReadCommand(); req.Tag != "next" {
			t.Errorf("%q: next is %+v %v", data, req, err)
		}
	}
}

// RFC 8508 5.
func TestReplace(t *testing.T) {
	r := newTestReader("a REPLACE * b (\\Seen) {2+}\r\nhi\r\nb UID REPLACE 7 c CATENATE (URL x)\r\n", Config{})
	for _, want := range []struct {
		numbers          Numbers
		mailbox, content string
	}{{Numbers{Set: set(one(Star))}, "b", "hi"}, {Numbers{UID: true, Set: set(one(7))}, "c", "<x>"}} {
		req, err := r.ReadCommand()
		if err != nil {
			t.Fatal(err)
		}
		c := req.Command.(Replace)
		m, _ := c.Next()
		content, err := readParts(m)
		if !reflect.DeepEqual(c.Numbers, want.numbers) || c.Mailbox != want.mailbox || content != want.content || err != nil {
			t.Errorf("got %+v, %q %v", c, content, err)
		}
		if _, err := c.Next(); err != io.EOF {
			t.Errorf("behind the message: %v", err)
		}
	}
	for _, line := range []string{"REPLACE 1,2 b {1+}\r\nx", "REPLACE 1:2 b {1+}\r\nx", "UID REPLACE * b {1+}\r\nx", "REPLACE $ b {1+}\r\nx",
		"REPLACE 1 b {1+}\r\nx {1+}\r\ny", "REPLACE 1 b", "REPLACE b {1+}\r\nx"} {
		r := newTestReader("a "+line+"\r\nnext NOOP\r\n", Config{})
		_, _, _, err := readAppend(t, r)
		var e *Error
		if !errors.As(err, &e) || e.Condition != BAD {
			t.Errorf("%q: got %v", line, err)
		}
		if req, err := r.ReadCommand(); req.Tag != "next" {
			t.Errorf("%q: next is %+v %v", line, req, err)
		}
	}
}

func TestCodeBadURL(t *testing.T) {
	if got := CodeBadURL("/a]\r\n\\é;UID=1"); got != "BADURL /a%5D%0D%0A%5C%C3%A9;UID=1" {
		t.Errorf("got %s", got)
	}
}

func TestParseSection(t *testing.T) {
	for _, s := range []string{"", "1.2.3", "HEADER", "1.MIME", "2.HEADER.FIELDS (Subject From)", "TEXT"} {
		if got, err := ParseSection(s); err != nil || string(got.AppendTo(nil)) != s {
			t.Errorf("%q: %+v %v", s, got, err)
		}
	}
	for _, s := range []string{"]", "1.", "MIME", "x", "1]x[", "HEADER.FIELDS ({1+}\r\nx)", "HEADER.FIELDS ({1}", "0", "1..2"} {
		if got, err := ParseSection(s); err == nil {
			t.Errorf("%q: %+v", s, got)
		}
	}
}

func TestAppendTooLargeToDrop(t *testing.T) {
	r := newTestReader("a APPEND b {1001+}\r\n"+strings.Repeat("x", 1001)+"\r\n", Config{Limits: Limits{Discard: 1000}})
	req, _ := r.ReadCommand()
	var e *Error
	if err := req.Command.(*Append).Discard(); !errors.As(err, &e) || !e.Fatal {
		t.Errorf("got %v", err)
	}
}

func TestAppendConnectionEnds(t *testing.T) {
	req, _ := newTestReader("a APPEND b {3+}\r\nab", Config{}).ReadCommand()
	m, _ := req.Command.(*Append).Next()
	part, _ := m.Next()
	content, _ := part.Open()
	if _, err := io.ReadAll(content); err != io.ErrUnexpectedEOF {
		t.Errorf("a message broken off ends with %v", err)
	}
	for _, input := range []string{"a APPEND b {3+}\r\nab", "a APPEND b {3+}\r\nabc", "a APPEND b {3+}\r\nabc {"} {
		if _, _, _, err := readAppend(t, newTestReader(input, Config{})); err != io.ErrUnexpectedEOF {
			t.Errorf("%q: %v", input, err)
		}
	}
}
