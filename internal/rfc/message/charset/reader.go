package charset

import (
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// NewReader converts a stream from the named charset.
func NewReader(label string, r io.Reader) io.Reader {
	if asciiCompatible(label) {
		return &asciiReader{label: label, r: r}
	}
	return transform.NewReader(r, decoder(label))
}

// asciiReader passes ASCII on, which needs no conversion and none of a converter's buffers: most text is nothing else. From
// the first other byte on it converts.
type asciiReader struct {
	label      string
	r          io.Reader
	converting bool
}

func (a *asciiReader) Read(p []byte) (int, error) {
	if a.converting {
		return a.r.Read(p)
	}
	n, err := a.r.Read(p)
	i := asciiPrefix(p[:n])
	if i == n {
		return n, err
	}
	then := a.r
	if err != nil {
		then = failing{err}
	}
	rest := io.MultiReader(bytes.NewReader(bytes.Clone(p[i:n])), then)
	a.r, a.converting = transform.NewReader(rest, decoder(a.label)), true
	if i > 0 {
		return i, nil
	}
	return a.r.Read(p)
}

// asciiPrefix is how many bytes of ASCII b begins with.
func asciiPrefix(b []byte) int {
	i := 0
	for ; len(b)-i >= 8; i += 8 {
		if binary.NativeEndian.Uint64(b[i:])&0x8080808080808080 != 0 {
			break
		}
	}
	for i < len(b) && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// failing is a reader that has ended with an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
