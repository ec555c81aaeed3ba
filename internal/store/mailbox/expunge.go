package mailbox

import (
	"context"
	"errors"
	"slices"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Expunge removes the messages of a mailbox that have UIDs of a normal set and \Deleted, which is looked at under the
// lock. It returns how many went, also after a failure.
func (a Acting) Expunge(ctx context.Context, owner mail.AccountID, id mail.MailboxID, uids imap.Set) (int, error) {
	may := func(t *tx.Tx) error { return a.checkOpen(t, owner, id, mail.RightExpunge) }
	return a.s.removeAll(ctx, owner, id, uids, may, func(m *member) bool { return m.flags&mail.Deleted != 0 })
}

// Remove removes the messages of a mailbox that have UIDs of a normal set, whatever their flags, for its owner, as POP3 does. It
// returns how many went, also after a failure.
func (s *Store) Remove(ctx context.Context, account mail.AccountID, mailbox mail.MailboxID, uids imap.Set) (int, error) {
	may := func(*tx.Tx) error { return nil }
	return s.removeAll(ctx, account, mailbox, uids, may, func(*member) bool { return true })
}

// removeOne removes one message of a mailbox, whatever its flags.
func (s *Store) removeOne(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, uid mail.UID) error {
	one := imap.Set{{Start: uint32(uid), Stop: uint32(uid)}}
	n, _, err := s.removeStep(t, account, mailbox, one, func(*member) bool { return true }, true)
	if err == nil && n == 0 {
		err = mail.E("mailbox.RemoveOne", mail.NotFound, errors.New("the mailbox has no such message"))
	}
	return err
}

func (s *Store) removeAll(ctx context.Context, account mail.AccountID, mailbox mail.MailboxID, uids imap.Set, may func(*tx.Tx) error, want func(*member) bool) (int, error) {
	total := 0
	for len(uids) > 0 {
		var n int
		var rest imap.Set
		err := s.tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) (err error) {
			if _, err := s.ByID(t, account, mailbox); err != nil {
				return err
			}
			if err := may(t); err != nil {
				return err
			}
			n, rest, err = s.removeStep(t, account, mailbox, uids, want, true)
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
		uids = rest
		tellLeft(ctx, uids)
	}
	return total, nil
}

// removeCost is how many rows the removal of one message changes at most: membership, email, its body's two, and four
// of the log.
const removeCost = 8

// removeStep removes the members that want accepts, as many as one commit may, and returns how many and what is left to
// look at. logged says whether members whose email stays or goes are logged; a deleted mailbox needs only the former.
func (s *Store) removeStep(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, uids imap.Set, want func(*member) bool, logged bool) (int, imap.Set, error) {
	list, rest, err := members(t, account, mailbox, uids, s.rowsPerStep)
	if err != nil {
		return 0, nil, err
	}
	going := pick(list, want)
	if most := max(1, s.rowsPerStep/removeCost); len(going) > most {
		going = going[:most]
		rest = after(uids, going[most-1].uid)
	}
	return len(going), rest, s.removeMembers(t, account, mailbox, going, logged)
}

// removeMembers deletes memberships and destroys the emails that have no other.
func (s *Store) removeMembers(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, list []member, logged bool) error {
	if len(list) == 0 {
		return nil
	}
	conditions(list, func(uids imap.Set) {
		condition, args := where(uids, account, mailbox)
		t.SQL().Queue(`DELETE FROM membership WHERE account_id = $1 AND mailbox_id = $2 AND uid `+condition, args...)
	})
	destroyed, err := s.destroyOrphans(t, account, mailbox, emailsOf(list))
	if err != nil {
		return err
	}
	touched := make(touchedMailboxes)
	for i := range list {
		m := &list[i]
		modseq := t.ModSeq(account)
		if logged || !destroyed[m.email] {
			modseq = t.Changed(tx.Change{Account: account, Kind: tx.KindMembership, Op: tx.Destroyed, Object: int64(m.email), Mailbox: mailbox, UID: m.uid})
		}
		if !destroyed[m.email] && m.flags&mail.Deleted == 0 { // it may be \Deleted everywhere else
			t.Changed(tx.Change{Account: account, Kind: tx.KindShown, Op: tx.Destroyed, Object: int64(m.email), Mailbox: mailbox, UID: m.uid})
		}
		var minus counters
		minus.sub(countersOf(m.flags, m.size))
		touched.add(mailbox, minus, modseq)
	}
	touched.write(t, account)
	return nil
}

// orphan is an email without membership.
type orphan struct {
	id     mail.EmailID
	thread mail.ThreadID
	blob   mail.BlobID
	size   int64
}

// destroyOrphans destroys those of the emails that have no membership any more, the last of which was in a mailbox (0: in any), and returns them.
func (s *Store) destroyOrphans(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, emails []mail.EmailID) (map[mail.EmailID]bool, error) {
	var orphans []orphan
	err := eachIn(t, `SELECT id, thread_id, blob_id, size FROM email WHERE account_id = $1
			AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.account_id = email.account_id AND m.email_id = email.id)
			AND id %s`, []any{account}, emails, func(r *db.Rows) error {
		var o orphan
		err := r.Scan(&o.id, &o.thread, &o.blob, &o.size)
		orphans = append(orphans, o)
		return err
	})
	if err != nil || len(orphans) == 0 {
		return nil, err
	}
	destroyed := make(map[mail.EmailID]bool, len(orphans))
	ids := make([]mail.EmailID, 0, len(orphans))
	var bytes int64
	for _, o := range orphans {
		if err := s.bodies.Release(t, account, o.blob); err != nil {
			return nil, err
		}
		t.Changed(tx.Change{Account: account, Kind: tx.KindEmail, Op: tx.Destroyed, Object: int64(o.id)})
		destroyed[o.id] = true
		ids = append(ids, o.id)
		bytes += o.size
	}
	for part := range slices.Chunk(ids, maxIn) {
		in, args := inList(part, account)
		t.SQL().Queue(`DELETE FROM email WHERE account_id = $1 AND id `+in, args...)
	}
	use(t, account, -int64(len(orphans)), -bytes)
	return destroyed, leaveThreads(t, account, mailbox, orphans)
}

// leaveThreads logs what became of the threads of destroyed emails, with the mailbox where they were last.
func leaveThreads(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, orphans []orphan) error {
	threads := make([]mail.ThreadID, 0, len(orphans))
	for _, o := range orphans {
		threads = append(threads, o.thread)
	}
	slices.Sort(threads)
	threads = slices.Compact(threads)
	// One row of each is enough: a thread may be as long as a stranger likes.
	b := t.SQL().Batch()
	defer b.Close()
	for _, id := range threads {
		b.Query(`SELECT 1 WHERE EXISTS (SELECT 1 FROM email WHERE account_id = $1 AND id = $2 AND thread_id = $2)
			OR EXISTS (SELECT 1 FROM email WHERE account_id = $1 AND thread_id = $2 AND thread_id <> id)`, account, id)
	}
	ops := make([]tx.Op, len(threads))
	for i := range threads {
		var one int
		switch err := b.QueryRow().Scan(&one); {
		case err == nil:
			ops[i] = tx.Updated
		case errors.Is(err, db.ErrNoRows):
			ops[i] = tx.Destroyed
		default:
			return err
		}
	}
	for i, id := range threads {
		t.Changed(tx.Change{Account: account, Kind: tx.KindThread, Op: ops[i], Object: int64(id), Mailbox: mailbox})
	}
	return nil
}
