package imap

import "slices"

// Resource is something that a quota limits (RFC 9208 5).
type Resource string

const (
	ResourceStorage Resource = "STORAGE" // in units of 1,024 octets
	ResourceMessage Resource = "MESSAGE"
	ResourceMailbox Resource = "MAILBOX"
)

// ResourceLimit is one limit of SETQUOTA.
type ResourceLimit struct {
	Resource Resource // in capitals, known or not
	Limit    int64
}

type (
	GetQuota     struct{ Root string }    // RFC 9208 4.1.1
	GetQuotaRoot struct{ Mailbox string } // RFC 9208 4.1.2
	SetQuota     struct {                 // RFC 9208 4.1.3
		Root   string
		Limits []ResourceLimit
	}
)

// StatusDeletedStorage is the size of the messages with \Deleted (RFC 9208 4.1.4).
const StatusDeletedStorage StatusItem = "DELETED-STORAGE"

func quotaSyntax() extension {
	return extension{
		verbs: map[string]verb{
			"GETQUOTA":     {Authenticated | Selected, parseGetQuota},
			"GETQUOTAROOT": {Authenticated | Selected, parseGetQuotaRoot},
			"SETQUOTA":     {Authenticated | Selected, parseSetQuota},
		},
		statusItems: map[StatusItem]bool{StatusDeletedStorage: true},
	}
}

func (GetQuota) command()     {}
func (GetQuotaRoot) command() {}
func (SetQuota) command()     {}

func parseGetQuota(p *parser) Command {
	p.sp()
	return GetQuota{Root: p.astring("a quota root")}
}

func parseGetQuotaRoot(p *parser) Command {
	p.sp()
	return GetQuotaRoot{Mailbox: p.mailbox()}
}

func parseSetQuota(p *parser) Command {
	p.sp()
	c := SetQuota{Root: p.astring("a quota root")}
	p.sp()
	p.list(func() {
		l := ResourceLimit{Resource: Resource(p.name("the name of a resource"))}
		p.sp()
		l.Limit = p.number64("a limit")
		if slices.ContainsFunc(c.Limits, func(o ResourceLimit) bool { return o.Resource == l.Resource }) {
			p.bad("a resource has one limit")
		}
		c.Limits = append(c.Limits, l)
	})
	return c
}

// ResourceUse is a limit and what is used of it, both in the units of the resource.
type ResourceUse struct {
	Resource     Resource
	Usage, Limit int64
}

// Quota tells what is limited at a quota root (RFC 9208 4.2.1).
func (e *Encoder) Quota(root string, all []ResourceUse) {
	e.untagged("QUOTA ")
	e.string(root)
	e.buf = append(e.buf, ' ')
	for i, u := range all {
		e.open(i)
		e.buf = append(e.buf, u.Resource...)
		e.number(uint64(u.Usage))
		e.number(uint64(u.Limit))
	}
	e.buf = append(e.buf, ')')
	e.end()
}

// QuotaRoot names the quota roots of a mailbox (RFC 9208 4.2.2).
func (e *Encoder) QuotaRoot(mailbox string, roots ...string) {
	e.untagged("QUOTAROOT ")
	e.mailbox(mailbox)
	for _, root := range roots {
		e.buf = append(e.buf, ' ')
		e.string(root)
	}
	e.end()
}
