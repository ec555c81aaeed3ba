package imap

import (
	"errors"
	"fmt"
	"strings"
)

// catenatePart reads one part of CATENATE, a literal up to its octets (RFC 4469 5).
func (p *parser) catenatePart() *AppendPart {
	switch name := p.name("URL or TEXT"); name {
	case "URL":
		p.sp()
		part := &AppendPart{p: p, URL: p.astring("a URL")}
		if part.URL == "" {
			p.bad("a URL must not be empty")
		}
		return part
	case "TEXT":
		p.sp()
		return p.appendLiteral(false)
	case "UTF8": // RFC 6855 4
		return p.appendUTF8()
	default:
		if p.err == nil {
			p.bad("CATENATE has parts URL and TEXT, not " + name)
		}
		return nil
	}
}

// CodeBadURL says which URL of a CATENATE is of no use (RFC 4469 4). What a code cannot hold is percent-encoded.
func CodeBadURL(url string) Code {
	var b strings.Builder
	b.WriteString("BADURL ")
	for i := range len(url) {
		if c := url[i]; c < ' ' || c >= 0x7f || c == ']' || c == '\\' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return Code(b.String())
}

// ParseSection reads a section as it stands between the brackets of BODY[].
func ParseSection(s string) (Section, error) {
	p := &parser{r: &Reader{limits: DefaultLimits}, line: []byte("[" + s + "]")}
	section := p.section()
	p.end()
	var e *Error
	if errors.As(p.err, &e) {
		return Section{}, errors.New(e.Text)
	}
	return section, p.err
}
