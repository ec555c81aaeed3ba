package mailbox

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// View returns the newest committed state of a mailbox: everything whose commit was answered before the call is in it. A
// mailbox that does not exist, or no longer, is mail.NotFound.
func (s *Store) View(ctx context.Context, account mail.AccountID, mailbox mail.MailboxID) (*View, error) {
	return s.views.get(ctx, viewKey{account, mailbox}, 0)
}

// ViewSince returns a state of a mailbox that holds everything up to state, a number heard from the account's bell.
// When many sessions hear the bell, one of them asks the database and the others share the answer.
func (s *Store) ViewSince(ctx context.Context, account mail.AccountID, mailbox mail.MailboxID, state mail.ModSeq) (*View, error) {
	return s.views.get(ctx, viewKey{account, mailbox}, state)
}

// maxAdvance is how many changes are followed, at least; where there are more than a quarter as many as messages, reading
// the mailbox anew costs less.
const maxAdvance = 1000

// errReload says that a view cannot be advanced and is to be read anew.
var errReload = errors.New("read the mailbox anew")

// refresh returns the newest state of a mailbox, made from the known one where that is possible.
func (s *Store) refresh(ctx context.Context, key viewKey, known snapshot) (fresh snapshot, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		var status Status
		var floor mail.ModSeq
		if status, fresh.at, floor, err = readStatus(t, key); err != nil {
			return err
		}
		if v := known.view; v != nil && known.at >= floor && v.status.UIDValidity == status.UIDValidity {
			fresh.view, err = follow(t, v, known.at, status)
			if !errors.Is(err, errReload) {
				return err
			}
		}
		fresh.view, err = load(t, key, status)
		return err
	})
	return fresh, err
}

// readStatus reads the row of a mailbox, the number its account is at, and the floor of the change log.
func readStatus(t *tx.Tx, key viewKey) (st Status, at, floor mail.ModSeq, err error) {
	err = t.SQL().QueryRow(`SELECT m.uidvalidity, m.uidnext, m.modseq, m.messages, m.unseen, m.deleted, m.bytes, m.recent_below,
			a.modseq, a.log_floor
		FROM mailbox m JOIN account a ON a.id = m.account_id
		WHERE m.account_id = $1 AND m.id = $2 AND m.parent_id >= 0`, key.account, key.mailbox).
		Scan(&st.UIDValidity, &st.UIDNext, &st.ModSeq, &st.Messages, &st.Unseen, &st.Deleted, &st.Bytes, &st.RecentFrom, &at, &floor)
	if errors.Is(err, db.ErrNoRows) {
		err = mail.E("mailbox.View", mail.NotFound, errNoMailbox)
	}
	return st, at, floor, err
}

// follow makes the view after v from the change log since the number at.
func follow(t *tx.Tx, v *View, at mail.ModSeq, status Status) (*View, error) {
	if v.status.ModSeq == status.ModSeq {
		if v.status == status {
			return v, nil
		}
		next := *v // \Recent was taken, which is no change of a message
		next.status = status
		return &next, nil
	}
	gone, changed, err := changesOf(t, v, at)
	if err != nil {
		return nil, err
	}
	in := newInterner(v.sets)
	scanner := newEntryScanner(in)
	put := make([]Entry, 0, changed.Len())
	err = eachMember(t, v.account, v.mailbox, changed, func(r *db.Rows) error {
		e, err := scanner.scan(r)
		put = append(put, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	if uint64(len(put)) != changed.Len() {
		return nil, errReload // log and rows disagree: believe the rows
	}
	slices.SortFunc(put, func(a, b Entry) int { return cmp.Compare(a.UID, b.UID) })
	next := v.advance(status, gone, put, in.done())
	if int64(next.length) != status.Messages || len(in.sets) > next.length+maxIn {
		return nil, errReload // the latter when most sets of keywords are no longer in use
	}
	return next, nil
}

// changesOf reads from the log which messages of the mailbox are gone and which are new or changed.
func changesOf(t *tx.Tx, v *View, at mail.ModSeq) (gone []mail.UID, changed imap.Set, err error) {
	limit := max(maxAdvance, v.length/4)
	rows, err := t.SQL().Query(`SELECT kind, op, uid FROM change
		WHERE account_id = $1 AND modseq > $2 AND (kind = $3 AND mailbox_id = $4 OR kind > $5)
		ORDER BY modseq, seq LIMIT $6`, v.account, at, int64(tx.KindMembership), v.mailbox, int64(tx.LastKind), limit+1)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	last := make(map[mail.UID]tx.Op)
	n := 0
	for ; rows.Next(); n++ {
		var kind, op, uid int64
		if err := rows.Scan(&kind, &op, &uid); err != nil {
			return nil, nil, err
		}
		if n == limit || tx.Kind(kind) != tx.KindMembership {
			return nil, nil, errReload // too many, or a kind of a later release
		}
		last[mail.UID(uid)] = tx.Op(op)
	}
	uids := make([]mail.UID, 0, len(last))
	for uid := range last {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	for _, uid := range uids {
		if last[uid] == tx.Destroyed {
			gone = append(gone, uid)
		} else {
			changed.Add(uint32(uid))
		}
	}
	return gone, changed, rows.Err()
}

// load reads a mailbox, row by row.
func load(t *tx.Tx, key viewKey, status Status) (*View, error) {
	rows, err := t.SQL().Query(`SELECT `+entryColumns+` FROM membership WHERE account_id = $1 AND mailbox_id = $2 ORDER BY uid`,
		key.account, key.mailbox)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	in := newInterner(nil)
	scanner := newEntryScanner(in)
	var b builder
	b.chunks = make([]*chunk, 0, status.Messages/chunkSize+1)
	for rows.Next() {
		e, err := scanner.scan(rows)
		if err != nil {
			return nil, err
		}
		b.add(e)
	}
	return b.view(key.account, key.mailbox, status, in.done()), rows.Err()
}

// entryColumns are those that entryScanner reads.
const entryColumns = `uid, email_id, modseq, flags, keywords, size, received`

// entryScanner reads rows without allocating for each.
type entryScanner struct {
	uid, email, modseq, flags, size, received int64
	keywords                                  string
	dest                                      []any
	in                                        *interner
}

func newEntryScanner(in *interner) *entryScanner {
	s := &entryScanner{in: in}
	s.dest = []any{&s.uid, &s.email, &s.modseq, &s.flags, &s.keywords, &s.size, &s.received}
	return s
}

func (s *entryScanner) scan(r *db.Rows) (Entry, error) {
	if err := r.Scan(s.dest...); err != nil {
		return Entry{}, err
	}
	return Entry{
		Email: mail.EmailID(s.email), ModSeq: mail.ModSeq(s.modseq), Received: s.received, UID: mail.UID(s.uid),
		Size: uint32(min(s.size, math.MaxUint32)), Flags: mail.Flag(s.flags), keywords: s.in.number(s.keywords),
	}, nil
}
