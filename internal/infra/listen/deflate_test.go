package listen

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// loop is a connection whose written bytes are its peer's.
type loop struct{ bytes.Buffer }

func TestDeflatedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wire loop
		out, in := Deflate(&wire), Deflate(&wire)
		pieces := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []byte {
			word := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "word")
			return bytes.Repeat(word, rapid.IntRange(1, 400).Draw(t, "times"))
		}), 1, 8).Draw(t, "pieces")
		for _, piece := range pieces {
			if n, err := out.Write(piece); n != len(piece) || err != nil {
				t.Fatalf("wrote %d of %d: %v", n, len(piece), err)
			}
			got := make([]byte, len(piece))
			if _, err := io.ReadFull(in, got); err != nil || !bytes.Equal(got, piece) {
				t.Fatalf("what was written is not read again: %v", err)
			}
		}
		// Another implementation reads the same.
		wire.Reset()
		out = Deflate(&wire)
		for _, piece := range pieces {
			out.Write(piece)
		}
		got, err := io.ReadAll(flate.NewReader(&wire.Buffer))
		if !bytes.Equal(got, bytes.Join(pieces, nil)) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("the standard library reads %d bytes, %v", len(got), err)
		}
	})
}

// A partial flush ends with an empty block of ten bits and no alignment: zlib's Z_PARTIAL_FLUSH, which some clients use.
// "1 NOOP\r\n" as a fixed Huffman block, then that mark; what comes next is not there yet.
func TestPartialFlushIsReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		read := make(chan string, 1)
		go func() {
			p := make([]byte, 100)
			n, _ := Deflate(server).Read(p)
			read <- string(p[:n])
		}()
		go client.Write(partialFlush("1 NOOP\r\n"))
		synctest.Wait() // all that can run has run
		select {
		case got := <-read:
			if got != "1 NOOP\r\n" {
				t.Errorf("read %q", got)
			}
		default:
			t.Error("the command is held back until more comes")
		}
	})
}

// partialFlush compresses text as one block of fixed codes (RFC 1951 3.2.6), followed by an empty one.
func partialFlush(text string) []byte {
	var bits []byte // lowest first
	value := func(v, n int) {
		for i := range n {
			bits = append(bits, byte(v>>i&1))
		}
	}
	code := func(v, n int) { // Huffman codes begin with their highest bit
		for i := n - 1; i >= 0; i-- {
			bits = append(bits, byte(v>>i&1))
		}
	}
	value(0b010, 3) // not the last block; fixed codes
	for _, c := range []byte(text) {
		code(0x30+int(c), 8) // c is below 144
	}
	code(0, 7)      // end of block
	value(0b010, 3) // the empty block
	code(0, 7)
	packed := make([]byte, (len(bits)+7)/8)
	for i, b := range bits {
		packed[i/8] |= b << (i % 8)
	}
	return packed[:len(bits)/8] // the byte that is not full stays with the sender
}

func TestDamagedDeflate(t *testing.T) {
	_, err := Deflate(&loop{*bytes.NewBufferString("\xff\xff\xff")}).Read(make([]byte, 10))
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("damaged data: %v", err)
	}
}

// Replies resemble each other: a later one refers to those before.
func TestDeflateRemembers(t *testing.T) {
	var wire loop
	d := Deflate(&wire)
	line := "* 172 FETCH (UID 1172 FLAGS (\\Seen) INTERNALDATE \"22-Nov-2026 06:10:15 +0000\" RFC822.SIZE 4423)\r\n"
	d.Write([]byte(line))
	first := wire.Len()
	for range 10 {
		wire.Reset()
		d.Write([]byte(strings.ReplaceAll(line, "172", "173")))
	}
	if wire.Len() > first/3 {
		t.Errorf("a line much like the last one takes %d bytes, the first %d", wire.Len(), first)
	}
	if cap(d.said) > 2*deflateHistory {
		t.Errorf("the history grew to %d", cap(d.said))
	}
}
