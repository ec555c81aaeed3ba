package compose

import "io"

// traits are what decides on the transfer encoding of a content.
type traits struct {
	size    int64
	eightly int64 // bytes that quoted-printable writes as three
	high    bool  // bytes of 0x80 and above
	nul     bool
	bare    bool  // a CR or LF that is not of a CR LF
	longest int64 // line
	line    int64
	cr      bool // the last byte was CR
}

// Write looks at the next piece.
func (t *traits) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case c == '\n':
			if t.bare = t.bare || !t.cr; t.cr {
				t.line--
			}
			t.endLine()
			t.cr = false
			continue
		case t.cr:
			t.bare = true
		}
		t.cr = c == '\r'
		t.line++
		switch {
		case c >= 0x80:
			t.high = true
			t.eightly++
		case c == 0:
			t.nul = true
			t.eightly++
		case c == '=', c < ' ' && c != '\t' && c != '\r', c == 0x7f:
			t.eightly++
		}
	}
	t.size += int64(len(p))
	return len(p), nil
}

func (t *traits) endLine() {
	t.longest = max(t.longest, t.line)
	t.line = 0
}

func (t *traits) close() {
	t.bare = t.bare || t.cr
	t.endLine()
}

// lines reports whether the content is lines as SMTP takes them (RFC 5321 4.5.3.1.6).
func (t *traits) lines() bool { return !t.nul && !t.bare && t.longest <= maxLine }

func (t *traits) sevenBit() bool { return t.lines() && !t.high }

// shorterAsQP compares quoted-printable with base64. Of equals the one wins that people can read.
func (t *traits) shorterAsQP() bool { return t.size+2*t.eightly <= t.size/57*78+78 }

func scan(r io.Reader) (traits, error) {
	var t traits
	_, err := io.Copy(&t, r)
	t.close()
	return t, err
}
