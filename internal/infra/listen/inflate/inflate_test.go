package inflate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

func inflate(data []byte) ([]byte, error) {
	return io.ReadAll(NewReader(bufio.NewReader(bytes.NewReader(data))))
}

func deflate(t interface{ Fatal(...any) }, level int, data []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// What the standard library compresses, in all of its ways, comes back.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var data []byte
		for range rapid.IntRange(0, 6).Draw(t, "pieces") {
			piece := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "piece")
			data = append(data, bytes.Repeat(piece, rapid.IntRange(1, 500).Draw(t, "times"))...)
		}
		level := rapid.IntRange(flate.HuffmanOnly, flate.BestCompression).Draw(t, "level")
		got, err := inflate(deflate(t, level, data))
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes became %d, %v", len(data), len(got), err)
		}
	})
}

// starving is a source that must not be asked for more than it has.
type starving struct {
	t    *testing.T
	data []byte
}

func (s *starving) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		s.t.Fatal("more was waited for while something could be handed out")
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	return n, nil
}

// The commands of testdata/partial.bin were compressed by zlib 1.2.13, each ended by a partial flush, which leaves up to
// seven bits with the sender.
func TestHandsOutWhatWasFlushed(t *testing.T) {
	src := &starving{t: t}
	r := NewReader(bufio.NewReader(src))
	for _, c := range partialFlushes(t) {
		src.data = c.packed
		got := make([]byte, len(c.text))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != c.text {
			t.Fatalf("%q, %v instead of %q", got, err, c.text)
		}
	}
}

// Also where the data come byte by byte, nothing is lost or waited for too long.
func TestByteByByte(t *testing.T) {
	text := strings.Repeat("a FETCH 1:* (UID FLAGS)\r\n", 3000)
	in, out := io.Pipe()
	go func() {
		for _, b := range deflate(t, 6, []byte(text)) {
			out.Write([]byte{b})
		}
		out.Close()
	}()
	got, err := io.ReadAll(NewReader(bufio.NewReader(in)))
	if err != nil || string(got) != text {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestCorrupt(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		err  error
	}{
		"nothing":                      {"", io.ErrUnexpectedEOF},
		"reserved kind of block":       {"\x07", ErrCorrupt},
		"length without complement":    {"\x01\x05\x00\x00\x00", ErrCorrupt},
		"stored block cut short":       {"\x01\x05\x00\xfa\xffab", io.ErrUnexpectedEOF},
		"reference to before all":      {"\x03\x02\x00", ErrCorrupt}, // fixed codes: length 3, distance 1
		"too many words of one length": {"\x05\x00\x92\x04", ErrCorrupt},
	} {
		if _, err := inflate([]byte(c.data)); !errors.Is(err, c.err) {
			t.Errorf("%s: %v instead of %v", name, err, c.err)
		}
	}
}

func TestErrorStays(t *testing.T) {
	r := NewReader(bufio.NewReader(strings.NewReader("\x07")))
	for range 2 {
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
	}
}

func TestSize(t *testing.T) {
	if size := unsafe.Sizeof(Reader{}); size > 36<<10 {
		t.Errorf("a Reader takes %d bytes", size)
	}
}

// Whatever it is given, it says what the standard library says.
func FuzzInflate(f *testing.F) {
	for level := range 10 {
		f.Add(deflate(f, level, []byte(strings.Repeat("a NOOP\r\nb LIST \"\" *\r\n", level*level+1))))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), 1<<20))
		got, err := io.ReadAll(io.LimitReader(NewReader(bufio.NewReader(bytes.NewReader(data))), 1<<20))
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, and the standard library %v", err, wantErr)
		}
		if err == nil && !bytes.Equal(got, want) || !bytes.HasPrefix(got, want) && !bytes.HasPrefix(want, got) {
			t.Fatalf("%d bytes, and the standard library %d others", len(got), len(want))
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	text := strings.Repeat("a FETCH 1:* (UID FLAGS)\r\nDear all, the minutes of the meeting follow.\r\n", 10_000)
	packed := deflate(b, 6, []byte(text))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		inflate(packed)
	}
}

// flushed is a command and its compressed form.
type flushed struct {
	text   string
	packed []byte
}

// partialFlushes reads testdata/partial.bin: for each command the lengths of its text and its compressed form, of two bytes
// each, then both.
func partialFlushes(t *testing.T) (all []flushed) {
	t.Helper()
	data, err := os.ReadFile("testdata/partial.bin")
	if err != nil {
		t.Fatal(err)
	}
	for len(data) > 0 {
		text, packed := binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
		data = data[4:]
		all = append(all, flushed{string(data[:text]), data[text:][:packed]})
		data = data[text+packed:]
	}
	return all
}
