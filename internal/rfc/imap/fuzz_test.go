package imap

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
	"unicode/utf8"
)

// chunks reads data in pieces whose sizes follow from cut, as a network may deliver it.
type chunks struct {
	data []byte
	cut  uint32
}

func (c *chunks) Read(b []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	c.cut = c.cut*1664525 + 1013904223
	n := copy(b[:min(len(b), 1+int(c.cut>>28))], c.data)
	c.data = c.data[n:]
	return n, nil
}

// readAll reads every command of the input and gives what the caller of a Reader sees.
func readAll(t *testing.T, src io.Reader, size int, d Dialect) (seen []any) {
	limits := Limits{Line: 300, Literal: 200, Command: 1000, Depth: 8, SetElements: 10, ListItems: 20, Discard: 6000}
	r := NewReader(bufio.NewReaderSize(src, size), Config{Limits: limits})
	r.SetDialect(d)
	r.SetState(anyState)
	for {
		req, err := r.ReadCommand()
		var e *Error
		if errors.As(err, &e) {
			if seen = append(seen, *e); e.Fatal {
				return seen
			}
			if e.Text == "" || e.Condition == "" {
				t.Fatalf("a refusal says nothing: %+v", e)
			}
			continue
		} else if err != nil {
			return append(seen, err)
		}
		c, isAppend := req.Command.(*Append)
		if r, is := req.Command.(Replace); is {
			c, isAppend = r.Append, true
			seen = append(seen, r.Numbers)
		}
		if !isAppend {
			checkCommand(t, req.Command)
			seen = append(seen, req)
			continue
		}
		seen = append(seen, req.Tag, c.Mailbox)
		for more := true; more; {
			m, err := c.Next()
			if err != nil {
				seen = append(seen, err.Error())
				break
			}
			seen = append(seen, m.Flags, m.Date)
			var parts []any
			parts, more = readSomeParts(m)
			seen = append(seen, parts...)
		}
	}
}

func checkKey(t *testing.T, key SearchKey) {
	text := AppendSearchKey(nil, key)
	again := readKey(t, text)
	if !reflect.DeepEqual(again, key) {
		t.Fatalf("%q is read again as %#v, was %#v", text, again, key)
	}
	if second := AppendSearchKey(nil, again); !bytes.Equal(second, text) {
		t.Fatalf("%q is written again as %q", text, second)
	}
}

// readSomeParts reads the parts of a message up to one that is too large.
func readSomeParts(m *AppendMessage) (seen []any, more bool) {
	for {
		part, err := m.Next()
		if err != nil {
			return append(seen, err.Error()), true
		}
		if part.URL != "" {
			seen = append(seen, part.URL)
			continue
		}
		if part.Size > 500 {
			return seen, false
		}
		content, _ := part.Open()
		octets, err := io.ReadAll(content)
		seen = append(seen, part.Literal, string(octets), err)
	}
}

// checkCommand holds what is promised of the parts of commands.
func checkCommand(t *testing.T, c Command) {
	switch c := c.(type) {
	case Select:
		checkName(t, c.Mailbox)
	case Delete:
		checkName(t, c.Mailbox)
	case Search:
		checkKey(t, c.Key)
	case ESearch:
		checkKey(t, c.Key)
		for _, f := range c.In {
			for _, name := range f.Mailboxes {
				checkName(t, name)
			}
		}
	case Thread:
		checkKey(t, c.Key)
	case Sort:
		checkKey(t, c.Key)
		if len(c.Order) == 0 {
			t.Fatal("a SORT without criteria")
		}
	case Copy:
		checkSet(t, c.Set)
	case Fetch:
		for _, i := range c.Items {
			i.AppendTo(nil)
		}
	}
}

func readKey(t *testing.T, text []byte) SearchKey {
	r := NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader([]byte("a SEARCH ")), bytes.NewReader(text), bytes.NewReader([]byte("\r\n")))), Config{})
	r.SetState(Selected)
	req, err := r.ReadCommand()
	if err != nil {
		t.Fatalf("%q cannot be read again: %v", text, err)
	}
	return req.Command.(Search).Key
}

func checkSet(t *testing.T, s Set) {
	if s == nil {
		return
	}
	again, err := ParseSet(s.String())
	if err != nil || !reflect.DeepEqual(again, s) {
		t.Fatalf("%v is read again as %v, %v", s, again, err)
	}
	normal := s.Resolve(1000)
	if !reflect.DeepEqual(normal, normal.Resolve(1000)) {
		t.Fatalf("%v is not normal", normal)
	}
}

func checkName(t *testing.T, name string) {
	if err := CheckMailboxName(name); err != nil {
		t.Fatalf("%q: %v", name, err)
	}
	for _, d := range []Dialect{{}, {Rev2: true}} {
		written := name
		if !d.UTF8() {
			written = EncodeUTF7(name)
		}
		if again, err := d.MailboxName(written); err != nil || again != name {
			t.Fatalf("%q is read again as %q, %v", name, again, err)
		}
	}
}

// What is read does not depend on how the input arrives, nothing panics and nothing is read without end.
func FuzzReadCommand(f *testing.F) {
	for _, seed := range []string{
		"a NOOP\r\nb LOGIN {1+}\r\nx \"y\"\r\n",
		"a UID FETCH 1:* (FLAGS BODY.PEEK[1.HEADER.FIELDS (To {2}\r\nCc)]<0.9>) (CHANGEDSINCE 5 VANISHED)\r\n",
		"a SEARCH RETURN (MIN ALL) CHARSET UTF-8 OR (SEEN 1:5) NOT TEXT {2+}\r\n\xc3\xa9 MODSEQ \"/flags/x\" all 5\r\n",
		"a APPEND b (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {3+}\r\nabc UTF8 (~{1}\r\n\x00)\r\nb IDLE\r\n",
		"a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (a% \"*\") RETURN (STATUS (SIZE) CHILDREN)\r\n",
		"a SELECT &AOk- (QRESYNC (1 2 1:5 (1,2 3:4)) CONDSTORE)\r\n",
		"a STORE $ (UNCHANGEDSINCE 0) -FLAGS.SILENT \\Deleted x\r\na BOGUS {5+}\r\nab\r\n \r\nc NOOP\r\n",
		"a APPEND b CATENATE (URL /x;UID=1 TEXT {1+}\r\na URL {1+}\r\nb) {1+}\r\nc\r\nd UID REPLACE 7 e UTF8 (~{1+}\r\nx)\r\n",
		"a ID (\"a\" NIL)\r\nb CREATE x (USE (\\Sent))\r\nc ENABLE CONDSTORE\r\nd AUTHENTICATE PLAIN =\r\n",
	} {
		f.Add([]byte(seed), uint32(1), false)
	}
	f.Fuzz(func(t *testing.T, input []byte, cut uint32, utf8 bool) {
		d := Dialect{Rev2: utf8}
		whole := readAll(t, bytes.NewReader(input), 4096, d)
		pieces := readAll(t, &chunks{input, cut}, 16, d)
		if !reflect.DeepEqual(whole, pieces) {
			t.Fatalf("whole:  %+v\npieces: %+v", whole, pieces)
		}
	})
}

func FuzzMailboxName(f *testing.F) {
	for _, seed := range []string{"INBOX", "&AOk-", "a&-b", "e\u0301", "&2D3eAA-", "R&D"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, d := range []Dialect{{}, {UTF8Accept: true}} {
			if name, err := d.MailboxName(s); err == nil {
				checkName(t, name)
			}
		}
		if utf8.ValidString(s) {
			if back, err := DecodeUTF7(EncodeUTF7(s)); err != nil || back != s {
				t.Fatalf("%q comes back as %q, %v", s, back, err)
			}
		}
	})
}

func FuzzSet(f *testing.F) {
	for _, seed := range []string{"1", "*:4,5:7", "4294967295:1,2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if set, err := ParseSet(s); err == nil {
			checkSet(t, set)
		}
	})
}
