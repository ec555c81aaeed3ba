package pop3server

import (
	"bytes"
	"io"
)

// dotWriter writes content as the text of a multi-line reply (RFC 1939 3): a dot that begins a line is doubled, and Close
// ends the reply.
//
// Lines end with CR LF, but there are clients for which a CR or LF that stands alone ends one too. What a sender wrote
// behind it must not become the end of the message for them, and then replies of ours: a dot is doubled there too. Other
// clients see one dot more in such a message, which no standard allows.
type dotWriter struct {
	w       io.Writer
	last    [2]byte // octets written
	doubled [1]byte
}

func newDotWriter(w io.Writer) *dotWriter {
	return &dotWriter{w: w, last: [2]byte{'\r', '\n'}, doubled: [1]byte{'.'}}
}

func endsLine(c byte) bool { return c == '\n' || c == '\r' }

func (d *dotWriter) Write(p []byte) (int, error) {
	from := 0 // of what is not written yet
	for i := 0; i < len(p); i++ {
		next := bytes.IndexByte(p[i:], '.')
		if next < 0 {
			break
		}
		i += next
		before := d.last[1]
		if i > 0 {
			before = p[i-1]
		}
		if !endsLine(before) {
			continue
		}
		if _, err := d.w.Write(p[from:i]); err != nil {
			return 0, err
		}
		if _, err := d.w.Write(d.doubled[:]); err != nil {
			return 0, err
		}
		from = i
	}
	if _, err := d.w.Write(p[from:]); err != nil {
		return 0, err
	}
	switch n := len(p); {
	case n >= 2:
		d.last = [2]byte{p[n-2], p[n-1]}
	case n == 1:
		d.last = [2]byte{d.last[1], p[0]}
	}
	return len(p), nil
}

// Close ends the last line where the content does not, and then the reply.
func (d *dotWriter) Close() error {
	end := ".\r\n"
	if d.last != [2]byte{'\r', '\n'} {
		end = "\r\n.\r\n"
	}
	_, err := io.WriteString(d.w, end)
	return err
}

// top reads a message up to the empty line that ends its header, and then so many lines (RFC 1939 7). Lines end with LF,
// whatever stands before it.
type top struct {
	r     io.Reader
	lines int64 // of the body that are still wanted
	line  int   // octets of the line under way, CR not counted
	body  bool
	done  bool
}

func newTop(r io.Reader, lines int64) *top { return &top{r: r, lines: lines} }

func (t *top) Read(p []byte) (int, error) {
	if t.done {
		return 0, io.EOF
	}
	n, err := t.r.Read(p)
	for i, c := range p[:n] {
		switch {
		case c == '\r':
		case c != '\n':
			t.line++
		case !t.body && t.line == 0:
			t.body = true
			t.done = t.lines == 0
		case t.body:
			t.lines--
			t.done = t.lines == 0
			t.line = 0
		default:
			t.line = 0
		}
		if t.done {
			return i + 1, nil
		}
	}
	return n, err
}
