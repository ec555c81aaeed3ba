package tx

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Limits of one unit of work.
const (
	MaxAccounts      = 100 // accounts one write may lock
	objectsPerNumber = 256 // changed objects that may share one modseq
)

// DoneKept is how long the answer of a Once is kept, if its closure wants no more: a repeat later than this runs again.
const DoneKept = 24 * time.Hour

// Bell is rung after a commit, once for each account whose log grew. Ring must not block and must not fail loudly: a
// lost ring costs delay, never mail.
type Bell interface{ Ring(mail.StateChange) }

// Options says what a Store stands on.
type Options struct {
	DB   *db.DB
	Bell Bell // nil: nobody listens
}

// Store opens units of work. It is safe for concurrent use.
type Store struct {
	db   *db.DB
	bell Bell
	ids  *idSource

	lasts lasts
}

// New returns a Store over a database whose schema is up to date. It takes the first block of ids.
func New(ctx context.Context, o Options) (*Store, error) {
	s := &Store{db: o.DB, bell: o.Bell, ids: newIDSource(o.DB)}
	if err := s.ids.refill(ctx); err != nil {
		return nil, fmt.Errorf("take a block of ids: %w", err)
	}
	return s, nil
}

// NewID draws an id before a write, for bytes that are named after it.
func (s *Store) NewID(ctx context.Context) (int64, error) {
	for {
		id, err := s.ids.next()
		if err == nil {
			return id, nil
		}
		if err := s.ids.refill(ctx); err != nil {
			return 0, err
		}
	}
}

// Key makes a write unrepeatable: the first commit under a key wins. Draw one per request with NewKey.
type Key [16]byte

// NewKey draws a random key. Its front is the time, so that the rows of an account's keys are added side by side and
// looked for where the last one was added; what makes it unlike all others are the 80 bits behind.
func NewKey() Key {
	var k Key
	binary.BigEndian.PutUint64(k[:], uint64(time.Now().UnixMilli())<<16)
	rand.Read(k[6:]) // crypto/rand.Read never fails since Go 1.24
	return k
}

// Read runs fn on one read-only snapshot.
func (s *Store) Read(ctx context.Context, fn func(*Tx) error) error {
	return s.db.Read(ctx, func(d *db.Tx) error { return fn(&Tx{sql: d, ids: s.ids, lasts: &s.lasts, readOnly: true}) })
}

// Write runs fn, which must come to the same end when it runs twice (setting flags does, appending a message does not:
// that is Once's work). It locks the accounts first; none is allowed for work on directory rows alone. The commit
// may be repeated when its answer was lost.
func (s *Store) Write(ctx context.Context, accounts []mail.AccountID, fn func(*Tx) error) error {
	return s.run(ctx, s.db.Write, accounts, nil, func(t *Tx) error {
		if _, err := t.lock(accounts, nil); err != nil {
			return err
		}
		return fn(t)
	})
}

// Once runs fn under key and returns its answer; a repeat under the same key returns the answer of the first commit
// without running fn. The answer is kept as JSON with the lowest of the accounts.
func Once[T any](ctx context.Context, s *Store, key Key, accounts []mail.AccountID, fn func(*Tx) (T, error)) (T, error) {
	return once(ctx, s, s.db.Write, key, accounts, fn)
}

// OnceShared is Once for one account and a closure that is short and that many callers have: what waits at the same time shares
// a transaction (see db.DB.WriteShared).
func OnceShared[T any](ctx context.Context, s *Store, key Key, account mail.AccountID, fn func(*Tx) (T, error)) (T, error) {
	write := s.db.WriteShared
	if fenced(ctx) {
		write = s.db.Write // a fence waits for locks
	}
	return once(ctx, s, write, key, []mail.AccountID{account}, fn)
}

func once[T any](ctx context.Context, s *Store, write writeFunc, key Key, accounts []mail.AccountID, fn func(*Tx) (T, error)) (T, error) {
	var answer T
	err := s.run(ctx, write, accounts, &key, func(t *Tx) error {
		var zero T
		answer = zero
		answered, err := t.lock(accounts, &key)
		if err != nil {
			return err
		}
		if answered != nil {
			if len(accounts) == 0 {
				// What was committed may not be on the standby yet: the wait for it was given up when its answer was lost. Only
				// a COMMIT that itself has changed something waits for it again; the rows of accounts are a change already.
				t.sql.Queue(`UPDATE done SET at = at WHERE account_id = $1 AND key = $2`, t.home, key[:])
			}
			return json.Unmarshal(answered, &answer)
		}
		if answer, err = fn(t); err != nil {
			return err
		}
		return t.record(key, answer)
	})
	return answer, err
}

// maxRepeats bounds how often a commit with a lost answer is tried again before the caller hears of it. The caller
// then answers "temporary failure", which is right either way: a repeat under the same key is a no-op.
const maxRepeats = 12

// The first repeat comes at once. The next ones wait, longer each time: answers that are lost one after the other are lost for one
// reason, such as a proxy that ends connections, and a caller that hears too early that nothing is known makes a second copy.
const (
	repeatPause    = 10 * time.Millisecond
	repeatPauseMax = time.Second
)

// repeatFor bounds how long: where a COMMIT hangs, as while a synchronous standby is away, so does the next.
const repeatFor = 20 * time.Second

// writeFunc is a method of the database that writes.
type writeFunc func(ctx context.Context, turn int64, fn func(*db.Tx) error) error

// run commits fn, again where that may be, and rings. key is that of a Once, nil without one.
func (s *Store) run(ctx context.Context, write writeFunc, accounts []mail.AccountID, key *Key, fn func(*Tx) error) error {
	turn := int64(0)
	if len(accounts) > 0 {
		turn = int64(slices.Min(accounts))
	}
	var lost error                // the answer to a commit, once
	var unsure []mail.StateChange // what that commit would have rung
	var unsureAfter []func()      // and called
	began := time.Now()
	for repeat := 0; ; repeat++ {
		var rings []mail.StateChange
		var after []func()
		var given []Numbers
		err := write(ctx, turn, func(d *db.Tx) error {
			if err := checkFence(ctx, d); err != nil {
				return err
			}
			t := &Tx{sql: d, ids: s.ids, lasts: &s.lasts}
			if err := fn(t); err != nil {
				return err
			}
			rings, given, after = t.rings(), t.numbers(), t.after
			if lost != nil && key == nil && len(accounts) == 0 {
				t.sql.Queue(`UPDATE instance SET next_id = next_id WHERE one = 1`) // see once: COMMIT waits for the standby by it
			}
			return t.finish()
		})
		switch {
		case err == nil && len(rings) == 0 && len(after) == 0: // nothing was changed now: a Once found that its lost commit stands
			s.ring(unsure)
			callAll(unsureAfter)
			return nil
		case err == nil:
			noteNumbers(ctx, given)
			s.ring(rings)
			callAll(after)
			return nil
		case repeat == maxRepeats, lost != nil && time.Since(began) > repeatFor:
			return stillUnknown(lost, err)
		case errors.Is(err, errNoIDs):
			if err := s.ids.refill(ctx); err != nil {
				return stillUnknown(lost, err)
			}
		case errors.Is(err, db.ErrCommitUnknown):
			// Run again with the same key on the current primary, never looked up first (docs/decisions/0006-unit-of-work.md).
			if lost = err; len(rings) > 0 || len(after) > 0 { // else it found that an earlier one stands
				unsure, unsureAfter = rings, after
			}
			if !rest(ctx, repeat) {
				return err
			}
		case key != nil && len(accounts) == 0 && repeat == 0 && db.IsUnique(err):
			// Where no account row is locked, two commits under one key can meet: the later one fails on the row of done,
			// and finds the answer there when it runs again.
		default:
			return stillUnknown(lost, err)
		}
	}
}

// rest waits before a repeat, and is false when the caller has left.
func rest(ctx context.Context, repeat int) bool {
	if repeat == 0 {
		return true
	}
	t := time.NewTimer(min(repeatPause<<(repeat-1), repeatPauseMax))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// stillUnknown returns err, which usually means that nothing was changed. After a lost answer it does not.
func stillUnknown(lost, err error) error {
	if lost == nil || errors.Is(err, db.ErrCommitUnknown) {
		return err
	}
	return mail.E("tx.Write", mail.Unavailable, fmt.Errorf("%w; then: %w", lost, err))
}

func (s *Store) ring(changes []mail.StateChange) {
	if s.bell == nil {
		return
	}
	for _, c := range changes {
		s.bell.Ring(c)
	}
}

func callAll(fns []func()) {
	for _, fn := range fns {
		fn()
	}
}

// record keeps the answer.
// KeepAnswer keeps the answer of this Once longer than DoneKept: a repeat is to be known as one for so much longer.
func (t *Tx) KeepAnswer(longer time.Duration) { t.longer = longer }

func (t *Tx) record(key Key, answer any) error {
	result, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("record the answer of a write: %w", err)
	}
	t.sql.QueueText(&recordText, t.home, key[:], result, t.Now().Add(t.longer).UnixMilli())
	return nil
}

var recordText = db.Text{
	One: `INSERT INTO done (account_id, key, result, at) VALUES ($1, $2, $3, $4)`,
	Many: `INSERT INTO done (account_id, key, result, at)
		SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bigint[])`,
}

// ForgetDone removes records older than DoneKept, at most limit of them, and returns how many went.
func (s *Store) ForgetDone(ctx context.Context, limit int) (gone int64, err error) {
	err = s.Write(ctx, nil, func(t *Tx) (err error) {
		gone, err = t.sql.Exec(`DELETE FROM done WHERE (account_id, key) IN
			(SELECT account_id, key FROM done WHERE at < $1 ORDER BY at LIMIT $2)`,
			t.Now().Add(-DoneKept).UnixMilli(), limit)
		return err
	})
	return gone, err
}
