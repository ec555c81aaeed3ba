package bodies

import (
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// MaxAge is how long a Body may wait for its name. After that bytes without a name are rubbish to the collector.
const MaxAge = time.Hour

// States of an object.
const (
	live    = 0 // may be named
	doomed  = 1 // had no name; never named again, the bytes are still there
	removed = 2 // the bytes are gone
)

// ErrPutAgain is matched (errors.Is) by the error of Hold for a Body that can no longer be named. The unit of work has not
// failed for it; the caller ends it, puts the content again and holds the new Body.
var ErrPutAgain = errors.New("the body can no longer be named: put it again")

// Hold names a body for an account, once more if the account has it already, and returns the name. The account is locked
// by the caller, but for mail.SpoolAccount (see Release). The same Body can be held for several accounts in one unit of work, and in several.
//
// Where nothing goes wrong it costs no answer from the database but the account's key, which is remembered.
func (s *Store) Hold(t *tx.Tx, account mail.AccountID, b *Body) (mail.BlobID, error) {
	return s.name(t, account, b, 1, 0)
}

// tooOld reports whether a body came so long ago that its bytes may be gone. Two clocks must agree that it did not. This
// process's measure of time cannot be set, but stands still while the machine sleeps; the database's clock, by which bytes
// are removed, does not, but another server may take over that has another time.
func (s *Store) tooOld(t *tx.Tx, b *Body) bool {
	if s.clock().Sub(b.since) > MaxAge {
		return true
	}
	if b.borrowed {
		return false // its object's row will tell
	}
	if t.Now().Sub(b.at).Abs() > MaxAge {
		s.tx.ForgetClock() // what Put takes for the time may be what is wrong
		return true
	}
	return false
}

// name adds holds to a name, or makes it; a name without holds lasts until expires.
func (s *Store) name(t *tx.Tx, account mail.AccountID, b *Body, holds, expires int64) (mail.BlobID, error) {
	if s.tooOld(t, b) {
		return mail.BlobID{}, mail.E("bodies.Hold", mail.Conflict, ErrPutAgain)
	}
	keys, err := s.accountKeysIn(t, account)
	if err != nil {
		return mail.BlobID{}, err
	}
	id := keys.blobID(b.Hash)
	wrapped, err := keys.wrap(account, b.Object, b.Key)
	if err != nil {
		return id, mail.E("bodies.Hold", mail.Other, err)
	}
	first := b.names != t
	if err := s.addObject(t, b); err != nil {
		return id, err
	}
	t.SQL().QueueText(&nameText, account, id[:], b.Object, wrapped, b.Size, holds, expires)
	if first {
		// An account that had this content already goes on with the object it had, so the new one may be left without a
		// name. Noting that for the first account is enough: the collector looks for others.
		t.SQL().QueueText(&unnamedText, b.Object, account, t.Now(), id[:])
	}
	if s.keys != nil {
		s.keys.addObject(account, id, b.Object, b.Size, wrapped)
	}
	return id, nil
}

var nameText, unnamedText, objectText = db.Text{
	One:  insertName + ` VALUES ($1, $2, $3, $4, $5, $6, $7) ` + nameAgain,
	Many: insertName + ` SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bigint[], $7::bigint[]) ` + nameAgain,
}, db.Text{
	One: insertUnnamed + ` SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT)
		WHERE NOT EXISTS (SELECT 1 FROM blob WHERE account_id = $2 AND blob_id = $4 AND object_id = $1) ` + unnamedAgain,
	Many: insertUnnamed + ` SELECT o.id, o.account_id, o.at
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) AS o (id, account_id, at, blob_id)
		WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.account_id = o.account_id AND b.blob_id = o.blob_id AND b.object_id = o.id) ` + unnamedAgain,
}, db.Text{
	One:  insertObject + ` VALUES ($1, $2, $3, 0, $4)`,
	Many: insertObject + ` SELECT id, location, size, 0, changed FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[]) AS o (id, location, size, changed)`,
}

const (
	insertName = `INSERT INTO blob (account_id, blob_id, object_id, wrapped_key, size, holds, expires)`
	nameAgain  = `ON CONFLICT (account_id, blob_id) DO UPDATE SET holds = blob.holds + excluded.holds,
		expires = CASE WHEN blob.holds + excluded.holds > 0 THEN 0 ELSE excluded.expires END`

	insertUnnamed = `INSERT INTO object_unnamed (object_id, account_id, at)`
	unnamedAgain  = `ON CONFLICT (object_id, account_id) DO UPDATE SET at = excluded.at`

	insertObject = `INSERT INTO object (id, location, size, state, changed)`
)

// addObject writes the object's row, once in a unit of work. In the first that tries it, the row is new: nobody else knows
// the id. In a later one it may be there, and may be doomed already: then the row is locked and must be live.
func (s *Store) addObject(t *tx.Tx, b *Body) error {
	before := b.names
	if before == t {
		return nil
	}
	b.names = t
	if b.borrowed {
		n, err := t.SQL().Exec(`UPDATE object SET state = state WHERE id = $1 AND state = 0`, b.Object)
		if err == nil && n == 0 {
			b.names = before
			err = mail.E("bodies.Hold", mail.Conflict, ErrPutAgain)
		}
		return err
	}
	if b.pending != nil {
		b.pending.Write(t.SQL())
	}
	if before == nil {
		t.SQL().QueueText(&objectText, b.Object, []byte(b.Location), b.Stored, t.Now())
		return nil
	}
	n, err := t.SQL().Exec(objectText.One+` ON CONFLICT (id) DO UPDATE SET state = object.state WHERE object.state = 0`,
		b.Object, []byte(b.Location), b.Stored, t.Now())
	if err == nil && n == 0 {
		b.names = before
		err = mail.E("bodies.Hold", mail.Conflict, ErrPutAgain)
	}
	return err
}

// HoldAgain adds a hold to a body that the account has: another email on the same content. The account is locked.
func (s *Store) HoldAgain(t *tx.Tx, account mail.AccountID, id mail.BlobID) error {
	n, err := t.SQL().Exec(`UPDATE blob SET holds = holds + 1, expires = 0 WHERE account_id = $1 AND blob_id = $2`, account, id[:])
	if err == nil && n == 0 {
		err = mail.E("bodies.HoldAgain", mail.NotFound, fmt.Errorf("account %v has no blob %v", account, id))
	}
	return err
}

// Release takes a hold away; with the last one the account no longer has the body. It changes two rows at most, three of the
// spool's, and waits for no answer. The account is locked, but for mail.SpoolAccount: all mail that goes out would wait for
// that one row. There, what meets meets on the row of the blob, which is changed before it is asked how many holds are left.
func (s *Store) Release(t *tx.Tx, account mail.AccountID, id mail.BlobID) error {
	q := t.SQL()
	if account == mail.SpoolAccount {
		q.Queue(`UPDATE blob SET holds = holds - 1 WHERE account_id = $1 AND blob_id = $2`, account, id[:])
		q.Queue(`INSERT INTO object_unnamed (object_id, account_id, at)
			SELECT object_id, account_id, CAST($3 AS BIGINT) FROM blob WHERE account_id = $1 AND blob_id = $2 AND holds = 0
			ON CONFLICT (object_id, account_id) DO UPDATE SET at = excluded.at`, account, id[:], t.Now())
		q.Queue(`DELETE FROM blob WHERE account_id = $1 AND blob_id = $2 AND holds = 0`, account, id[:])
		return nil
	}
	q.Queue(`INSERT INTO object_unnamed (object_id, account_id, at)
		SELECT object_id, account_id, CAST($3 AS BIGINT) FROM blob WHERE account_id = $1 AND blob_id = $2 AND holds = 1
		ON CONFLICT (object_id, account_id) DO UPDATE SET at = excluded.at`, account, id[:], t.Now())
	q.Queue(`DELETE FROM blob WHERE account_id = $1 AND blob_id = $2 AND holds = 1`, account, id[:])
	q.Queue(`UPDATE blob SET holds = holds - 1 WHERE account_id = $1 AND blob_id = $2 AND holds > 1`, account, id[:])
	return nil
}

// releaseBatch is how many bodies ReleaseAll lets go at a time, at two rows each.
const releaseBatch = 400

// ReleaseAll takes all holds of an account away, some bodies at a time, and reports whether there are more. It is for the
// removal of the account, which is locked.
func (s *Store) ReleaseAll(t *tx.Tx, account mail.AccountID) (more bool, err error) {
	const page = ` FROM blob WHERE account_id = $1 ORDER BY blob_id LIMIT $2`
	q := t.SQL()
	q.Queue(`INSERT INTO object_unnamed (object_id, account_id, at)
		SELECT object_id, account_id, CAST($3 AS BIGINT) FROM (SELECT object_id, account_id`+page+`) AS page
		WHERE true ON CONFLICT (object_id, account_id) DO UPDATE SET at = excluded.at`, account, releaseBatch, t.Now())
	n, err := q.Exec(`DELETE FROM blob WHERE account_id = $1 AND blob_id IN (SELECT blob_id`+page+`)`, account, releaseBatch)
	return n == releaseBatch, err
}
