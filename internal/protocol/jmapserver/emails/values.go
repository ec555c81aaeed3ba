package emails

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/charset"
	"github.com/mailmesh/mailmesh/internal/rfc/message/transfer"
)

// bodyValue is an EmailBodyValue (RFC 8621 4.1.4).
type bodyValue struct {
	Value             string `json:"value"`
	IsEncodingProblem bool   `json:"isEncodingProblem"`
	IsTruncated       bool   `json:"isTruncated"`
}

// wantsValues reports whether any are asked for.
func (p *partPlan) wantsValues() bool {
	return p.FetchTextBodyValues || p.FetchHTMLBodyValues || p.FetchAllBodyValues
}

// values are the texts of the parts that are asked for, by partId.
func (s *source) values(p *partPlan) (any, error) {
	var wanted []*message.Part
	if p.FetchTextBodyValues {
		wanted = append(wanted, s.bodies().Text...)
	}
	if p.FetchHTMLBodyValues {
		wanted = append(wanted, s.bodies().HTML...)
	}
	if p.FetchAllBodyValues {
		s.walk(s.root, s.rootPath(), func(m *message.Part, _ []int) { wanted = append(wanted, m) })
	}
	out := map[string]bodyValue{}
	for _, m := range wanted {
		id := partID(s.pathOf(m))
		if _, have := out[id]; have || !m.IsText() {
			continue
		}
		v, err := s.value(m, p.MaxBodyValueBytes)
		if err != nil {
			return nil, err
		}
		out[id] = v
	}
	return out, nil
}

// value is the text of a part: at most so many bytes, 0 for all.
func (s *source) value(m *message.Part, most uint64) (bodyValue, error) {
	limit := uint64(max(0, *s.left)) + 1
	if most > 0 {
		limit = min(limit, most+1)
	}
	decoded := &checkedUTF8{r: m.Decoded(s.content)}
	text := lineFeeds{bufio.NewReader(charset.NewReader(m.Charset(), decoded))}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(text, int64(limit))); err != nil {
		return bodyValue{}, err
	}
	v := bodyValue{Value: strings.ToValidUTF8(b.String(), "\uFFFD")}
	if most > 0 && uint64(b.Len()) > most {
		v.Value, v.IsTruncated = cut(b.String(), int(most), m.Subtype == "html"), true
	}
	v.IsEncodingProblem = !transfer.Known(m.Encoding) || problem(m.Charset(), decoded, v.Value)
	return v, s.take(len(v.Value) + partCost)
}

// problem reports whether a text was not what its charset promised.
func problem(label string, decoded *checkedUTF8, value string) bool {
	switch {
	case charset.Guessed(label):
		return decoded.bad // and was read as Windows-1252
	case !charset.Known(label):
		return true
	}
	return strings.ContainsRune(value, utf8.RuneError)
}

// cut shortens a text to at most so many bytes, not inside of a character and, of HTML, not inside of a tag (RFC 8621 4.2).
func cut(s string, most int, html bool) string {
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	s = s[:most]
	if html {
		if open := strings.LastIndexByte(s, '<'); open > strings.LastIndexByte(s, '>') {
			s = s[:open]
		}
	}
	return s
}

// lineFeeds makes each CR LF one LF (RFC 8621 4.1.4), and leaves NUL out.
type lineFeeds struct{ r *bufio.Reader }

func (l lineFeeds) Read(p []byte) (int, error) {
	for n := 0; ; {
		if n == len(p) {
			return n, nil
		}
		c, err := l.r.ReadByte()
		if err != nil {
			return n, err
		}
		if c == 0 {
			continue
		}
		if c == '\r' {
			if next, err := l.r.Peek(1); err == nil && next[0] == '\n' {
				continue
			}
		}
		p[n] = c
		n++
	}
}

// checkedUTF8 notes whether what it passes on is UTF-8.
type checkedUTF8 struct {
	r    io.Reader
	tail []byte // the beginning of a character
	bad  bool
}

func (c *checkedUTF8) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if !c.bad {
		c.check(p[:n], err == io.EOF)
	}
	return n, err
}

func (c *checkedUTF8) check(b []byte, end bool) {
	if len(c.tail) > 0 {
		b = append(c.tail, b...)
		c.tail = nil
	}
	// At most the last three bytes can be a character that goes on in what is read next.
	whole := len(b)
	for i := 1; !end && i <= min(utf8.UTFMax-1, len(b)); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				whole = len(b) - i
			}
			break
		}
	}
	c.bad = !utf8.Valid(b[:whole])
	c.tail = bytes.Clone(b[whole:])
}
