package mailbox

import (
	"context"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// copyAcross is Copy on a route on which emails are not shared.
func (a Acting) copyAcross(ctx context.Context, r Route, uids imap.Set) (Copied, error) {
	var all Copied
	var job int64
	for more := true; more; more = len(uids) > 0 {
		done := all.Target
		step, err := a.crossStep(ctx, r, rightsToCopy, uids, func(t *tx.Tx, step *copyStep, _ []member) (err error) {
			made := append(done[:len(done):len(done)], step.Target...).Resolve(0)
			step.Job, err = noteCopy(t, r.To, job, r.Target, made, len(step.Rest) > 0)
			return err
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

// moveAcross is Move on a route on which emails are not shared.
func (a Acting) moveAcross(ctx context.Context, r Route, uids imap.Set) (Copied, error) {
	var all Copied
	for more := true; more; more = len(uids) > 0 {
		step, err := a.crossStep(ctx, r, rightsToMove, uids, func(t *tx.Tx, _ *copyStep, moved []member) error {
			return a.s.removeMembers(t, r.From, r.Source, moved, true)
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

// crossCost is how many rows one message changes at most: object, blob, note of the object, email, membership, thread
// references, log, counters; and those of its removal.
const crossCost = 24

// traveller is a message that is ready to cross.
type traveller struct {
	member
	message Message
	hold    func(*tx.Tx, mail.AccountID) (mail.BlobID, error)
}

// crossStep makes emails of some messages. What content is asked for is read before the commit, in which then those go that
// are still there, if the rights are. end belongs to the same commit.
func (a Acting) crossStep(ctx context.Context, r Route, need mail.Rights, uids imap.Set, end func(*tx.Tx, *copyStep, []member) error) (copyStep, error) {
	ready, rest, err := a.s.travellers(ctx, r, uids)
	if err != nil {
		return copyStep{}, err
	}
	return tx.Once(ctx, a.s.tx, tx.NewKey(), r.accounts(), func(t *tx.Tx) (copyStep, error) {
		rights, _, err := a.rightsOn(t, r, need)
		if err != nil {
			return copyStep{}, err
		}
		step := copyStep{Rest: rest}
		c := crossing{Route: r, rights: rights, out: &step.Copied}
		crossed, err := a.s.cross(t, &c, ready)
		if err != nil {
			return copyStep{}, err
		}
		return step, end(t, &step, crossed)
	})
}

// crossing is one step on a route. Flags that the rights to the target do not let be set are left behind.
type crossing struct {
	Route
	rights mail.Rights
	out    *Copied
}

// travellers reads the next messages, and what holds their bodies.
func (s *Store) travellers(ctx context.Context, c Route, uids imap.Set) (ready []traveller, rest imap.Set, err error) {
	blobs := make(map[mail.EmailID]*Message)
	var list []member
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		if _, err := s.ByID(t, c.From, c.Source); err != nil {
			return err
		}
		if list, rest, err = members(t, c.From, c.Source, uids, max(1, s.rowsPerStep/crossCost)); err != nil {
			return err
		}
		clear(blobs)
		return eachIn(t, `SELECT id, blob_id, size, summary FROM email WHERE account_id = $1 AND id %s`, []any{c.From}, emailsOf(list),
			func(r *db.Rows) error {
				var id mail.EmailID
				m := new(Message)
				err := r.Scan(&id, &m.Blob, &m.Size, &m.Summary)
				blobs[id] = m
				return err
			})
	})
	if err != nil {
		return nil, nil, err
	}
	for _, m := range list {
		found := blobs[m.email]
		if found == nil {
			continue
		}
		hold, err := s.bodies.Borrow(ctx, c.From, found.Blob)
		if mail.Is(err, mail.NotFound) {
			continue // expunged meanwhile
		}
		if err == nil {
			err = found.fillIn()
		}
		if err != nil {
			return nil, nil, err
		}
		ready = append(ready, traveller{member: m, message: *found, hold: hold})
	}
	return ready, rest, nil
}

// fillIn fills in what chooses the thread and what lists are made by, from the summary.
func (m *Message) fillIn() error {
	info, err := message.UnmarshalInfo(m.Summary)
	if err != nil {
		return err
	}
	m.BaseSubject = info.BaseSubject
	m.MessageIDs = threadIDs(&info)
	m.Sent, m.HasAttachment = info.SentDate, info.HasAttachment
	return nil
}

// cross appends the messages that are still there, and returns their memberships.
func (s *Store) cross(t *tx.Tx, c *crossing, ready []traveller) ([]member, error) {
	target, err := s.ByID(t, c.To, c.Target)
	if err != nil {
		return nil, err
	}
	if _, err := s.ByID(t, c.From, c.Source); err != nil {
		return nil, err
	}
	c.out.UIDValidity = target.UIDValidity
	now, err := s.stillThere(t, c, ready)
	if err != nil {
		return nil, err
	}
	var crossed []member
	var bytes int64
	for i := range ready {
		if m, ok := now[ready[i].uid]; ok && m.email == ready[i].email {
			m.next = false
			crossed = append(crossed, m)
			bytes += m.size
		}
	}
	if err := s.CheckQuota(t, c.To, int64(len(crossed)), bytes); err != nil {
		return nil, err
	}
	for i := range ready {
		if m, ok := now[ready[i].uid]; ok && m.email == ready[i].email {
			if err := s.crossOne(t, c, &ready[i], m); err != nil {
				return nil, err
			}
		}
	}
	return crossed, nil
}

// stillThere reads the memberships of messages under the lock.
func (s *Store) stillThere(t *tx.Tx, c *crossing, ready []traveller) (map[mail.UID]member, error) {
	var uids imap.Set
	for i := range ready {
		uids.Add(uint32(ready[i].uid))
	}
	list, _, err := members(t, c.From, c.Source, uids, len(ready))
	now := make(map[mail.UID]member, len(list))
	for _, m := range list {
		now[m.uid] = m
	}
	return now, err
}

func (s *Store) crossOne(t *tx.Tx, c *crossing, r *traveller, m member) error {
	blob, err := r.hold(t, c.To)
	if err != nil {
		return err
	}
	put := r.message
	put.Blob, put.Received = blob, time.UnixMilli(m.received)
	put.Flags = c.rights.Permitted(mail.Flags{Bits: m.flags, Keywords: strings.Fields(m.keywords)})
	a, err := s.Append(t, c.To, c.Target, put)
	if err != nil {
		return err
	}
	c.out.Source.Add(uint32(m.uid))
	c.out.Target.Add(uint32(a.UID))
	return nil
}
