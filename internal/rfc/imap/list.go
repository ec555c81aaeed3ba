package imap

import "golang.org/x/text/unicode/norm"

// List asks for mailboxes (RFC 9051 6.3.9, RFC 5258). Reference and Patterns are in UTF-8.
type List struct {
	Reference string
	Patterns  []string // for NewPattern
	Select    ListSelect
	Return    ListReturn
	Extended  bool // any syntax beyond that of RFC 3501 was used
}

// ListSelect narrows or widens which mailboxes are listed (RFC 5258 3).
type ListSelect struct {
	Subscribed     bool
	Remote         bool
	RecursiveMatch bool
	SpecialUse     bool // RFC 6154 5.2
}

// ListReturn asks for more about each mailbox (RFC 5258 3).
type ListReturn struct {
	Subscribed bool
	Children   bool
	SpecialUse bool         // RFC 6154 5.2
	MyRights   bool         // RFC 8440
	Status     []StatusItem // RFC 5819
	Metadata   []string     // entries (RFC 9590)
}

// Lsub lists subscribed names (RFC 3501 6.3.9).
type Lsub struct{ Reference, Pattern string }

func listSyntax() extension {
	return extension{
		verbs: map[string]verb{
			"LIST": {Authenticated | Selected, parseList},
			"LSUB": {Authenticated | Selected, parseLsub},
		},
		listSelections: map[string]func(*parser, *ListSelect){
			"SUBSCRIBED":     func(_ *parser, s *ListSelect) { s.Subscribed = true },
			"REMOTE":         func(_ *parser, s *ListSelect) { s.Remote = true },
			"RECURSIVEMATCH": func(_ *parser, s *ListSelect) { s.RecursiveMatch = true },
			"SPECIAL-USE":    func(_ *parser, s *ListSelect) { s.SpecialUse = true },
		},
		listReturns: map[string]func(*parser, *ListReturn){
			"SUBSCRIBED":  func(_ *parser, r *ListReturn) { r.Subscribed = true },
			"CHILDREN":    func(_ *parser, r *ListReturn) { r.Children = true },
			"SPECIAL-USE": func(_ *parser, r *ListReturn) { r.SpecialUse = true },
			"STATUS":      func(p *parser, r *ListReturn) { p.sp(); r.Status = p.statusItems() },
		},
	}
}

func (List) command() {}
func (Lsub) command() {}

func parseList(p *parser) Command {
	var c List
	p.sp()
	if p.peek() == '(' {
		c.Extended = true
		p.selectOptions(&c.Select)
		p.sp()
	}
	c.Reference = p.reference()
	p.sp()
	if p.peek() == '(' {
		c.Extended = true
		p.nonEmpty(p.list(func() { c.Patterns = append(c.Patterns, p.pattern()) }), "the list of patterns")
	} else {
		c.Patterns = []string{p.pattern()}
	}
	if p.accept(' ') {
		c.Extended = true
		if p.name("RETURN") != "RETURN" {
			p.bad("expected RETURN")
		}
		p.sp()
		p.list(func() { p.returnOption(&c.Return) })
	}
	return c
}

func parseLsub(p *parser) Command {
	p.sp()
	c := Lsub{Reference: p.reference()}
	p.sp()
	c.Pattern = p.pattern()
	return c
}

func (p *parser) selectOptions(s *ListSelect) {
	p.list(func() {
		name := p.name("a selection option")
		read, known := syntax.listSelections[name]
		if !known {
			p.bad("unknown LIST selection option " + name) // RFC 5258 3: MUST be BAD
			return
		}
		read(p, s)
	})
	// RFC 5258 3.1: RECURSIVEMATCH modifies another option, of which REMOTE is none.
	if s.RecursiveMatch && !s.Subscribed && !s.SpecialUse {
		p.bad("RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE beside it")
	}
}

func (p *parser) returnOption(r *ListReturn) {
	name := p.name("a return option")
	read, known := syntax.listReturns[name]
	if !known {
		p.bad("unknown LIST return option " + name)
		return
	}
	read(p, r)
}

// reference takes the first argument of LIST, which may be empty.
func (p *parser) reference() string { return p.namePart(p.astring("a reference name")) }

// pattern takes a mailbox name with wildcards, which may be empty.
func (p *parser) pattern() string { return p.namePart(p.stringOr("a mailbox pattern", isListOctet)) }

// noName is part of no mailbox name.
const noName = "\x00"

// namePart decodes what is not a whole mailbox name. Wildcards are the same in modified UTF-7. What no name can hold
// matches nothing, which is no error (RFC 9051 6.3.9: a pattern that is not accepted is ignored).
func (p *parser) namePart(written string) string {
	if p.err != nil {
		return ""
	}
	name, err := p.r.dialect.decodeName(written)
	if err != nil {
		return noName
	}
	return norm.NFC.String(name)
}
