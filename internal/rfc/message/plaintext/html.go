// Package plaintext makes readable text of HTML mail as a stream in constant memory: for previews, searching and
// indexing, not for display. Scripts, styles and markup are left out, white space is collapsed, blocks become lines.
// Broken HTML never fails. The input must be UTF-8.
package plaintext

import (
	"html"
	"io"
	"unicode/utf8"
)

const (
	maxName   = 16 // longer tag names are none that matter
	maxEntity = 32
)

// NewReader returns the text of the HTML read from r.
func NewReader(r io.Reader) io.Reader { return &reader{src: r, state: (*reader).inText} }

type reader struct {
	src   io.Reader
	in    [4096]byte
	out   []byte // to be given
	buf   []byte
	err   error
	state func(*reader, byte)

	name    []byte // of the tag, or the entity, being read
	closing bool   // the tag is an end tag
	quote   byte   // the attribute value's quote
	match   int    // bytes of "-->" or "</name" met
	skip    string // the element whose content is left out: up to its end tag everything is text
	space   byte   // white space to be written before the next text
	started bool
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		n, err := r.src.Read(r.in[:])
		r.out = r.buf[:0]
		for _, c := range r.in[:n] {
			r.state(r, c)
		}
		if err != nil {
			r.err = err
			r.endEntity("")
		}
		r.buf = r.out[:0]
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

func (r *reader) inText(c byte) {
	switch c {
	case '<':
		r.state = (*reader).afterLess
	case '&':
		r.name = append(r.name[:0], c)
		r.state = (*reader).inEntity
	case ' ', '\t', '\r', '\n', '\f':
		r.wish(' ')
	default:
		r.text(c)
	}
}

// wish asks for white space before the next text; a line wins over a space.
func (r *reader) wish(space byte) {
	if r.started && r.space != '\n' {
		r.space = space
	}
}

func (r *reader) text(c byte) {
	if r.space != 0 {
		r.out = append(r.out, r.space)
		r.space = 0
	}
	r.started = true
	r.out = append(r.out, c)
}

// inEntity collects "&name;". What is none stands as it is.
func (r *reader) inEntity(c byte) {
	letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '#' && len(r.name) == 1
	switch {
	case letter && len(r.name) < maxEntity:
		r.name = append(r.name, c)
	case c == ';':
		r.endEntity(";")
	default:
		r.endEntity("")
		r.state(r, c)
	}
}

func (r *reader) endEntity(semicolon string) {
	if len(r.name) > 0 && r.name[0] == '&' {
		for _, char := range html.UnescapeString(string(r.name) + semicolon) {
			if char == '\u00a0' {
				r.wish(' ')
				continue
			}
			var b [utf8.UTFMax]byte
			for _, c := range b[:utf8.EncodeRune(b[:], char)] {
				r.text(c)
			}
		}
	}
	r.name = r.name[:0]
	r.state = (*reader).inText
}

func (r *reader) afterLess(c byte) {
	r.name, r.closing = r.name[:0], false
	switch {
	case c == '/':
		r.closing = true
		r.state = (*reader).inName
	case c == '!':
		r.match = 0
		r.state = (*reader).afterBang
	case c == '?':
		r.state = (*reader).inTag
	case 'a' <= c|0x20 && c|0x20 <= 'z':
		r.name = append(r.name, c|0x20)
		r.state = (*reader).inName
	default: // a "<" that begins no tag
		r.text('<')
		r.state = (*reader).inText
		r.state(r, c)
	}
}

// afterBang tells "<!--" from "<!doctype".
func (r *reader) afterBang(c byte) {
	switch {
	case c != '-':
		r.state = (*reader).inTag
		r.state(r, c)
	case r.match == 0:
		r.match = 1
	default:
		r.match = 2 // "<!-->" is a whole comment
		r.state = (*reader).inComment
	}
}

func (r *reader) inComment(c byte) {
	switch {
	case c == '-':
		r.match = min(r.match+1, 2)
	case c == '>' && r.match == 2:
		r.state = (*reader).inText
	default:
		r.match = 0
	}
}

func (r *reader) inName(c byte) {
	switch {
	case c == '>' || c == '/' || c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f':
		r.state = (*reader).inTag
		r.state(r, c)
	case len(r.name) < maxName:
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		r.name = append(r.name, c)
	}
}

func (r *reader) inTag(c byte) {
	switch c {
	case '>':
		r.endTag()
	case '"', '\'':
		if len(r.name) > 0 && !r.closing { // quotes count only in attributes
			r.quote = c
			r.state = (*reader).inQuote
		}
	}
}

func (r *reader) inQuote(c byte) {
	if c == r.quote {
		r.state = (*reader).inTag
	}
}

func (r *reader) endTag() {
	r.state = (*reader).inText
	switch name := string(r.name); name {
	case "script", "style", "title", "template", "textarea":
		if !r.closing {
			r.skip, r.match = "</"+name, 0
			r.state = (*reader).inSkip
		}
	case "br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "blockquote", "hr", "pre", "ul",
		"ol", "dl", "dt", "dd", "section", "article", "header", "footer", "center", "body", "option", "form", "address":
		r.wish('\n')
	case "td", "th", "img":
		r.wish(' ')
	}
	r.name = r.name[:0]
}

// inSkip passes over an element up to its end tag.
func (r *reader) inSkip(c byte) {
	if c|0x20 == r.skip[r.match]|0x20 {
		if r.match++; r.match == len(r.skip) {
			r.name, r.closing, r.skip = r.name[:0], true, ""
			r.state = (*reader).inTag
		}
		return
	}
	r.match = 0
	if c == '<' {
		r.match = 1
	}
}
