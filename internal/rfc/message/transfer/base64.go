package transfer

import "io"

// Base64 decodes a short text, leaving out all that is not of the alphabet.
func Base64(s string) []byte {
	out := make([]byte, 0, len(s)/4*3+3)
	var q quantum
	for i := range len(s) {
		out = q.add(out, s[i])
	}
	return q.end(out)
}

// quantum collects four characters, 24 bits (RFC 2045 6.8).
type quantum struct {
	bits uint32
	n    int // characters in it
}

// add takes one character. Padding ends the quantum, after which more data may follow: some programs join encoded
// pieces.
func (q *quantum) add(out []byte, c byte) []byte {
	v := values[c]
	if v == pad {
		return q.end(out)
	}
	if v == other {
		return out
	}
	q.bits = q.bits<<6 | uint32(v)
	if q.n++; q.n < 4 {
		return out
	}
	b := q.bits
	q.bits, q.n = 0, 0
	return append(out, byte(b>>16), byte(b>>8), byte(b))
}

// end gives the whole bytes of an unfinished quantum.
func (q *quantum) end(out []byte) []byte {
	switch q.n {
	case 2:
		out = append(out, byte(q.bits>>4))
	case 3:
		out = append(out, byte(q.bits>>10), byte(q.bits>>2))
	}
	q.bits, q.n = 0, 0
	return out
}

const (
	other = 0xff
	pad   = 0xfe
)

var values = alphabet()

func alphabet() (t [256]byte) {
	for i := range t {
		t[i] = other
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	t['='] = pad
	return t
}

type base64Reader struct {
	r    io.Reader
	in   input
	q    quantum
	left [3]byte // decoded, for a caller whose buffer was too short
	n    int
	done bool
}

func (d *base64Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if d.n > 0 {
		n := copy(p, d.left[:d.n])
		d.n = copy(d.left[:], d.left[n:d.n])
		return n, nil
	}
	for {
		if err := d.in.fill(d.r); err != nil {
			if d.done || err != io.EOF {
				return 0, err
			}
			d.done = true
			if n := d.give(p, d.q.end(d.left[:0])); n > 0 {
				return n, nil
			}
			return 0, err
		}
		if n := d.decode(p); n > 0 {
			return n, nil
		}
	}
}

// decode fills p from the input at hand, always in whole quanta while there is room.
func (d *base64Reader) decode(p []byte) int {
	if len(p) < 3 {
		for d.in.pos < d.in.end {
			out := d.q.add(d.left[:0], d.in.buf[d.in.pos])
			d.in.pos++
			if len(out) > 0 {
				return d.give(p, out)
			}
		}
		return 0
	}
	out := p[:0]
	for d.in.pos < d.in.end && len(out)+3 <= len(p) {
		out = d.q.add(out, d.in.buf[d.in.pos])
		d.in.pos++
	}
	return len(out)
}

// give copies out, which lies in d.left, to p and keeps the rest.
func (d *base64Reader) give(p, out []byte) int {
	n := copy(p, out)
	d.n = copy(d.left[:], out[n:])
	return n
}
