package compose

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// value is a field as package header reads it.
func value(t interface{ Fatalf(string, ...any) }, f Field, soft bool) string {
	for line := range strings.SplitSeq(strings.TrimSuffix(f.String(), "\r\n"), "\r\n") {
		if len(line) > maxLine || soft && len(line) > softLine+2 {
			t.Fatalf("a line of %d bytes: %q", len(line), line)
		}
		if strings.Trim(line, " \t") == "" {
			t.Fatalf("a blank line in %q", f.String())
		}
	}
	n := 0
	var out string
	for got := range header.Fields([]byte(f.String() + "\r\nX: y")) {
		n++
		out = got.Value()
		if string(got.Name) != f.Name {
			t.Fatalf("name %q of %q", got.Name, f.String())
		}
	}
	if n != 1 {
		t.Fatalf("%d fields in %q", n, f.String())
	}
	return out
}

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "Subject:\r\n",
		"Dinner on Thursday?": "Subject: Dinner on Thursday?\r\n",
		"Grüße":               "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n",
		"两个人":                 "Subject: =?utf-8?b?5Lik5Liq5Lq6?=\r\n",
		"see =?utf-8?q?x?=":   "Subject: see =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=\r\n",
		"a ü ö b":             "Subject: a =?utf-8?b?w7wgw7Y=?= b\r\n",
		" x":                  "Subject: =?utf-8?q?_x?=\r\n",
		"one two three four five six seven eight nine ten eleven twelve thirteen fourteen": "Subject: one two three four five six seven eight nine ten eleven twelve\r\n thirteen fourteen\r\n",
	} {
		f, err := Text("Subject", text)
		if err != nil || f.String() != want {
			t.Errorf("%q: %q %v", text, f.String(), err)
		}
	}
}

// Any text comes back from the reader as it was, in lines that fit.
func TestTextIsReadBack(t *testing.T) {
	words := rapid.OneOf(rapid.StringMatching(`[ -~]{0,40}`), rapid.StringMatching(`[ a-zäöüß=?_]{0,90}`), rapid.StringN(0, 60, -1), rapid.Just(strings.Repeat("x", 600)), rapid.Just(strings.Repeat(" ", 90)))
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(words, 0, 6).Draw(t, "words"), rapid.SampledFrom([]string{" ", "  ", ""}).Draw(t, "between"))
		f, err := Text(rapid.SampledFrom([]string{"Subject", "X-A-Name-That-Is-Rather-Long-For-One-Of-A-Header-Field"}).Draw(t, "name"), text)
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			if err == nil {
				t.Fatalf("%q is taken", text)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		// C1 controls are shown as spaces by the reader.
		clean := strings.Map(func(r rune) rune {
			if r >= 0x80 && r < 0xa0 {
				return ' '
			}
			return r
		}, text)
		if got := header.DecodeWords(value(t, f, false)); got != clean && got != text {
			t.Fatalf("%q came back as %q from %q", text, got, f.String())
		}
	})
}

func TestRefused(t *testing.T) {
	date := time.Unix(0, 0)
	for name, make := range map[string]func() (Field, error){
		"line end in a text":   func() (Field, error) { return Text("Subject", "a\r\nBcc: x@example.org") },
		"control in a text":    func() (Field, error) { return Text("Subject", "a\x00") },
		"no UTF-8":             func() (Field, error) { return Text("Subject", "\xff") },
		"name with a colon":    func() (Field, error) { return Text("Sub:ject", "a") },
		"name with a line end": func() (Field, error) { return Date("X\r\nY", date) },
		"no name":              func() (Field, error) { return Raw("", "a") },
		"long name":            func() (Field, error) { return Raw(strings.Repeat("x", 77), "a") },
		"raw without a fold":   func() (Field, error) { return Raw("X", " a\r\nb") },
		"raw with blank line":  func() (Field, error) { return Raw("X", " a\r\n \r\n b") },
		"raw that ends":        func() (Field, error) { return Raw("X", " a\r\n") },
		"raw with bare LF":     func() (Field, error) { return Raw("X", " a\n b") },
		"raw with bare CR":     func() (Field, error) { return Raw("X", " a\r b") },
		"raw with NUL":         func() (Field, error) { return Raw("X", " a\x00") },
		"raw too long":         func() (Field, error) { return Raw("X", strings.Repeat("a", 997)) },
		"raw no UTF-8":         func() (Field, error) { return Raw("X", "\xc3") },
		"id with a space":      func() (Field, error) { return MessageIDs("References", []string{"a b"}) },
		"id with brackets":     func() (Field, error) { return MessageIDs("References", []string{"<a@b>"}) },
		"id empty":             func() (Field, error) { return MessageIDs("References", []string{""}) },
		"URL not ASCII":        func() (Field, error) { return URLs("List-Post", []string{"https://ü.example"}) },
		"line end in a name":   func() (Field, error) { return Addresses("To", one(Address{"a\r\nb", "x@example.org"})) },
		"line end in address":  func() (Field, error) { return Addresses("To", one(Address{"", "x@example.org\r\nBcc: y"})) },
		"nobody":               func() (Field, error) { return Addresses("To", one(Address{})) },
		"group with line end":  func() (Field, error) { return Addresses("To", []Group{{Named: true, Name: "\n"}}) },
		"no token":             func() (Field, error) { return Parameters("Content-Type", "text/pl ain", nil) },
		"line end in a token":  func() (Field, error) { return Parameters("Content-Disposition", "inline\r\nX: y", nil) },
		"parameter's name":     func() (Field, error) { return Parameters("Content-Type", "text/plain", header.Params{{Name: "a b"}}) },
	} {
		if f, err := make(); !mail.Is(err, mail.Invalid) {
			t.Errorf("%s: %q %v", name, f.String(), err)
		}
	}
}

func one(a ...Address) []Group { return []Group{{Addresses: a}} }

func TestAddresses(t *testing.T) {
	for want, groups := range map[string][]Group{
		"To: x@example.org":                                     one(Address{"", "x@example.org"}),
		"To: X@Example.ORG":                                     one(Address{"", "X@Example.ORG"}),
		"To: Joe Bloggs <joe@example.com>, a@b.example":         one(Address{"Joe Bloggs", "joe@example.com"}, Address{"", "a@b.example"}),
		`To: "Bloggs, Joe" <joe@example.com>`:                   one(Address{"Bloggs, Joe", "joe@example.com"}),
		`To: "say \"hi\"" <joe@example.com>`:                    one(Address{`say "hi"`, "joe@example.com"}),
		"To: =?utf-8?q?J=C3=BCrgen?= <j@xn--bcher-kva.example>": one(Address{"Jürgen", "j@bücher.example"}),
		"To: jürgen@example.org":                                one(Address{"", "jürgen@example.org"}),
		"To: joe":                                               one(Address{"", "joe"}),
		`To: "joe, bob <x@example.org>"`:                        one(Address{"", "joe, bob <x@example.org>"}),
		"To: Nobody <>":                                         one(Address{"Nobody", ""}),
		"To: Friends: a@example.org, b@example.org;, c@example.org, None:;": {{}, {Named: true, Name: "Friends", Addresses: []Address{{"", "a@example.org"}, {"", "b@example.org"}}},
			{Addresses: []Address{{"", "c@example.org"}}}, {Named: true, Name: "None"}},
		"To:": nil,
	} {
		f, err := Addresses("To", groups)
		if err != nil || f.String() != want+"\r\n" {
			t.Errorf("%q: %q %v", want, f.String(), err)
		}
	}
}

// Any name and any address come back.
func TestAddressesAreReadBack(t *testing.T) {
	clean := func(r rune) bool { return r >= ' ' && r != 0x7f && (r < 0x80 || r >= 0xa0) }
	name := rapid.StringOfN(rapid.Rune().Filter(clean), 0, 40, -1).Filter(func(s string) bool { return s == strings.TrimSpace(s) && !strings.Contains(s, "  ") })
	email := rapid.OneOf(rapid.StringMatching(`[a-z.+ü]{1,9}@[a-z]{1,9}\.example`), rapid.StringMatching(`[ -~]{1,30}`).Filter(func(s string) bool { return strings.TrimSpace(s) == s }))
	rapid.Check(t, func(t *rapid.T) {
		var list []Address
		for range rapid.IntRange(1, 8).Draw(t, "n") {
			list = append(list, Address{name.Draw(t, "name"), email.Draw(t, "email")})
		}
		f, err := Addresses("Reply-To", one(list...))
		if err != nil {
			t.Fatal(err)
		}
		got := header.ParseAddresses(value(t, f, false), 100)
		if len(got) != len(list) {
			t.Fatalf("%d addresses of %q, want %d: %+v", len(got), f.String(), len(list), got)
		}
		for i, a := range got {
			if header.DecodeWords(a.Name) != list[i].Name && !(list[i].Name != "" && strings.Contains(list[i].Name, "  ")) {
				t.Fatalf("name %q came back as %q from %q", list[i].Name, header.DecodeWords(a.Name), f.String())
			}
			if a.Spec() != list[i].Email && !strings.ContainsAny(list[i].Email, `"\()[]@ `) {
				t.Fatalf("%q came back as %q from %q", list[i].Email, a.Spec(), f.String())
			}
		}
	})
}

func TestParameters(t *testing.T) {
	for want, p := range map[string]header.Params{
		`Content-Disposition: attachment; filename=a.pdf`:                                                                                     {{Name: "filename", Value: "a.pdf"}},
		`Content-Disposition: attachment; filename="a b.pdf"; size=3`:                                                                         {{Name: "filename", Value: "a b.pdf"}, {Name: "size", Value: "3"}},
		`Content-Disposition: attachment; filename*=utf-8''%C3%BC%20x.pdf`:                                                                    {{Name: "filename", Value: "ü x.pdf"}},
		`Content-Disposition: attachment; filename*=utf-8''a%0D%0AX%3A%20y`:                                                                   {{Name: "filename", Value: "a\r\nX: y"}},
		"Content-Disposition: attachment;\r\n filename*0*=utf-8''" + strings.Repeat("a", 52) + ";\r\n filename*1*=" + strings.Repeat("a", 48): {{Name: "filename", Value: strings.Repeat("a", 100)}},
	} {
		f, err := Parameters("Content-Disposition", "attachment", p)
		if err != nil || f.String() != want+"\r\n" {
			t.Errorf("%q: %q %v", want, f.String(), err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		f, err := Parameters("Content-Disposition", "attachment", header.Params{{Name: "filename", Value: name}})
		if err != nil {
			t.Fatal(err)
		}
		_, params := header.ParseDisposition(value(t, f, true))
		if got := params.Get("filename"); got != name && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
			t.Fatalf("%q came back as %q from %q", name, got, f.String())
		}
	})
}

// content is a file of which is known how often it is open.
type content struct {
	io.Reader
	open *int
}

func (c content) Close() error { *c.open--; return nil }

func file(s string, open *int) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { *open++; return content{strings.NewReader(s), open}, nil }
}

func read(t testing.TB, m *Message) string {
	t.Helper()
	r, err := m.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMessage(t *testing.T) {
	subject, _ := Text("Subject", "Hi")
	n := 0
	m := &Message{Fields: []Field{subject}, Boundary: func() string { n++; return "b" + string(rune('0'+n)) }, Root: &Part{Type: "multipart", Subtype: "mixed", Children: []*Part{
		{Type: "text", Subtype: "plain", Text: "Grüße\nJoe\n"}, {Type: "application", Subtype: "pdf", Open: file("PDF\x00", new(int))},
		{Type: "multipart", Subtype: "alternative", Children: []*Part{{Type: "text", Subtype: "plain", Text: "x"}}}}}}
	want := "Subject: Hi\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n" +
		"--b1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\nJoe\r\n\r\n" +
		"--b1\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nUERGAA==\r\n" +
		"--b1\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n--b2\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx\r\n--b2--\r\n--b1--\r\n"
	if got := read(t, m); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestEncodings(t *testing.T) {
	long := strings.Repeat("x", 999)
	for _, tt := range []struct {
		name, kind, content string
		text                bool
		want, shown         string // encoding, and the type where it is another
	}{
		{"ASCII", "text/plain", "a\nb", true, "7bit", ""},
		{"some letters", "text/plain", "Grüße aus Köln, wo es regnet", true, "quoted-printable", ""},
		{"all letters", "text/plain", strings.Repeat("两个人", 50), true, "base64", ""},
		{"long line", "text/plain", long, true, "quoted-printable", ""},
		{"NUL", "text/html", "a\x00", true, "quoted-printable", ""},
		{"file of text", "text/csv", "a;b\r\n1;2\r\n", false, "7bit", ""},
		{"file with LF", "text/csv", "a;b\n1;2\n", false, "base64", ""},
		{"file in Latin-1", "text/csv", "Gr\xfc\xdfe und viel mehr Text als Umlaute\r\n", false, "quoted-printable", ""},
		{"picture", "image/png", "abc", false, "base64", ""},
		{"message", "message/rfc822", "Subject: a\r\n\r\nb\r\n", false, "7bit", ""},
		{"message with 8bit", "message/rfc822", "Subject: a\r\n\r\n\xfc\r\n", false, "8bit", ""},
		{"message with LF", "message/rfc822", "Subject: a\n\nb\n", false, "base64", "application/octet-stream"},
		{"message with long line", "message/global", "Subject: a\r\n\r\n" + long, false, "base64", "application/octet-stream"},
		{"report", "message/delivery-status", "a: b\r\n", false, "7bit", ""},
		{"empty", "text/plain", "", false, "7bit", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			main, sub, _ := strings.Cut(tt.kind, "/")
			open := 0
			p := &Part{Type: main, Subtype: sub, Text: tt.content}
			want := strings.ReplaceAll(tt.content, "\n", "\r\n")
			if !tt.text {
				p.Open, want = file(tt.content, &open), tt.content
			}
			got := read(t, &Message{Root: &Part{Type: "multipart", Subtype: "mixed", Children: []*Part{p, {Type: "text", Subtype: "plain"}}}})
			parsed, err := message.Parse(strings.NewReader(got), message.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			part := parsed.Root.Children[0]
			shown := tt.kind
			if tt.shown != "" {
				shown = tt.shown
			}
			back, _ := io.ReadAll(part.Decoded(strings.NewReader(got)))
			if part.Encoding != tt.want || part.Type+"/"+part.Subtype != shown || string(back) != want {
				t.Errorf("%s as %s: %.200q", part.Encoding, part.Type+"/"+part.Subtype, back)
			}
			if eight := parsed.Root.Encoding == "8bit"; eight != (tt.want == "8bit") {
				t.Errorf("around it is %s", parsed.Root.Encoding)
			}
			if open != 0 {
				t.Errorf("%d files are open", open)
			}
		})
	}
}

func TestEndsWithALine(t *testing.T) {
	for _, text := range []string{"", "x", "x\r\n", "x\r", "ü"} {
		got := read(t, &Message{Root: &Part{Type: "text", Subtype: "plain", Text: text}})
		if !strings.HasSuffix(got, "\r\n") || strings.HasSuffix(got, "x\r\n\r\n") {
			t.Errorf("%q ends %q", text, got[len(got)-8:])
		}
	}
}

func TestFaults(t *testing.T) {
	broken := errors.New("broken")
	deep := &Part{Type: "text", Subtype: "plain"}
	for range MaxDepth {
		deep = &Part{Type: "multipart", Subtype: "mixed", Children: []*Part{deep}}
	}
	many := &Part{Type: "multipart", Subtype: "mixed"}
	for range MaxParts {
		many.Children = append(many.Children, &Part{Type: "text", Subtype: "plain"})
	}
	for name, p := range map[string]*Part{"too deep": deep, "too many": many, "empty multipart": {Type: "multipart", Subtype: "mixed"},
		"no type": {Type: "te xt", Subtype: "plain"}} {
		if _, err := (&Message{Root: p}).Reader(); !mail.Is(err, mail.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, kind := range []string{"text", "image"} {
		m := &Message{Root: &Part{Type: kind, Subtype: "x", Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("abc"), faulty{broken})), nil
		}}}
		r, err := m.Reader()
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

type faulty struct{ err error }

func (f faulty) Read([]byte) (int, error) { return 0, f.err }

// zeros is a large file that takes no memory.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), z.left))
	clear(p[:n])
	if z.left -= int64(n); n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestMemory(t *testing.T) {
	m := &Message{Root: &Part{Type: "image", Subtype: "png", Open: func() (io.ReadCloser, error) { return io.NopCloser(&zeros{50 << 20}), nil }}}
	buf := make([]byte, 32<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := m.Reader()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, buf); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("a message of 68 MB takes %d bytes", allocated)
	}
}
