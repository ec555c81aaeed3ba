package transfer

import "io"

// maxSpace is how much white space at the end of a line can be recognized as such; a longer run is kept.
const maxSpace = 1000

// quotedReader decodes quoted-printable (RFC 2045 6.7) byte by byte. Bytes whose meaning the next one decides wait in
// held: white space, which is dropped at the end of a line, or "=" and what follows it.
type quotedReader struct {
	r    io.Reader
	in   input
	held []byte
	out  []byte // decoded, not yet given
	buf  []byte
	done bool
}

func (d *quotedReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(d.out) == 0 {
		if err := d.in.fill(d.r); err != nil {
			if d.done || err != io.EOF {
				return 0, err
			}
			d.done = true
			d.out = d.last(d.buf[:0])
			continue
		}
		d.out = d.buf[:0]
		for _, c := range d.in.buf[d.in.pos:d.in.end] {
			d.out = d.step(d.out, c)
		}
		d.in.pos = d.in.end
		d.buf = d.out[:0]
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

func (d *quotedReader) step(out []byte, c byte) []byte {
	if len(d.held) == 0 {
		if c == '=' || c == ' ' || c == '\t' {
			d.held = append(d.held, c)
			return out
		}
		return append(out, c)
	}
	if d.held[0] == '=' {
		return d.escape(out, c)
	}
	switch c {
	case ' ', '\t':
		if len(d.held) < maxSpace {
			d.held = append(d.held, c)
			return out
		}
		out = append(out, d.held...)
		d.held = append(d.held[:0], c)
		return out
	case '\r', '\n': // RFC 2045 6.7 rule 3: white space before the end of a line was added on the way
		d.held = d.held[:0]
		return append(out, c)
	}
	out = append(out, d.held...)
	d.held = d.held[:0]
	if c == '=' {
		d.held = append(d.held, c)
		return out
	}
	return append(out, c)
}

// escape continues "=": two hex digits, or white space and the end of the line (a soft line break).
func (d *quotedReader) escape(out []byte, c byte) []byte {
	switch n := len(d.held); {
	case c == '\n':
		if n == 1 || isBlank(d.held[1]) {
			d.held = d.held[:0]
			return out
		}
	case c == ' ' || c == '\t' || c == '\r':
		if (n == 1 || isBlank(d.held[n-1]) && d.held[n-1] != '\r') && n < maxSpace {
			d.held = append(d.held, c)
			return out
		}
	case hex(c) >= 0 && n == 1:
		d.held = append(d.held, c)
		return out
	case hex(c) >= 0 && n == 2 && hex(d.held[1]) >= 0:
		c = byte(hex(d.held[1])<<4 | hex(c))
		d.held = d.held[:0]
		return append(out, c)
	}
	// No valid escape: it stands for itself, and c is looked at anew.
	out = append(out, d.held...)
	d.held = d.held[:0]
	return d.step(out, c)
}

// last gives what was held at the end of the input. "=" there is a soft break without its line end.
func (d *quotedReader) last(out []byte) []byte {
	if len(d.held) > 0 && d.held[0] == '=' && (len(d.held) == 1 || isBlank(d.held[1])) {
		d.held = nil
	}
	out = append(out, d.held...)
	d.held = nil
	return out
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
