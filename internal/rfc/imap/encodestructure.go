package imap

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Envelope sends the envelope structure (RFC 9051 7.5.2).
func (f *FetchResponse) Envelope(env *message.Envelope) {
	f.name("ENVELOPE ")
	f.e.envelope(env)
}

// BodyStructure sends the body structure, with extension data as BODYSTRUCTURE and without as BODY.
func (f *FetchResponse) BodyStructure(root *message.Part, extended bool) {
	if extended {
		f.name("BODYSTRUCTURE ")
	} else {
		f.name("BODY ")
	}
	f.e.part(root, extended)
}

func (e *Encoder) envelope(env *message.Envelope) {
	e.buf = append(e.buf, '(')
	e.field(env, message.HasDate, env.Date)
	e.buf = append(e.buf, ' ')
	e.field(env, message.HasSubject, env.Subject)
	for _, list := range [...][]header.Address{env.From, env.Sender, env.ReplyTo, env.To, env.Cc, env.Bcc} {
		e.buf = append(e.buf, ' ')
		e.addresses(list)
	}
	e.buf = append(e.buf, ' ')
	e.field(env, message.HasInReplyTo, env.InReplyTo)
	e.buf = append(e.buf, ' ')
	e.field(env, message.HasMessageID, env.MessageID)
	e.buf = append(e.buf, ')')
}

// field appends a string of the envelope: "" when the field is empty, NIL when it is missing.
func (e *Encoder) field(env *message.Envelope, which message.EnvelopeField, value string) {
	if env.Has&which == 0 {
		e.null()
		return
	}
	e.string(value)
}

func (e *Encoder) addresses(list []header.Address) {
	if len(list) == 0 {
		e.null()
		return
	}
	e.buf = append(e.buf, '(')
	for i := range list {
		e.address(&list[i])
	}
	e.buf = append(e.buf, ')')
}

// address appends an address structure. A NIL host marks a group, so that an address which lacks its domain gets an empty
// one.
func (e *Encoder) address(a *header.Address) {
	switch a.Kind {
	case header.GroupStart:
		e.buf = append(e.buf, "(NIL NIL "...)
		e.string(a.Name)
		e.buf = append(e.buf, " NIL)"...)
	case header.GroupEnd:
		e.buf = append(e.buf, "(NIL NIL NIL NIL)"...)
	default:
		e.buf = append(e.buf, '(')
		e.nstring(a.Name)
		e.buf = append(e.buf, ' ')
		e.nstring(a.Route)
		e.buf = append(e.buf, ' ')
		e.string(a.Local)
		e.buf = append(e.buf, ' ')
		e.string(a.Domain)
		e.buf = append(e.buf, ')')
	}
}

// part appends a body. Its depth is bounded by the parser of package message.
func (e *Encoder) part(p *message.Part, extended bool) {
	e.buf = append(e.buf, '(')
	if p.IsMultipart() {
		for _, child := range p.Children {
			e.part(child, extended)
		}
		e.buf = append(e.buf, ' ')
		e.string(p.Subtype)
		if extended {
			e.buf = append(e.buf, ' ')
			e.params(p.Params)
			e.extension(p)
		}
		e.buf = append(e.buf, ')')
		return
	}
	e.single(p, extended)
	if extended {
		e.buf = append(e.buf, ' ')
		e.nstring(p.MD5)
		e.extension(p)
	}
	e.buf = append(e.buf, ')')
}

// single appends the basic fields of a part that is not a multipart, and those that its type adds.
func (e *Encoder) single(p *message.Part, extended bool) {
	e.string(p.Type)
	e.buf = append(e.buf, ' ')
	e.string(p.Subtype)
	e.buf = append(e.buf, ' ')
	e.params(p.Params)
	e.buf = append(e.buf, ' ')
	e.nstring(p.ID)
	e.buf = append(e.buf, ' ')
	e.nstring(p.Description)
	e.buf = append(e.buf, ' ')
	e.string(p.Encoding)
	e.number(uint64(p.Body.Length))
	switch {
	case p.IsMessage():
		e.buf = append(e.buf, ' ')
		e.envelope(p.Envelope)
		e.buf = append(e.buf, ' ')
		e.part(p.Children[0], extended)
		e.number(uint64(p.Lines))
	case p.IsText():
		e.number(uint64(p.Lines))
	}
}

// extension appends disposition, language and location.
func (e *Encoder) extension(p *message.Part) {
	e.buf = append(e.buf, ' ')
	if p.Disposition == "" {
		e.null()
	} else {
		e.buf = append(e.buf, '(')
		e.string(p.Disposition)
		e.buf = append(e.buf, ' ')
		e.params(p.DispParams)
		e.buf = append(e.buf, ')')
	}
	e.buf = append(e.buf, ' ')
	switch len(p.Language) {
	case 0:
		e.null()
	case 1:
		e.string(p.Language[0])
	default:
		for i, language := range p.Language {
			e.open(i)
			e.string(language)
		}
		e.buf = append(e.buf, ')')
	}
	e.buf = append(e.buf, ' ')
	e.nstring(p.Location)
}

// params appends parameters. An extended value (RFC 2231) keeps its form, which every client of RFC 3501 expects and
// which is 7-bit; one that has enabled IMAP4rev2 gets it in UTF-8 (RFC 9051 7.5.2).
func (e *Encoder) params(params header.Params) {
	if len(params) == 0 {
		e.null()
		return
	}
	for i, p := range params {
		e.open(i)
		e.string(p.Name)
		e.buf = append(e.buf, ' ')
		value := p.Value
		if plain, extended := strings.CutSuffix(p.Name, "*"); extended && e.dialect.Rev2 {
			value = params.Get(plain)
		}
		e.string(value)
	}
	e.buf = append(e.buf, ')')
}
