package header

import (
	"bytes"
	"iter"
)

// Field is one header field where it stands.
type Field struct {
	Name   []byte // as written, without the space that obsolete syntax allows before the colon
	Raw    []byte // all after the colon, folds and final line end included; see Unfold
	Offset int    // of the name in the block
	Length int    // name, colon, value, all continuation lines and line ends
}

// Value is the unfolded value.
func (f Field) Value() string { return Unfold(f.Raw) }

// Fields iterates over the fields of a header block, stopping at the blank line if there is one. Lines that are no
// field (no colon, or no name before it) are left out together with their continuation lines.
func Fields(block []byte) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		for pos := 0; pos < len(block); {
			end := pos + lineLength(block[pos:])
			if IsBlank(block[pos:end]) {
				return
			}
			first := block[pos:end]
			for end < len(block) && IsContinuation(block[end:]) {
				end += lineLength(block[end:])
			}
			if name, value, ok := SplitName(first); ok {
				f := Field{Name: name, Raw: block[pos+value : end], Offset: pos, Length: end - pos}
				if !yield(f) {
					return
				}
			}
			pos = end
		}
	}
}

// lineLength is the length of the first line of b with its line end. A bare LF ends a line, a bare CR does not.
func lineLength(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// IsBlank reports whether a line with its line end is the empty line that ends a header.
func IsBlank(line []byte) bool {
	return len(line) == 1 && line[0] == '\n' || len(line) == 2 && line[0] == '\r' && line[1] == '\n'
}

// IsContinuation reports whether a line continues the field before it (RFC 5322 2.2.3).
func IsContinuation(line []byte) bool { return len(line) > 0 && (line[0] == ' ' || line[0] == '\t') }

// SplitName finds the field name of a line and the index at which its value starts. RFC 5322 2.2: a name is printable
// US-ASCII without space and colon; 4.5.8 allows white space before the colon.
func SplitName(line []byte) (name []byte, value int, ok bool) {
	for i, c := range line {
		if c > ' ' && c < 0x7f && c != ':' {
			continue
		}
		if i == 0 {
			return nil, 0, false
		}
		end := i
		for c == ' ' || c == '\t' {
			if i++; i == len(line) {
				return nil, 0, false
			}
			c = line[i]
		}
		if c != ':' {
			return nil, 0, false
		}
		return line[:end], i + 1, true
	}
	return nil, 0, false
}

// Unfold returns the text of a raw field value: without folds and surrounding white space, a stray CR made a space,
// NUL removed. It does not touch anything else.
func Unfold(raw []byte) string {
	raw = bytes.TrimFunc(raw, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' || r == 0 })
	if bytes.IndexByte(raw, '\r') < 0 && bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, 0) < 0 {
		return string(raw)
	}
	out := make([]byte, 0, len(raw))
	for i, c := range raw {
		switch {
		case c == 0 || c == '\n':
		case c == '\r' && i+1 < len(raw) && raw[i+1] == '\n':
		case c == '\r':
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
