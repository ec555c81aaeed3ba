package smtp

import (
	"bufio"
	"bytes"
	"io"
)

// DotReader reads the content that follows DATA (RFC 5321 4.5.2): it takes off the dot that begins a stuffed line and
// ends at the line with a single dot, which is CR LF "." CR LF and nothing that only looks like it.
//
// Next and Consume give out the connection's buffer without copying: a run of bytes that is content as it stands.
type DotReader struct {
	r      *bufio.Reader // with a buffer of at least 16 bytes, as bufio has it
	run    []byte        // given out by Next, not consumed yet; in r's buffer
	inLine bool          // the next byte does not begin a line
	cr     bool          // the last byte was a CR
	bare   bool
	done   bool
}

// NewDotReader starts right behind the CRLF of the DATA command.
func NewDotReader(r *bufio.Reader) *DotReader { return &DotReader{r: r} }

// Bare reports whether a CR or an LF stood alone in what Next has returned so far.
func (d *DotReader) Bare() bool { return d.bare }

// Next returns the next bytes of content, at least one, without consuming them. At the end it returns io.EOF and has
// consumed the dot line; a connection that ends before gives io.ErrUnexpectedEOF.
func (d *DotReader) Next() ([]byte, error) {
	if len(d.run) > 0 {
		return d.run, nil
	}
	if d.done {
		return nil, io.EOF
	}
	buffered, err := d.fill()
	if err == nil && !d.inLine && buffered[0] == '.' {
		buffered, err = d.dotLine()
	}
	if err != nil {
		return nil, err
	}
	d.run = d.scan(buffered)
	return d.run, nil
}

// Consume says that the first n bytes of what Next returned are used.
func (d *DotReader) Consume(n int) {
	d.r.Discard(n) // cannot fail: they are buffered
	d.run = d.run[n:]
}

// fill returns all that is buffered, at least one byte.
func (d *DotReader) fill() ([]byte, error) {
	if d.r.Buffered() == 0 {
		if _, err := d.r.Peek(1); err != nil {
			return nil, unexpected(err)
		}
	}
	return d.r.Peek(d.r.Buffered())
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// dotLine handles a dot at the start of a line: the end, or a stuffed line whose dot goes. No line with a dot is
// shorter than three bytes, so the wait for them is not a wait for the next line.
func (d *DotReader) dotLine() ([]byte, error) {
	head, err := d.r.Peek(len(".\r\n"))
	if err != nil {
		return nil, unexpected(err)
	}
	if string(head) == ".\r\n" {
		d.r.Discard(len(head))
		d.done = true
		return nil, io.EOF
	}
	d.r.Discard(1)
	d.inLine = true
	return d.fill()
}

// scan returns the front of buffered up to the next line that begins with a dot, and notes line ends. It looks at LFs one by
// one and compares the number of CRs with the number of line ends, so that each byte is seen by two fast searches.
func (d *DotReader) scan(buffered []byte) []byte {
	end, lineEnds := 0, 0
	hadCR := d.cr
	for end < len(buffered) && (d.inLine || buffered[end] != '.') {
		at := bytes.IndexByte(buffered[end:], '\n')
		if at < 0 {
			end, d.inLine = len(buffered), true
			break
		}
		at += end
		if at > 0 && buffered[at-1] == '\r' || at == 0 && hadCR {
			lineEnds++
			d.inLine = false
		} else {
			d.bare, d.inLine = true, true
		}
		end = at + 1
	}
	run := buffered[:end]
	crs := bytes.Count(run, cr)
	if hadCR {
		crs++
	}
	if d.cr = run[end-1] == '\r'; d.cr {
		crs-- // its LF may come
	}
	d.bare = d.bare || crs != lineEnds
	return run
}

var (
	cr   = []byte{'\r'}
	lf   = []byte{'\n'}
	crlf = []byte{'\r', '\n'}
)

// LineEnds watches content that is not dot-stuffed (BDAT) for a CR or LF that stands alone.
type LineEnds struct{ cr, bare bool }

// Watch looks at the next bytes.
func (l *LineEnds) Watch(b []byte) {
	if len(b) == 0 {
		return
	}
	crs, lfs, pairs := bytes.Count(b, cr), bytes.Count(b, lf), bytes.Count(b, crlf)
	if l.cr {
		crs++
		if b[0] == '\n' {
			pairs++
		}
	}
	if l.cr = b[len(b)-1] == '\r'; l.cr {
		crs--
	}
	l.bare = l.bare || crs != pairs || lfs != pairs
}

// Bare reports whether a CR or LF stood alone. A CR at the very end counts once the content has ended.
func (l *LineEnds) Bare(ended bool) bool { return l.bare || ended && l.cr }
