package compose

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
)

// reader reads the pieces of a message one after the other. The message ends with a line end.
type reader struct {
	pieces []piece
	now    io.ReadCloser
	last   byte
	ended  bool
}

func (r *reader) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if r.now == nil {
			if len(r.pieces) == 0 {
				return r.end(p)
			}
			if err := r.next(); err != nil {
				return 0, err
			}
		}
		n, err := r.now.Read(p)
		if n > 0 {
			r.last = p[n-1]
		}
		if errors.Is(err, io.EOF) {
			err = r.now.Close()
			r.now = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, nil
}

// end writes the line end of a last line that has none, and the end.
func (r *reader) end(p []byte) (int, error) {
	if r.last == '\n' || r.ended {
		return 0, io.EOF
	}
	if r.last != '\r' {
		p[0], r.last = '\r', '\r'
		return 1, nil
	}
	p[0], r.ended = '\n', true
	return 1, nil
}

func (r *reader) next() error {
	p := r.pieces[0]
	r.pieces = r.pieces[1:]
	if p.open == nil {
		r.now = io.NopCloser(strings.NewReader(p.text))
		return nil
	}
	content, err := p.open()
	if err != nil {
		return err
	}
	r.now = encoding(p.encoding, content)
	return nil
}

// Close closes the content that is being read.
func (r *reader) Close() error {
	r.pieces = nil
	if r.now == nil {
		return nil
	}
	err := r.now.Close()
	r.now = nil
	return err
}

// encoding encodes a content while it is read.
func encoding(name string, content io.ReadCloser) io.ReadCloser {
	e := &encoder{from: content}
	switch name {
	case "base64":
		e.to = base64.NewEncoder(base64.StdEncoding, &wrapper{to: &e.out})
	case "quoted-printable":
		e.to = quotedprintable.NewWriter(&e.out)
	default:
		return content
	}
	return e
}

// encoder is what reads through an encoding writer, in small steps.
type encoder struct {
	from io.ReadCloser
	to   io.WriteCloser
	out  bytes.Buffer
	done bool
	step [16 << 10]byte
}

func (e *encoder) Read(p []byte) (int, error) {
	for e.out.Len() == 0 && !e.done {
		n, err := e.from.Read(e.step[:])
		if _, err := e.to.Write(e.step[:n]); err != nil {
			return 0, err
		}
		if errors.Is(err, io.EOF) {
			e.done, err = true, e.to.Close()
		}
		if err != nil {
			return 0, err
		}
	}
	return e.out.Read(p)
}

func (e *encoder) Close() error { return e.from.Close() }

// wrapper cuts base64 into lines of 76 (RFC 2045 6.8).
type wrapper struct {
	to   *bytes.Buffer
	line int
}

func (w *wrapper) Write(p []byte) (int, error) {
	all := len(p)
	for len(p) > 0 {
		if w.line == 76 {
			w.to.WriteString("\r\n")
			w.line = 0
		}
		n := min(76-w.line, len(p))
		w.to.Write(p[:n])
		w.line += n
		p = p[n:]
	}
	return all, nil
}
