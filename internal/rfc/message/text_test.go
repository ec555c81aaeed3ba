package message

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

func TestSearchedText(t *testing.T) {
	content := crlf(`Subject: =?utf-8?q?=C3=B6uter?=
Content-Type: multipart/mixed; boundary=b

preamble
--b
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<p>one <b>=F6</b></p>
--b
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf

not text
--b
Content-Type: message/rfc822

Subject: =?utf-8?q?=C3=ACnner?=
Content-Type: multipart/mixed; boundary=i
X-Raw: caf` + "\xe9" + `

--i
Content-Type: text/plain; name="two.txt"

two
--i--
--b
Content-Type: text/plain
Content-Disposition: attachment

three
--b--
`)
	root := parse(t, content).Root
	read := func(r io.Reader) string {
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(b), "\r\n", "\n")
	}
	header, err := root.HeaderText(strings.NewReader(content))
	if want := "Subject: öuter\nContent-Type: multipart/mixed; boundary=b\n"; header != want || err != nil {
		t.Errorf("header: %q, %v", header, err)
	}
	if got, want := read(root.PartHeaderText(strings.NewReader(content))),
		"Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n"+
			"Content-Type: application/octet-stream\nContent-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf\nrésumé.pdf\n"+
			"Content-Type: message/rfc822\nContent-Type: text/plain; name=\"two.txt\"\n"+
			"Content-Type: text/plain\nContent-Disposition: attachment\n"; got != want {
		t.Errorf("headers of parts: %q", got)
	}
	if got, want := read(root.BodyText(strings.NewReader(content))),
		"one ö\nSubject: ìnner\nContent-Type: multipart/mixed; boundary=i\nX-Raw: café\ntwo\nthree\n"; got != want {
		t.Errorf("body: %q", got)
	}
	file := "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*0*=utf-8''r%C3%A9; filename*1=port\r\n\r\nx"
	if got := read(parse(t, file).Root.PartHeaderText(strings.NewReader(file))); got != "réport\n" {
		t.Errorf("name of the message itself: %q", got)
	}
	if got := read(parse(t, "").Root.BodyText(strings.NewReader(""))); got != "\n" {
		t.Errorf("empty: %q", got)
	}
}

// TestTextReadError: an error of the store is not taken for the end of the text.
func TestTextReadError(t *testing.T) {
	content := "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: y\r\n\r\nbody"
	root := parse(t, content).Root
	for name, r := range map[string]io.Reader{"headers": root.PartHeaderText(failing{}), "body": root.BodyText(failing{})} {
		if _, err := io.ReadAll(r); err != os.ErrClosed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := root.HeaderText(failing{}); err != os.ErrClosed {
		t.Errorf("header: %v", err)
	}
	if block, err := root.ReadHeader(strings.NewReader(content), 7); err != nil || string(block) != "Subject" {
		t.Errorf("%q %v", block, err)
	}
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, os.ErrClosed }

func TestBodies(t *testing.T) {
	part := func(fields string) string { return "--b\n" + fields + "\n\nx\n" }
	multi := func(subtype, inner string) string {
		return "Content-Type: multipart/" + subtype + "; boundary=b\n\n" + inner + "--b--\n"
	}
	// nest gives an inner multipart a boundary of its own.
	nest := func(s string) string {
		return "--b\n" + strings.ReplaceAll(strings.ReplaceAll(s, "--b", "--i"), "=b", "=i")
	}
	const plain, html, png = "Content-Type: text/plain", "Content-Type: text/html", "Content-Type: image/png"
	tests := []struct {
		name, content      string
		text, html, attach string
		has                bool
	}{
		{"plain", plain + "\n\nx", "text/plain", "text/plain", "", false},
		{"html", html + "\n\nx", "text/html", "text/html", "", false},
		{"picture alone", png + "\n\nx", "image/png", "image/png", "", false},
		{"file alone", "Content-Type: application/pdf\n\nx", "", "", "application/pdf", true},
		{"alternative", multi("alternative", part(plain)+part(html)), "text/plain", "text/html", "", false},
		{"alternative of html", multi("alternative", part(html)), "text/html", "text/html", "", false},
		{"alternative with calendar", multi("alternative", part(plain)+part("Content-Type: text/calendar")), "text/plain", "text/plain", "text/calendar", true},
		{"text and file", multi("mixed", part(plain)+part("Content-Type: application/pdf")), "text/plain", "text/plain", "application/pdf", true},
		{"attached text", multi("mixed", part(plain)+part(plain+"\nContent-Disposition: attachment")), "text/plain", "text/plain", "text/plain", true},
		{"named text", multi("mixed", part(plain)+part(plain+"; name=x")), "text/plain", "text/plain", "text/plain", true},
		{"two texts", multi("mixed", part(plain)+part(html)), "text/plain text/html", "text/plain text/html", "", false},
		{"picture between", multi("mixed", part(plain)+part(png)), "text/plain image/png", "text/plain image/png", "", false},
		{"related", multi("related", part(html)+part(png+"\nContent-ID: <x>")), "text/html", "text/html", "image/png", false},
		{"alternative with related", multi("alternative", part(plain)+nest(multi("related", part(html)+part(png+"\nContent-ID: <x>")))),
			"text/plain", "text/html", "image/png", false},
		{"signature", multi("signed", part(plain)+part("Content-Type: application/pgp-signature")), "text/plain", "text/plain", "application/pgp-signature", false},
		{"forwarded", multi("mixed", part(plain)+part("Content-Type: message/rfc822")), "text/plain", "text/plain", "message/rfc822", true},
	}
	types := func(parts []*Part) string {
		var all []string
		for _, p := range parts {
			all = append(all, p.Type+"/"+p.Subtype)
		}
		return strings.Join(all, " ")
	}
	for _, test := range tests {
		root := parse(t, crlf(test.content)).Root
		b := root.Bodies()
		if types(b.Text) != test.text || types(b.HTML) != test.html || types(b.Attachments) != test.attach || root.HasAttachment() != test.has {
			t.Errorf("%s: text %q html %q attachments %q, has %v", test.name, types(b.Text), types(b.HTML), types(b.Attachments), root.HasAttachment())
		}
	}
}

func TestPreview(t *testing.T) {
	long := strings.Repeat("wörd ", 100)
	for _, test := range []struct{ name, content, want string }{
		{"plain", "\n  hello\n\n world ", "hello world"},
		{"cut", "Content-Type: text/plain; charset=utf-8\n\n" + long, strings.TrimSpace(string([]rune(long)[:MaxPreview]))},
		{"quoted only", "\n> a\n> b\n", "> a > b"},
		{"html", "Content-Type: text/html\n\n<style>x</style><p>a</p><p>b", "a b"},
		{"blank plain, then html", "Content-Type: multipart/alternative; boundary=b\n\n--b\n\n \n--b\nContent-Type: text/html\n\nreal\n--b--", "real"},
		{"attached text", "Content-Type: text/plain\nContent-Disposition: attachment\n\nfile", ""},
		{"picture", "Content-Type: image/png\n\nx", ""},
		{"in an embedded message", "Content-Type: message/rfc822\n\n\nx", ""},
		{"base64 cut", "Content-Transfer-Encoding: base64\n\nSGVsbG8gd29ybGQ", "Hello world"},
		{"the delimiter is no text", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--", "x"},
		{"controls", "\na\x1b[31m\x00b", "a[31mb"},
	} {
		for _, ends := range []func(string) string{crlf, func(s string) string { return s }} {
			if got := summarize(t, ends(test.content)).Preview; got != test.want {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
		}
	}
}

// TestSummarizerLongBody: only the beginning of a text is kept, and cut there, for any writes.
func TestSummarizerLongBody(t *testing.T) {
	content := []byte("Subject: x\r\n\r\n" + strings.Repeat("> quoted line\r\n", 1000) + "seen\r\n" + strings.Repeat("> quoted\r\n", 10000) + "not seen")
	s := NewSummarizer(Limits{})
	for _, b := range bytes.SplitAfter(content, []byte("e")) {
		s.Write(b)
	}
	kept := len(*s.plain.room)
	if got := s.Close(); got.Preview != "seen" || kept != previewPlain {
		t.Errorf("%q of %d bytes", got.Preview, kept)
	}
}

func TestHeaderSoFar(t *testing.T) {
	s := NewSummarizer(Limits{})
	for _, step := range []struct {
		write    string
		length   int64
		complete bool
		fields   int
	}{
		{"", 0, false, 0}, {"Subject: x", 10, false, 0}, {"\r\n", 12, false, 1}, {" y\r\nno field\r\n", 26, false, 1},
		{"Content-Type: message/rfc822\r\n", 56, false, 2}, {"\r", 57, false, 2}, {"\n", 58, true, 2}, {"A: 1\r\nB: 2\r\nC: 3\r\n", 58, true, 2},
	} {
		s.Write([]byte(step.write))
		if fields := s.HeaderFields(); fields != step.fields {
			t.Errorf("after %q: %d fields", step.write, fields)
		}
		if length, complete := s.HeaderLength(); length != step.length || complete != step.complete {
			t.Errorf("after %q: %d %v", step.write, length, complete)
		}
	}
}
