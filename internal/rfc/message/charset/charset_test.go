package charset

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

var samples = []struct{ label, in, want string }{
	{"", "plain", "plain"},
	{"", "J\xc3\xb6 J\xf6", "Jö Jö"},
	{"us-ascii", "caf\xe9", "café"},
	{"utf-8", "\xe2\x82", "â‚"}, // a character cut off
	{"UTF-8", "\xef\xbb\xbfx", "\ufeffx"},
	{" \"Latin1\" ", "\xf6", "ö"},
	{"iso-8859-15", "\xa4", "€"},
	{"windows-1252", "\x80", "€"},
	{"gb2312", "\xd6\xd0\xce\xc4", "中文"},
	{"gb18030", "\xd6\xd0\x81\x30\x81\x30", "中\u0080"},
	{"hz-gb-2312", "~{VPND~}", "中文"},
	{"big5", "\xa4\xa4\xa4\xe5", "中文"},
	{"shift_jis", "\x93\xfa\x96\x7b", "日本"},
	{"cp932", "\x93\xfa", "日"},
	{"iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本"},
	{"ISO-2022-JP", "plain", "plain"},
	{"euc-jp", "\xc6\xfc", "日"},
	{"euc-kr", "\xc7\xd1", "한"},
	{"ks_c_5601-1987", "\xc7\xd1", "한"},
	{"koi8-r", "\xcd\xc9\xd2", "мир"},
	{"koi8-u", "\xa4", "є"},
	{"windows-1251", "\xec", "м"},
	{"windows-874", "\xa1", "ก"},
	{"tis-620", "\xa1", "ก"},
	{"cp437", "\x84", "ä"},
	{"ibm850", "\x84", "ä"},
	{"utf-16be", "\x00a\xd8\x3d\xde\x00", "a😀"},
	{"utf-16le", "a\x00", "a"},
	{"utf-7", "Hi Mom +Jjo--+ACE +- \xe9 +2D3eAA-+2D0-x", "Hi Mom ☺-! + é 😀\ufffdx"},
	{"utf-7", "+", ""},
	{"x-mac-roman", "\x8a", "ä"},
	{"x-never-heard-of", "\xf6\xc3\xb6", "öö"},
	{strings.Repeat("x", 1000), "\xf6", "ö"},
	{"iso-8859-1*en", "\xf6", "ö"},
}

func TestDecode(t *testing.T) {
	for _, s := range samples {
		if got := Decode(s.label, []byte(s.in)); got != s.want {
			t.Errorf("%.40s %q: %q, want %q", s.label, s.in, got, s.want)
		}
		got, err := io.ReadAll(NewReader(s.label, iotest.OneByteReader(strings.NewReader(s.in))))
		if err != nil || string(got) != s.want {
			t.Errorf("%.40s %q as a stream: %q %v, want %q", s.label, s.in, got, err, s.want)
		}
		broken := iotest.DataErrReader(io.MultiReader(strings.NewReader(s.in), iotest.ErrReader(iotest.ErrTimeout)))
		if got, err = io.ReadAll(NewReader(s.label, broken)); err != iotest.ErrTimeout || !strings.HasPrefix(s.want, string(got)) {
			t.Errorf("%.40s %q as a stream that breaks off: %q %v", s.label, s.in, got, err)
		}
	}
}

func TestKnown(t *testing.T) {
	for label, want := range map[string]bool{"utf-8": true, "UTF-7": true, "gb2312": true, "iso-8859-1": true, "": false,
		"x-never-heard-of": false} {
		if Known(label) != want {
			t.Errorf("%q: %v", label, !want)
		}
	}
}

// TestAliases: every alias names a charset that decodes.
func TestAliases(t *testing.T) {
	for label := range aliases {
		if !Known(label) || Decode(label, []byte("\x00\x00\x00a")) == "" {
			t.Errorf("%q decodes nothing", label)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range samples {
		f.Add(s.label, []byte(s.in))
	}
	f.Fuzz(func(t *testing.T, label string, in []byte) {
		whole := Decode(label, in)
		if !utf8.ValidString(whole) {
			t.Fatalf("%q from %q: %q is not UTF-8", in, label, whole)
		}
		stream, err := io.ReadAll(NewReader(label, iotest.HalfReader(strings.NewReader(string(in)))))
		if err != nil {
			t.Fatalf("%q from %q: %v", in, label, err)
		}
		if string(stream) != whole {
			t.Fatalf("%q from %q: %q as a stream, %q at once", in, label, stream, whole)
		}
	})
}
