package imap

import (
	"bytes"
	"strconv"
	"strings"
)

// GetMetadata asks for annotations of a mailbox, or of the server where Mailbox is "" (RFC 5464 4.2).
type GetMetadata struct {
	Mailbox string
	Entries []string // as the client writes them
	Depth   MetadataDepth
	MaxSize int64 // octets of a value; negative: any
}

// MetadataDepth says which entries below those that are named are asked for (RFC 5464 4.2.2).
type MetadataDepth int

const (
	DepthNone MetadataDepth = iota
	DepthOne
	DepthAll
)

// SetMetadata sets annotations, or removes those whose value is nil (RFC 5464 4.3).
type SetMetadata struct {
	Mailbox string // "": the server
	Values  []MetadataValue
}

// MetadataValue is an entry with its value; nil is NIL.
type MetadataValue struct {
	Entry string
	Value []byte
}

func (GetMetadata) command() {}
func (SetMetadata) command() {}

func metadataSyntax() extension {
	return extension{
		verbs: map[string]verb{
			"GETMETADATA": {Authenticated | Selected, parseGetMetadata},
			"SETMETADATA": {Authenticated | Selected, parseSetMetadata},
		},
		listReturns: map[string]func(*parser, *ListReturn){
			"METADATA": func(p *parser, r *ListReturn) { p.sp(); r.Metadata = p.entries() }, // RFC 9590 3
		},
	}
}

// parseGetMetadata takes the options before the mailbox, where the grammar of RFC 5464 5 has them, or behind it, where its
// examples do.
func parseGetMetadata(p *parser) Command {
	c := GetMetadata{MaxSize: -1}
	p.sp()
	if p.peek() == '(' {
		p.metadataOptions(&c)
		p.sp()
	}
	c.Mailbox = p.mailboxOrServer()
	p.sp()
	if len(p.line) > 1 && p.line[0] == '(' && strings.IndexByte(`/"{`, p.line[1]) < 0 {
		p.metadataOptions(&c)
		p.sp()
	}
	c.Entries = p.entries()
	return c
}

func (p *parser) metadataOptions(c *GetMetadata) {
	p.nonEmpty(p.list(func() {
		switch name := p.name("an option"); name {
		case "MAXSIZE":
			p.sp()
			c.MaxSize = int64(p.number("MAXSIZE"))
		case "DEPTH":
			p.sp()
			depth, known := map[string]MetadataDepth{"0": DepthNone, "1": DepthOne, "INFINITY": DepthAll}[p.name("a depth")]
			if !known {
				p.bad("DEPTH is 0, 1 or infinity")
			}
			c.Depth = depth
		default:
			p.bad("unknown GETMETADATA option " + name)
		}
	}), "the list of options")
}

func parseSetMetadata(p *parser) Command {
	p.sp()
	c := SetMetadata{Mailbox: p.mailboxOrServer()}
	p.sp()
	p.nonEmpty(p.list(func() {
		v := MetadataValue{Entry: p.entry()}
		p.sp()
		v.Value = p.metadataValue()
		c.Values = append(c.Values, v)
	}), "the list of entries")
	return c
}

// mailboxOrServer takes a mailbox name, or "" for the server.
func (p *parser) mailboxOrServer() string {
	if rest, empty := bytes.CutPrefix(p.line, []byte(`""`)); empty {
		p.line = rest
		return ""
	}
	return p.mailbox()
}

// entries takes the name of an entry, or a list of some.
func (p *parser) entries() (names []string) {
	if p.peek() != '(' {
		return []string{p.entry()}
	}
	p.nonEmpty(p.list(func() { names = append(names, p.entry()) }), "the list of entries")
	return names
}

// entry takes the name of an entry. RFC 5464 3.2: one that is not valid makes the command BAD.
func (p *parser) entry() string {
	name := p.astring("an entry")
	odd := func(r rune) bool { return r < ' ' || r >= 0x7f || r == '*' || r == '%' }
	if p.err == nil && (!strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//") || strings.IndexFunc(name, odd) >= 0) {
		p.bad("the name of an entry is of ASCII, begins with a slash, and has none at its end, nor two together")
	}
	return name
}

// metadataValue takes NIL, or a string, which may hold anything.
func (p *parser) metadataValue() []byte {
	switch p.peek() {
	case '"':
		return []byte(p.quoted())
	case '{', '~':
		lit := p.literalHeader()
		if limit := p.r.limits.Metadata; p.err == nil && lit.Size > int64(limit) {
			p.fail(p.r.failure(NO, CodeMetadataMaxSize(limit), "the value of an annotation has at most "+strconv.Itoa(limit)+" octets"))
		}
		return p.octets(lit)
	}
	p.null()
	return nil
}

// CodeMetadataTooMany and those below are of RFC 5464 4.2.1 and 4.3.
const CodeMetadataTooMany Code = "METADATA TOOMANY"

// CodeMetadataNoPrivate: the mailbox keeps no private annotations.
const CodeMetadataNoPrivate Code = "METADATA NOPRIVATE"

// CodeMetadataMaxSize says how many octets a value may have.
func CodeMetadataMaxSize(octets int) Code { return codeNumber("METADATA MAXSIZE ", uint64(octets)) }

// CodeMetadataLongEntries says how long the longest value is that was left out for its length.
func CodeMetadataLongEntries(octets int) Code {
	return codeNumber("METADATA LONGENTRIES ", uint64(octets))
}

// Metadata tells annotations of a mailbox, or of the server for "" (RFC 5464 4.4.1).
func (e *Encoder) Metadata(mailbox string, values []MetadataValue) {
	e.metadata(mailbox)
	for i, v := range values {
		e.open(i)
		e.buf = append(appendAString(e.buf, v.Entry), ' ')
		e.metadataValue(v.Value)
		if len(e.buf) >= flushAt {
			e.Flush()
		}
	}
	e.buf = append(e.buf, ')')
	e.end()
}

// MetadataChanged tells which annotations are other than before (RFC 5464 4.4.2).
func (e *Encoder) MetadataChanged(mailbox string, entries []string) {
	e.metadata(mailbox)
	for i, name := range entries {
		if i > 0 {
			e.buf = append(e.buf, ' ')
		}
		e.buf = appendAString(e.buf, name)
	}
	e.end()
}

func (e *Encoder) metadata(mailbox string) {
	e.untagged("METADATA ")
	if mailbox == "" {
		e.buf = append(e.buf, `""`...)
	} else {
		e.mailbox(mailbox)
	}
	e.buf = append(e.buf, ' ')
}

func (e *Encoder) metadataValue(v []byte) {
	switch {
	case v == nil:
		e.null()
	case bytes.IndexByte(v, 0) >= 0:
		e.literalHeader(int64(len(v)), true)
		e.buf = append(e.buf, v...)
	default:
		e.string(string(v))
	}
}
