package imap

import "github.com/mailmesh/mailmesh/internal/mail"

// Expunge removes messages marked \Deleted: all of them, or with UIDs set only those of that set (RFC 9051 6.4.3, 6.4.9).
type Expunge struct{ UIDs *Numbers }

// Store changes flags (RFC 9051 6.4.6).
type Store struct {
	Numbers
	Action         StoreAction
	Silent         bool
	Flags          []string
	UnchangedSince *mail.ModSeq // RFC 7162 3.1.3; nil when not given, and 0 is a value
}

// StoreAction is what Store does with its flags.
type StoreAction uint8

const (
	StoreReplace StoreAction = iota // FLAGS
	StoreAdd                        // +FLAGS
	StoreRemove                     // -FLAGS
)

// Copy copies messages to the end of a mailbox (RFC 9051 6.4.7).
type Copy struct {
	Numbers
	Mailbox string
}

// Move moves messages to the end of a mailbox (RFC 9051 6.4.8).
type Move struct {
	Numbers
	Mailbox string
}

func messageSyntax() extension {
	verbs := map[string]verb{
		"EXPUNGE":     {Selected, fixed(Expunge{})},
		"UID EXPUNGE": {Selected, parseUIDExpunge},
	}
	add(verbs, both("STORE", parseStore))
	add(verbs, both("COPY", parseCopy))
	add(verbs, both("MOVE", parseMove))
	return extension{verbs: verbs}
}

func (Expunge) command() {}
func (Store) command()   {}
func (Copy) command()    {}
func (Move) command()    {}

func parseUIDExpunge(p *parser) Command {
	p.sp()
	uids := p.numbers(true)
	return Expunge{UIDs: &uids}
}

func parseStore(p *parser, uid bool) Command {
	p.sp()
	c := Store{Numbers: p.numbers(uid)}
	p.sp()
	if p.peek() == '(' {
		p.list(func() {
			if name := p.name("a modifier"); name != "UNCHANGEDSINCE" {
				p.bad("unknown STORE modifier " + name)
			}
			if c.UnchangedSince != nil { // RFC 7162 7: only a single one
				p.bad("UNCHANGEDSINCE is given twice")
			}
			p.sp()
			since := p.modSeq("UNCHANGEDSINCE", 0)
			c.UnchangedSince = &since
		})
		p.sp()
	}
	p.storeAction(&c)
	p.sp()
	if p.peek() == '(' {
		c.Flags = p.flagList()
		return c
	}
	// RFC 9051 9: store-att-flags takes flags without parentheses too.
	for p.err == nil {
		p.countItem()
		c.Flags = append(c.Flags, p.flag())
		if !p.accept(' ') {
			break
		}
	}
	return c
}

func (p *parser) storeAction(c *Store) {
	switch {
	case p.accept('+'):
		c.Action = StoreAdd
	case p.accept('-'):
		c.Action = StoreRemove
	}
	switch p.name("FLAGS") {
	case "FLAGS":
	case "FLAGS.SILENT":
		c.Silent = true
	default:
		p.bad("expected FLAGS or FLAGS.SILENT, with + or - before it")
	}
}

func parseCopy(p *parser, uid bool) Command {
	numbers, mailbox := p.transfer(uid)
	return Copy{numbers, mailbox}
}

func parseMove(p *parser, uid bool) Command {
	numbers, mailbox := p.transfer(uid)
	return Move{numbers, mailbox}
}

func (p *parser) transfer(uid bool) (Numbers, string) {
	p.sp()
	numbers := p.numbers(uid)
	p.sp()
	return numbers, p.mailbox()
}
