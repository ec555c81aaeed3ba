package certs

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cert"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	MaxName = 512
	MaxFile = 1 << 20
)

// sealFormat is the first byte of what is kept.
const sealFormat = 1

// Options says what a Store stands on.
type Options struct {
	Tx        *tx.Store
	MasterKey []byte
	Logger    *slog.Logger  // nil discards
	Lease     time.Duration // of a lock; 0: 8 seconds
	Poll      time.Duration // how often a waiting Lock looks; 0: half a second
}

// Store is the room of certificates. It is safe for concurrent use.
type Store struct {
	tx    *tx.Store
	aead  cipher.AEAD
	log   *slog.Logger
	lease time.Duration
	poll  time.Duration

	mu      sync.Mutex
	held    map[string]*held
	renewal sync.WaitGroup
}

var _ cert.Storage = (*Store)(nil)

// New returns a Store.
func New(o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Lease == 0 {
		o.Lease = 8 * time.Second
	}
	if o.Poll == 0 {
		o.Poll = 500 * time.Millisecond
	}
	key, err := hkdf.Key(sha256.New, o.MasterKey, nil, "mailmesh certificates 1", 32)
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
	return &Store{tx: o.Tx, aead: aead, log: o.Logger, lease: o.Lease, poll: o.Poll, held: map[string]*held{}}, nil
}

// Store makes or replaces a file. mail.Unavailable where this process has lost a lock that it has not given back: who got it may
// be storing the same.
func (s *Store) Store(ctx context.Context, name string, value []byte) error {
	const op = "certs.Store"
	switch {
	case name == "" || len(name) > MaxName || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "\x00"):
		return mail.E(op, mail.Invalid, fmt.Errorf("%.80q is no name of a file", name))
	case len(value) > MaxFile:
		return mail.E(op, mail.TooLarge, fmt.Errorf("%s has %d bytes, the limit is %d", name, len(value), MaxFile))
	}
	sealed := s.aead.Seal([]byte{sealFormat}, nil, value, []byte(name))
	locks := s.tokens()
	return s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		if err := fence(t, locks); err != nil {
			return err
		}
		_, err := t.SQL().Exec(`INSERT INTO cert_file (name, size, modified, sealed) VALUES ($1, $2, $3, $4)
			ON CONFLICT (name) DO UPDATE SET size = excluded.size, modified = excluded.modified, sealed = excluded.sealed`,
			name, len(value), t.Now(), sealed)
		return err
	})
}

// Load returns a file.
func (s *Store) Load(ctx context.Context, name string) (value []byte, err error) {
	var sealed []byte
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT sealed FROM cert_file WHERE name = $1`, name).Scan(&sealed)
	})
	if errors.Is(err, db.ErrNoRows) {
		return nil, missing("certs.Load", name)
	}
	if err != nil {
		return nil, err
	}
	return s.open(name, sealed)
}

func (s *Store) open(name string, sealed []byte) (value []byte, err error) {
	if len(sealed) == 0 || sealed[0] != sealFormat {
		return nil, mail.E("certs.Load", mail.Other, fmt.Errorf("%s is in a format that this release does not know", name))
	}
	if value, err = s.aead.Open(nil, nil, sealed[1:], []byte(name)); err != nil {
		return nil, mail.E("certs.Load", mail.Other, fmt.Errorf("%s: %w (is this the server's master key?)", name, err))
	}
	return value, nil
}

func missing(op, name string) error {
	return mail.E(op, mail.NotFound, fmt.Errorf("%s: %w", name, fs.ErrNotExist))
}

// Delete removes a file, or a folder with all that is in it.
func (s *Store) Delete(ctx context.Context, name string) error {
	return s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		_, err := t.SQL().Exec(`DELETE FROM cert_file WHERE name = $1 OR substr(name, 1, length($2)) = $2`, name, name+"/")
		return err
	})
}

// List returns the names in a folder.
func (s *Store) List(ctx context.Context, folder string, recursive bool) (names []string, err error) {
	below := ""
	if folder != "" {
		below = folder + "/"
	}
	found := map[string]bool{}
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		clear(found)
		rows, err := t.SQL().Query(`SELECT name FROM cert_file WHERE substr(name, 1, length($1)) = $1`, below)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			for _, n := range within(below, name, recursive) {
				found[n] = true
			}
		}
		return rows.Err()
	})
	if err == nil && len(found) == 0 {
		err = missing("certs.List", folder)
	}
	return sorted(found), err
}

// Stat says what is at a name.
func (s *Store) Stat(ctx context.Context, name string) (e cert.Entry, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		e = cert.Entry{}
		err := t.SQL().QueryRow(`SELECT size, modified FROM cert_file WHERE name = $1`, name).Scan(&e.Size, &e.Modified)
		if !errors.Is(err, db.ErrNoRows) {
			return err
		}
		var below int64
		err = t.SQL().QueryRow(`SELECT COUNT(*) FROM cert_file WHERE substr(name, 1, length($1)) = $1`, name+"/").Scan(&below)
		if err == nil && below == 0 {
			return missing("certs.Stat", name)
		}
		e = cert.Entry{Folder: true}
		return err
	})
	return e, err
}

// Check reports files that cannot be opened: damaged, or sealed under another master key.
func (s *Store) Check(ctx context.Context, report func(name string, why error)) error {
	names, err := s.List(ctx, "", true)
	if mail.Is(err, mail.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		_, err := s.Load(ctx, name)
		switch {
		case err == nil || mail.Is(err, mail.NotFound): // a folder, or removed meanwhile
		case mail.Is(err, mail.Unavailable):
			return err
		default:
			report(name, err)
		}
	}
	return nil
}
