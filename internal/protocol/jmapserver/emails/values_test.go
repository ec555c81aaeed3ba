package emails

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

func TestBodyValues(t *testing.T) {
	plain := func(kind, body string) string { return "Content-Type: " + kind + "\r\n\r\n" + body }
	for name, tt := range map[string]struct {
		content string
		most    uint64
		want    bodyValue
	}{
		"line ends":               {plain("text/plain", "a\r\nb\rc\n\r\r\nd\r"), 0, bodyValue{Value: "a\nb\rc\n\r\nd\r"}},
		"NUL":                     {plain("text/plain", "a\x00\r\x00\nb"), 0, bodyValue{Value: "a\r\nb"}},
		"utf-8":                   {plain("text/plain; charset=utf-8", "ö€😀"), 0, bodyValue{Value: "ö€😀"}},
		"utf-8 without a label":   {plain("text/plain", "ö"), 0, bodyValue{Value: "ö"}},
		"no utf-8":                {plain("text/plain; charset=utf-8", "\xf6"), 0, bodyValue{Value: "ö", IsEncodingProblem: true}},
		"latin":                   {plain("text/plain; charset=iso-8859-1", "\xf6"), 0, bodyValue{Value: "ö"}},
		"malformed":               {plain("text/plain; charset=shift_jis", "a\x81\xff"), 0, bodyValue{Value: "a\ufffd", IsEncodingProblem: true}},
		"unknown charset":         {plain("text/plain; charset=x-none", "a"), 0, bodyValue{Value: "a", IsEncodingProblem: true}},
		"unknown encoding":        {"Content-Transfer-Encoding: x\r\n\r\na", 0, bodyValue{Value: "a", IsEncodingProblem: true}},
		"as long as may be":       {plain("text/plain", "abc"), 3, bodyValue{Value: "abc"}},
		"cut":                     {plain("text/plain", "abcd"), 3, bodyValue{Value: "abc", IsTruncated: true}},
		"cut in a character":      {plain("text/plain; charset=utf-8", "a€b"), 3, bodyValue{Value: "a", IsTruncated: true}},
		"cut after a character":   {plain("text/plain; charset=utf-8", "a€b"), 4, bodyValue{Value: "a€", IsTruncated: true}},
		"cut to nothing":          {plain("text/plain; charset=utf-8", "😀"), 3, bodyValue{IsTruncated: true}},
		"cut in a tag":            {plain("text/html", `x<a href="y">z</a>`), 8, bodyValue{Value: "x", IsTruncated: true}},
		"cut behind a tag":        {plain("text/html", `x<b>yz</b>`), 5, bodyValue{Value: "x<b>y", IsTruncated: true}},
		"cut in no tag":           {plain("text/plain", `x<b>yz</b>`), 3, bodyValue{Value: "x<b", IsTruncated: true}},
		"counted without the CR":  {plain("text/plain", "a\r\nb\r\n"), 4, bodyValue{Value: "a\nb\n"}},
		"quoted-printable, latin": {"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=F6=\r\n=F6", 0, bodyValue{Value: "öö"}},
	} {
		m, err := message.Parse(strings.NewReader(tt.content), message.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		left := 1 << 20
		s := &source{root: m.Root, content: strings.NewReader(tt.content), left: &left}
		if got, err := s.value(m.Root, tt.most); err != nil || got != tt.want {
			t.Errorf("%s: %+v %v, want %+v", name, got, err, tt.want)
		}
	}
}

// Whether a text is UTF-8 does not depend on how it is read.
func FuzzCheckedUTF8(f *testing.F) {
	f.Add([]byte("a\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80"))
	f.Add([]byte("\xe2\x82"))
	f.Add([]byte("\xff\xc3"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, r := range map[string]io.Reader{"at once": bytes.NewReader(text), "bytes": iotest.OneByteReader(bytes.NewReader(text)),
			"with its end": iotest.DataErrReader(bytes.NewReader(text)), "halves": iotest.HalfReader(bytes.NewReader(text))} {
			c := &checkedUTF8{r: r}
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, text) || c.bad == utf8.Valid(text) {
				t.Errorf("%q read %s: bad is %v (%v)", text, name, c.bad, err)
			}
		}
	})
}
