package search

import (
	"bytes"
	"context"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Mail that trickles in leaves small segments. Eight of about one size are made one, so that a message is written three
// times at most: alone, with its neighbours of an hour, and in a segment that is full.
const (
	mergeAt    = 8
	smallBytes = segmentBytes / mergeAt
)

// choose picks segments to be written anew: those of which much was destroyed, or small ones of one size.
func choose(list []*segment, clean bool) []*segment {
	var stale, tiny, small []*segment
	for _, s := range list {
		switch {
		case s.gone*4 >= len(s.emails) || clean && s.gone > 0:
			stale = append(stale, s)
		case s.full():
		case s.size < smallBytes:
			tiny = append(tiny, s)
		default:
			small = append(small, s)
		}
	}
	switch {
	case len(stale) > 0:
		return stale[:min(len(stale), mergeAt)]
	case len(tiny) >= mergeAt:
		return tiny[:mergeAt]
	case len(small) >= mergeAt:
		return small[:mergeAt]
	}
	return nil
}

// compact writes some segments of an account anew, if that is worth it, and reports whether there may be more.
func (x *Index) compact(ctx context.Context, account mail.AccountID, generation int64) (more bool, err error) {
	return x.rewrite(ctx, account, generation, false)
}

// Clean writes anew every segment of an account that holds text of a destroyed email, so that it is nowhere.
func (x *Index) Clean(ctx context.Context, account mail.AccountID) error {
	for {
		var s state
		err := x.tx.Read(ctx, func(t *tx.Tx) (err error) { s, _, err = readState(t, account); return err })
		if err != nil {
			return err
		}
		if more, err := x.rewrite(ctx, account, s.generation, true); !more || err != nil {
			return err
		}
	}
}

func (x *Index) rewrite(ctx context.Context, account mail.AccountID, generation int64, clean bool) (more bool, err error) {
	var old []*segment
	err = x.tx.Read(ctx, func(t *tx.Tx) error {
		list, err := segments(t, account, generation, fmt.Sprintf("AND (size < %d OR gone > 0)", segmentBytes))
		old = choose(list, clean)
		return err
	})
	if err != nil || len(old) == 0 {
		return false, err
	}
	entries, err := x.living(ctx, account, old)
	if err != nil {
		return false, err
	}
	made, err := x.pack(ctx, account, entries)
	if err != nil {
		return false, err
	}
	err = x.tx.Write(ctx, nil, func(t *tx.Tx) error {
		for _, s := range old {
			n, err := t.SQL().Exec(`DELETE FROM text_segment WHERE account_id = $1 AND id = $2 AND generation = $3`, account, s.id, generation)
			if err != nil {
				return err
			}
			if n == 0 {
				return errMoved
			}
		}
		insert(t, account, generation, made)
		return nil
	})
	return true, ignoreMoved(err)
}

// living opens segments and returns the entries of emails that are still there. A segment that does not open is left out:
// its emails are then read where they lie.
func (x *Index) living(ctx context.Context, account mail.AccountID, list []*segment) (entries []entry, err error) {
	key, err := x.bodies.IndexKey(ctx, account)
	if err != nil {
		return nil, err
	}
	if err := x.readTexts(ctx, account, list); err != nil {
		return nil, err
	}
	for _, s := range list {
		alive, err := x.alive(ctx, account, s.emails)
		if err != nil {
			return nil, err
		}
		_, err = s.open(key, nil, func(e *entry) error {
			if alive[e.email] {
				e.text = bytes.Clone(e.text)
				entries = append(entries, *e)
			}
			return nil
		})
		if err != nil {
			x.log.ErrorContext(ctx, "a piece of the text index is damaged and left out", "account", account, "err", err)
		}
	}
	return entries, nil
}

// alive says which of some emails exist.
func (x *Index) alive(ctx context.Context, account mail.AccountID, ids []mail.EmailID) (found map[mail.EmailID]bool, err error) {
	err = x.tx.Read(ctx, func(t *tx.Tx) error {
		found = make(map[mail.EmailID]bool, len(ids))
		in, args := inList(ids, segmentEmails, account)
		rows, err := t.SQL().Query(`SELECT id FROM email WHERE account_id = $1 AND id `+in, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id mail.EmailID
			if err := rows.Scan(&id); err != nil {
				return err
			}
			found[id] = true
		}
		return rows.Err()
	})
	return found, err
}
