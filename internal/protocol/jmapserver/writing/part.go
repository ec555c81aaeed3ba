package writing

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/field"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message/compose"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// partReader reads EmailBodyParts (RFC 8621 4.1.4) of one property.
type partReader struct {
	d        *draft
	property string
	subtype  string // of text where no type is given; "" for plain
}

// bodyPart is an EmailBodyPart as it was given.
type bodyPart struct {
	partID, blobID, name, charset, disposition, cid, location *string
	kind, declared                                            *string // "type", and that of header:Content-Type
	language                                                  *[]string
	subParts                                                  *[]ijson.Value
	size                                                      bool
	params                                                    header.Params // of header:Content-Type
	fields                                                    *headerFields
	rest                                                      headerFields // of a part that is not the root
}

var errLanguage = errors.New("a language tag is a word such as \"en\" or \"pt-BR\"")

// read reads a part, and those in it. What is wrong is noted; the part that is returned then is of no use, but there.
func (r *partReader) read(v ijson.Value, path string, root bool) (*readPart, error) {
	out := &readPart{Part: &compose.Part{Type: "text", Subtype: "plain"}}
	if !ijson.IsObject(v) {
		r.wrong(path, "a part is an object")
		return out, nil
	}
	if r.d.body.parts++; r.d.body.parts > compose.MaxParts {
		r.wrong(path, "a message has too many parts")
		return out, nil
	}
	p := &bodyPart{}
	p.fields = &p.rest
	if root { // its fields are those of the message
		p.fields = &r.d.fields
	}
	given := len(p.fields.list)
	err := ijson.Members(v, func(name string, v ijson.Value) error {
		if wrong := p.property(name, v); wrong != "" {
			r.wrong(path, name+": "+wrong)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	if wrong := p.check(); wrong != "" {
		r.wrong(path, wrong)
		return out, nil
	}
	out.Type, out.Subtype = p.mediaType(r.subtype)
	out.Params = p.params
	if root {
		err = r.content(p, out, path)
		out.dispose("")
		return out, err
	}
	out.Fields = p.fields.list[given:]
	return out, r.content(p, out, path)
}

func (r *partReader) wrong(path, what string) {
	r.d.wrong.add(r.property+path+": "+what, r.property)
}

// property takes one property of a part, and says what is wrong with it.
func (p *bodyPart) property(name string, v ijson.Value) (wrong string) {
	if strings.HasPrefix(name, field.Prefix) {
		return p.headerProperty(name, v)
	}
	if ijson.IsNull(v) {
		return ""
	}
	text := map[string]**string{"partId": &p.partID, "blobId": &p.blobID, "name": &p.name, "type": &p.kind, "charset": &p.charset,
		"disposition": &p.disposition, "cid": &p.cid, "location": &p.location}[name]
	var err error
	switch {
	case text != nil:
		err = ijson.Strict(v, text)
	case name == "language":
		err = ijson.Strict(v, &p.language)
	case name == "subParts":
		err = ijson.Strict(v, &p.subParts)
	case name == "size":
		var n uint64
		p.size, err = true, ijson.Strict(v, &n)
	case name == "headers":
		return "each header field is a property of its own"
	default:
		return "there is no such property of a part"
	}
	if err != nil {
		return "a value of the wrong type"
	}
	return ""
}

// headerProperty takes a header field of a part. Content-Type is taken apart, since a boundary and a charset are ours to add.
func (p *bodyPart) headerProperty(name string, v ijson.Value) (wrong string) {
	prop, failed := propertyOf(name)
	if failed != nil {
		return failed.Description
	}
	if ijson.IsNull(v) {
		return ""
	}
	switch strings.ToLower(prop.Name) {
	case "content-transfer-encoding":
		return "the server chooses the transfer encoding"
	case "content-type":
		if prop.All || prop.Form != field.Raw && prop.Form != field.Text {
			return "Content-Type is given as a string"
		}
		return p.contentType(prop.Key, v)
	}
	if failed := p.fields.add(prop, v); failed != nil {
		return failed.Description
	}
	return ""
}

func (p *bodyPart) contentType(key string, v ijson.Value) (wrong string) {
	var text string
	if ijson.Strict(v, &text) != nil {
		return "a value of the wrong type"
	}
	main, sub, params, ok := header.ParseMediaType(header.Unfold([]byte(text)))
	if !ok {
		return "no media type"
	}
	if failed := p.fields.claim("Content-Type", key); failed != nil {
		return failed.Description
	}
	kind := main + "/" + sub
	p.declared = &kind
	for _, q := range params.Decoded() {
		switch q.Name {
		case "boundary":
		case "charset":
			p.charset = &q.Value
		default:
			p.params = append(p.params, q)
		}
	}
	return ""
}

// check says what does not go together, and makes fields of what stands for some.
func (p *bodyPart) check() (wrong string) {
	if p.declared != nil && p.kind != nil {
		return "type and " + p.fields.by["content-type"] + " stand for the same header field"
	}
	if p.declared != nil {
		p.kind = p.declared
	}
	multipart := p.kind != nil && strings.HasPrefix(strings.ToLower(*p.kind), "multipart/")
	switch {
	case p.partID != nil && p.blobID != nil:
		return "a part has a partId or a blobId, not both"
	case p.subParts != nil && (p.partID != nil || p.blobID != nil):
		return "a part with subParts has no partId and no blobId"
	case p.subParts != nil && p.kind != nil && !multipart:
		return "a part with subParts is a multipart"
	case p.subParts == nil && multipart, p.subParts != nil && len(*p.subParts) == 0:
		return "a multipart has subParts, one at least"
	case p.subParts == nil && p.partID == nil && p.blobID == nil:
		return "a part has a partId, a blobId, or subParts"
	case p.partID != nil && p.charset != nil && p.declared == nil:
		return "charset is the server's to choose where there is a partId"
	case p.partID != nil && p.size:
		return "size is not given with a partId"
	}
	if p.kind != nil && !isMediaType(*p.kind) {
		return quote(*p.kind) + " is no media type"
	}
	return p.standFor()
}

func isMediaType(s string) bool {
	main, sub, ok := strings.Cut(s, "/")
	return ok && isToken(main) && isToken(sub)
}

func isToken(s string) bool {
	_, err := compose.Parameters("X", s, nil)
	return err == nil && !strings.Contains(s, "/")
}

// standFor makes fields of the properties that stand for some.
func (p *bodyPart) standFor() (wrong string) {
	if p.disposition != nil && !isToken(*p.disposition) {
		return quote(*p.disposition) + " is no disposition"
	}
	add := func(name, property string, there bool, make func() (compose.Field, error)) {
		if !there || wrong != "" {
			return
		}
		if failed := p.fields.claim(name, property); failed != nil {
			wrong = failed.Description
			return
		}
		if make == nil {
			return
		}
		f, err := make()
		if err != nil {
			wrong = property + ": " + mail.Explain(err)
			return
		}
		p.fields.put(f)
	}
	add("Content-ID", "cid", p.cid != nil, func() (compose.Field, error) { return compose.MessageIDs("Content-ID", []string{*p.cid}) })
	add("Content-Language", "language", p.language != nil && len(*p.language) > 0, func() (compose.Field, error) {
		if !slices.ContainsFunc(*p.language, func(s string) bool { return !isToken(s) }) {
			return compose.Text("Content-Language", strings.Join(*p.language, ", "))
		}
		return compose.Field{}, mail.E("writing", mail.Invalid, errLanguage)
	})
	add("Content-Location", "location", p.location != nil, func() (compose.Field, error) { return compose.Text("Content-Location", *p.location) })
	add("Content-Disposition", "disposition", p.disposition != nil, nil)
	return wrong
}

// mediaType is the type of a part, or what it is where none is said.
func (p *bodyPart) mediaType(text string) (main, sub string) {
	kind := "application/octet-stream"
	switch {
	case p.kind != nil:
		kind = strings.ToLower(*p.kind)
	case p.subParts != nil:
		kind = "multipart/mixed"
	case text != "":
		kind = "text/" + text
	case p.partID != nil:
		kind = "text/plain"
	}
	main, sub, _ = strings.Cut(kind, "/")
	return main, sub
}

// content gives a part what it consists of.
func (r *partReader) content(p *bodyPart, out *readPart, path string) error {
	if p.cid != nil || p.fields.has("content-id") {
		out.cid = true
	}
	if p.disposition != nil {
		out.disposition = strings.ToLower(*p.disposition)
	}
	out.fixed = p.disposition == nil && p.fields.has("content-disposition")
	if p.name != nil && *p.name != "" {
		out.filename = *p.name
		if !slices.ContainsFunc(out.Params, func(q header.Param) bool { return q.Name == "name" }) {
			out.Params = append(out.Params, header.Param{Name: "name", Value: *p.name})
		}
	}
	switch {
	case p.subParts != nil:
		return r.children(p, out, path)
	case p.partID != nil:
		value, there := r.d.body.values[*p.partID]
		if !there {
			r.wrong(path, "bodyValues has no "+quote(*p.partID))
		} else if out.Type != "text" {
			r.wrong(path, "a part with a partId is text")
		}
		out.Text = value.Value
		return nil
	}
	if p.charset != nil && out.Type == "text" {
		if !isToken(*p.charset) {
			r.wrong(path, quote(*p.charset)+" is no charset")
		}
		out.Params = append(out.Params, header.Param{Name: "charset", Value: *p.charset})
	}
	o, err := r.d.blob(*p.blobID)
	out.Open = o.open
	return err
}

func (r *partReader) children(p *bodyPart, out *readPart, path string) error {
	for i, v := range *p.subParts {
		child, err := r.read(v, path+"/subParts/"+strconv.Itoa(i), false)
		if err != nil {
			return err
		}
		out.Children = append(out.Children, child.dispose(""))
	}
	return nil
}
