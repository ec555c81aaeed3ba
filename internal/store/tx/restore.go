package tx

import (
	"context"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// A database that was put back to an earlier time has forgotten a future: numbers and ids that it will give out were given
// out already, to other things, and clients and packs remember them.

// countedFrom is when SkipIDs counts seconds from. Moving it back is safe, forward is not.
var countedFrom = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)

// skipAtLeast is how far SkipIDs goes where the clock says nothing: a million blocks.
const skipAtLeast = 1 << 20 * blockSize

// SkipIDs moves the counter of ids beyond all that the lost future can have given out, and returns the first id that can
// be given now. seen is the highest id that is known to have been, 0 for none. No other node may be at work.
//
// How far is that? Ids are taken in blocks of 65,536, one at each start and one whenever they are used up. A server takes
// far fewer than one block a second, so seconds outrun blocks: the counter goes to one block for each second since
// countedFrom. A database put back later thus always begins above one that was put back earlier, even from the same
// backup, whose ids may be in packs as well. Where the counter stands above that already (a clock that is wrong, a
// second call within a second), it goes a million blocks further. 2^48 ids are 136 years of seconds.
func (s *Store) SkipIDs(ctx context.Context, seen int64) (first int64, err error) {
	var shard int64
	err = s.db.Write(ctx, 0, func(d *db.Tx) error {
		var next int64
		if err := d.QueryRow(`SELECT shard, next_id FROM instance WHERE one = 1`).Scan(&shard, &next); err != nil {
			return err
		}
		if seen>>mail.ShardBits == shard {
			next = max(next, seen&(1<<mail.ShardBits-1)+1)
		}
		first = skipTo(next, d.Now())
		if first+blockSize >= 1<<mail.ShardBits {
			return mail.E("tx.SkipIDs", mail.Limit, fmt.Errorf("shard %d has no ids left", shard))
		}
		_, err := d.Exec(`UPDATE instance SET next_id = $1 WHERE one = 1`, first)
		return err
	})
	if err != nil {
		return 0, err
	}
	s.ids.forget()
	return shard<<mail.ShardBits | first, nil
}

// skipTo is where ids go on when all below next may have been given out, and more that nobody knows of.
func skipTo(next int64, now time.Time) int64 {
	if first := int64(now.Sub(countedFrom)/time.Second) * blockSize; first > next {
		return first
	}
	return next + skipAtLeast
}

// forget drops the blocks that were taken.
func (s *idSource) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID, s.end, s.spare = 0, 0, 0
}

// RaiseEpoch makes every JMAP state of an account one that no client has heard of: the numbers that follow were given out
// before. The account must be locked by this write.
func (t *Tx) RaiseEpoch(id mail.AccountID) {
	t.ModSeq(id) // panics where it is not locked
	t.sql.Queue(`UPDATE account SET epoch = epoch + 1 WHERE id = $1`, id)
}
