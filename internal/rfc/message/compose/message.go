package compose

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Part is an entity of a message: one with Children is a multipart, and any other has its content in Text or behind Open.
type Part struct {
	Type, Subtype string
	Params        header.Params // of Content-Type. The boundary, and the charset of Text, are added.
	Fields        []Field       // further ones: Content-Disposition, Content-ID and so on
	Children      []*Part

	Text string // with any line ends
	// Open opens the octets of the content. It is called at most twice, the second time when the first reader was closed.
	Open func() (io.ReadCloser, error)
}

// Message is a message that is to be written.
type Message struct {
	Fields []Field
	Root   *Part

	Boundary func() string // nil: at random
}

// Limits of the tree.
const (
	MaxParts = 1000
	MaxDepth = 50
)

var (
	errParts   = fmt.Errorf("a message has at most %d parts", MaxParts)
	errNoParts = errors.New("a multipart has at least one part")
	errDepth   = fmt.Errorf("parts lie in each other at most %d deep", MaxDepth)
)

// Reader looks at the contents and returns what reads the message. Errors of Open and of what it returns come as they are.
func (m *Message) Reader() (io.ReadCloser, error) {
	b := builder{boundary: m.Boundary}
	if b.boundary == nil {
		b.boundary = func() string { return "=_" + strings.ToLower(rand.Text()) }
	}
	root, err := b.plan(m.Root, 1)
	if err != nil {
		return nil, err
	}
	var head strings.Builder
	for _, f := range m.Fields {
		head.WriteString(f.String())
	}
	head.WriteString("MIME-Version: 1.0\r\n")
	b.text(head.String())
	b.write(root)
	return &reader{pieces: b.pieces}, nil
}

// planned is a part whose encoding is known.
type planned struct {
	*Part
	encoding string
	kind     string // main type and subtype
	params   header.Params
	head     string // header, with the blank line behind it
	text     string
	boundary string
	children []*planned
}

// builder makes pieces of a message.
type builder struct {
	boundary func() string
	parts    int
	pieces   []piece
}

// piece is text, or a content that is encoded as it is read.
type piece struct {
	text     string
	open     func() (io.ReadCloser, error)
	encoding string
}

func (b *builder) text(s string) {
	if n := len(b.pieces); n > 0 && b.pieces[n-1].open == nil {
		b.pieces[n-1].text += s
		return
	}
	b.pieces = append(b.pieces, piece{text: s})
}

// plan finds the encodings of a part and of those in it.
func (b *builder) plan(p *Part, depth int) (*planned, error) {
	if b.parts++; b.parts > MaxParts {
		return nil, invalid("body", errParts)
	}
	if depth > MaxDepth {
		return nil, invalid("body", errDepth)
	}
	out := &planned{Part: p, kind: p.Type + "/" + p.Subtype, params: p.Params}
	var err error
	switch {
	case len(p.Children) > 0:
		err = b.planChildren(out, depth)
	case p.Type == "multipart":
		err = invalid("body", errNoParts)
	case p.Open == nil:
		out.planText()
	default:
		err = out.planContent()
	}
	if err == nil {
		err = out.planHead()
	}
	return out, err
}

func (b *builder) planChildren(out *planned, depth int) error {
	out.boundary = b.boundary()
	out.params = append(out.params[:len(out.params):len(out.params)], header.Param{Name: "boundary", Value: out.boundary})
	for _, c := range out.Children {
		child, err := b.plan(c, depth+1)
		if err != nil {
			return err
		}
		if child.encoding == "8bit" {
			out.encoding = "8bit" // RFC 2045 6.4: that of what is in it
		}
		out.children = append(out.children, child)
	}
	return nil
}

var lineEnds = strings.NewReplacer("\r\n", "\r\n", "\n", "\r\n", "\r", "\r\n")

// planText decides on the encoding of a text.
func (p *planned) planText() {
	p.text = p.Text
	if strings.ContainsAny(p.text, "\r\n") {
		p.text = lineEnds.Replace(p.text)
	}
	t, _ := scan(strings.NewReader(p.text)) // a string can be read
	p.encoding = t.ofText()
	p.params = append(p.params[:len(p.params):len(p.params)], header.Param{Name: "charset", Value: "utf-8"})
}

func (t *traits) ofText() string {
	switch {
	case t.sevenBit():
		return ""
	case t.shorterAsQP():
		return "quoted-printable"
	}
	return "base64"
}

// planContent decides on the encoding of a content. Text whose line ends are not CR LF keeps them in base64 alone.
func (p *planned) planContent() error {
	embedded := p.kind == "message/rfc822" || p.kind == "message/global"
	if p.encoding = "base64"; p.Type != "text" && p.Type != "message" {
		return nil
	}
	r, err := p.Open()
	if err != nil {
		return err
	}
	t, err := scan(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	switch {
	case t.sevenBit():
		p.encoding = ""
	case embedded && t.lines():
		p.encoding = "8bit"
	case embedded:
		p.kind = "application/octet-stream"
	case !t.bare:
		p.encoding = t.ofText()
	}
	return nil
}

// planHead makes the header.
func (p *planned) planHead() error {
	contentType, err := Parameters("Content-Type", p.kind, p.params)
	if err != nil {
		return err
	}
	p.head = contentType.String()
	if p.encoding != "" {
		p.head += "Content-Transfer-Encoding: " + p.encoding + "\r\n"
	}
	for _, f := range p.Fields {
		p.head += f.String()
	}
	p.head += "\r\n"
	return nil
}

// write makes pieces of a part.
func (b *builder) write(p *planned) {
	b.text(p.head)
	if p.boundary == "" {
		open := p.Open
		if open == nil {
			text := p.text
			open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
		}
		b.pieces = append(b.pieces, piece{encoding: p.encoding, open: open})
		return
	}
	delimiter := "--" + p.boundary + "\r\n"
	for _, c := range p.children {
		b.text(delimiter)
		b.write(c)
		delimiter = "\r\n--" + p.boundary + "\r\n"
	}
	b.text("\r\n--" + p.boundary + "--")
}
