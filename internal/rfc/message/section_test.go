package message

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/transform"

	"github.com/mailmesh/mailmesh/internal/mail"
)

var sectionMail = crlf(`Subject: outer
Content-Type: multipart/mixed; boundary=a

--a
X-Part: 1

one
--a
Content-Type: message/rfc822

Subject: inner
X-Keep: 1
Content-Type: multipart/alternative; boundary=b

--b

plain
--b
Content-Type: text/html
Content-Transfer-Encoding: base64

PGI+
--b--
--a
Content-Type: message/rfc822

Subject: single

text
--a
Content-Transfer-Encoding: x-foo

four
--a--
`)

func TestSections(t *testing.T) {
	inner := "Subject: inner\nX-Keep: 1\nContent-Type: multipart/alternative; boundary=b\n\n"
	innerText := "--b\n\nplain\n--b\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGI+\n--b--"
	const none = "no such section"
	tests := []struct {
		path   []int
		spec   Specifier
		fields string
		want   string
	}{
		{nil, Whole, "", strings.ReplaceAll(sectionMail, "\r\n", "\n")},
		{nil, Header, "", "Subject: outer\nContent-Type: multipart/mixed; boundary=a\n\n"},
		{nil, MIME, "", none},
		{nil, HeaderFields, "SUBJECT", "Subject: outer\n\n"},
		{nil, HeaderFieldsNot, "subject X-None", "Content-Type: multipart/mixed; boundary=a\n\n"},
		{nil, HeaderFields, "X-None", "\n"},
		{[]int{1}, Whole, "", "one"},
		{[]int{1}, MIME, "", "X-Part: 1\n\n"},
		{[]int{1}, Header, "", none},
		{[]int{1}, BodyText, "", none},
		{[]int{1, 1}, Whole, "", none},
		{[]int{0}, Whole, "", none},
		{[]int{-1}, Whole, "", none},
		{[]int{5}, Whole, "", none},
		{[]int{2}, Whole, "", inner + innerText},
		{[]int{2}, MIME, "", "Content-Type: message/rfc822\n\n"},
		{[]int{2}, Header, "", inner},
		{[]int{2}, HeaderFields, "x-keep", "X-Keep: 1\n\n"},
		{[]int{2}, BodyText, "", innerText},
		{[]int{2, 1}, Whole, "", "plain"},
		{[]int{2, 1}, MIME, "", "\n"},
		{[]int{2, 2}, Whole, "", "PGI+"},
		{[]int{2, 3}, Whole, "", none},
		{[]int{2, 2, 1}, Whole, "", none},
		{[]int{3, 1}, Whole, "", "text"},
		{[]int{3, 1}, MIME, "", "Subject: single\n\n"},
		{[]int{3, 2}, Whole, "", none},
		{[]int{3, 1, 1}, Whole, "", none},
		{[]int{3}, BodyText, "", "text"},
	}
	root := parse(t, sectionMail).Root
	for _, test := range tests {
		got := none
		piece, ok := root.Section(Section{test.path, test.spec, strings.Fields(test.fields)})
		if ok {
			r, size, err := piece.Open(strings.NewReader(sectionMail))
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(r)
			if int64(len(b)) != size {
				t.Errorf("%v: size %d, read %d", test.path, size, len(b))
			}
			got = strings.ReplaceAll(string(b), "\r\n", "\n")
		}
		if got != test.want {
			t.Errorf("%v %d %s:\n got %q\nwant %q", test.path, test.spec, test.fields, got, test.want)
		}
	}
}

// TestSingleParts: the part 1 of a message that is no multipart is its body.
func TestSingleParts(t *testing.T) {
	for content, want := range map[string]map[string][]int{
		"Subject: x\r\n\r\nbody":                             {"body": {1}, "": {1, 1}},
		"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nin": {"A: b\r\n\r\nin": {1}, "in": {1, 1}, "": {1, 1, 1}},
		"Content-Type: multipart/mixed\r\n\r\nall":           {"all": {1}, "": {2}},
	} {
		root := parse(t, content).Root
		for body, path := range want {
			piece, ok := root.Section(Section{Path: path})
			if ok != (body != "") || ok && content[piece.Offset:piece.End()] != body {
				t.Errorf("%q %v: %v %+v", content, path, ok, piece)
			}
		}
	}
}

// TestHeaderFieldsWithoutBlankLine: RFC 9051 6.4.5.1 wants the blank line included except where there is none.
func TestHeaderFieldsWithoutBlankLine(t *testing.T) {
	content := "A: 1\r\n folded\r\nb : 2\r\nno field\r\n more\r\nC: 3"
	root := parse(t, content).Root
	for _, test := range []struct {
		spec   Specifier
		fields []string
		want   string
	}{
		{HeaderFields, []string{"a", "B"}, "A: 1\r\n folded\r\nb : 2\r\n"},
		{HeaderFields, []string{"c"}, "C: 3"},
		{HeaderFieldsNot, []string{"a", "c"}, "b : 2\r\nno field\r\n more\r\n"},
	} {
		piece, _ := root.Section(Section{Specifier: test.spec, Fields: test.fields})
		r, _, err := piece.Open(strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(r); string(b) != test.want {
			t.Errorf("%v: %q", test.fields, b)
		}
	}
}

func TestBinary(t *testing.T) {
	root := parse(t, sectionMail).Root
	r, err := root.Binary(strings.NewReader(sectionMail), []int{2, 2})
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(r); string(b) != "<b>" {
		t.Errorf("%q", b)
	}
	if _, err := root.Binary(strings.NewReader(sectionMail), []int{4}); !errors.Is(err, ErrUnknownEncoding) || !mail.Is(err, mail.Invalid) {
		t.Errorf("unknown encoding: %v", err)
	}
	if _, err := root.Binary(strings.NewReader(sectionMail), []int{9}); !mail.Is(err, mail.NotFound) {
		t.Errorf("no such part: %v", err)
	}
	// A multipart that claims an encoding is not decoded; an embedded message, which may not have one either, is.
	for content, want := range map[string]string{
		"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: x\r\n\r\n--b\r\nContent-Type: multipart/mixed\r\n" +
			"Content-Transfer-Encoding: base64\r\n\r\nPGI+\r\n--b--": "PGI+",
		"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+": "<b>",
	} {
		r, err := parse(t, content).Root.Binary(strings.NewReader(content), []int{1})
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(r); string(b) != want {
			t.Errorf("%q, want %q", b, want)
		}
	}
	if r, err := root.Binary(strings.NewReader(sectionMail), nil); err != nil {
		t.Error(err)
	} else if b, _ := io.ReadAll(r); string(b) != sectionMail {
		t.Error("BINARY[] is not the whole message")
	}
}

// Lines of text end with CR LF; where an octet 10 is half a character, and in what is no text, nothing is added.
func TestBinaryLineEnds(t *testing.T) {
	const body = "a\nb\r\n\n\rc\r\n"
	encoded := "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(body))
	for kind, want := range map[string]string{
		"text/plain":                            "a\r\nb\r\n\r\n\rc\r\n",
		"text/html; charset=iso-8859-1":         "a\r\nb\r\n\r\n\rc\r\n",
		"text/plain; charset=UTF-16LE":          body,
		"text/plain; charset=iso-10646-ucs-2":   body,
		"text/plain; charset=unicode-1-1-utf-7": "a\r\nb\r\n\r\n\rc\r\n",
		"application/octet-stream":              body,
	} {
		content := "Content-Type: " + kind + encoded
		r, err := parse(t, content).Root.Binary(strings.NewReader(content), []int{1})
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(iotest.OneByteReader(r)); err != nil || string(b) != want {
			t.Errorf("%s: %q %v, want %q", kind, b, err, want)
		}
	}
	for n := 4090; n < 4100; n++ { // wherever the reader's buffer ends
		if b, err := io.ReadAll(transform.NewReader(strings.NewReader(strings.Repeat("x", n)+"\n\n"), &lineEnds{})); err != nil || len(b) != n+4 {
			t.Fatalf("%d: %d %v", n, len(b), err)
		}
	}
}
