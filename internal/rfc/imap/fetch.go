package imap

import (
	"strconv"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Fetch asks for data of messages (RFC 9051 6.4.5).
type Fetch struct {
	Numbers
	Items        []FetchItem
	ChangedSince mail.ModSeq // RFC 7162 3.1.4.1; 0 when not given
	Vanished     bool        // RFC 7162 3.2.6
	Partial      PartialRange
}

// FetchItem is one thing to fetch. Section and what follows it are set for kinds that are part of a message.
type FetchItem struct {
	Kind    FetchKind
	Section Section
	Partial *Partial
	Peek    bool // do not set \Seen
}

// FetchKind says what a FetchItem is. Its text is the item's name in command and answer, without ".PEEK".
type FetchKind string

const (
	FetchBody          FetchKind = "BODY" // BODYSTRUCTURE without extension data
	FetchBodySection   FetchKind = "BODY["
	FetchBodyStructure FetchKind = "BODYSTRUCTURE"
	FetchBinary        FetchKind = "BINARY["
	FetchBinarySize    FetchKind = "BINARY.SIZE["
	FetchEmailID       FetchKind = "EMAILID" // RFC 8474 5.1
	FetchEnvelope      FetchKind = "ENVELOPE"
	FetchFlags         FetchKind = "FLAGS"
	FetchInternalDate  FetchKind = "INTERNALDATE"
	FetchModSeq        FetchKind = "MODSEQ"        // RFC 7162 3.1.4.2
	FetchRFC822        FetchKind = "RFC822"        // RFC 3501 6.4.5: BODY[] under another name
	FetchRFC822Header  FetchKind = "RFC822.HEADER" // BODY.PEEK[HEADER]
	FetchRFC822Text    FetchKind = "RFC822.TEXT"   // BODY[TEXT]
	FetchSize          FetchKind = "RFC822.SIZE"
	FetchThreadID      FetchKind = "THREADID" // RFC 8474 5.2
	FetchUID           FetchKind = "UID"
)

func fetchSyntax() extension {
	return extension{
		verbs: both("FETCH", parseFetch),
		fetchItems: map[string]func(*parser) FetchItem{
			"BODY":          plainItem(FetchItem{Kind: FetchBody}),
			"BODYSTRUCTURE": plainItem(FetchItem{Kind: FetchBodyStructure}),
			"EMAILID":       plainItem(FetchItem{Kind: FetchEmailID}),
			"ENVELOPE":      plainItem(FetchItem{Kind: FetchEnvelope}),
			"FLAGS":         plainItem(FetchItem{Kind: FetchFlags}),
			"INTERNALDATE":  plainItem(FetchItem{Kind: FetchInternalDate}),
			"MODSEQ":        plainItem(FetchItem{Kind: FetchModSeq}),
			"RFC822":        plainItem(FetchItem{Kind: FetchRFC822}),
			"RFC822.HEADER": plainItem(FetchItem{Kind: FetchRFC822Header, Section: Section{Kind: SectionHeader}, Peek: true}),
			"RFC822.TEXT":   plainItem(FetchItem{Kind: FetchRFC822Text, Section: Section{Kind: SectionText}}),
			"RFC822.SIZE":   plainItem(FetchItem{Kind: FetchSize}),
			"THREADID":      plainItem(FetchItem{Kind: FetchThreadID}),
			"UID":           plainItem(FetchItem{Kind: FetchUID}),
		},
		fetchModifiers: map[string]func(*parser, *Fetch){
			"CHANGEDSINCE": changedSince,
			"VANISHED":     func(_ *parser, c *Fetch) { c.Vanished = true },
		},
	}
}

func changedSince(p *parser, c *Fetch) {
	if c.ChangedSince != 0 {
		p.bad("CHANGEDSINCE is given twice")
	}
	p.sp()
	c.ChangedSince = p.modSeq("CHANGEDSINCE", 1)
}

// plainItem reads a fetch item without arguments.
func plainItem(i FetchItem) func(*parser) FetchItem {
	return func(*parser) FetchItem { return i }
}

// fetchMacros stand alone, not within a list (RFC 9051 6.4.5).
var fetchMacros = map[string][]FetchItem{
	"FAST": {{Kind: FetchFlags}, {Kind: FetchInternalDate}, {Kind: FetchSize}},
	"ALL":  {{Kind: FetchFlags}, {Kind: FetchInternalDate}, {Kind: FetchSize}, {Kind: FetchEnvelope}},
	"FULL": {{Kind: FetchFlags}, {Kind: FetchInternalDate}, {Kind: FetchSize}, {Kind: FetchEnvelope}, {Kind: FetchBody}},
}

// Content reports whether the item is octets of the message, to which Section and Partial apply.
func (i FetchItem) Content() bool {
	switch i.Kind {
	case FetchBodySection, FetchBinary, FetchRFC822, FetchRFC822Header, FetchRFC822Text:
		return true
	}
	return false
}

// SetsSeen reports whether fetching the item marks the message \Seen.
func (i FetchItem) SetsSeen() bool { return i.Content() && !i.Peek }

// Partial is a window of octets (RFC 9051 6.4.5.1).
type Partial struct {
	Offset int64
	Count  int64 // at least 1
}

func (Fetch) command() {}

func parseFetch(p *parser, uid bool) Command {
	p.sp()
	c := Fetch{Numbers: p.numbers(uid)}
	p.sp()
	if p.peek() == '(' {
		p.nonEmpty(p.list(func() { c.Items = append(c.Items, p.fetchItem(p.fetchName())) }), "the list of items")
	} else {
		name := p.fetchName()
		if macro, ok := fetchMacros[name]; ok {
			c.Items = append(c.Items, macro...)
		} else {
			c.Items = []FetchItem{p.fetchItem(name)}
		}
	}
	if p.accept(' ') {
		p.list(func() { p.fetchModifier(&c) })
		if c.Vanished && (!uid || c.ChangedSince == 0) {
			p.bad("VANISHED is for UID FETCH together with CHANGEDSINCE") // RFC 7162 3.2.6
		}
		if c.Partial != (PartialRange{}) && !uid {
			p.bad("PARTIAL is for UID FETCH") // RFC 9394 3.3
		}
	}
	return c
}

func (p *parser) fetchModifier(c *Fetch) {
	name := p.name("a modifier")
	read, known := syntax.fetchModifiers[name]
	if !known {
		p.bad("unknown FETCH modifier " + name)
		return
	}
	read(p, c)
}

func (p *parser) fetchName() string { return p.name("an item to fetch") }

func (p *parser) fetchItem(name string) FetchItem {
	if p.peek() == '[' {
		return p.sectionItem(name)
	}
	read, known := syntax.fetchItems[name]
	if !known {
		p.bad("unknown FETCH item " + name)
		return FetchItem{}
	}
	return read(p)
}

// sectionItem takes an item with a section, after its name.
func (p *parser) sectionItem(name string) FetchItem {
	var item FetchItem
	switch name {
	case "BODY", "BODY.PEEK":
		item = FetchItem{Kind: FetchBodySection, Peek: name != "BODY", Section: p.section()}
	case "BINARY", "BINARY.PEEK":
		item = FetchItem{Kind: FetchBinary, Peek: name != "BINARY", Section: p.binarySection()}
	case "BINARY.SIZE":
		return FetchItem{Kind: FetchBinarySize, Section: p.binarySection()}
	default:
		p.bad(name + " has no section")
		return item
	}
	if p.accept('<') {
		item.Partial = p.partial()
	}
	return item
}

func (p *parser) partial() *Partial {
	partial := &Partial{Offset: p.number64("an offset")}
	p.expect('.')
	if partial.Count = p.number64("a count"); partial.Count == 0 {
		p.bad("the count of a partial fetch must not be 0")
	}
	p.expect('>')
	return partial
}

// AppendTo appends the item as an answer names it: RFC 9051 7.5.2 keeps the offset of a partial fetch and drops its
// count and ".PEEK".
func (i FetchItem) AppendTo(b []byte) []byte {
	b = append(b, i.Kind...)
	if b[len(b)-1] != '[' {
		return b
	}
	b = append(i.Section.AppendTo(b), ']')
	if i.Partial != nil {
		b = strconv.AppendInt(append(b, '<'), i.Partial.Offset, 10)
		b = append(b, '>')
	}
	return b
}
