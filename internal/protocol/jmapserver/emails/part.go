package emails

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/field"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/charset"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/rfc/message/transfer"
)

// partPlan is what is asked of each part.
type partPlan struct {
	bodyArgs
	properties []partProperty
	needs      needs
	fields     bool // some property shows the header
}

// partProperty is a property of an EmailBodyPart (RFC 8621 4.1.4).
type partProperty struct {
	key string
	of  func(*source, *part) (any, error)
}

// part is one as it is answered.
type part struct {
	*message.Part
	path   []int
	fields []header.Field
}

func partPlanOf(args bodyArgs) (partPlan, error) {
	p := partPlan{bodyArgs: args}
	asked, err := listOf("bodyProperties", args.BodyProperties, nil)
	if args.BodyProperties == nil {
		asked = defaultBodyProperties
	}
	if err != nil {
		return p, err
	}
	for _, key := range asked {
		prop := partProperty{key: key}
		switch of, known := ofPart[key]; {
		case known:
			prop.of = of
		case strings.HasPrefix(key, field.Prefix):
			f, err := field.Parse(key)
			if err != nil {
				return p, invalid("bodyProperties", err)
			}
			prop.of = func(_ *source, b *part) (any, error) { return f.Of(b.fields), nil }
			p.fields = true
		case key == "subParts":
			prop.of = func(s *source, b *part) (any, error) { return s.subParts(b, &p) }
		default:
			return p, method.Fail(method.InvalidArguments, "bodyProperties: an EmailBodyPart has no property %.100q", key)
		}
		if key == "size" || key == "headers" {
			p.needs |= needsContent
		}
		p.properties = append(p.properties, prop)
	}
	if p.fields {
		p.needs |= needsContent
	}
	return p, nil
}

// ofPart are the properties that are no header fields, but for subParts.
var ofPart = map[string]func(*source, *part) (any, error){
	"partId": leaf(func(_ *source, b *part) any { return partID(b.path) }),
	"blobId": leaf(func(s *source, b *part) any {
		return s.blob.Of(b.path).String()
	}),
	"size":    func(s *source, b *part) (any, error) { return s.sizeOf(b.Part) },
	"headers": func(s *source, b *part) (any, error) { return s.headers(b.Part) },
	"name":    text(func(b *part) string { return b.Filename() }),
	"type": func(_ *source, b *part) (any, error) {
		return clean(b.Type) + "/" + clean(b.Subtype), nil
	},
	"charset":     text(charsetOf),
	"disposition": text(func(b *part) string { return b.Disposition }),
	"cid":         text(func(b *part) string { return contentID(b.ID) }),
	"location":    text(func(b *part) string { return b.Location }),
	"language":    func(_ *source, b *part) (any, error) { return languages(b.Language), nil },
}

// leaf is a property that multiparts have not: null there.
func leaf(of func(*source, *part) any) func(*source, *part) (any, error) {
	return func(s *source, b *part) (any, error) {
		if b.IsMultipart() {
			return nil, nil
		}
		return of(s, b), nil
	}
}

// text is a property that is null where there is nothing.
func text(of func(*part) string) func(*source, *part) (any, error) {
	return func(_ *source, b *part) (any, error) {
		if s := clean(of(b)); s != "" {
			return s, nil
		}
		return nil, nil
	}
}

// charsetOf is the charset that is stated or, of text, implied.
func charsetOf(b *part) string {
	if label := b.Charset(); label != "" || !b.IsText() {
		return label
	}
	return "us-ascii"
}

func contentID(id string) string {
	return strings.Trim(strings.TrimSpace(id), "<>")
}

func languages(tags []string) any {
	if len(tags) == 0 {
		return nil
	}
	out := make([]string, len(tags))
	for i, tag := range tags {
		out[i] = clean(tag)
	}
	return out
}

// clean makes text of a header, which may hold raw 8-bit, valid UTF-8.
func clean(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return charset.Decode("", []byte(s))
}

// partID is the number that IMAP gives a part.
func partID(path []int) string {
	var b strings.Builder
	for i, n := range path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// partCost is about what a part takes of a response besides its texts.
const partCost = 200

// part writes a part as it is answered.
func (s *source) part(dst []byte, m *message.Part, path []int, p *partPlan) ([]byte, error) {
	if err := s.take(partCost); err != nil {
		return nil, err
	}
	b := &part{Part: m, path: path}
	if p.fields {
		block, err := m.ReadHeader(s.content, MaxHeader)
		if err != nil {
			return nil, err
		}
		if err := s.take(len(block)); err != nil {
			return nil, err
		}
		b.fields = fieldsOf(block)
	}
	dst = append(dst, '{')
	for _, prop := range p.properties {
		v, err := prop.of(s, b)
		if err == nil {
			dst, err = ijson.AppendMember(dst, prop.key, v)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// structure is the tree of parts.
func (s *source) structure(p *partPlan) (ijson.Value, error) {
	return s.part(nil, s.root, s.rootPath(), p)
}

// subParts are the parts of a multipart. Embedded messages are not entered (RFC 8621 4.1.4).
func (s *source) subParts(b *part, p *partPlan) (any, error) {
	if !b.IsMultipart() {
		return nil, nil
	}
	at := 0
	list, err := ijson.AppendArray(nil, b.Children, func(dst []byte, child *message.Part) ([]byte, error) {
		at++
		return s.part(dst, child, append(b.path[:len(b.path):len(b.path)], at), p)
	})
	return ijson.Value(list), err
}

// list are some parts without what is below them.
func (s *source) list(parts []*message.Part, p *partPlan) (ijson.Value, error) {
	return ijson.AppendArray(nil, parts, func(dst []byte, m *message.Part) ([]byte, error) { return s.part(dst, m, s.pathOf(m), p) })
}

// rootPath is the number of the root: that of the one part of a message that is no multipart, which itself has none.
func (s *source) rootPath() []int {
	if s.root.IsMultipart() {
		return nil
	}
	return []int{1}
}

// bodies sorts the parts.
func (s *source) bodies() message.Bodies {
	if s.sorted == nil {
		b := s.root.Bodies()
		s.sorted = &b
	}
	return *s.sorted
}

// pathOf is the number of a part below the root.
func (s *source) pathOf(m *message.Part) []int {
	if s.paths == nil {
		s.paths = make(map[*message.Part][]int)
		s.walk(s.root, s.rootPath(), func(m *message.Part, path []int) { s.paths[m] = path })
	}
	return s.paths[m]
}

// walk calls each with the parts that are no multiparts, in order.
func (s *source) walk(m *message.Part, path []int, each func(*message.Part, []int)) {
	if !m.IsMultipart() {
		each(m, path)
		return
	}
	for i, child := range m.Children {
		s.walk(child, append(path[:len(path):len(path)], i+1), each)
	}
}

// sizeOf is the size of a part with its transfer encoding removed.
func (s *source) sizeOf(m *message.Part) (int64, error) {
	if m.IsMultipart() || !encoded(m.Encoding) {
		return m.Body.Length, nil
	}
	if size, known := s.sizes[m]; known {
		return size, nil
	}
	size, err := io.Copy(io.Discard, m.Decoded(s.content))
	if s.sizes == nil {
		s.sizes = make(map[*message.Part]int64)
	}
	s.sizes[m] = size
	return size, err
}

// encoded reports whether a transfer encoding makes other bytes. One that is not known counts as none (RFC 8621 4.1.4).
func encoded(encoding string) bool {
	switch encoding {
	case "", "7bit", "8bit", "binary":
		return false
	}
	return transfer.Known(encoding)
}

// headers are all fields in the Raw form.
func (s *source) headers(m *message.Part) (any, error) {
	block, err := m.ReadHeader(s.content, MaxHeader)
	if err != nil {
		return nil, err
	}
	if err := s.take(len(block)); err != nil {
		return nil, err
	}
	type emailHeader struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	list := []emailHeader{}
	for f := range header.Fields(block) {
		list = append(list, emailHeader{string(f.Name), field.RawText(f.Raw)})
	}
	return list, nil
}
