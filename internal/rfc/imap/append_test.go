package imap

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

// readAppend reads an APPEND and all its messages.
func readAppend(t *testing.T, r *Reader) (mailbox string, messages []*AppendMessage, contents []string, err error) {
	t.Helper()
	req, err := r.ReadCommand()
	if err != nil {
		return "", nil, nil, err
	}
	c := req.Command.(*Append)
	for {
		m, err := c.Next()
		if err == io.EOF {
			return c.Mailbox, messages, contents, nil
		} else if err != nil {
			return c.Mailbox, messages, contents, err
		}
		content, err := m.Open()
		if err != nil {
			return c.Mailbox, messages, contents, err
		}
		octets, err := io.ReadAll(content)
		if err != nil {
			return c.Mailbox, messages, contents, err
		}
		messages, contents = append(messages, m), append(contents, string(octets))
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
	if m := messages[0]; !m.Date.Equal(date) || !reflect.DeepEqual(m.Flags, []string{`\Seen`}) || m.Binary || m.NonSync {
		t.Errorf("first: %+v", m)
	}
	if m := messages[1]; !m.Date.IsZero() || m.Flags == nil || len(m.Flags) != 0 || !m.NonSync {
		t.Errorf("second: %+v", m)
	}
	if m := messages[2]; m.Flags != nil || !m.Binary || m.UTF8 {
		t.Errorf("third: %+v", m)
	}
	if m := messages[3]; !m.Binary || !m.UTF8 {
		t.Errorf("fourth: %+v", m)
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
	const two = "a APPEND b {3+}\r\nabc {4+}\r\ndefg\r\n"
	steps := map[string]func(c *Append){
		"untouched":   func(c *Append) {},
		"announced":   func(c *Append) { c.Next() },
		"discarded":   func(c *Append) { c.Next(); c.Discard(); c.Discard() },
		"opened":      func(c *Append) { m, _ := c.Next(); m.Open() },
		"begun":       func(c *Append) { m, _ := c.Next(); m.Open(); m.Read(make([]byte, 1)) },
		"read":        func(c *Append) { m, _ := c.Next(); m.Open(); io.ReadAll(m) },
		"second":      func(c *Append) { m, _ := c.Next(); m.Open(); c.Next() },
		"second read": func(c *Append) { m, _ := c.Next(); m.Open(); m, _ = c.Next(); m.Open(); io.ReadAll(m) },
		"all":         func(c *Append) { m, _ := c.Next(); m.Open(); m, _ = c.Next(); m.Open(); c.Next() },
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
	// A client that waits never sends what was refused.
	r := newTestReader("a APPEND b {3}\r\nnext NOOP\r\n", Config{})
	r.ReadCommand()
	if req, err := r.ReadCommand(); req.Tag != "next" {
		t.Errorf("waiting: next is %+v %v", req, err)
	}
}

func TestAppendMisuse(t *testing.T) {
	r := newTestReader("a APPEND b {3+}\r\nabc\r\n", Config{})
	req, _ := r.ReadCommand()
	c := req.Command.(*Append)
	m, _ := c.Next()
	if _, err := m.Read(make([]byte, 1)); err == nil {
		t.Error("a message was read before it was opened")
	}
	if _, err := c.Next(); err != errNotOpened {
		t.Errorf("got %v", err)
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
	content, _ := m.Open()
	if _, err := io.ReadAll(content); err != io.ErrUnexpectedEOF {
		t.Errorf("a message broken off ends with %v", err)
	}
	for _, input := range []string{"a APPEND b {3+}\r\nab", "a APPEND b {3+}\r\nabc", "a APPEND b {3+}\r\nabc {"} {
		if _, _, _, err := readAppend(t, newTestReader(input, Config{})); err != io.ErrUnexpectedEOF {
			t.Errorf("%q: %v", input, err)
		}
	}
}
