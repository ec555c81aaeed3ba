package imap

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// RightsAction is what SETACL does with rights.
type RightsAction int

const (
	RightsReplace RightsAction = iota
	RightsAdd
	RightsRemove
)

type (
	SetACL struct { // RFC 4314 3.1
		Mailbox, Identifier string
		Action              RightsAction
		Rights              mail.Rights
	}
	DeleteACL  struct{ Mailbox, Identifier string } // RFC 4314 3.2
	GetACL     struct{ Mailbox string }             // RFC 4314 3.3
	ListRights struct{ Mailbox, Identifier string } // RFC 4314 3.4
	MyRights   struct{ Mailbox string }             // RFC 4314 3.5
)

func aclSyntax() extension {
	return extension{
		verbs: map[string]verb{
			"SETACL":     {Authenticated | Selected, parseSetACL},
			"DELETEACL":  {Authenticated | Selected, parseDeleteACL},
			"GETACL":     {Authenticated | Selected, parseGetACL},
			"LISTRIGHTS": {Authenticated | Selected, parseListRights},
			"MYRIGHTS":   {Authenticated | Selected, parseMyRights},
		},
		listReturns: map[string]func(*parser, *ListReturn){
			"MYRIGHTS": func(_ *parser, r *ListReturn) { r.MyRights = true }, // RFC 8440
		},
	}
}

func (SetACL) command()     {}
func (DeleteACL) command()  {}
func (GetACL) command()     {}
func (ListRights) command() {}
func (MyRights) command()   {}

func parseSetACL(p *parser) Command {
	var c SetACL
	c.Mailbox, c.Identifier = p.mailboxAndIdentifier()
	p.sp()
	letters := p.astring("rights")
	if letters != "" && letters[0] == '+' {
		c.Action, letters = RightsAdd, letters[1:]
	} else if letters != "" && letters[0] == '-' {
		c.Action, letters = RightsRemove, letters[1:]
	}
	var err error
	if c.Rights, err = mail.ParseRights(letters); err != nil && p.err == nil {
		p.bad(mail.Explain(err)) // RFC 4314 3.1: never ignored
	}
	return c
}

func parseDeleteACL(p *parser) Command {
	var c DeleteACL
	c.Mailbox, c.Identifier = p.mailboxAndIdentifier()
	return c
}

func parseListRights(p *parser) Command {
	var c ListRights
	c.Mailbox, c.Identifier = p.mailboxAndIdentifier()
	return c
}

func parseGetACL(p *parser) Command {
	p.sp()
	return GetACL{Mailbox: p.mailbox()}
}

func parseMyRights(p *parser) Command {
	p.sp()
	return MyRights{Mailbox: p.mailbox()}
}

func (p *parser) mailboxAndIdentifier() (mailbox, identifier string) {
	p.sp()
	mailbox = p.mailbox()
	p.sp()
	return mailbox, p.identifier()
}

// identifier takes who rights are for. RFC 4314 3: what cannot be prepared, or leaves nothing, is BAD.
func (p *parser) identifier() string {
	id := p.astring("an identifier")
	if p.err != nil {
		return ""
	}
	for _, r := range id {
		if r == utf8.RuneError || unicode.IsControl(r) {
			p.bad("an identifier is UTF-8 without control characters")
			return ""
		}
	}
	if id = norm.NFKC.String(id); id == "" || id == "-" {
		p.bad("an identifier must not be empty")
	}
	return id
}

// ACLEntry is what somebody may do.
type ACLEntry struct {
	Identifier string
	Rights     mail.Rights
}

// ACL tells who may do what with a mailbox (RFC 4314 3.6).
func (e *Encoder) ACL(mailbox string, entries []ACLEntry) {
	e.untagged("ACL ")
	e.mailbox(mailbox)
	for _, a := range entries {
		e.buf = append(e.buf, ' ')
		e.string(a.Identifier)
		e.buf = append(append(e.buf, ' '), rightsText(a.Rights)...)
	}
	e.end()
}

// ListRights tells what somebody is always granted, and what can be granted, each right by itself (RFC 4314 3.7).
func (e *Encoder) ListRights(mailbox, identifier string, required, optional mail.Rights) {
	e.untagged("LISTRIGHTS ")
	e.mailbox(mailbox)
	e.buf = append(e.buf, ' ')
	e.string(identifier)
	e.buf = append(append(e.buf, ' '), rightsText(required)...)
	for _, letter := range optional.WithOld() {
		e.buf = append(e.buf, ' ', byte(letter))
	}
	e.end()
}

// MyRights tells what the client itself may do (RFC 4314 3.8).
func (e *Encoder) MyRights(mailbox string, r mail.Rights) {
	e.untagged("MYRIGHTS ")
	e.mailbox(mailbox)
	e.buf = append(append(e.buf, ' '), rightsText(r)...)
	e.end()
}

func rightsText(r mail.Rights) string {
	if r == 0 {
		return `""`
	}
	return r.WithOld()
}
