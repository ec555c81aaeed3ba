package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
)

// When an attempt is answered that is refused, counted from its beginning: whatever it took, and whatever was found, it
// looks the same. Waiting costs us a goroutine that sleeps.
const (
	refusedAfter   = time.Second
	throttledAfter = 2 * time.Second
)

// errAgain refuses a password that was wrong before and is not counted again.
var errAgain = fmt.Errorf("%w, as it was before", ErrCredentials)

// refuse ends an attempt that failed: it is logged and held. It returns what the door may know.
func (s *Store) refuse(ctx context.Context, k known, p Peer, begun time.Time, err error) error {
	after := refusedAfter
	switch mail.KindOf(err) {
	case mail.Denied, mail.Disabled:
	case mail.Limit:
		after = throttledAfter
	default:
		return err // the store failed, which says nothing about the attempt
	}
	s.logRefusal(ctx, k, p, err)
	s.hold(ctx, begun, after)
	if errors.Is(err, errAgain) || errors.Is(err, sasl.ErrProof) {
		return denied()
	}
	return err
}

// hold waits until an attempt that began then may be answered.
func (s *Store) hold(ctx context.Context, begun time.Time, after time.Duration) {
	if rest := after - s.now().Sub(begun); rest > 0 {
		s.pause(ctx, min(rest, after))
	}
}

// sleep is Options.Pause in a server.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// logRefusal names the account, never what was typed for a name: people type their passwords there. Each guess that was
// counted has its line; the brakes bound those. Of others an account and a network have one a minute.
func (s *Store) logRefusal(ctx context.Context, k known, p Peer, err error) {
	unsaid := 0
	if guessed := errors.Is(err, ErrCredentials) && !errors.Is(err, errAgain); !guessed {
		var due bool
		if unsaid, due = s.quiet.due(s.now(), k.subject, network(p.Remote)); !due {
			return
		}
	}
	account := "unknown"
	if k.account != 0 {
		account = k.account.String()
	}
	attrs := []slog.Attr{slog.String("protocol", p.Protocol), slog.String("session", p.Session), slog.Any("remote", p.Remote),
		slog.Bool("tls", p.TLS), slog.String("account", account), slog.Any("error", err)}
	if unsaid > 0 {
		attrs = append(attrs, slog.Int("more", unsaid))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "sign-in refused", attrs...)
}

// quietFor is how long the log says nothing of an account or a network about which it has just said something.
const quietFor = time.Minute

// quiet keeps refusals that cost a client nothing from filling the log.
type quiet struct {
	mu       sync.Mutex
	accounts *table[subject, *said]
	networks *table[netip.Prefix, *said]
}

// said is when the log last spoke of somebody, and how often it could have since.
type said struct {
	at     time.Time
	unsaid int
}

func newQuiet() *quiet {
	return &quiet{accounts: newTable[subject, *said](tableSize), networks: newTable[netip.Prefix, *said](tableSize)}
}

// due reports whether it is time for a line, and how many refusals had none since the last.
func (q *quiet) due(now time.Time, s subject, from netip.Prefix) (unsaid int, due bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	about := []*said{lastSaid(q.accounts, s)}
	if from.IsValid() {
		about = append(about, lastSaid(q.networks, from))
	}
	for _, last := range about {
		if !last.at.IsZero() && now.Sub(last.at) < quietFor {
			last.unsaid++
			return 0, false
		}
	}
	for _, last := range about {
		unsaid += last.unsaid
		*last = said{at: now}
	}
	return unsaid, true
}

func lastSaid[K comparable](t *table[K, *said], key K) *said {
	last, found := t.get(key)
	if !found {
		last = &said{}
		t.put(key, last)
	}
	return last
}
