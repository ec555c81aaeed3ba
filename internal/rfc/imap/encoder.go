package imap

import (
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// flushAt is how much Encoder gathers before it writes.
const flushAt = 32 << 10

// Encoder writes responses. It gathers them in one buffer and writes when that is full and in Flush. The first error
// of the writer stays and is what Flush returns. It is not safe for concurrent use.
type Encoder struct {
	w       io.Writer
	buf     []byte
	dialect Dialect
	fetch   FetchResponse
	err     error
}

// NewEncoder returns an Encoder for a client that has enabled nothing. It uses buf, which may be nil, and grows it.
func NewEncoder(w io.Writer, buf []byte) *Encoder { return &Encoder{w: w, buf: buf[:0]} }

// SetDialect tells what the client has enabled.
func (e *Encoder) SetDialect(d Dialect) { e.dialect = d }

// Reset lets the encoder go on with another writer: the connection after STARTTLS or COMPRESS. Flush before.
func (e *Encoder) Reset(w io.Writer) { e.w = w }

// Buffered is the number of octets that wait for Flush.
func (e *Encoder) Buffered() int { return len(e.buf) }

// SwapBuffer replaces the buffer and returns the old one, so that an idle connection can do without. Flush before.
func (e *Encoder) SwapBuffer(buf []byte) []byte {
	old := e.buf
	e.buf = buf[:0]
	return old
}

// Flush writes what has been gathered.
func (e *Encoder) Flush() error {
	if e.err == nil && len(e.buf) > 0 {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
	return e.err
}

// Err is the error that Flush will return.
func (e *Encoder) Err() error { return e.err }

// end finishes a response.
func (e *Encoder) end() {
	e.buf = append(e.buf, '\r', '\n')
	if len(e.buf) >= flushAt {
		e.Flush()
	}
}

// untagged begins an untagged response.
func (e *Encoder) untagged(name string) {
	e.buf = append(e.buf, '*', ' ')
	e.buf = append(e.buf, name...)
}

// numbered begins an untagged response about a number.
func (e *Encoder) numbered(n uint32, name string) {
	e.buf = strconv.AppendUint(append(e.buf, '*', ' '), uint64(n), 10)
	e.buf = append(append(e.buf, ' '), name...)
}

// number appends a space and a number.
func (e *Encoder) number(n uint64) {
	e.buf = strconv.AppendUint(append(e.buf, ' '), n, 10)
}

// Tagged completes a command.
func (e *Encoder) Tagged(tag string, cond Condition, code Code, text string) {
	e.buf = append(append(e.buf, tag...), ' ')
	e.condition(cond, code, text)
}

// Untagged says something that completes no command: a greeting, a warning, BYE, or data that travels in a code.
func (e *Encoder) Untagged(cond Condition, code Code, text string) {
	e.buf = append(e.buf, '*', ' ')
	e.condition(cond, code, text)
}

// Error replies to a command that could not be read.
func (e *Encoder) Error(err *Error) {
	switch {
	case err.Fatal:
		e.Untagged(BYE, err.Code, err.Text)
	case err.Tag == "":
		e.Untagged(err.Condition, err.Code, err.Text)
	default:
		e.Tagged(err.Tag, err.Condition, err.Code, err.Text)
	}
}

func (e *Encoder) condition(cond Condition, code Code, text string) {
	e.buf = append(append(e.buf, cond...), ' ')
	if code != "" {
		e.buf = append(append(append(e.buf, '['), code...), ']', ' ')
	}
	e.buf = appendHumanText(e.buf, text, code == "")
	e.end()
}

// Continue tells a client that waits to go on.
func (e *Encoder) Continue(text string) {
	e.buf = appendHumanText(append(e.buf, '+', ' '), text, true)
	e.end()
}

// Challenge sends the server's part of a SASL exchange.
func (e *Encoder) Challenge(data []byte) {
	e.buf = base64.StdEncoding.AppendEncode(append(e.buf, '+', ' '), data)
	e.end()
}

// appendHumanText appends text for people. What the grammar does not allow there becomes a question mark, so that text
// may hold what a client sent; a bracket at its beginning would be read as a response code (RFC 9051 9).
func appendHumanText(b []byte, text string, bare bool) []byte {
	if text == "" {
		return append(b, "Done"...)
	}
	if bare && text[0] == '[' {
		b = append(b, '(')
		text = text[1:]
	}
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c >= 0x7f {
			c = '?'
		}
		b = append(b, c)
	}
	return b
}

// string appends a string as the dialect allows: quoted if it can be, else a literal.
func (e *Encoder) string(s string) {
	escape, literal, high := false, false, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			escape = true
		case c == '\r' || c == '\n' || c == 0:
			literal = true
		case c >= 0x80:
			high = true
		}
	}
	switch {
	case literal || high && !(e.dialect.UTF8() && utf8.ValidString(s)):
		e.literal(s)
	case escape:
		e.buf = appendQuoted(e.buf, s)
	default:
		e.buf = append(append(append(e.buf, '"'), s...), '"')
	}
}

// literal appends a literal. A NUL, which no string may hold (RFC 9051 9), is left out.
func (e *Encoder) literal(s string) {
	s = strings.ReplaceAll(s, "\x00", "")
	e.literalHeader(int64(len(s)), false)
	e.buf = append(e.buf, s...)
}

func (e *Encoder) literalHeader(size int64, binary bool) {
	if binary {
		e.buf = append(e.buf, '~')
	}
	e.buf = strconv.AppendInt(append(e.buf, '{'), size, 10)
	e.buf = append(e.buf, '}', '\r', '\n')
}

// nstring appends a string, or NIL for an empty one.
func (e *Encoder) nstring(s string) {
	if s == "" {
		e.null()
		return
	}
	e.string(s)
}

func (e *Encoder) null() { e.buf = append(e.buf, "NIL"...) }

// mailbox appends a mailbox name that is given in UTF-8.
func (e *Encoder) mailbox(name string) {
	if !e.dialect.UTF8() {
		name = EncodeUTF7(name)
	}
	if isASCII(name) && !strings.ContainsAny(name, "\r\n\x00") {
		e.buf = appendAString(e.buf, name)
		return
	}
	e.string(name)
}

// delimiter appends a hierarchy delimiter; 0 is NIL.
func (e *Encoder) delimiter(c byte) {
	if c == 0 {
		e.null()
		return
	}
	e.buf = appendQuoted(e.buf, string(rune(c)))
}

// open appends what stands before the i-th element of a list.
func (e *Encoder) open(i int) {
	c := byte(' ')
	if i == 0 {
		c = '('
	}
	e.buf = append(e.buf, c)
}

// words appends "(" words ")".
func (e *Encoder) words(words []string) {
	e.buf = append(appendList(append(e.buf, '('), words), ')')
}
