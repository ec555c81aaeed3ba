package mailbox

import (
	"context"
	"errors"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Copied says where messages of a mailbox came to lie in another: COPYUID (RFC 4315). The n-th UID of Source is the n-th
// of Target.
type Copied struct {
	UIDValidity    uint32 // of the target
	Source, Target imap.Set
}

func (c *Copied) add(d Copied) {
	c.UIDValidity = d.UIDValidity
	c.Source = append(c.Source, d.Source...).Resolve(0)
	c.Target = append(c.Target, d.Target...).Resolve(0)
}

// copyStep is what one commit copied or moved and left.
type copyStep struct {
	Copied
	Rest imap.Set
	Job  int64 // the note in `unfinished`, 0 for none
}

// copyWithin is Copy on a route on which emails are shared.
func (a Acting) copyWithin(ctx context.Context, r Route, uids imap.Set) (Copied, error) {
	var all Copied
	var job int64
	for more := true; more; more = len(uids) > 0 {
		done := all.Target
		step, err := tx.Once(ctx, a.s.tx, tx.NewKey(), r.accounts(), func(t *tx.Tx) (copyStep, error) {
			if err := a.stillWithin(t, r, rightsToCopy); err != nil {
				return copyStep{}, err
			}
			step, err := a.s.copy(t, r.From, r.Source, r.Target, uids)
			if err != nil {
				return step, err
			}
			made := append(done[:len(done):len(done)], step.Target...).Resolve(0)
			step.Job, err = noteCopy(t, r.To, job, r.Target, made, len(step.Rest) > 0)
			return step, err
		})
		if err != nil {
			return Copied{}, a.s.undone(ctx, r.To, job, err)
		}
		all.add(step.Copied)
		uids, job = step.Rest, step.Job
		tellLeft(ctx, uids)
	}
	return all, nil
}

// undone removes what a copy has made that failed with err.
func (s *Store) undone(ctx context.Context, account mail.AccountID, job int64, err error) error {
	if job == 0 {
		return err
	}
	return errors.Join(err, s.undoCopy(context.WithoutCancel(ctx), account, job))
}

// moveWithin is Move on a route on which emails are shared.
func (a Acting) moveWithin(ctx context.Context, r Route, uids imap.Set) (Copied, error) {
	var all Copied
	for more := true; more; more = len(uids) > 0 {
		step, err := tx.Once(ctx, a.s.tx, tx.NewKey(), r.accounts(), func(t *tx.Tx) (copyStep, error) {
			if err := a.stillWithin(t, r, rightsToMove); err != nil {
				return copyStep{}, err
			}
			return a.s.move(t, r.From, r.Source, r.Target, uids)
		})
		if err != nil {
			return all, err
		}
		all.add(step.Copied)
		uids = step.Rest
		tellLeft(ctx, uids)
	}
	return all, nil
}

// Rows that one message changes at most. A copy that needs an email of its own: email, its body's two, membership, two of
// the log. A move of such a message besides: the old membership and its line of the log.
const (
	copyCost    = 2
	newCopyCost = 6
	moveCost    = 3
	newMoveCost = newCopyCost + 2
)

func (s *Store) copy(t *tx.Tx, account mail.AccountID, from, to mail.MailboxID, uids imap.Set) (copyStep, error) {
	w, list, rest, err := s.beginTransfer(t, account, from, to, uids)
	if err != nil {
		return copyStep{}, err
	}
	n, budget := 0, s.rowsPerStep
	for ; n < len(list); n++ {
		m := &list[n]
		held := w.held[m.email]
		cost := copyCost
		if held != nil {
			cost = newCopyCost
		}
		if budget -= cost; budget < 0 && n > 0 {
			break
		}
		if err := w.copy(m, held); err != nil {
			return copyStep{}, err
		}
	}
	return w.end(uids, list, n, rest), nil
}

func (s *Store) move(t *tx.Tx, account mail.AccountID, from, to mail.MailboxID, uids imap.Set) (copyStep, error) {
	w, list, rest, err := s.beginTransfer(t, account, from, to, uids)
	if err != nil {
		return copyStep{}, err
	}
	n, budget := 0, s.rowsPerStep
	var left []member
	for ; n < len(list); n++ {
		m := &list[n]
		held := w.held[m.email]
		cost := moveCost
		if held != nil && held.there && from != to {
			cost = newMoveCost
		}
		if budget -= cost; budget < 0 && n > 0 {
			break
		}
		if held == nil || !held.there || from == to {
			w.move(m)
			continue
		}
		if err := w.copy(m, held); err != nil {
			return copyStep{}, err
		}
		m.next = false
		left = append(left, *m)
	}
	step := w.end(uids, list, n, rest)
	return step, s.removeMembers(t, account, from, left, true)
}

// transfer is the copying or moving of one step.
type transfer struct {
	s        *Store
	t        *tx.Tx
	account  mail.AccountID
	from, to mail.MailboxID
	target   Mailbox

	held    map[mail.EmailID]*heldEmail
	uid     mail.UID // the next one
	out     Copied
	touched touchedMailboxes

	usedMessages, usedBytes int64
}

// heldEmail is an email of which no further membership can be made.
type heldEmail struct {
	there bool // the target holds it; else it is in MaxMailboxesPerEmail mailboxes
	blob  mail.BlobID
}

// beginTransfer reads what one step decides on.
func (s *Store) beginTransfer(t *tx.Tx, account mail.AccountID, from, to mail.MailboxID, uids imap.Set) (w *transfer, list []member, rest imap.Set, err error) {
	w = &transfer{s: s, t: t, account: account, from: from, to: to, touched: make(touchedMailboxes)}
	if w.target, err = s.ByID(t, account, to); err != nil {
		return nil, nil, nil, err
	}
	if _, err := s.ByID(t, account, from); err != nil {
		return nil, nil, nil, err
	}
	w.uid, w.out.UIDValidity = w.target.UIDNext, w.target.UIDValidity
	if list, rest, err = members(t, account, from, uids, s.rowsPerStep/copyCost); err != nil {
		return nil, nil, nil, err
	}
	if uint64(w.uid)+uint64(len(list)) > maxUID {
		return nil, nil, nil, mail.E("mailbox.Copy", mail.Limit, errNoUIDs)
	}
	return w, list, rest, w.findHeld(list)
}

// findHeld finds the emails that cannot have another membership in the target, and their bodies.
func (w *transfer) findHeld(list []member) error {
	w.held = make(map[mail.EmailID]*heldEmail)
	var ids []mail.EmailID
	err := eachIn(w.t, `SELECT email_id, MAX(CASE WHEN mailbox_id = $2 THEN 1 ELSE 0 END) FROM membership
		WHERE account_id = $1 AND email_id %s GROUP BY email_id
		HAVING MAX(CASE WHEN mailbox_id = $2 THEN 1 ELSE 0 END) = 1 OR COUNT(*) >= $3`,
		[]any{w.account, w.to, MaxMailboxesPerEmail}, emailsOf(list), func(r *db.Rows) error {
			var id mail.EmailID
			var there bool
			err := r.Scan(&id, &there)
			w.held[id] = &heldEmail{there: there}
			ids = append(ids, id)
			return err
		})
	if err != nil {
		return err
	}
	return eachIn(w.t, `SELECT id, blob_id FROM email WHERE account_id = $1 AND id %s`, []any{w.account}, ids, func(r *db.Rows) error {
		var id mail.EmailID
		var blob mail.BlobID
		err := r.Scan(&id, &blob)
		if held := w.held[id]; held != nil {
			held.blob = blob
		}
		return err
	})
}

// copy gives a message a membership in the target, of its email or, when that is held, of a new one.
func (w *transfer) copy(m *member, held *heldEmail) error {
	email := m.email
	if held != nil {
		var err error
		if email, err = w.newEmail(m, held.blob); err != nil {
			return err
		}
	}
	modseq := w.place(m, email)
	w.t.SQL().Queue(`INSERT INTO membership (account_id, mailbox_id, uid, email_id, modseq, flags, keywords, size, received, saved,
			thread_id, sent, attachment)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		w.account, w.to, w.uid, email, modseq, m.flags, m.keywords, m.size, m.received, w.t.Now().UnixMilli(),
		m.thread, m.sent, m.attachment)
	w.uid++
	return nil
}

// newEmail makes an email that is like that of a message, on the same body and in the same thread.
func (w *transfer) newEmail(m *member, blob mail.BlobID) (mail.EmailID, error) {
	id, err := w.t.NewID()
	if err != nil {
		return 0, err
	}
	if err := w.s.bodies.HoldAgain(w.t, w.account, blob); err != nil {
		return 0, err
	}
	modseq := w.t.Changed(tx.Change{Account: w.account, Kind: tx.KindEmail, Op: tx.Created, Object: id})
	w.t.SQL().Queue(`INSERT INTO email (account_id, id, thread_id, blob_id, size, received, created_modseq, summary)
		SELECT account_id, $3, thread_id, blob_id, size, received, $4, summary
		FROM email WHERE account_id = $1 AND id = $2`, w.account, m.email, id, modseq)
	w.usedMessages++
	w.usedBytes += m.size
	return mail.EmailID(id), nil
}

// move makes the membership of a message one of the target.
func (w *transfer) move(m *member) {
	gone := w.t.Changed(tx.Change{Account: w.account, Kind: tx.KindMembership, Op: tx.Destroyed, Object: int64(m.email), Mailbox: w.from, UID: m.uid})
	var minus counters
	minus.sub(countersOf(m.flags, m.size))
	w.touched.add(w.from, minus, gone)
	modseq := w.place(m, m.email)
	w.t.SQL().Queue(`UPDATE membership SET mailbox_id = $4, uid = $5, modseq = $6, saved = $7
		WHERE account_id = $1 AND mailbox_id = $2 AND uid = $3`,
		w.account, w.from, m.uid, w.to, w.uid, modseq, w.t.Now().UnixMilli())
	w.uid++
}

// place counts and logs that a message comes to lie under w.uid.
func (w *transfer) place(m *member, email mail.EmailID) mail.ModSeq {
	modseq := w.t.Changed(tx.Change{Account: w.account, Kind: tx.KindMembership, Op: tx.Created, Object: int64(email), Mailbox: w.to, UID: w.uid})
	w.touched.add(w.to, countersOf(m.flags, m.size), modseq).uids++
	w.out.Source.Add(uint32(m.uid))
	w.out.Target.Add(uint32(w.uid))
	return modseq
}

// end writes the counters. The first n of the list are done.
func (w *transfer) end(uids imap.Set, list []member, n int, rest imap.Set) copyStep {
	if n < len(list) {
		rest = after(uids, list[n].uid-1)
	}
	w.touched.write(w.t, w.account)
	use(w.t, w.account, w.usedMessages, w.usedBytes)
	return copyStep{Copied: w.out, Rest: rest}
}
