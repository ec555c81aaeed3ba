package mailbox

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// FlagOp is what is done with flags.
type FlagOp int

const (
	SetFlags    FlagOp = iota // these and no others
	AddFlags                  // these too
	RemoveFlags               // none of these
)

// FlagChange is a change of the flags of messages.
type FlagChange struct {
	Op    FlagOp
	Flags mail.Flags

	// Kept are flags that stay as they are, and KeptKeywords all keywords without a bit: with SetFlags, where who changes
	// flags may not change all.
	Kept         mail.Flag
	KeptKeywords bool

	// Conditional leaves messages alone whose modseq is above UnchangedSince (RFC 7162 3.1.3).
	Conditional    bool
	UnchangedSince mail.ModSeq
}

// FlagsStored is what StoreFlags did.
type FlagsStored struct {
	Changed  int         // messages that have other flags now
	Modified imap.Set    // UIDs left alone because of UnchangedSince
	ModSeq   mail.ModSeq // the last number given, 0 when nothing changed
}

// StoreFlags changes the flags of the messages of a mailbox that have UIDs of a normal set, those flags that the rights let be
// changed. UIDs that no message has are passed over, and a message that has the flags already gets no new modseq. After a failure
// the result says what the steps before it did.
func (a Acting) StoreFlags(ctx context.Context, owner mail.AccountID, id mail.MailboxID, uids imap.Set, c FlagChange) (FlagsStored, error) {
	var all FlagsStored
	for more := true; more; more = len(uids) > 0 {
		// Once: run again after a lost answer, the condition would meet the modseq that the first run gave.
		step, err := tx.Once(ctx, a.s.tx, tx.NewKey(), []mail.AccountID{owner}, func(t *tx.Tx) (flagStep, error) {
			rights, err := a.s.RightsOf(t, owner, id, a.who)
			if err != nil {
				return flagStep{}, err
			}
			permitted, err := c.Under(rights)
			if err != nil {
				return flagStep{}, err
			}
			return a.s.storeFlags(t, owner, id, uids, permitted)
		})
		if err != nil {
			return all, err
		}
		all.Changed += step.Changed
		all.Modified = append(all.Modified, step.Modified...).Resolve(0)
		all.ModSeq = max(all.ModSeq, step.ModSeq)
		uids = step.Rest
		tellLeft(ctx, uids)
	}
	return all, nil
}

// Under leaves of a change what rights allow. Nothing of it allowed is an error, part of it is none: clients do not expect that
// STORE fails (RFC 4314 4).
func (c FlagChange) Under(rights mail.Rights) (FlagChange, error) {
	bits, keywords := rights.Flags()
	if keywords && rights.Has(mail.AllRights) {
		return c, nil
	}
	asked := c.Flags
	c.Flags = rights.Permitted(c.Flags)
	c.Kept, c.KeptKeywords = c.Kept|^bits, c.KeptKeywords || !keywords
	nothing := c.Flags.Equal(mail.Flags{}) && !asked.Equal(mail.Flags{})
	if c.Op == SetFlags {
		nothing = bits == 0 && !keywords
	}
	if nothing {
		return c, mail.E("mailbox.StoreFlags", mail.Denied, errNoFlags)
	}
	return c, nil
}

var errNoFlags = errors.New("your rights to this mailbox allow none of these flags to be changed")

// flagStep is what one commit of StoreFlags did and left.
type flagStep struct {
	FlagsStored
	Rest imap.Set
}

func (s *Store) storeFlags(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, uids imap.Set, c FlagChange) (flagStep, error) {
	if _, err := s.ByID(t, account, mailbox); err != nil {
		return flagStep{}, err
	}
	w := flagWork{t: t, account: account, mailbox: mailbox, change: c, budget: s.rowsPerStep, touched: make(touchedMailboxes)}
	// A message that has the flags already takes nothing of the budget, so one reading may not use it up.
	for examined := 0; len(uids) > 0 && w.budget >= flagCost && examined < maxExamined; {
		list, rest, err := members(t, account, mailbox, uids, max(1, w.budget/flagCost))
		if err != nil {
			return flagStep{}, err
		}
		if err := w.findOthers(list); err != nil {
			return flagStep{}, err
		}
		n, err := w.plan(list)
		if err != nil {
			return flagStep{}, err
		}
		if n < len(list) {
			rest = after(uids, list[n].uid-1)
			w.budget = 0
		}
		uids, examined = rest, examined+len(list)
	}
	w.write()
	if len(w.seen) > 0 {
		if err := s.seen(t, account, w.seen); err != nil {
			return flagStep{}, err
		}
	}
	return flagStep{w.result, uids}, nil
}

// flagCost is the rows that one message changes: membership and log, of which a changed \Deleted has two lines. maxExamined bounds the messages a step looks at.
const (
	flagCost    = 3
	maxExamined = 5000
)

// flagWork is the changes of one step.
type flagWork struct {
	t       *tx.Tx
	account mail.AccountID
	mailbox mail.MailboxID
	change  FlagChange
	budget  int // rows that may still be changed

	others    map[mail.EmailID][]flaggedPlace // where else the emails are
	groups    []flagGroup
	elsewhere []elsewhere
	touched   touchedMailboxes
	seen      []mail.EmailID // that have \Seen from now on
	mutes     mutes
	result    FlagsStored
}

// place is a membership.
type place struct {
	mailbox mail.MailboxID
	uid     mail.UID
}

// flaggedPlace is one with its flags, \Deleted among them.
type flaggedPlace struct {
	place
	flags mail.Flag
}

// flagText is flags as rows have them.
type flagText struct {
	bits     mail.Flag
	keywords string
}

// flagGroup is members that get the same flags under the same number: one statement writes many of them.
type flagGroup struct {
	to      flagText
	modseq  mail.ModSeq
	members []member
	last    int // index in the step's list of the last member
}

// reachesEmails reports whether the change can be more than one of \Deleted, which stays in the mailbox.
func (w *flagWork) reachesEmails() bool {
	c := &w.change
	return c.Op == SetFlags || c.Flags.Bits&^mail.Deleted != 0 || len(c.Flags.Keywords) > 0
}

// findOthers reads the memberships of the emails in other mailboxes.
func (w *flagWork) findOthers(list []member) error {
	if !w.reachesEmails() {
		return nil
	}
	w.others = make(map[mail.EmailID][]flaggedPlace)
	return eachIn(w.t, `SELECT mailbox_id, uid, flags, email_id FROM membership WHERE account_id = $1 AND mailbox_id <> $2 AND email_id %s`,
		[]any{w.account, w.mailbox}, emailsOf(list), func(r *db.Rows) error {
			var p flaggedPlace
			var email mail.EmailID
			err := r.Scan(&p.mailbox, &p.uid, &p.flags, &email)
			w.others[email] = append(w.others[email], p)
			return err
		})
}

// plan groups what is to be changed, up to the budget, and returns how many of the list it has dealt with.
func (w *flagWork) plan(list []member) (int, error) {
	known := make(map[flagText]flagText) // most messages have the same flags
	for i := range w.groups {
		w.groups[i].last = -2 // of an earlier list
	}
	for i := range list {
		m := &list[i]
		if w.change.Conditional && m.modseq > w.change.UnchangedSince {
			w.result.Modified.Add(uint32(m.uid))
			continue
		}
		from := flagText{m.flags, m.keywords}
		to, ok := known[from]
		if !ok {
			var err error
			if to, err = w.change.apply(from); err != nil {
				return 0, err
			}
			known[from] = to
		}
		if to == from {
			continue
		}
		others := w.others[m.email]
		if to.bits&^mail.Deleted == from.bits&^mail.Deleted && to.keywords == from.keywords {
			others = nil
		}
		cost := flagCost * (1 + len(others))
		if w.budget < cost && w.result.Changed > 0 {
			return i, nil
		}
		w.budget -= cost
		w.put(m, i, to, others)
	}
	return len(list), nil
}

// put notes that a member, the i-th of the list, gets new flags.
func (w *flagWork) put(m *member, i int, to flagText, others []flaggedPlace) {
	modseq := w.t.Changed(tx.Change{Account: w.account, Kind: tx.KindMembership, Op: tx.Updated, Object: int64(m.email), Mailbox: w.mailbox, UID: m.uid})
	if set := to.bits & mail.Deleted; set != m.flags&mail.Deleted {
		// RFC 8621 4.1.1: JMAP does not show the message there.
		w.t.Changed(tx.Change{Account: w.account, Kind: tx.KindShown, Op: shownOp(set), Object: int64(m.email), Mailbox: w.mailbox, UID: m.uid})
	}
	w.mutes.note(m.thread, m.keywords, to.keywords)
	if to.bits&^m.flags&mail.Seen != 0 {
		w.seen = append(w.seen, m.email)
	}
	delta := countersOf(to.bits, 0)
	delta.sub(countersOf(m.flags, 0))
	w.touched.add(w.mailbox, delta, modseq)
	w.result.Changed++
	w.result.ModSeq = modseq

	at := slices.IndexFunc(w.groups, func(g flagGroup) bool { return g.modseq == modseq && g.to == to })
	if at < 0 {
		at = len(w.groups)
		w.groups = append(w.groups, flagGroup{to: to, modseq: modseq, last: -2})
	}
	g := &w.groups[at]
	placed := *m
	placed.next = m.next && g.last == i-1
	g.members = append(g.members, placed)
	g.last = i
	if len(others) > 0 {
		w.elsewhere = append(w.elsewhere, elsewhere{placed, to, others})
	}
}

func shownOp(deleted mail.Flag) tx.Op {
	if deleted != 0 {
		return tx.Destroyed
	}
	return tx.Created
}

// write writes the groups, then the other memberships of their emails, then the mailboxes.
func (w *flagWork) write() {
	sql := w.t.SQL()
	for _, g := range w.groups {
		conditions(g.members, func(uids imap.Set) {
			condition, args := where(uids, w.account, w.mailbox, g.to.bits, g.to.keywords, g.modseq)
			sql.Queue(`UPDATE membership SET flags = $3, keywords = $4, modseq = $5
				WHERE account_id = $1 AND mailbox_id = $2 AND uid `+condition, args...)
		})
	}
	for i := range w.elsewhere {
		w.writeElsewhere(&w.elsewhere[i])
	}
	w.touched.write(w.t, w.account)
	w.mutes.write(w.t, w.account)
}

// elsewhere is an email that lies in other mailboxes too.
type elsewhere struct {
	member
	to     flagText
	places []flaggedPlace
}

// writeElsewhere repeats the flags of an email in its other memberships, each with its own \Deleted.
func (w *flagWork) writeElsewhere(e *elsewhere) {
	bits := e.to.bits &^ mail.Deleted
	for _, p := range e.places {
		delta := countersOf(bits|p.flags&mail.Deleted, 0)
		delta.sub(countersOf(p.flags, 0))
		modseq := w.t.Changed(tx.Change{Account: w.account, Kind: tx.KindMembership, Op: tx.Updated, Object: int64(e.email), Mailbox: p.mailbox, UID: p.uid})
		w.t.SQL().Queue(`UPDATE membership SET flags = $4 | (flags & $5), keywords = $6, modseq = $7
			WHERE account_id = $1 AND mailbox_id = $2 AND uid = $3`,
			w.account, p.mailbox, p.uid, bits, mail.Deleted, e.to.keywords, modseq)
		w.touched.add(p.mailbox, delta, modseq)
	}
}

// apply returns what the change makes of flags. What differs only in the case of keywords is no change.
func (c *FlagChange) apply(from flagText) (flagText, error) {
	if c.Op != SetFlags && len(c.Flags.Keywords) == 0 {
		if c.Op == AddFlags {
			return flagText{from.bits | c.Flags.Bits, from.keywords}, nil
		}
		return flagText{from.bits &^ c.Flags.Bits, from.keywords}, nil
	}
	was := mail.Flags{Bits: from.bits, Keywords: strings.Fields(from.keywords)}
	is := c.Flags
	switch c.Op {
	case SetFlags:
		is.Bits = is.Bits&^c.Kept | was.Bits&c.Kept
		if c.KeptKeywords {
			is.Keywords = was.Keywords
		}
	case AddFlags:
		is = was.Add(c.Flags)
	case RemoveFlags:
		is = was.Remove(c.Flags)
	}
	switch {
	case is.Equal(was):
		return from, nil
	case len(is.Keywords) > mail.MaxKeywords:
		return from, mail.E("mailbox.StoreFlags", mail.Limit, errKeywords)
	}
	return flagText{is.Bits, strings.Join(is.Keywords, " ")}, nil
}
