// Package transfer decodes content transfer encodings (RFC 2045 6) as a stream in constant memory. Bad input never
// fails: what is not of the alphabet is left out of base64 and stands as it is in quoted-printable.
package transfer

import (
	"io"
	"strings"
)

// Known reports whether NewReader can decode the encoding. None at all is 7bit (RFC 2045 6.1).
func Known(encoding string) bool {
	switch strings.ToLower(encoding) {
	case "", "7bit", "8bit", "binary", "base64", "quoted-printable":
		return true
	}
	return false
}

// NewReader decodes r. An unknown encoding is passed through; ask Known where that matters.
func NewReader(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(encoding) {
	case "base64":
		return &base64Reader{r: r}
	case "quoted-printable":
		return &quotedReader{r: r}
	}
	return r
}

// input reads its source in chunks that a decoder takes byte by byte.
type input struct {
	buf      [4096]byte
	pos, end int
	err      error
}

// fill makes sure that there are bytes to take, or returns the error that says why not.
func (in *input) fill(r io.Reader) error {
	for empty := 0; in.pos == in.end; {
		if in.err != nil {
			return in.err
		}
		in.pos = 0
		in.end, in.err = r.Read(in.buf[:])
		if in.end == 0 && in.err == nil {
			if empty++; empty == 100 {
				in.err = io.ErrNoProgress
			}
		}
	}
	return nil
}
