package writing

import (
	"fmt"
	"io"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message/compose"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// member is a property with its value.
type member struct {
	name  string
	value ijson.Value
}

// opened is what a blob is.
type opened struct {
	size int64 // -1 where only reading it tells
	open func() (io.ReadCloser, error)
}

// isBody are the properties of an Email that make its body.
var isBody = map[string]bool{"bodyStructure": true, "textBody": true, "htmlBody": true, "attachments": true, "bodyValues": true}

// body is the body of an Email that is to be created.
type body struct {
	given  []member
	values map[string]bodyValue
	blobs  int64 // bytes of them
	parts  int
	root   *compose.Part
}

// bodyValue is an EmailBodyValue (RFC 8621 4.1.4).
type bodyValue struct {
	Value             string `json:"value"`
	IsEncodingProblem bool   `json:"isEncodingProblem"`
	IsTruncated       bool   `json:"isTruncated"`
}

// assemble makes the tree of parts of the properties that were given.
func (b *body) assemble(d *draft) error {
	given := map[string]ijson.Value{}
	for _, m := range b.given {
		if !ijson.IsNull(m.value) {
			given[m.name] = m.value
		}
	}
	d.wrong.take(b.readValues(given["bodyValues"]))
	structure, is := given["bodyStructure"]
	if is {
		for _, other := range []string{"textBody", "htmlBody", "attachments"} {
			if given[other] != nil {
				d.wrong.add("an email has a bodyStructure, or textBody, htmlBody and attachments, not both", "bodyStructure", other)
			}
		}
		r := partReader{d: d, property: "bodyStructure"}
		part, err := r.read(structure, "", true)
		if err == nil {
			b.root = part.Part
		}
		return err
	}
	return b.assembleLists(d, given)
}

func (b *body) readValues(v ijson.Value) *method.Error {
	if v == nil {
		return nil
	}
	if err := ijson.Strict(v, &b.values); err != nil {
		return method.Bad("bodyValues is an object of objects with \"value\", \"isEncodingProblem\" and \"isTruncated\"", "bodyValues")
	}
	for id, value := range b.values {
		if value.IsEncodingProblem || value.IsTruncated {
			return method.Bad("the body value "+quote(id)+" is not whole: isEncodingProblem and isTruncated must be false", "bodyValues")
		}
	}
	return nil
}

// assembleLists makes the tree of textBody, htmlBody and attachments.
func (b *body) assembleLists(d *draft, given map[string]ijson.Value) error {
	text, err := b.one(d, given, "textBody", "plain")
	if err != nil {
		return err
	}
	html, err := b.one(d, given, "htmlBody", "html")
	if err != nil {
		return err
	}
	attached, err := b.list(d, given["attachments"], "attachments", "")
	if err != nil {
		return err
	}
	var around, beside []*compose.Part
	for _, a := range attached {
		if html != nil && a.cid && a.disposition != "attachment" {
			beside = append(beside, a.dispose("inline"))
		} else {
			around = append(around, a.dispose("attachment"))
		}
	}
	if len(beside) > 0 {
		html = multipart("related", append([]*compose.Part{html}, beside...)...)
		html.Params = header.Params{{Name: "type", Value: "text/html"}} // RFC 2387 3.1
	}
	if text != nil && html != nil {
		text = multipart("alternative", text, html)
	} else if text == nil {
		text = html
	}
	if text != nil {
		around = append([]*compose.Part{text}, around...)
	}
	switch {
	case len(around) == 0:
		b.root = &compose.Part{Type: "text", Subtype: "plain"}
	case len(around) == 1 && text != nil:
		b.root = text
	default:
		b.root = multipart("mixed", around...)
	}
	return nil
}

func multipart(subtype string, children ...*compose.Part) *compose.Part {
	return &compose.Part{Type: "multipart", Subtype: subtype, Children: children}
}

// one reads textBody or htmlBody, which has exactly one part, of its type (RFC 8621 4.6).
func (b *body) one(d *draft, given map[string]ijson.Value, property, subtype string) (*compose.Part, error) {
	v := given[property]
	if v == nil {
		return nil, nil
	}
	list, err := b.list(d, v, property, subtype)
	if err != nil || len(list) == 0 && len(d.wrong.properties) > 0 {
		return nil, err
	}
	if len(list) != 1 || list[0].Type != "text" || list[0].Subtype != subtype {
		d.wrong.add(property+" has exactly one part, of type text/"+subtype, property)
		return nil, nil
	}
	return list[0].dispose(""), nil
}

// list reads parts that are in no tree.
func (b *body) list(d *draft, v ijson.Value, property, subtype string) ([]*readPart, error) {
	if v == nil {
		return nil, nil
	}
	var values []ijson.Value
	if err := ijson.Strict(v, &values); err != nil {
		d.wrong.add(property+" is an array of objects", property)
		return nil, nil
	}
	var out []*readPart
	for i, value := range values {
		r := partReader{d: d, property: property, subtype: subtype}
		p, err := r.read(value, fmt.Sprintf("/%d", i), false)
		if err != nil {
			return nil, err
		}
		if p.Type == "multipart" {
			d.wrong.add(property+" has no multipart: that is for bodyStructure", property)
		}
		out = append(out, p)
	}
	return out, nil
}

// readPart is a part with what decides on its place.
type readPart struct {
	*compose.Part
	cid         bool
	disposition string // "": not said
	filename    string
	fixed       bool // Content-Disposition was given as a field
}

// dispose writes the Content-Disposition: what was said, or else what the place asks for.
func (p *readPart) dispose(otherwise string) *compose.Part {
	value := p.disposition
	if value == "" {
		value = otherwise
	}
	if value == "" || p.fixed {
		return p.Part
	}
	var params header.Params
	if p.filename != "" {
		params = header.Params{{Name: "filename", Value: p.filename}}
	}
	if f, err := compose.Parameters("Content-Disposition", value, params); err == nil { // the token was looked at
		p.Fields = append(p.Fields, f)
	}
	return p.Part
}

// blob finds a blob of the account. What is not there is noted, for blobNotFound.
func (d *draft) blob(id string) (opened, error) {
	name, known := d.resolve(id)
	o, err := opened{}, error(nil)
	if known {
		o, err = d.open(name)
	}
	if !known || mail.Is(err, mail.NotFound) {
		d.wrong.missing = append(d.wrong.missing, id)
		return opened{open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }}, nil
	}
	if err != nil {
		return o, err
	}
	if d.body.blobs += max(o.size, 0); d.body.blobs > MaxAttachments {
		d.wrong.take(tooLarge(MaxAttachments, "the attachments of an email have together"))
	}
	return o, nil
}
