package surrogate

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

func TestHeader(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"ASCII":    {"Subject: a\r\n b\r\nX:y\r\n\r\n", "Subject: a\r\n b\r\nX:y\r\n\r\n"},
		"text":     {"A: b\r\nSubject: Re: Größe\r\n passt\r\nC: d\r\n\r\n", "A: b\r\nSubject: =?utf-8?q?Re:_Gr=C3=B6=C3=9Fe_passt?=\r\nC: d\r\n\r\n"},
		"text too": {"X-Any: 日本語の件名\r\n\r\n", "X-Any: =?utf-8?b?5pel5pys6Kqe44Gu5Lu25ZCN?=\r\n\r\n"},
		"both":     {"Subject: =?utf-8?b?w6Q=?= ö\r\n\r\n", "Subject: =?utf-8?b?w6Qgw7Y=?=\r\n\r\n"},
		"name": {"From: Jörg <j@example.org>, \"Q, \\\" r\" <q@example.org>, x@example.org\r\n\r\n",
			"From: =?utf-8?q?J=C3=B6rg?= <j@example.org>,\r\n \"Q, \\\" r\" <q@example.org>,\r\n x@example.org\r\n\r\n"},
		"domain": {"To: info@größe.example\r\n\r\n", "To: info@xn--gre-6ka8i.example\r\n\r\n"},
		"local part": {"Cc: Jörg <jörg@example.org>\r\n\r\n",
			"Cc: \r\n =?utf-8?b?SsO2cmcgPGrDtnJnQGV4YW1wbGUub3JnPg==?= <invalid@internationalized-address.invalid>\r\n\r\n"},
		"group":      {"To: Gäste: ann@example.org, bob@example.org;\r\n\r\n", "To: =?utf-8?q?G=C3=A4ste?=: ann@example.org,\r\n bob@example.org;\r\n\r\n"},
		"parameter":  {"Content-Type: text/plain; charset=utf-8; name=\"größe.txt\"\r\n\r\n", "Content-Type: text/plain;\r\n charset=utf-8;\r\n name*=utf-8''gr%C3%B6%C3%9Fe.txt\r\n\r\n"},
		"file name":  {"Content-Disposition: attachment; filename=ä\r\n\r\n", "Content-Disposition: attachment;\r\n filename*=utf-8''%C3%A4\r\n\r\n"},
		"opaque":     {"Message-ID: <ä@example.org>\r\n\r\n", "Message-ID: <??@example.org>\r\n\r\n"},
		"not UTF-8":  {"Subject: Gr\xf6\xdfe\r\n\r\n", "Subject: Gr\xf6\xdfe\r\n\r\n"},
		"no end":     {"Subject: ä", "Subject: =?utf-8?b?w6Q=?=\r\n"},
		"no field":   {"ä\r\nSubject: b\r\n\r\n", "ä\r\nSubject: b\r\n\r\n"},
		"no address": {"To: ä\r\n\r\n", "To: =?utf-8?b?PMOkPg==?= <invalid@internationalized-address.invalid>\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, needed := Header([]byte(tt.in))
			if string(got) != tt.want || needed != (tt.in != tt.want) {
				t.Errorf("got  %q, %v\nwant %q", got, needed, tt.want)
			}
		})
	}
}

// Long texts are folded, and read as they were.
func TestLongText(t *testing.T) {
	subject := strings.Repeat("Größe über alles, ", 100)
	got, _ := Header([]byte("Subject: " + subject + "\r\n\r\n"))
	for line := range strings.Lines(string(got)) {
		if len(line) > maxLine+len("\r\n") {
			t.Errorf("the line has %d octets: %q", len(line), line)
		}
	}
	s, err := message.Summarize(bytes.NewReader(got))
	if err != nil || strings.TrimSpace(s.Envelope.Subject) == "" || international(got) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReader(t *testing.T) {
	body := strings.Repeat("höhö\r\n\r\n", 10_000)
	for _, tt := range []struct {
		in, want string
		changed  bool
	}{
		{"Subject: ä\r\n\r\n" + body, "Subject: =?utf-8?b?w6Q=?=\r\n\r\n" + body, true},
		{"Subject: a\r\n\r\n" + body, "Subject: a\r\n\r\n" + body, false},
		{strings.Repeat("X: y\r\n", 5000) + "Subject: ä\n\n" + body, strings.Repeat("X: y\r\n", 5000) + "Subject: =?utf-8?b?w6Q=?=\r\n\n" + body, true},
		{"", "", false},
		{"\r\n" + body, "\r\n" + body, false},
	} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader,
			"octets": iotest.OneByteReader, "data with EOF": iotest.DataErrReader} {
			r, changed, err := Reader(wrap(strings.NewReader(tt.in)))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != tt.want || changed != tt.changed {
				t.Errorf("%s: %.40q became %.40q (%v), %v", name, tt.in, got, changed, err)
			}
		}
	}
	broken := errors.New("broken")
	if _, _, err := Reader(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// An endless header is held no further than MaxHeader.
func TestReaderIsBounded(t *testing.T) {
	source := &counting{}
	if _, _, err := Reader(source); err != nil || source.n > 4*MaxHeader {
		t.Errorf("read %d, %v", source.n, err)
	}
}

type counting struct{ n int }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	c.n += len(p)
	return len(p), nil
}

// Whatever a header is like, nothing of it is lost that is ASCII already, and what is UTF-8 in a field becomes ASCII.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{"Subject: ä\r\n\r\n", "To: ä: b <c@d>, \"e\r\n f\" <g@ü>;\r\n", "Content-Type: a/b; c=ä; d*0=e\r\n", "Received: ä\r\n b\r\n\r\nx", "ä\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		out, needed := Header(block)
		if !needed {
			if !bytes.Equal(out, block) {
				t.Fatal("changed without need")
			}
			return
		}
		again, more := Header(out)
		if more {
			t.Fatalf("the surrogate %q needs one: %q", out, again)
		}
	})
}
