package tx

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Tx is one unit of work. Above the store it is opaque: only rooms of the store use SQL. It lives as long as its
// closure and belongs to one goroutine.
type Tx struct {
	sql      *db.Tx
	ids      *idSource
	lasts    *lasts
	readOnly bool
	accounts []account      // locked, ascending
	home     mail.AccountID // whose rows hold the answer of a Once
	longer   time.Duration  // than DoneKept that is kept
	after    []func()
}

// account is a locked account row as this unit of work has changed it.
type account struct {
	id      mail.AccountID
	modseq  mail.ModSeq // the number given to the next change
	objects int         // changes that have this number already
	changes []change
}

// SQL is the transaction itself, for the rooms of the store. A test holds that nothing above the store calls it.
func (t *Tx) SQL() *db.Tx { return t.sql }

// Now is the database's time, the same throughout the transaction. Time that is kept comes from here.
func (t *Tx) Now() time.Time { return t.sql.Now() }

// NewID draws an id that was never given before and never will be again, even when this transaction fails.
func (t *Tx) NewID() (int64, error) { return t.ids.next() }

// AfterCommit has fn called when this unit of work stands, for a bell of a room's own: fn does not block, and that it is not
// called, where the process ends at that moment, costs delay and nothing else.
func (t *Tx) AfterCommit(fn func()) { t.after = append(t.after, fn) }

// ModSeq is the number for the next change to account, which must be locked by this write. It moves on after 256
// changed objects: ask for it for each object.
func (t *Tx) ModSeq(id mail.AccountID) mail.ModSeq {
	if a := t.account(id); a != nil {
		return a.modseq
	}
	panic(fmt.Sprintf("tx: %v is not locked by this write", id)) // a fault in a room: no data is at risk, the closure fails
}

func (t *Tx) account(id mail.AccountID) *account {
	i, ok := slices.BinarySearchFunc(t.accounts, id, func(a account, id mail.AccountID) int { return int(a.id - id) })
	if !ok {
		return nil
	}
	return &t.accounts[i]
}

// lock takes the rows of the accounts, ascending, by giving each its next number. With a key it also looks up, in the
// same round trip but after the locks, what an earlier commit under the key answered: nil when there was none.
func (t *Tx) lock(ids []mail.AccountID, key *Key) (answered []byte, err error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if len(ids) > MaxAccounts {
		return nil, mail.E("tx.Write", mail.Limit, fmt.Errorf("a write locks at most %d accounts, not %d", MaxAccounts, len(ids)))
	}
	t.home = mail.SpoolAccount
	if len(ids) > 0 {
		t.home = ids[0]
	}
	b := t.sql.Batch()
	defer b.Close()
	for _, id := range ids {
		const update = `UPDATE account SET modseq = modseq + 1 WHERE id = $1 AND state = 'here'`
		switch {
		case t.sql.Engine() == db.SQLite: // RETURNING would build a table there, which costs more than asking
			t.sql.Queue(update, id)
			b.Query(`SELECT modseq FROM account WHERE id = $1 AND state = 'here'`, id)
		case t.sql.Shared() && t.sql.MayWait():
			b.QueryText(&waitText, id)
		case t.sql.Shared():
			b.QueryText(&lockText, id)
		default:
			b.Query(update+` RETURNING modseq`, id)
		}
	}
	if key != nil {
		b.QueryText(&answeredText, t.home, key[:])
	}
	t.accounts = make([]account, len(ids))
	for i, id := range ids {
		t.accounts[i].id = id
		err := b.QueryRow().Scan(&t.accounts[i].modseq)
		switch {
		case errors.Is(err, db.ErrNoRows) && !t.sql.MayWait():
			return nil, db.ErrAlone
		case errors.Is(err, db.ErrNoRows):
			return nil, mail.E("tx.Write", mail.Gone, fmt.Errorf("account %v is not here", id))
		case err != nil:
			return nil, err
		}
	}
	if key != nil {
		if err := b.QueryRow().Scan(&answered); err != nil && !errors.Is(err, db.ErrNoRows) {
			return nil, err
		}
	}
	return answered, nil
}

// lockText passes over accounts whose row is locked: others share the transaction, and would wait as well.
var lockText = db.Text{
	One: `UPDATE account SET modseq = modseq + 1
		WHERE id = (SELECT id FROM account WHERE id = $1 AND state = 'here' FOR UPDATE SKIP LOCKED) RETURNING modseq`,
	Many: `WITH free AS MATERIALIZED (
			SELECT wanted.n, a.id FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, n)
			JOIN account a ON a.id = wanted.id WHERE a.state = 'here' FOR UPDATE OF a SKIP LOCKED)
		UPDATE account SET modseq = modseq + 1 FROM free WHERE account.id = free.id RETURNING free.n, modseq`,
}

// waitText is for those that met a lock before. It takes the locks in the order in which every transaction does (PostgreSQL locks rows
// as they come out of ORDER BY), so that no two wait for each other.
var waitText = db.Text{
	One: `UPDATE account SET modseq = modseq + 1
		WHERE id = $1 AND state = 'here' RETURNING modseq`,
	Many: `WITH own AS MATERIALIZED (
			SELECT wanted.n, a.id FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, n)
			JOIN account a ON a.id = wanted.id WHERE a.state = 'here' ORDER BY a.id FOR UPDATE OF a)
		UPDATE account SET modseq = modseq + 1 FROM own WHERE account.id = own.id RETURNING own.n, modseq`,
}

var answeredText = db.Text{
	One: `SELECT result FROM done WHERE account_id = $1 AND key = $2`,
	Many: `SELECT wanted.n, done.result FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS wanted (account_id, key, n)
		JOIN done ON done.account_id = wanted.account_id AND done.key = wanted.key`,
}
