package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Refusals of AppendInto and ChangeEmails; JMAP has codes for them.
var (
	ErrNoPlace         = errors.New("there is no such mailbox")
	ErrNowhere         = errors.New("a message is in at least one mailbox")
	ErrTooManyPlaces   = fmt.Errorf("a message is in at most %d mailboxes", MaxMailboxesPerEmail)
	ErrTooManyKeywords = errKeywords
)

// AppendInto is Append into several mailboxes at once, each of which must be there and allow it. The UID is that in the first.
func (a Acting) AppendInto(t *tx.Tx, owner mail.AccountID, ids []mail.MailboxID, m Message) (Appended, error) {
	const op = "mailbox.AppendInto"
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	switch {
	case len(ids) == 0:
		return Appended{}, mail.E(op, mail.Invalid, ErrNowhere)
	case len(ids) > MaxMailboxesPerEmail:
		return Appended{}, mail.E(op, mail.Limit, ErrTooManyPlaces)
	}
	p := newPlaces(a, t, owner)
	if err := p.load(ids); err != nil {
		return Appended{}, err
	}
	for _, id := range ids {
		if err := p.need(id, mail.RightInsert); err != nil {
			return Appended{}, err
		}
		m.Flags = p.rights(id).Permitted(m.Flags)
	}
	m.Flags.Bits &^= mail.Deleted
	out, err := a.s.Append(t, owner, ids[0], m)
	if err != nil {
		return out, err
	}
	if m.Received.IsZero() {
		m.Received = t.Now()
	}
	one := &placed{email: out.Email, size: m.Size, received: m.Received.UnixMilli(), thread: out.Thread, sent: m.Sent.UnixMilli(), attachment: m.HasAttachment}
	for _, id := range ids[1:] {
		out.ModSeq = p.insert(one, id, flagText{m.Flags.Bits, strings.Join(m.Flags.Keywords, " ")})
	}
	p.touched.write(t, owner)
	return out, nil
}

// places are the mailboxes of an account as work on its emails sees and changes them.
type places struct {
	a       Acting
	t       *tx.Tx
	owner   mail.AccountID
	boxes   map[mail.MailboxID]*Mailbox // those that are there
	given   map[mail.MailboxID]mail.Rights
	touched touchedMailboxes
	last    mail.ModSeq // the last number given
}

func newPlaces(a Acting, t *tx.Tx, owner mail.AccountID) *places {
	return &places{a: a, t: t, owner: owner, boxes: map[mail.MailboxID]*Mailbox{}, touched: touchedMailboxes{}}
}

// load reads mailboxes, and what the account may do with them.
func (p *places) load(ids []mail.MailboxID) error {
	for part := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(ids))), maxIn) {
		list, err := p.a.s.ByIDs(p.t, p.owner, part)
		if err != nil {
			return err
		}
		for i := range list {
			p.boxes[list[i].ID] = &list[i]
		}
	}
	var err error
	if p.a.who != p.owner && p.given == nil {
		p.given, err = p.a.s.rightsIn(p.t, p.owner, p.a.who)
	}
	return err
}

func (p *places) rights(id mail.MailboxID) mail.Rights {
	switch {
	case p.boxes[id] == nil:
		return 0
	case p.a.who == p.owner:
		return mail.AllRights
	}
	return p.given[id]
}

// visible reports whether the account may see what is in a mailbox.
func (p *places) visible(id mail.MailboxID) bool {
	return p.rights(id).Has(mail.RightLookup | mail.RightRead)
}

// need asks for rights to a mailbox that the account names. One that it may not see is not there (RFC 4314 6).
func (p *places) need(id mail.MailboxID, rights mail.Rights) error {
	have := p.rights(id)
	if !have.Has(mail.RightLookup) {
		return mail.E("mailbox.places", mail.Invalid, fmt.Errorf("%v: %w", id, ErrNoPlace))
	}
	if b := p.boxes[id]; have.Has(rights|mail.RightInsert) && rights&mail.RightInsert != 0 && b.UIDNext == maxUID {
		return mail.E("mailbox.places", mail.Limit, errNoUIDs)
	}
	return CheckRights(have, rights)
}

// placed is an email as the places know it.
type placed struct {
	email      mail.EmailID
	size       int64
	received   int64
	thread     mail.ThreadID
	sent       int64
	attachment bool
	in         []placedIn
}

// placedIn is one membership.
type placedIn struct {
	place
	flags    mail.Flag
	keywords string
}

// insert gives an email a membership.
func (p *places) insert(e *placed, id mail.MailboxID, flags flagText) mail.ModSeq {
	box := p.boxes[id]
	p.last = p.t.Changed(tx.Change{Account: p.owner, Kind: tx.KindMembership, Op: tx.Created, Object: int64(e.email), Mailbox: id, UID: box.UIDNext})
	p.t.SQL().Queue(`INSERT INTO membership (account_id, mailbox_id, uid, email_id, modseq, flags, keywords, size, received, saved,
			thread_id, sent, attachment)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		p.owner, id, box.UIDNext, e.email, p.last, flags.bits, flags.keywords, e.size, e.received, p.t.Now().UnixMilli(),
		e.thread, e.sent, e.attachment)
	p.touched.add(id, countersOf(flags.bits, e.size), p.last).uids++
	box.UIDNext++
	return p.last
}

// set gives a membership other flags.
func (p *places) set(e *placed, m *placedIn, to flagText) {
	if m.flags == to.bits && m.keywords == to.keywords {
		return
	}
	if set := to.bits & mail.Deleted; set != m.flags&mail.Deleted {
		p.t.Changed(tx.Change{Account: p.owner, Kind: tx.KindShown, Op: shownOp(set), Object: int64(e.email), Mailbox: m.mailbox, UID: m.uid})
	}
	p.last = p.t.Changed(tx.Change{Account: p.owner, Kind: tx.KindMembership, Op: tx.Updated, Object: int64(e.email), Mailbox: m.mailbox, UID: m.uid})
	p.t.SQL().Queue(`UPDATE membership SET flags = $4, keywords = $5, modseq = $6 WHERE account_id = $1 AND mailbox_id = $2 AND uid = $3`,
		p.owner, m.mailbox, m.uid, to.bits, to.keywords, p.last)
	delta := countersOf(to.bits, e.size)
	delta.sub(countersOf(m.flags, e.size))
	p.touched.add(m.mailbox, delta, p.last)
}

// remove takes a membership away. It is noted by removed.
func (p *places) remove(m *placedIn) {
	p.t.SQL().Queue(`DELETE FROM membership WHERE account_id = $1 AND mailbox_id = $2 AND uid = $3`, p.owner, m.mailbox, m.uid)
}

// removed logs and counts that a membership went.
func (p *places) removed(e *placed, m *placedIn) {
	p.last = p.t.Changed(tx.Change{Account: p.owner, Kind: tx.KindMembership, Op: tx.Destroyed, Object: int64(e.email), Mailbox: m.mailbox, UID: m.uid})
	var minus counters
	minus.sub(countersOf(m.flags, e.size))
	p.touched.add(m.mailbox, minus, p.last)
}

// read reads where emails lie. Emails that are not there are left out.
func (p *places) read(ids []mail.EmailID) (map[mail.EmailID]*placed, error) {
	found := make(map[mail.EmailID]*placed, len(ids))
	var boxes []mail.MailboxID
	err := eachIn(p.t, `SELECT email_id, mailbox_id, uid, flags, keywords, size, received, thread_id, sent, attachment FROM membership WHERE account_id = $1 AND email_id %s
		ORDER BY mailbox_id, uid`, []any{p.owner}, ids, func(r *db.Rows) error {
		var e placed
		var m placedIn
		if err := r.Scan(&e.email, &m.mailbox, &m.uid, &m.flags, &m.keywords, &e.size, &e.received, &e.thread, &e.sent, &e.attachment); err != nil {
			return err
		}
		at := found[e.email]
		if at == nil {
			at = &e
			found[e.email] = at
		}
		at.in = append(at.in, m)
		boxes = append(boxes, m.mailbox)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, p.load(boxes)
}

// Message returns an email as one that is to be kept again, without body and flags.
func (e *Email) Message() (Message, error) {
	m := Message{Size: e.Size, Summary: e.Summary}
	return m, m.fillIn()
}
