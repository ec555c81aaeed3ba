package mailbox

import (
	"errors"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// EmailChange is what is to become of one email, as JMAP changes them (RFC 8621 4.6). A membership with \Deleted does not exist
// there: only putting the email into that mailbox again, or destroying it, touches it.
type EmailChange struct {
	Email   mail.EmailID
	Destroy bool // it goes from all mailboxes; what follows is of no account

	// Mailboxes are those that it is to be in and no others; where they are nil, it is also to be in those of Into, and no
	// longer in those of OutOf.
	Mailboxes   []mail.MailboxID
	Into, OutOf []mail.MailboxID

	// Keywords are those that it is to have and no others; where they are nil, it is also to have those of Add, and no longer
	// those of Remove.
	Keywords    *mail.Flags
	Add, Remove mail.Flags
}

// EmailsChanged is what one commit did.
type EmailsChanged struct {
	Refused []error     // why a change was not made, nil where it was: of as many as the commit had room for
	ModSeq  mail.ModSeq // the last number given, 0 when nothing changed
}

// ChangeEmails makes changes to emails, each of another one, in a commit of the caller's: as many of the first as it has room for.
// A change is made wholly or is refused.
func (a Acting) ChangeEmails(t *tx.Tx, owner mail.AccountID, list []EmailChange) (EmailsChanged, error) {
	w := changing{places: newPlaces(a, t, owner), budget: a.s.rowsPerStep}
	list = list[:min(len(list), a.s.rowsPerStep)]
	if err := w.begin(list); err != nil {
		return EmailsChanged{}, err
	}
	var out EmailsChanged
	for i := range list {
		c := &list[i]
		e := w.emails[c.Email]
		plan, err := w.plan(c, e)
		if w.budget -= plan.cost(); w.budget < 0 && len(out.Refused) > 0 {
			break
		}
		if out.Refused = append(out.Refused, err); err == nil {
			w.write(e, plan)
		}
	}
	err := w.end()
	out.ModSeq = w.last
	return out, err
}

// changing is the work of one commit.
type changing struct {
	*places
	emails  map[mail.EmailID]*placed
	budget  int // rows that may still be changed
	orphans []*placed
	seen    []mail.EmailID // that have \Seen from now on
	mutes   mutes
}

// begin reads what is decided on.
func (w *changing) begin(list []EmailChange) (err error) {
	ids := make([]mail.EmailID, len(list))
	var boxes []mail.MailboxID
	for i := range list {
		ids[i] = list[i].Email
		boxes = append(append(boxes, list[i].Mailboxes...), list[i].Into...)
	}
	if w.emails, err = w.read(ids); err != nil {
		return err
	}
	return w.load(boxes)
}

// emailPlan is what is to be written for a change that is allowed.
type emailPlan struct {
	destroy bool
	into    []mail.MailboxID
	outOf   []*placedIn
	flags   flagText // without \Deleted
	stays   []*placedIn
}

func (p *emailPlan) cost() int {
	if p.destroy {
		return removeCost + flagCost*len(p.outOf)
	}
	return flagCost * (len(p.into) + len(p.outOf) + len(p.stays))
}

var errNoEmail = errors.New("there is no such email")

// plan decides on a change.
func (w *changing) plan(c *EmailChange, e *placed) (p emailPlan, err error) {
	const op = "mailbox.ChangeEmails"
	if e == nil || !slices.ContainsFunc(e.in, func(m placedIn) bool { return w.shown(&m) }) {
		return p, mail.E(op, mail.NotFound, errNoEmail)
	}
	if c.Destroy {
		return w.planDestroy(e)
	}
	if err := w.planPlaces(c, e, &p); err != nil {
		return p, err
	}
	from := flagText{e.in[0].flags &^ mail.Deleted, e.in[0].keywords}
	if p.flags, err = c.flags(from); err != nil || p.flags == from {
		return p, err
	}
	return p, w.mayFlag(e, from, p.flags)
}

// shown reports whether a membership exists for the account.
func (w *changing) shown(m *placedIn) bool {
	return m.flags&mail.Deleted == 0 && w.visible(m.mailbox)
}

const rightsToRemove = mail.RightDeleteMessages | mail.RightExpunge

func (w *changing) planDestroy(e *placed) (p emailPlan, err error) {
	p.destroy = true
	for i := range e.in {
		m := &e.in[i]
		if w.boxes[m.mailbox] != nil { // one that is being deleted needs no right: nobody has any to it
			if err := w.needToRemove(m.mailbox); err != nil {
				return p, err
			}
		}
		p.outOf = append(p.outOf, m)
	}
	return p, nil
}

func (w *changing) needToRemove(id mail.MailboxID) error {
	if have := w.rights(id); !have.Has(rightsToRemove) {
		return MissingRights(have, rightsToRemove)
	}
	return nil
}

// planPlaces decides where the email goes and where it stays.
func (w *changing) planPlaces(c *EmailChange, e *placed, p *emailPlan) error {
	const op = "mailbox.ChangeEmails"
	want := func(id mail.MailboxID) bool { return !slices.Contains(c.OutOf, id) }
	into := c.Into
	if c.Mailboxes != nil {
		into = c.Mailboxes
		want = func(id mail.MailboxID) bool { return slices.Contains(into, id) }
	}
	left := 0
	for i := range e.in {
		m := &e.in[i]
		switch {
		case !w.shown(m), want(m.mailbox) || slices.Contains(into, m.mailbox):
			p.stays = append(p.stays, m)
			if w.shown(m) {
				left++
			}
			continue
		}
		if err := w.needToRemove(m.mailbox); err != nil {
			return err
		}
		p.outOf = append(p.outOf, m)
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(into))) {
		if slices.ContainsFunc(p.stays, func(m *placedIn) bool { return m.mailbox == id && w.shown(m) }) {
			continue
		}
		if err := w.need(id, mail.RightInsert); err != nil {
			return err
		}
		p.into = append(p.into, id)
	}
	switch {
	case left+len(p.into) == 0:
		return mail.E(op, mail.Invalid, ErrNowhere)
	case len(p.stays)+len(p.into) > MaxMailboxesPerEmail:
		return mail.E(op, mail.Limit, ErrTooManyPlaces)
	}
	return nil
}

// flags are those that the email is to have.
func (c *EmailChange) flags(from flagText) (flagText, error) {
	if c.Keywords != nil {
		change := FlagChange{Op: SetFlags, Flags: *c.Keywords}
		change.Flags.Bits &^= mail.Deleted
		return change.apply(from)
	}
	add, remove := FlagChange{Op: AddFlags, Flags: c.Add}, FlagChange{Op: RemoveFlags, Flags: c.Remove}
	add.Flags.Bits &^= mail.Deleted
	to, err := remove.apply(from)
	if err == nil {
		to, err = add.apply(to)
	}
	return to, err
}

// mayFlag asks for the right to a change of keywords in all mailboxes that the email is in (RFC 8621 2, maySetKeywords).
func (w *changing) mayFlag(e *placed, from, to flagText) error {
	for i := range e.in {
		if w.boxes[e.in[i].mailbox] == nil {
			continue
		}
		bits, keywords := w.rights(e.in[i].mailbox).Flags()
		if (from.bits^to.bits)&^bits != 0 || from.keywords != to.keywords && !keywords {
			return mail.E("mailbox.ChangeEmails", mail.Denied, errNoFlags)
		}
	}
	return nil
}

// write makes a change.
func (w *changing) write(e *placed, p emailPlan) {
	for _, m := range p.outOf {
		w.remove(m)
	}
	if p.destroy {
		w.orphans = append(w.orphans, e)
		return
	}
	w.mutes.note(e.thread, e.in[0].keywords, p.flags.keywords)
	if p.flags.bits&^e.in[0].flags&mail.Seen != 0 {
		w.seen = append(w.seen, e.email)
	}
	for _, m := range p.stays {
		to := p.flags
		if at := slices.Index(p.into, m.mailbox); at >= 0 { // it lies there with \Deleted, and is wanted again
			p.into = slices.Delete(slices.Clone(p.into), at, at+1)
		} else {
			to.bits |= m.flags & mail.Deleted
		}
		w.set(e, m, to)
	}
	for _, id := range p.into {
		w.insert(e, id, p.flags)
	}
	for _, m := range p.outOf {
		w.removed(e, m)
	}
}

// end destroys what is in no mailbox any more, and writes the counters. What an email leaves is logged after it, so that
// the last number is one of the emails' own.
func (w *changing) end() error {
	ids := make([]mail.EmailID, len(w.orphans))
	for i, e := range w.orphans {
		ids[i] = e.email
	}
	if len(ids) > 0 {
		if _, err := w.a.s.destroyOrphans(w.t, w.owner, 0, ids); err != nil {
			return err
		}
	}
	for _, e := range w.orphans {
		for i := range e.in {
			w.removed(e, &e.in[i])
		}
	}
	w.touched.write(w.t, w.owner)
	w.mutes.write(w.t, w.owner)
	if len(w.seen) == 0 {
		return nil
	}
	return w.a.s.seen(w.t, w.owner, w.seen)
}
