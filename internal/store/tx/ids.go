package tx

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// blockSize is how many ids a node takes from the database at a time. What a stopped node leaves of its block is lost,
// which is what never reusing an id costs: 2^48 ids are 4 billion blocks.
const blockSize = 1 << 16

// errNoIDs makes a write run again after the next block was taken: a closure cannot wait for another transaction.
var errNoIDs = errors.New("the block of ids is used up")

// idSource gives out ids from a block. A new block is fetched in the background when half of the old one is used.
type idSource struct {
	db *db.DB

	mu       sync.Mutex
	nextID   int64
	end      int64 // of the current block
	spare    int64 // start of a further block, 0 for none
	fetching bool
}

func newIDSource(d *db.DB) *idSource { return &idSource{db: d} }

func (s *idSource) next() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nextID == s.end {
		if s.spare == 0 {
			return 0, errNoIDs
		}
		s.nextID, s.end, s.spare = s.spare, s.spare+blockSize, 0
	}
	id := s.nextID
	s.nextID++
	if s.end-s.nextID < blockSize/2 && s.spare == 0 && !s.fetching {
		s.fetching = true
		go s.fetch()
	}
	return id, nil
}

// fetch takes a block ahead of need. A failure is met again, and reported, by the write that runs out of ids.
func (s *idSource) fetch() {
	start, err := s.take(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetching = false
	if err == nil {
		s.spare = start
	}
}

// refill makes sure that there are ids, taking a block if there is none.
func (s *idSource) refill(ctx context.Context) error {
	s.mu.Lock()
	have := s.nextID < s.end || s.spare != 0
	s.mu.Unlock()
	if have {
		return nil
	}
	start, err := s.take(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = start
	return nil
}

// take moves the database's counter on by a block. When its answer is lost the block is lost with it.
func (s *idSource) take(ctx context.Context) (start int64, err error) {
	var shard, first int64
	err = s.db.Write(ctx, 0, func(d *db.Tx) error {
		return d.QueryRow(`UPDATE instance SET next_id = next_id + $1 WHERE one = 1 RETURNING shard, next_id - $1`, int64(blockSize)).Scan(&shard, &first)
	})
	if err != nil {
		return 0, err
	}
	if first+blockSize >= 1<<mail.ShardBits {
		return 0, fmt.Errorf("shard %d has no ids left", shard)
	}
	return shard<<mail.ShardBits | first, nil
}
