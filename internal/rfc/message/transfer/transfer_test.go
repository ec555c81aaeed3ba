package transfer

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"
)

var samples = []struct{ encoding, in, want string }{
	{"base64", "", ""},
	{"base64", "SGVsbG8=", "Hello"},
	{"BASE64", "SGVs\r\nbG8=\r\n", "Hello"},
	{"base64", "SGVsbG8", "Hello"},
	{"base64", "S-G*V s\x00b\xffG8=", "Hello"},
	{"base64", "SGVsbG8=SGVsbG8=", "HelloHello"},
	{"base64", "SGVsbG8====SGVsbG8=", "HelloHello"},
	{"base64", "S", ""},
	{"base64", "SG", "H"},
	{"base64", "=SG==", "H"},
	{"quoted-printable", "a=3Db=C3=B6=c3=b6", "a=böö"},
	{"quoted-printable", "a=\r\nb=\nc= \t\r\nd", "abcd"},
	{"quoted-printable", "a \t\r\nb  c\r\n", "a\r\nb  c\r\n"},
	{"quoted-printable", "a=", "a"},
	{"quoted-printable", "a= ", "a"},
	{"quoted-printable", "a=4", "a=4"},
	{"quoted-printable", "a=zz=4z=  x", "a=zz=4z=  x"},
	{"quoted-printable", "==41", "=A"},
	{"quoted-printable", "=3=41", "=3A"},
	{"quoted-printable", "= =41", "= A"},
	{"quoted-printable", "a\rb", "a\rb"},
	{"quoted-printable", "=\rb", "=\rb"},
	{"quoted-printable", "a ", "a "},
	{"7bit", "a=3D", "a=3D"},
	{"", "a=3D", "a=3D"},
	{"x-unknown", "a=3D", "a=3D"},
}

func TestDecode(t *testing.T) {
	for _, s := range samples {
		for name, r := range map[string]io.Reader{
			"at once":         strings.NewReader(s.in),
			"byte by byte":    iotest.OneByteReader(strings.NewReader(s.in)),
			"data with error": iotest.DataErrReader(strings.NewReader(s.in)),
		} {
			got, err := io.ReadAll(NewReader(s.encoding, r))
			if err != nil || string(got) != s.want {
				t.Errorf("%s %q %s: %q %v, want %q", s.encoding, s.in, name, got, err, s.want)
			}
		}
		got, err := io.ReadAll(iotest.OneByteReader(NewReader(s.encoding, strings.NewReader(s.in))))
		if err != nil || string(got) != s.want {
			t.Errorf("%s %q into one byte: %q %v, want %q", s.encoding, s.in, got, err, s.want)
		}
	}
}

func TestSourceError(t *testing.T) {
	for _, encoding := range []string{"base64", "quoted-printable", "7bit"} {
		r := io.MultiReader(strings.NewReader("QUJD"), iotest.ErrReader(io.ErrUnexpectedEOF))
		got, err := io.ReadAll(NewReader(encoding, r))
		if err != io.ErrUnexpectedEOF || len(got) < 3 {
			t.Errorf("%s: %q %v", encoding, got, err)
		}
	}
	if _, err := io.ReadAll(NewReader("base64", stuck{})); err != io.ErrNoProgress {
		t.Errorf("a source without progress: %v", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestLongSpace(t *testing.T) {
	in := strings.Repeat(" ", 10*maxSpace)
	got, _ := io.ReadAll(NewReader("quoted-printable", strings.NewReader(in+"x")))
	if string(got) != in+"x" {
		t.Errorf("%d bytes", len(got))
	}
	for _, in := range []string{in, "=" + in + "\r\n"} {
		r := NewReader("quoted-printable", strings.NewReader(in)).(*quotedReader)
		io.Copy(io.Discard, struct{ io.Reader }{r})
		if cap(r.held) > 2*maxSpace || cap(r.buf) > 4*len(r.in.buf) {
			t.Errorf("%d bytes are held, %d in the buffer", cap(r.held), cap(r.buf))
		}
	}
}

func TestKnown(t *testing.T) {
	for encoding, want := range map[string]bool{"": true, "8BIT": true, "Base64": true, "x-uuencode": false} {
		if Known(encoding) != want {
			t.Errorf("%q: %v", encoding, !want)
		}
	}
}

// FuzzDecode: no panic, the output no longer than the input, and what a correct encoder wrote comes back.
func FuzzDecode(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, encoding := range []string{"base64", "quoted-printable"} {
			whole, _ := io.ReadAll(NewReader(encoding, bytes.NewReader(in)))
			pieces, _ := io.ReadAll(iotest.HalfReader(NewReader(encoding, iotest.OneByteReader(bytes.NewReader(in)))))
			if !bytes.Equal(whole, pieces) || len(whole) > len(in) {
				t.Fatalf("%s %q: %q and in pieces %q", encoding, in, whole, pieces)
			}
		}
		if got := Base64(base64.StdEncoding.EncodeToString(in)); !bytes.Equal(got, in) {
			t.Fatalf("base64 of %q is read as %q", in, got)
		}
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Binary = true
		w.Write(in)
		w.Close()
		if got, _ := io.ReadAll(NewReader("quoted-printable", &b)); !bytes.Equal(got, in) {
			t.Fatalf("quoted-printable of %q is read as %q", in, got)
		}
	})
}

func BenchmarkBase64(b *testing.B) {
	in := []byte(strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 1000))
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		io.Copy(io.Discard, NewReader("base64", bytes.NewReader(in)))
	}
}

func BenchmarkQuotedPrintable(b *testing.B) {
	in := []byte(strings.Repeat("caf=C3=A9 and some more text that is plain =\r\n", 1000))
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		io.Copy(io.Discard, NewReader("quoted-printable", bytes.NewReader(in)))
	}
}
