package message

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// maxCodecDepth bounds the recursion of a decoder: the depth of what a Parser makes, and some.
const maxCodecDepth = MaxDepth + 10

// Bits of an address; stored: only append. The lowest two are its Kind.
const (
	addressName = 1 << (iota + 2)
	addressRoute
	addressLocal
	addressDomain
)

// Bits of an envelope after those of Has: lists that repeat From.
const (
	senderIsFrom = 1 << (iota + 4)
	replyToIsFrom
)

func (e *encoder) envelope(v *Envelope) {
	flags := uint64(v.Has) & 15
	sameSender, sameReplyTo := slices.Equal(v.Sender, v.From), slices.Equal(v.ReplyTo, v.From)
	if sameSender {
		flags |= senderIsFrom
	}
	if sameReplyTo {
		flags |= replyToIsFrom
	}
	e.uint(flags)
	e.string(v.Date)
	e.string(v.Subject)
	e.addresses(v.From)
	if !sameSender {
		e.addresses(v.Sender)
	}
	if !sameReplyTo {
		e.addresses(v.ReplyTo)
	}
	e.addresses(v.To)
	e.addresses(v.Cc)
	e.addresses(v.Bcc)
	e.string(v.InReplyTo)
	e.string(v.MessageID)
}

func (d *decoder) envelope(v *Envelope) {
	flags := d.uint()
	v.Has = EnvelopeField(flags & 15)
	v.Date = d.string()
	v.Subject = d.string()
	v.From = d.addresses()
	v.Sender, v.ReplyTo = v.From, v.From
	if flags&senderIsFrom == 0 {
		v.Sender = d.addresses()
	}
	if flags&replyToIsFrom == 0 {
		v.ReplyTo = d.addresses()
	}
	v.To = d.addresses()
	v.Cc = d.addresses()
	v.Bcc = d.addresses()
	v.InReplyTo = d.string()
	v.MessageID = d.string()
}

func (e *encoder) addresses(list []header.Address) {
	e.uint(uint64(len(list)))
	for i := range list {
		a := &list[i]
		flags := uint64(a.Kind) & 3
		fields := [...]string{a.Name, a.Route, a.Local, a.Domain}
		for bit, s := range fields {
			if s != "" {
				flags |= addressName << bit
			}
		}
		e.uint(flags)
		for _, s := range fields {
			if s != "" {
				e.string(s)
			}
		}
	}
}

func (d *decoder) addresses() []header.Address {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]header.Address, n)
	for i := range list {
		a := &list[i]
		flags := d.uint()
		a.Kind = header.AddressKind(flags & 3)
		if flags&addressName != 0 {
			a.Name = d.string()
		}
		if flags&addressRoute != 0 {
			a.Route = d.string()
		}
		if flags&addressLocal != 0 {
			a.Local = d.string()
		}
		if flags&addressDomain != 0 {
			a.Domain = d.string()
		}
	}
	return list
}

// Bits of a part; stored: only append.
const (
	partParams = 1 << iota
	partID
	partDescription
	partMD5
	partDisposition
	partDispParams
	partLanguage
	partLocation
	partEnvelope
	partChildren
)

// structure writes the number of parts and the tree, each part before its children.
func (e *encoder) structure(root *Part) {
	if root == nil {
		e.uint(0)
		return
	}
	e.uint(uint64(root.count()))
	e.part(root, 0)
}

func (p *Part) count() int {
	n := 1
	for _, child := range p.Children {
		n += child.count()
	}
	return n
}

// part writes p, whose header begins at or after base.
func (e *encoder) part(p *Part, base int64) {
	flags := p.codecFlags()
	e.uint(flags)
	e.uint(uint64(p.Header.Offset - base))
	e.uint(uint64(p.Header.Length))
	e.uint(uint64(p.Body.Length))
	e.uint(uint64(p.Lines))
	e.string(p.Type)
	e.string(p.Subtype)
	e.string(p.Encoding)
	if flags&partParams != 0 {
		e.params(p.Params)
	}
	for bit, s := range [...]string{p.ID, p.Description, p.MD5, p.Disposition} {
		if flags&(partID<<bit) != 0 {
			e.string(s)
		}
	}
	if flags&partDispParams != 0 {
		e.params(p.DispParams)
	}
	if flags&partLanguage != 0 {
		e.strings(p.Language)
	}
	if flags&partLocation != 0 {
		e.string(p.Location)
	}
	if p.Envelope != nil {
		e.envelope(p.Envelope)
	}
	if len(p.Children) == 0 {
		return
	}
	e.uint(uint64(len(p.Children)))
	base = p.Body.Offset
	for _, child := range p.Children {
		e.part(child, base)
		base = child.Body.End()
	}
}

func (p *Part) codecFlags() (flags uint64) {
	for bit, set := range [...]bool{len(p.Params) > 0, p.ID != "", p.Description != "", p.MD5 != "", p.Disposition != "",
		len(p.DispParams) > 0, len(p.Language) > 0, p.Location != "", p.Envelope != nil, len(p.Children) > 0} {
		if set {
			flags |= 1 << bit
		}
	}
	return flags
}

func (e *encoder) params(list header.Params) {
	e.uint(uint64(len(list)))
	for _, p := range list {
		e.string(p.Name)
		e.string(p.Value)
	}
}

func (d *decoder) params() header.Params {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	list := make(header.Params, n)
	for i := range list {
		list[i] = header.Param{Name: d.string(), Value: d.string()}
	}
	return list
}

// minPart is the least number of bytes a part takes.
const minPart = 8

// structureDecoder takes all parts and lists of children from two allocations.
type structureDecoder struct {
	decoder
	parts    []Part
	children []*Part
}

func (d *decoder) structure() *Part {
	n := d.count(minPart)
	if n == 0 {
		return nil
	}
	sd := structureDecoder{decoder: *d, parts: make([]Part, n), children: make([]*Part, 0, n-1)}
	root := sd.part(Range{0, 1 << 60}, 0)
	if len(sd.parts) > 0 {
		sd.fail()
	}
	*d = sd.decoder
	return root
}

// part reads a part that must lie within a range.
func (d *structureDecoder) part(within Range, depth int) *Part {
	if len(d.parts) == 0 || depth > maxCodecDepth || d.bad {
		d.fail()
		return nil
	}
	p := &d.parts[0]
	d.parts = d.parts[1:]
	flags := d.uint()
	p.Header.Offset = within.Offset + d.length()
	p.Header.Length = d.length()
	p.Body = Range{p.Header.End(), d.length()}
	p.Lines = d.length()
	if p.Body.End() > within.End() {
		d.fail()
		return nil
	}
	d.describe(p, flags)
	if flags&partEnvelope != 0 {
		p.Envelope = new(Envelope)
		d.envelope(p.Envelope)
	}
	if flags&partChildren != 0 {
		d.childrenOf(p, depth)
	}
	if p.IsMessage() && len(p.Children) != 1 || p.IsMultipart() && len(p.Children) == 0 {
		d.fail() // the promises of Part, which its readers rely on
	}
	return p
}

func (d *structureDecoder) describe(p *Part, flags uint64) {
	p.Type = d.string()
	p.Subtype = d.string()
	p.Encoding = d.string()
	if flags&partParams != 0 {
		p.Params = d.params()
	}
	for bit, s := range [...]*string{&p.ID, &p.Description, &p.MD5, &p.Disposition} {
		if flags&(partID<<bit) != 0 {
			*s = d.string()
		}
	}
	if flags&partDispParams != 0 {
		p.DispParams = d.params()
	}
	if flags&partLanguage != 0 {
		p.Language = d.strings()
	}
	if flags&partLocation != 0 {
		p.Location = d.string()
	}
}

func (d *structureDecoder) childrenOf(p *Part, depth int) {
	n := d.count(minPart)
	if n > len(d.parts) || n > cap(d.children)-len(d.children) {
		d.fail()
		return
	}
	start := len(d.children)
	d.children = d.children[:start+n]
	p.Children = d.children[start : start+n : start+n]
	at := p.Body.Offset
	for i := range p.Children {
		child := d.part(Range{at, p.Body.End() - at}, depth+1)
		if child == nil {
			p.Children = nil
			return
		}
		p.Children[i] = child
		at = child.Body.End()
	}
}
