package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Lookup finds the account that a name signs in to: mail.NotFound when there is none. The directory's SignIn is one.
type Lookup func(t *tx.Tx, login string) (account mail.AccountID, disabled bool, err error)

// Options says what a Store stands on.
type Options struct {
	Tx     *tx.Store
	Lookup Lookup
	// Secret is 32 bytes that are the same on all nodes and never change. Salts of SCRAM and the proofs in tokens follow from it.
	Secret []byte

	Params   Params           // of new passwords; zero: DefaultParams
	Parallel int              // runs of Argon2id at once, each of which takes Params.Memory; 0: DefaultParallel
	Now      func() time.Time // for cache and throttle; nil: time.Now
	// Pause holds a refusal, until ctx ends; nil: a timer
	Pause  func(ctx context.Context, d time.Duration)
	Logger *slog.Logger // nil discards
}

// Store is the room of secrets. It is safe for concurrent use.
type Store struct {
	tx       *tx.Store
	lookup   Lookup
	secret   []byte
	log      *slog.Logger
	now      func() time.Time
	pause    func(context.Context, time.Duration)
	hasher   *hasher
	throttle *throttle
	cache    *cache
	offers   *offers
	quiet    *quiet
	process  []byte // key of the HMACs that stand for passwords in memory
	tokenKey []byte // of the proofs in tokens
	flights  singleflight.Group
}

// New returns a Store.
func New(o Options) *Store {
	if o.Params == (Params{}) {
		o.Params = DefaultParams
	}
	if o.Parallel == 0 {
		o.Parallel = DefaultParallel
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Pause == nil {
		o.Pause = sleep
	}
	s := &Store{
		tx: o.Tx, lookup: o.Lookup, secret: o.Secret, log: o.Logger, now: o.Now, pause: o.Pause,
		hasher:   newHasher(o.Params, o.Parallel),
		throttle: newThrottle(o.Now),
		cache:    newCache(o.Now),
		offers:   newOffers(o.Now),
		quiet:    newQuiet(),
		process:  make([]byte, 32),
	}
	rand.Read(s.process)
	h := hmac.New(sha256.New, o.Secret)
	h.Write([]byte("proofs of tokens"))
	s.tokenKey = h.Sum(nil)
	return s
}

// passwordRow is the id of an account's one password among its credentials. App passwords have ids of their own.
const passwordRow = 0

// HashPassword checks a password that somebody chose and hashes it, outside of any transaction: it takes its time.
func (s *Store) HashPassword(ctx context.Context, password string) (Hash, error) {
	p, err := checkChosen(password)
	if err != nil {
		return "", mail.E("auth.HashPassword", mail.Invalid, err)
	}
	return s.hasher.hash(ctx, p)
}

// SetPassword gives an account its password, in place of the one before, whose sessions end. App passwords stay. An account that has
// sessions is locked.
func (s *Store) SetPassword(t *tx.Tx, account mail.AccountID, hash Hash) error {
	m := markOf(string(hash))
	if _, err := s.endWhere(t, account, `secret = 0 AND mark <> $2`, hex.EncodeToString(m[:])); err != nil {
		return err
	}
	_, err := t.SQL().Exec(`INSERT INTO credential (account_id, id, kind, name, verifier, scram, created, last_used)
		VALUES ($1, $2, 'password', '', $3, '', $4, 0)
		ON CONFLICT (account_id, id) DO UPDATE SET verifier = excluded.verifier, created = excluded.created, last_used = 0`,
		account, passwordRow, string(hash), t.Now())
	return err
}

// RemoveAccount forgets all secrets and sessions of an account.
func (s *Store) RemoveAccount(t *tx.Tx, account mail.AccountID) error {
	if err := s.EndSessions(t, account); err != nil {
		return err
	}
	_, err := t.SQL().Exec(`DELETE FROM credential WHERE account_id = $1`, account)
	return err
}

// cache knows passwords that were right, by their HMAC.
type cache struct {
	now func() time.Time
	mu  sync.Mutex
	at  *table[guess, time.Time]
}

// cachedFor is how long a right password spares Argon2id, from when that last ran.
const cachedFor = time.Hour

func newCache(now func() time.Time) *cache {
	return &cache{now: now, at: newTable[guess, time.Time](tableSize)}
}

func (c *cache) has(g guess) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, found := c.at.get(g)
	return found && c.now().Sub(at) < cachedFor
}

func (c *cache) add(g guess) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at.put(g, c.now())
}
