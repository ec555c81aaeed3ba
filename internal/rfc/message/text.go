package message

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/message/charset"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/rfc/message/plaintext"
	"github.com/mailmesh/mailmesh/internal/rfc/message/transfer"
)

// maxHeaderText is how much of one header Text reads.
const maxHeaderText = 1 << 20

// Text returns the readable text of a text part as a stream of UTF-8 in constant memory: transfer encoding and charset
// decoded, HTML made plain, NUL left out. Other parts have none.
func (p *Part) Text(content io.ReaderAt) io.Reader {
	if !p.IsText() {
		return strings.NewReader("")
	}
	return p.text(section(content, p.Body))
}

// text decodes the body of a text part.
func (p *Part) text(body io.Reader) io.Reader {
	r := charset.NewReader(p.Charset(), transfer.NewReader(p.Encoding, body))
	if p.Subtype == "html" {
		r = plaintext.NewReader(r)
	}
	return withoutNUL{r}
}

// withoutNUL leaves out NUL, which no text index or column takes.
type withoutNUL struct{ r io.Reader }

func (w withoutNUL) Read(p []byte) (int, error) {
	for {
		n, err := w.r.Read(p)
		if bytes.IndexByte(p[:n], 0) >= 0 {
			n = len(slices.DeleteFunc(p[:n], func(c byte) bool { return c == 0 }))
			if n == 0 && err == nil {
				continue
			}
		}
		return n, err
	}
}

// A search looks through three texts of a message: HeaderText of its root, PartHeaderText, and BodyText. SEARCH BODY asks
// for the last, SEARCH TEXT for all of them (RFC 9051 6.4.4). Each piece of text ends with a line feed.

// BodyText returns all readable text below a part, p included, that a search of the body should find: of its text
// parts in order, and of the header of embedded messages. A caller bounds it with io.LimitReader.
func (p *Part) BodyText(content io.ReaderAt) io.Reader {
	t := &pieces{content: content}
	t.addBody(p)
	return t
}

// PartHeaderText returns the headers of all parts below p, decoded, as HeaderText gives one, except those of embedded
// messages, which are in BodyText. A file name that the header holds in pieces or encoded (RFC 2231) follows as a line; the
// first line is that of p itself, if it has one.
func (p *Part) PartHeaderText(content io.ReaderAt) io.Reader {
	t := &pieces{content: content}
	if name := p.Filename(); name != "" {
		t.now = strings.NewReader(name + "\n")
	}
	t.addHeaders(p)
	return t
}

// piece is a text that is made when its turn comes.
type piece struct {
	part   *Part
	header bool
}

type pieces struct {
	content io.ReaderAt
	todo    []piece
	now     io.Reader
}

func (t *pieces) addBody(p *Part) {
	switch {
	case p.IsMessage():
		t.todo = append(t.todo, piece{p.Children[0], true})
		t.addBody(p.Children[0])
	case p.IsMultipart():
		for _, child := range p.Children {
			t.addBody(child)
		}
	case p.IsText():
		t.todo = append(t.todo, piece{p, false})
	}
}

func (t *pieces) addHeaders(p *Part) {
	for _, child := range p.Children {
		if !p.IsMessage() {
			t.todo = append(t.todo, piece{child, true})
		}
		t.addHeaders(child)
	}
}

func (t *pieces) Read(b []byte) (int, error) {
	for {
		if t.now == nil {
			if len(t.todo) == 0 {
				return 0, io.EOF
			}
			if err := t.next(); err != nil {
				return 0, err
			}
		}
		n, err := t.now.Read(b)
		if err == io.EOF {
			t.now, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (t *pieces) next() error {
	item := t.todo[0]
	t.todo = t.todo[1:]
	if !item.header {
		t.now = io.MultiReader(item.part.Text(t.content), strings.NewReader("\n"))
		return nil
	}
	text, err := item.part.HeaderText(t.content)
	if name := item.part.Filename(); name != "" && !strings.Contains(text, name) {
		text += name + "\n"
	}
	t.now = strings.NewReader(text)
	return err
}

// HeaderText is the header of a part decoded to UTF-8, one line "Name: value" a field, at most its first MiB.
func (p *Part) HeaderText(content io.ReaderAt) (string, error) {
	block, err := p.ReadHeader(content, maxHeaderText)
	var b strings.Builder
	for field := range header.Fields(block) {
		b.Write(field.Name)
		b.WriteString(": ")
		b.WriteString(header.DecodeWords(field.Value()))
		b.WriteByte('\n')
	}
	return b.String(), err
}

// ReadHeader reads the header of a part, at most its first limit bytes, for header.Fields.
func (p *Part) ReadHeader(content io.ReaderAt, limit int64) ([]byte, error) {
	block := make([]byte, min(p.Header.Length, limit))
	n, err := content.ReadAt(block, p.Header.Offset)
	if n == len(block) || err == io.EOF {
		err = nil
	}
	return block[:n], err
}
