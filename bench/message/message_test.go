package message

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var text = TextFor(1, 64<<10)

func generator(t testing.TB, opts Options) *Generator {
	t.Helper()
	g, err := NewGenerator(text, opts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestMessagesAreWellFormed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(MinSize, 64<<10).Draw(rt, "size")
		dots := rapid.Bool().Draw(rt, "dots")
		needle := rapid.SampledFrom([]string{"", "quartzfjord"}).Draw(rt, "needle")
		g := generator(t, Options{Run: rapid.Uint64().Draw(rt, "run"), Worker: 3, Size: size, Dots: dots})
		for range 5 {
			m := g.Next("from@example.org", "to@example.org", needle)
			checkForm(rt, m, size, dots, needle)
		}
	})
}

func checkForm(t *rapid.T, m *Message, size int, dots bool, needle string) {
	content := m.AppendTo(nil)
	if len(content) != size || m.Size() != size {
		t.Fatalf("%d bytes (Size %d), want %d", len(content), m.Size(), size)
	}
	if !bytes.HasSuffix(content, []byte("\r\n")) {
		t.Fatal("content does not end with CRLF")
	}
	bare := bytes.ReplaceAll(content, []byte("\r\n"), nil)
	if bytes.ContainsAny(bare, "\r\n") {
		t.Fatal("a bare CR or LF")
	}
	for line := range bytes.SplitSeq(content, []byte("\r\n")) {
		if len(line) > 200 {
			t.Fatalf("a line of %d bytes", len(line))
		}
		if len(line) > 0 && line[0] == '.' && !dots {
			t.Fatalf("line begins with a dot: %q", line)
		}
	}
	if needle != "" && bytes.Count(content, []byte("\r\n"+needle+"\r\n")) != 1 {
		t.Fatal("the needle is not a line of the body")
	}
	if err := Verify(content); err != nil {
		t.Fatal(err)
	}
	if id, ok := FindID(append([]byte("Received: from x\r\n\tby y\r\n"), content...)); !ok || id != m.ID {
		t.Fatalf("FindID = %v %v, want %v", id, ok, m.ID)
	}
	if m.SHA256() != sha256.Sum256(content) {
		t.Fatal("SHA256 is not that of the content")
	}
}

func TestMessagesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for worker := range 3 {
		g := generator(t, Options{Run: 7, Worker: worker, Size: 2048})
		for range 200 {
			m := g.Next("a@example.org", "b@example.org", "")
			for _, key := range []string{m.ID.String(), string(m.Body)} {
				if seen[key] {
					t.Fatalf("message %v repeats an earlier ID or body", m.ID)
				}
				seen[key] = true
			}
		}
	}
}

func TestSizesSpread(t *testing.T) {
	g := generator(t, Options{Size: 1024, MaxSize: 32 << 10})
	small, large := 0, 0
	for range 500 {
		switch size := g.Next("a@example.org", "b@example.org", "").Size(); {
		case size < 1024 || size > 32<<10:
			t.Fatalf("size %d is outside 1024..32768", size)
		case size < 2048:
			small++
		case size > 8<<10:
			large++
		}
	}
	if small < 50 || large < 20 {
		t.Errorf("%d small and %d large of 500", small, large)
	}
}

func TestCompressesAboutTwofold(t *testing.T) {
	g := generator(t, Options{Size: 10 << 10})
	plain, packed := 0, 0
	for range 50 {
		content := g.Next("a@example.org", "b@example.org", "").AppendTo(nil)
		var out bytes.Buffer
		w, _ := flate.NewWriter(&out, flate.DefaultCompression)
		w.Write(content)
		w.Close()
		plain, packed = plain+len(content), packed+out.Len()
	}
	ratio := float64(plain) / float64(packed)
	t.Logf("compresses %.2f-fold", ratio)
	if ratio < 1.7 || ratio > 2.5 {
		t.Errorf("compresses %.2f-fold, want about 2", ratio)
	}
}

func TestVerifyFindsDamage(t *testing.T) {
	content := generator(t, Options{Size: 4096}).Next("a@example.org", "b@example.org", "").AppendTo(nil)
	damage := map[string]func([]byte) []byte{
		"a changed byte": func(b []byte) []byte { b[3000] ^= 1; return b },
		"cut short":      func(b []byte) []byte { return b[:len(b)-2] },
		"a byte more":    func(b []byte) []byte { return append(b, '\n') },
		"no header end":  func(b []byte) []byte { return b[:100] },
		"other message":  func([]byte) []byte { return []byte("Subject: x\r\n\r\nhello\r\n") },
		"digest changed": func(b []byte) []byte { return bytes.Replace(b, []byte("crc32c="), []byte("crc32c=z"), 1) },
	}
	for name, f := range damage {
		if Verify(f(bytes.Clone(content))) == nil {
			t.Errorf("%s was not found", name)
		}
	}
	if err := Verify(append([]byte("Return-Path: <>\r\n"), content...)); err != nil {
		t.Errorf("trace fields before the message: %v", err)
	}
}

func TestParseIDRefuses(t *testing.T) {
	for _, s := range []string{"", "x", "1.2.3@example.org", "1.2@mailload.example", "zz.2.3@mailload.example", "1.2.3.4@mailload.example"} {
		if id, ok := ParseID(s); ok {
			t.Errorf("ParseID(%q) = %v", s, id)
		}
	}
	if _, ok := FindID([]byte("X-Message-ID: <0000000000000001.2.3@mailload.example>\r\n")); ok {
		t.Error("FindID took another field for the Message-ID")
	}
}

func TestNewGeneratorRefusesSizes(t *testing.T) {
	for _, size := range []int{0, MinSize - 1, len(text.bytes)} {
		if _, err := NewGenerator(text, Options{Size: size}); err == nil || !strings.Contains(err.Error(), "size") {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	g := generator(b, Options{Size: 10 << 10})
	b.SetBytes(10 << 10)
	b.ReportAllocs()
	for b.Loop() {
		g.Next("from@example.org", "to@example.org", "")
	}
}
