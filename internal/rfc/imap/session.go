package imap

import (
	"encoding/base64"
	"strings"
)

// Capability asks for the list of capabilities (RFC 9051 6.1.1).
type Capability struct{}

// Noop lets the server report what has changed (RFC 9051 6.1.2).
type Noop struct{}

// Logout ends the connection (RFC 9051 6.1.3).
type Logout struct{}

// ID exchanges the names of client and server (RFC 2971). Params is nil for NIL.
type ID struct{ Params []IDParam }

// IDParam is one field of ID. Null says that its value is NIL.
type IDParam struct {
	Name, Value string
	Null        bool
}

// StartTLS asks for TLS on this connection (RFC 9051 6.2.1).
type StartTLS struct{}

// Authenticate begins a SASL exchange (RFC 9051 6.2.2). Reader.ReadAuthResponse reads the rest of it.
type Authenticate struct {
	Mechanism  string // in capitals
	Initial    []byte // decoded
	HasInitial bool   // RFC 4959; an initial response may be empty
}

// Login signs in with a password (RFC 9051 6.2.3).
type Login struct{ Username, Password string }

// Enable switches capabilities on (RFC 5161). Names are in capitals; unknown ones are no error.
type Enable struct{ Capabilities []string }

// Idle lets the server report at once, until Reader.ReadDone returns (RFC 2177).
type Idle struct{}

func sessionSyntax() extension {
	return extension{verbs: map[string]verb{
		"CAPABILITY":   {anyState, fixed(Capability{})},
		"NOOP":         {anyState, fixed(Noop{})},
		"LOGOUT":       {anyState, fixed(Logout{})},
		"ID":           {anyState, parseID},
		"STARTTLS":     {NotAuthenticated, fixed(StartTLS{})},
		"AUTHENTICATE": {NotAuthenticated, parseAuthenticate},
		"LOGIN":        {NotAuthenticated, parseLogin},
		"ENABLE":       {Authenticated | Selected, parseEnable},
		"IDLE":         {Authenticated | Selected, fixed(Idle{})},
	}}
}

func (Capability) command()   {}
func (Noop) command()         {}
func (Logout) command()       {}
func (ID) command()           {}
func (StartTLS) command()     {}
func (Authenticate) command() {}
func (Login) command()        {}
func (Enable) command()       {}
func (Idle) command()         {}

// Limits of RFC 2971 3.3.
const (
	maxIDParams = 30
	maxIDName   = 30
	maxIDValue  = 1024
)

func parseID(p *parser) Command {
	p.sp()
	if p.peek() != '(' {
		p.null()
		return ID{}
	}
	id := ID{Params: []IDParam{}}
	p.list(func() {
		field := IDParam{Name: p.text("a field name")}
		p.sp()
		if p.peek() == '"' || p.peek() == '{' {
			field.Value = p.text("a value")
		} else {
			p.null()
			field.Null = true
		}
		if len(field.Name) > maxIDName || len(field.Value) > maxIDValue || len(id.Params) == maxIDParams {
			p.bad("ID has at most 30 fields, names of 30 and values of 1024 octets")
		}
		id.Params = append(id.Params, field)
	})
	return id
}

// text takes a string that must not be an atom.
func (p *parser) text(what string) string {
	return p.stringOr(what, func(byte) bool { return false })
}

func (p *parser) null() {
	if word := p.atom("NIL", isAtom); p.err == nil && !strings.EqualFold(word, "NIL") {
		p.bad("expected a string or NIL")
	}
}

func parseAuthenticate(p *parser) Command {
	p.sp()
	c := Authenticate{Mechanism: strings.ToUpper(p.atom("a mechanism", isAtom))}
	if p.accept(' ') {
		c.HasInitial = true
		c.Initial = p.initialResponse()
	}
	return c
}

// initialResponse takes base64, or "=" for an empty response (RFC 4959 3).
func (p *parser) initialResponse() []byte {
	text := p.atom("an initial response", isAtom)
	if p.err != nil || text == "=" {
		return []byte{}
	}
	response, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		p.bad("the initial response is not valid base64")
	}
	return response
}

func parseLogin(p *parser) Command {
	p.sp()
	c := Login{Username: p.astring("a user name")}
	p.sp()
	c.Password = p.astring("a password")
	return c
}

func parseEnable(p *parser) Command {
	var c Enable
	for p.sp(); p.err == nil; p.sp() {
		p.countItem()
		c.Capabilities = append(c.Capabilities, strings.ToUpper(p.atom("a capability", isAtom)))
		if len(p.line) == 0 {
			break
		}
	}
	return c
}
