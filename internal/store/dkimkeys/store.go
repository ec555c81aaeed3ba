package dkimkeys

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	RetiredKept = 40 * 24 * time.Hour // held for 30 days at most, tried for 5, and some
	Settled     = 48 * time.Hour      // longer than resolvers remember that there is nothing
)

// State is what a key is for.
type State string

const (
	Active  State = "active"  // signs
	Next    State = "next"    // will
	Retired State = "retired" // has; its record is still needed
)

// Key is what may be known about a key.
type Key struct {
	Domain    string
	Selector  string
	Algorithm dkim.Algorithm
	State     State
	Record    string    // the text that RecordName publishes
	Created   time.Time // given by the store
	Changed   time.Time // when it came into its state
}

// RecordName is where the key's record is published.
func (k Key) RecordName() string { return dkim.RecordName(k.Selector, k.Domain) }

// Store is the room. It is safe for concurrent use.
type Store struct {
	aead cipher.AEAD

	mu     sync.Mutex
	parsed map[string]crypto.Signer // by domain and selector
}

// maxParsed is how many private keys are kept parsed.
const maxParsed = 10_000

// New returns a Store.
func New(masterKey []byte) (*Store, error) {
	key, err := hkdf.Key(sha256.New, masterKey, nil, "mailmesh dkim keys 1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Store{aead: aead, parsed: map[string]crypto.Signer{}}, nil
}

// sealFormat is the first byte of a sealed key.
const sealFormat = 1

// Drawn is a new key that no commit has kept yet.
type Drawn struct {
	key    Key
	sealed []byte
}

// Draw makes a key of each algorithm. It takes a good part of a second.
func (s *Store) Draw(domain string) ([]Drawn, error) {
	var out []Drawn
	for _, a := range []dkim.Algorithm{dkim.Ed25519, dkim.RSA} {
		private, err := dkim.NewKey(a)
		if err != nil {
			return nil, err
		}
		record, err := dkim.Record(private.Public())
		if err != nil {
			return nil, err
		}
		der, err := dkim.Marshal(private)
		if err != nil {
			return nil, err
		}
		k := Key{Domain: domain, Selector: strings.ToLower(string(a) + "-" + rand.Text()[:8]), Algorithm: a, Record: record}
		out = append(out, Drawn{k, s.aead.Seal([]byte{sealFormat}, nil, der, []byte(name(k)))})
	}
	return out, nil
}

func name(k Key) string { return k.Selector + "@" + k.Domain }

// Begin gives a domain its first keys. Where it has some already nothing happens.
func (s *Store) Begin(t *tx.Tx, domain string, active, next []Drawn) error {
	keys, err := s.Keys(t, domain)
	if err != nil || len(keys) > 0 {
		return err
	}
	insert(t, active, Active)
	insert(t, next, Next)
	return nil
}

func insert(t *tx.Tx, keys []Drawn, state State) {
	for _, d := range keys {
		t.SQL().Queue(`INSERT INTO dkim_key (domain, selector, algorithm, state, record, sealed, created, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`,
			d.key.Domain, d.key.Selector, string(d.key.Algorithm), string(state), d.key.Record, d.sealed, t.Now())
	}
}

// Rotate makes the next keys of a domain the active ones, retires those, and keeps what was drawn as the next. now does so
// however fresh the next ones are.
func (s *Store) Rotate(t *tx.Tx, domain string, drawn []Drawn, now bool) error {
	const op = "dkimkeys.Rotate"
	keys, err := s.Keys(t, domain)
	if err != nil {
		return err
	}
	ready := false
	for _, k := range keys {
		if k.State != Next {
			continue
		}
		ready = true
		if age := t.Now().Sub(k.Changed); age < Settled && !now {
			return mail.E(op, mail.Conflict, fmt.Errorf("the next keys of %s are %v old: resolvers may not know their records before %v; wait, or force it",
				domain, age.Round(time.Second), Settled))
		}
	}
	if !ready {
		return mail.E(op, mail.NotFound, fmt.Errorf("%s has no keys to change to", domain))
	}
	t.SQL().Queue(`UPDATE dkim_key SET state = 'retired', changed = $2 WHERE domain = $1 AND state = 'active'`, domain, t.Now())
	t.SQL().Queue(`UPDATE dkim_key SET state = 'active', changed = $2 WHERE domain = $1 AND state = 'next'`, domain, t.Now())
	insert(t, drawn, Next)
	return nil
}

// Keys lists the keys of a domain, the active ones first, then the next.
func (s *Store) Keys(t *tx.Tx, domain string) ([]Key, error) {
	rows, err := t.SQL().Query(`SELECT domain, selector, algorithm, state, record, created, changed FROM dkim_key WHERE domain = $1
		ORDER BY state, created DESC, selector`, domain)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Key
	for rows.Next() {
		var k Key
		if err := rows.Scan(&k.Domain, &k.Selector, &k.Algorithm, &k.State, &k.Record, &k.Created, &k.Changed); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// Signing returns the keys that mail of a domain is signed with now; none where the domain has none.
func (s *Store) Signing(t *tx.Tx, domain string) ([]dkim.Key, error) {
	rows, err := t.SQL().Query(`SELECT selector, sealed FROM dkim_key WHERE domain = $1 AND state = 'active' ORDER BY selector`, domain)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []dkim.Key
	for rows.Next() {
		k := dkim.Key{Domain: domain}
		var sealed []byte
		if err := rows.Scan(&k.Selector, &sealed); err != nil {
			return nil, err
		}
		if k.Private, err = s.parse(Key{Domain: domain, Selector: k.Selector}, sealed); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// parse opens a private key, or finds it open.
func (s *Store) parse(k Key, sealed []byte) (crypto.Signer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if private := s.parsed[name(k)]; private != nil {
		return private, nil
	}
	if len(sealed) == 0 || sealed[0] != sealFormat {
		return nil, mail.E("dkimkeys", mail.Other, fmt.Errorf("the key %s is in a format that this release does not know", name(k)))
	}
	der, err := s.aead.Open(nil, nil, sealed[1:], []byte(name(k)))
	if err != nil {
		return nil, mail.E("dkimkeys", mail.Other, fmt.Errorf("the key %s: %w (is this the server's master key?)", name(k), err))
	}
	private, err := dkim.Parse(der)
	if err != nil {
		return nil, mail.E("dkimkeys", mail.Other, fmt.Errorf("the key %s: %w", name(k), err))
	}
	if len(s.parsed) >= maxParsed {
		clear(s.parsed)
	}
	s.parsed[name(k)] = private
	return private, nil
}

// Forget removes keys that have been retired for long enough.
func (s *Store) Forget(t *tx.Tx) error {
	_, err := t.SQL().Exec(`DELETE FROM dkim_key WHERE state = 'retired' AND changed < $1`, t.Now().Add(-RetiredKept))
	return err
}

// RemoveDomain removes the keys of a domain.
func (s *Store) RemoveDomain(t *tx.Tx, domain string) error {
	_, err := t.SQL().Exec(`DELETE FROM dkim_key WHERE domain = $1`, domain)
	return err
}
