package imap

import (
	"bytes"
	"io"
	"strconv"
)

// Literal announces a string by its length (RFC 9051 4.3, RFC 3516, RFC 7888).
type Literal struct {
	Size    int64
	NonSync bool // {n+}: the client sends it without waiting for "+"
	Binary  bool // ~{n}: it may hold NUL
}

// cutLiteral splits off the literal that the end of a line announces.
func cutLiteral(line []byte) (lit Literal, before []byte, ok bool) {
	open := bytes.LastIndexByte(line, '{')
	if open < 0 || line[len(line)-1] != '}' {
		return Literal{}, line, false
	}
	digits := line[open+1 : len(line)-1]
	digits, lit.NonSync = bytes.CutSuffix(digits, []byte("+"))
	if len(digits) == 0 || digits[0] == '+' || digits[0] == '-' {
		return Literal{}, line, false
	}
	size, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return Literal{}, line, false
	}
	lit.Size = size
	before, lit.Binary = bytes.CutSuffix(line[:open], []byte("~"))
	return lit, before, true
}

// accept tells a client that waits to send the literal.
func (r *Reader) accept(lit Literal) error {
	if lit.NonSync || r.config.Continue == nil {
		return nil
	}
	return r.config.Continue()
}

// literalHeader reads the announcement of a literal, which must be the rest of the line. The literal itself is still in
// the source.
func (p *parser) literalHeader() Literal {
	if p.err != nil {
		return Literal{}
	}
	lit, before, ok := cutLiteral(p.line)
	if !ok || len(before) != 0 {
		p.bad("a literal is announced as {n} at the end of a line")
		return Literal{}
	}
	if limit := p.r.config.NonSyncLimit; lit.NonSync && limit > 0 && lit.Size > limit {
		p.fail(p.r.failure(BAD, CodeTooBig, "a literal of this size must wait for the server's go-ahead"))
		return Literal{}
	}
	return lit
}

// literal reads a literal that is a string, and the line after it.
func (p *parser) literal() string {
	text := p.octets(p.literalHeader())
	if bytes.IndexByte(text, 0) >= 0 {
		p.bad("a literal that is a string must not hold a NUL")
	}
	return string(text)
}

// octets reads a literal that was announced, and the line after it.
func (p *parser) octets(lit Literal) []byte {
	switch {
	case p.err != nil:
		return nil
	case lit.Size > int64(p.r.limits.Literal):
		p.fail(p.r.failure(BAD, CodeTooBig, "this literal has at most "+strconv.Itoa(p.r.limits.Literal)+" octets"))
		return nil
	case !p.charge(int(lit.Size)):
		return nil
	}
	if err := p.r.accept(lit); err != nil {
		p.abort(err)
		return nil
	}
	text := make([]byte, lit.Size)
	if _, err := io.ReadFull(p.r.src, text); err != nil {
		p.abort(midCommand(err))
		return nil
	}
	p.nextLine()
	return text
}
