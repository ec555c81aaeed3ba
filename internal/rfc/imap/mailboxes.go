package imap

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Select opens a mailbox: SELECT, or EXAMINE with ReadOnly (RFC 9051 6.3.2, 6.3.3).
type Select struct {
	Mailbox   string
	ReadOnly  bool
	Condstore bool     // RFC 7162 3.1.8
	QResync   *QResync // RFC 7162 3.2.5, or nil
}

// QResync is what a client knows of a mailbox when it comes back (RFC 7162 3.2.5).
type QResync struct {
	UIDValidity uint32
	ModSeq      mail.ModSeq
	Known       Set // UIDs that the client holds; nil: all up to its last
	MatchSeqs   Set // sequence numbers and the UIDs that they had, of the same length; nil when not given
	MatchUIDs   Set
}

// Create makes a mailbox (RFC 9051 6.3.4). Use holds special-use attributes such as \Sent (RFC 6154 3).
type Create struct {
	Mailbox string
	Use     []string
}

type (
	Delete      struct{ Mailbox string }  // RFC 9051 6.3.5
	Rename      struct{ From, To string } // RFC 9051 6.3.6
	Subscribe   struct{ Mailbox string }  // RFC 9051 6.3.7
	Unsubscribe struct{ Mailbox string }  // RFC 9051 6.3.8
	Namespace   struct{}                  // RFC 9051 6.3.10
	Check       struct{}                  // RFC 3501 6.4.1
	Close       struct{}                  // RFC 9051 6.4.1
	Unselect    struct{}                  // RFC 9051 6.4.2
)

// Status asks for numbers of a mailbox without opening it (RFC 9051 6.3.11).
type Status struct {
	Mailbox string
	Items   []StatusItem
}

// StatusItem is one number that STATUS tells.
type StatusItem string

const (
	StatusMessages      StatusItem = "MESSAGES"
	StatusUIDNext       StatusItem = "UIDNEXT"
	StatusUIDValidity   StatusItem = "UIDVALIDITY"
	StatusUnseen        StatusItem = "UNSEEN"
	StatusDeleted       StatusItem = "DELETED"
	StatusSize          StatusItem = "SIZE"          // RFC 8438
	StatusRecent        StatusItem = "RECENT"        // RFC 3501 6.3.10
	StatusHighestModSeq StatusItem = "HIGHESTMODSEQ" // RFC 7162 3.1.7
	StatusAppendLimit   StatusItem = "APPENDLIMIT"   // RFC 7889 4
	StatusMailboxID     StatusItem = "MAILBOXID"     // RFC 8474 4.3
)

func mailboxSyntax() extension {
	return extension{
		verbs: map[string]verb{
			"SELECT":      {Authenticated | Selected, parseSelect},
			"EXAMINE":     {Authenticated | Selected, parseExamine},
			"CREATE":      {Authenticated | Selected, parseCreate},
			"DELETE":      {Authenticated | Selected, parseDelete},
			"RENAME":      {Authenticated | Selected, parseRename},
			"SUBSCRIBE":   {Authenticated | Selected, parseSubscribe},
			"UNSUBSCRIBE": {Authenticated | Selected, parseUnsubscribe},
			"NAMESPACE":   {Authenticated | Selected, fixed(Namespace{})},
			"STATUS":      {Authenticated | Selected, parseStatus},
			"CHECK":       {Selected, fixed(Check{})},
			"CLOSE":       {Selected, fixed(Close{})},
			"UNSELECT":    {Selected, fixed(Unselect{})},
		},
		selectParams: map[string]func(*parser, *Select){
			"CONDSTORE": func(_ *parser, c *Select) { c.Condstore = true },
			"QRESYNC":   selectQResync,
		},
		statusItems: map[StatusItem]bool{StatusMessages: true, StatusUIDNext: true, StatusUIDValidity: true, StatusUnseen: true,
			StatusDeleted: true, StatusSize: true, StatusRecent: true, StatusHighestModSeq: true, StatusAppendLimit: true,
			StatusMailboxID: true},
	}
}

func (Select) command()      {}
func (Create) command()      {}
func (Delete) command()      {}
func (Rename) command()      {}
func (Subscribe) command()   {}
func (Unsubscribe) command() {}
func (Namespace) command()   {}
func (Check) command()       {}
func (Close) command()       {}
func (Unselect) command()    {}
func (Status) command()      {}

func parseSelect(p *parser) Command {
	p.sp()
	c := Select{Mailbox: p.mailbox()}
	if p.accept(' ') {
		p.list(func() { p.selectParam(&c) })
	}
	return c
}

func parseExamine(p *parser) Command {
	c := parseSelect(p).(Select)
	c.ReadOnly = true
	return c
}

func (p *parser) selectParam(c *Select) {
	name := p.name("a parameter")
	read, known := syntax.selectParams[name]
	if !known {
		p.bad("unknown SELECT parameter " + name)
		return
	}
	read(p, c)
}

func selectQResync(p *parser, c *Select) {
	if c.QResync != nil {
		p.bad("QRESYNC is given twice")
	}
	p.sp()
	c.QResync = p.qresync()
}

// qresync reads "(" uidvalidity SP modseq [SP known-uids] [SP "(" seqs SP uids ")"] ")".
func (p *parser) qresync() *QResync {
	var q QResync
	p.expect('(')
	q.UIDValidity = p.nonZero("a UIDVALIDITY")
	p.sp()
	q.ModSeq = p.modSeq("a mod-sequence", 1)
	if p.accept(' ') && p.peek() != '(' {
		q.Known = p.staticSet("the set of known UIDs")
		if !p.accept(' ') {
			p.expect(')')
			return &q
		}
	}
	if p.peek() == '(' {
		p.expect('(')
		q.MatchSeqs = p.staticSet("the set of sequence numbers")
		p.sp()
		q.MatchUIDs = p.staticSet("the set of UIDs")
		p.expect(')')
		// RFC 7162 3.2.5.2: both lists are ascending and of the same length.
		if !q.MatchSeqs.ascending() || !q.MatchUIDs.ascending() || q.MatchSeqs.Len() != q.MatchUIDs.Len() {
			p.bad("the sequence numbers and their UIDs must be ascending and of the same length")
		}
	}
	p.expect(')')
	return &q
}

// ascending reports whether the set is sorted and without overlap as written.
func (s Set) ascending() bool {
	for i, r := range s {
		if r.Start > r.Stop || i > 0 && s[i-1].Stop >= r.Start {
			return false
		}
	}
	return true
}

// modSeq takes a mod-sequence of at least least (RFC 7162 7: 63 bits).
func (p *parser) modSeq(what string, least int64) mail.ModSeq {
	n := p.number64(what)
	if n < least && p.err == nil {
		p.bad(what + " must not be 0")
	}
	return mail.ModSeq(n)
}

func parseCreate(p *parser) Command {
	p.sp()
	c := Create{Mailbox: p.mailbox()}
	if p.accept(' ') {
		p.list(func() {
			if name := p.name("a parameter"); name != "USE" {
				p.bad("unknown CREATE parameter " + name)
			}
			p.sp()
			p.list(func() { c.Use = append(c.Use, p.useAttribute()) })
		})
	}
	return c
}

func (p *parser) useAttribute() string {
	p.expect('\\')
	return `\` + p.atom("a special-use attribute", isAtom)
}

func parseDelete(p *parser) Command {
	p.sp()
	return Delete{p.mailbox()}
}

func parseRename(p *parser) Command {
	p.sp()
	c := Rename{From: p.mailbox()}
	p.sp()
	c.To = p.mailbox()
	return c
}

func parseSubscribe(p *parser) Command {
	p.sp()
	return Subscribe{p.mailbox()}
}

func parseUnsubscribe(p *parser) Command {
	p.sp()
	return Unsubscribe{p.mailbox()}
}

func parseStatus(p *parser) Command {
	p.sp()
	c := Status{Mailbox: p.mailbox()}
	p.sp()
	c.Items = p.statusItems()
	return c
}

func (p *parser) statusItems() []StatusItem {
	var items []StatusItem
	p.nonEmpty(p.list(func() {
		item := StatusItem(p.name("a status item"))
		if !syntax.statusItems[item] {
			p.bad("unknown status item " + string(item))
		}
		if !slices.Contains(items, item) {
			items = append(items, item)
		}
	}), "the list of status items")
	return items
}
