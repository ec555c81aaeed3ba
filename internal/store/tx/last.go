package tx

import (
	"errors"
	"maps"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// maxLasts is how many accounts are remembered in Store.lasts, at some 200 bytes each.
const maxLasts = 20_000

// lasts remembers, of accounts, up to where the log was read for the last change of each kind: what was changed long ago is not
// looked for again and again. An entry does not change.
type lasts struct {
	mu    sync.Mutex
	known map[mail.AccountID]lastKinds
}

type lastKinds struct {
	epoch int64
	upTo  mail.ModSeq
	of    map[Kind]mail.ModSeq
}

func (l *lasts) get(id mail.AccountID) (lastKinds, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.known[id]
	return k, ok
}

func (l *lasts) put(id mail.AccountID, k lastKinds) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= maxLasts {
		l.known = map[mail.AccountID]lastKinds{}
	}
	l.known[id] = k
}

// LastOf returns the number of the last change of any of the kinds in a view of an account. In a write what it has changed itself
// counts. Where the log has none of the kinds any more, it is the number above which the log is complete.
func (t *Tx) LastOf(id mail.AccountID, kinds ...Kind) (last mail.ModSeq, err error) {
	last, _, err = t.StateOf(id, kinds...)
	return last, err
}

// StateOf is LastOf with the account's epoch.
func (t *Tx) StateOf(id mail.AccountID, kinds ...Kind) (last mail.ModSeq, epoch int64, err error) {
	var at, floor mail.ModSeq
	err = t.sql.QueryRow(`SELECT modseq, epoch, log_floor FROM account WHERE id = $1`, id).Scan(&at, &epoch, &floor)
	if err != nil {
		return 0, 0, notFound("tx.LastOf", err)
	}
	if last := t.ownLast(id, kinds); last > 0 {
		return last, epoch, nil
	}
	known, ok := t.lasts.get(id)
	ok = ok && known.epoch == epoch && known.upTo <= at
	if !ok && !t.readOnly || known.upTo > at && known.epoch == epoch { // what a write sees may never have been committed
		last, err = t.searchLast(id, kinds)
		return max(last, floor), epoch, err
	}
	if !ok {
		known = lastKinds{epoch: epoch}
	}
	if !ok || known.upTo < at {
		since, err := t.LastOfEach(id, known.upTo)
		if err != nil {
			return 0, epoch, err
		}
		of := maps.Clone(known.of)
		if of == nil {
			of = since
		}
		maps.Copy(of, since)
		if known = (lastKinds{epoch, at, of}); t.readOnly {
			t.lasts.put(id, known)
		}
	}
	for _, k := range kinds {
		last = max(last, known.of[k])
	}
	return max(last, floor), epoch, nil
}

// ownLast is the number of the last change of the kinds that this write has made, 0 if it has made none.
func (t *Tx) ownLast(id mail.AccountID, kinds []Kind) mail.ModSeq {
	a := t.account(id)
	if a == nil {
		return 0
	}
	for i := len(a.changes) - 1; i >= 0; i-- {
		for _, k := range kinds {
			if a.changes[i].is(k) {
				return a.changes[i].ModSeq
			}
		}
	}
	return 0
}

// searchLast looks for the last change in the log, from its end.
func (t *Tx) searchLast(id mail.AccountID, kinds []Kind) (last mail.ModSeq, err error) {
	among, args := oneOf(kinds, id)
	err = t.sql.QueryRow(`SELECT modseq FROM change WHERE account_id = $1`+among+` ORDER BY modseq DESC LIMIT 1`, args...).Scan(&last)
	if errors.Is(err, db.ErrNoRows) {
		return 0, nil
	}
	return last, err
}

// LastOfEach returns the number of the last change of each kind that the log has after since, in a view of an account.
func (t *Tx) LastOfEach(id mail.AccountID, since mail.ModSeq) (map[Kind]mail.ModSeq, error) {
	rows, err := t.sql.Query(`SELECT kind, MAX(modseq), MAX(CASE WHEN `+isArrival+` THEN modseq ELSE 0 END) FROM change
		WHERE account_id = $1 AND modseq > $2 GROUP BY kind`, id, since)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	last := map[Kind]mail.ModSeq{}
	for rows.Next() {
		var kind Kind
		var at, arrival mail.ModSeq
		if err := rows.Scan(&kind, &at, &arrival); err != nil {
			return nil, err
		}
		last[kind] = at
		if arrival > 0 {
			last[KindArrival] = arrival
		}
	}
	return last, rows.Err()
}
