package certs

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// held is a lock that this process has.
type held struct {
	token string
	stop  context.CancelFunc // of its renewal
}

// Lock takes a lock, which is renewed until Unlock.
func (s *Store) Lock(ctx context.Context, name string) error {
	if len(name) > MaxName {
		return mail.E("certs.Lock", mail.Invalid, fmt.Errorf("%.80q is too long for the name of a lock", name))
	}
	token := rand.Text()
	for {
		got, err := s.take(ctx, name, token)
		if err != nil {
			return err
		}
		if got {
			break
		}
		select {
		case <-ctx.Done():
			return mail.E("certs.Lock", mail.Unavailable, fmt.Errorf("another holds the lock %s: %w", name, context.Cause(ctx)))
		case <-time.After(s.poll):
		}
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[name] = &held{token, stop}
	s.renewal.Go(func() { s.renew(work, name, token) })
	return nil
}

// take takes a lock that nobody has, or one that was not renewed in time.
func (s *Store) take(ctx context.Context, name, token string) (got bool, err error) {
	err = s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		n, err := t.SQL().Exec(`INSERT INTO cert_lock (name, token, until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET token = excluded.token, until = excluded.until
			WHERE cert_lock.until <= $4 OR cert_lock.token = excluded.token`, // its own: the commit's answer was lost
			name, token, t.Now().Add(s.lease), t.Now())
		got = n == 1
		return err
	})
	return got, err
}

// renew keeps a lock until ctx ends. A failure is tried again at the next turn, of which a lease has several.
func (s *Store) renew(ctx context.Context, name, token string) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.lease / 5):
		}
		mine := false
		err := s.tx.Write(ctx, nil, func(t *tx.Tx) error {
			n, err := t.SQL().Exec(`UPDATE cert_lock SET until = $3 WHERE name = $1 AND token = $2`, name, token, t.Now().Add(s.lease))
			mine = n == 1
			return err
		})
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.log.Warn("a lock is not renewed and will be tried again", "lock", name, "err", err)
		case !mine:
			s.log.Warn("a lock was lost: this node was too slow to renew it, and another may do the same work", "lock", name)
			return
		}
	}
}

// Unlock gives back a lock. That it was lost meanwhile is no error: somebody else has it, or nobody.
func (s *Store) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	h := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if h == nil {
		return mail.E("certs.Unlock", mail.Invalid, fmt.Errorf("this process does not hold the lock %s", name))
	}
	h.stop()
	return s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		_, err := t.SQL().Exec(`DELETE FROM cert_lock WHERE name = $1 AND token = $2`, name, h.token)
		return err
	})
}

// Close stops renewing what locks are still held: they are given back by their leases.
func (s *Store) Close() error {
	s.mu.Lock()
	for _, h := range s.held {
		h.stop()
	}
	clear(s.held)
	s.mu.Unlock()
	s.renewal.Wait()
	return nil
}

// lock is one that this process holds, as far as it knows.
type lock struct{ name, token string }

func (s *Store) tokens() (locks []lock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, h := range s.held {
		locks = append(locks, lock{name, h.token})
	}
	slices.SortFunc(locks, func(a, b lock) int { return strings.Compare(a.name, b.name) })
	return locks
}

// fence keeps the locks from being taken before the commit, and fails it where one was taken.
func fence(t *tx.Tx, locks []lock) error {
	for _, l := range locks {
		n, err := t.SQL().Exec(`UPDATE cert_lock SET until = until WHERE name = $1 AND token = $2`, l.name, l.token)
		if err != nil {
			return err
		}
		if n != 1 {
			return mail.E("certs.Store", mail.Unavailable, fmt.Errorf("the lock %s was lost: this node was too slow to renew it", l.name))
		}
	}
	return nil
}
