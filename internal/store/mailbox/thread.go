package mailbox

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits of what chooses a thread. A message may reference thousands of others; the first (the root of the thread) and the
// last (the nearest) are the ones that help.
const (
	maxThreadRefs  = 32 // ids of a message that are looked up
	keptThreadRefs = 4  // ids of a message that later messages are found by
)

// threadRefs returns the keys by which a message finds its thread, its own first. A key covers an id and the base
// subject: RFC 8621 3 wants both the same, so that a reply with a new subject begins a new thread. Keys are stable over
// releases. They are 64 bits of SHA-256, so that no sender can choose one that meets another's.
func threadRefs(ids []string, baseSubject string) []int64 {
	if len(ids) > maxThreadRefs {
		ids = slices.Concat(ids[:3], ids[len(ids)-maxThreadRefs+3:])
	}
	refs := make([]int64, 0, len(ids))
	h := sha256.New()
	var sum [sha256.Size]byte
	for _, id := range ids {
		if id == "" {
			continue
		}
		h.Reset()
		h.Write([]byte(id))
		h.Write([]byte{0}) // no message-id holds it, so no id runs into a subject
		h.Write([]byte(baseSubject))
		ref := int64(binary.BigEndian.Uint64(h.Sum(sum[:0])))
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// joinThread returns the oldest of the known threads of refs, fresh when none is known, and notes refs for later
// messages: the message's own id, the one it replies to, the root and the nearest.
func joinThread(t *tx.Tx, account mail.AccountID, refs []int64, known map[int64]mail.ThreadID, fresh mail.ThreadID) mail.ThreadID {
	thread := fresh
	for _, id := range known {
		thread = min(thread, id)
	}
	kept := refs
	if len(kept) > keptThreadRefs {
		kept = slices.Concat(kept[:keptThreadRefs-1], kept[len(kept)-1:])
	}
	for _, ref := range kept {
		if _, ok := known[ref]; !ok {
			t.SQL().QueueText(&threadRefText, account, ref, thread)
		}
	}
	return thread
}

// SweepThreads forgets the references of an account's threads that have no email any more, in small commits, and returns
// how many went. It is upkeep, for once in a while: a reference that stays does no harm but take room.
func (s *Store) SweepThreads(ctx context.Context, account mail.AccountID) (gone int64, err error) {
	last := int64(math.MinInt64)
	for more := true; more; {
		var n int64
		after := last
		err = s.tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) (err error) {
			n, last, more, err = sweepStep(t, account, after, s.rowsPerStep)
			return err
		})
		if err != nil {
			return gone, err
		}
		gone += n
	}
	return gone, nil
}

// sweepStep looks at the references with the next hashes from after on, in the order of the table.
func sweepStep(t *tx.Tx, account mail.AccountID, after int64, rows int) (gone, last int64, more bool, err error) {
	var seen int
	err = t.SQL().QueryRow(`SELECT COUNT(*), COALESCE(MAX(hash), $2) FROM (SELECT hash FROM thread_ref
		WHERE account_id = $1 AND hash >= $2 ORDER BY hash LIMIT $3) AS page`, account, after, rows).Scan(&seen, &last)
	if err != nil || seen == 0 {
		return 0, last, false, err
	}
	gone, err = t.SQL().Exec(`DELETE FROM thread_ref WHERE account_id = $1 AND hash BETWEEN $2 AND $3
		AND NOT EXISTS (SELECT 1 FROM email e WHERE e.account_id = thread_ref.account_id AND e.id = thread_ref.thread_id
			AND e.thread_id = thread_ref.thread_id)
		AND NOT EXISTS (SELECT 1 FROM email e WHERE e.account_id = thread_ref.account_id AND e.thread_id = thread_ref.thread_id
			AND e.thread_id <> e.id)`,
		account, after, last)
	if seen < rows || last == math.MaxInt64 {
		return gone, last, false, err
	}
	return gone, last + 1, true, err
}

// ThreadOf returns the thread of an account that a message would be put into by its own id and base subject, 0 for none.
func (s *Store) ThreadOf(t *tx.Tx, account mail.AccountID, messageID, baseSubject string) (id mail.ThreadID, err error) {
	refs := threadRefs([]string{messageID}, baseSubject)
	if len(refs) == 0 {
		return 0, nil
	}
	err = t.SQL().QueryRow(`SELECT thread_id FROM thread_ref WHERE account_id = $1 AND hash = $2`, account, refs[0]).Scan(&id)
	if errors.Is(err, db.ErrNoRows) {
		return 0, nil
	}
	return id, err
}
