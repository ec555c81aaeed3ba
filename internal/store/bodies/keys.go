package bodies

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/blob/sealed"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	keySize     = 32
	nonceSize   = 12
	wrapFormat  = 1
	wrappedSize = 1 + nonceSize + keySize + 16
)

// What a wrapped key is for is part of what is authenticated, so that one cannot stand in the place of another.
const (
	accountKeyLabel = "mailmesh account key 1"
	objectKeyLabel  = "mailmesh object key 1"
	wrappingLabel   = "mailmesh object key wrapping 1"
	namingLabel     = "mailmesh blob id 1"
	indexLabel      = "mailmesh text index 1"
)

type masterKey [keySize]byte

// accountKeys are what an account's key is used for.
type accountKeys struct{ wrapping, naming, index [keySize]byte }

// NewAccountKey draws the key of a new account and returns it wrapped, for the account's row.
func (s *Store) NewAccountKey(id mail.AccountID) (wrapped []byte, err error) {
	var key [keySize]byte
	rand.Read(key[:]) // never fails since Go 1.24
	if wrapped, err = wrapKey(s.master, key, label(accountKeyLabel, int64(id))); err != nil {
		return nil, mail.E("bodies.NewAccountKey", mail.Other, err)
	}
	if s.keys != nil {
		s.keys.addAccount(id, wrapped)
	}
	return wrapped, nil
}

// accountKeys unwraps the key of an account's row, or finds it unwrapped.
func (s *Store) accountKeys(id mail.AccountID, wrapped []byte) (accountKeys, error) {
	if len(wrapped) == 0 { // destroyed, perhaps by another node, and remembered here
		s.Forget(id)
		return accountKeys{}, mail.E("bodies", mail.Gone, fmt.Errorf("the key of account %v was destroyed: it is being removed", id))
	}
	if keys, ok := s.cache.get(id); ok {
		return keys, nil
	}
	var keys accountKeys
	key, err := unwrapKey(s.master, wrapped, label(accountKeyLabel, int64(id)))
	if err != nil {
		return keys, mail.E("bodies", mail.Other, fmt.Errorf("the key of account %v: %w (is this the server's master key?)", id, err))
	}
	for label, into := range map[string]*[keySize]byte{wrappingLabel: &keys.wrapping, namingLabel: &keys.naming, indexLabel: &keys.index} {
		derived, err := hkdf.Expand(sha256.New, key[:], label, keySize)
		if err != nil {
			return keys, mail.E("bodies", mail.Other, err)
		}
		copy(into[:], derived)
	}
	s.cache.put(id, keys)
	return keys, nil
}

// accountKeysIn is accountKeys inside a unit of work.
func (s *Store) accountKeysIn(t *tx.Tx, id mail.AccountID) (accountKeys, error) {
	if keys, ok := s.cache.get(id); ok {
		return keys, nil
	}
	var wrapped []byte
	err := t.SQL().QueryRow(`SELECT wrapped_key FROM account WHERE id = $1`, id).Scan(&wrapped)
	if errors.Is(err, db.ErrNoRows) {
		return accountKeys{}, mail.E("bodies", mail.NotFound, fmt.Errorf("there is no account %v", id))
	}
	if err != nil {
		return accountKeys{}, err
	}
	return s.accountKeys(id, wrapped)
}

// IndexKey is the key under which the text index seals what it keeps of an account's mail.
func (s *Store) IndexKey(ctx context.Context, id mail.AccountID) (key [32]byte, err error) {
	if keys, ok := s.cache.get(id); ok {
		return keys.index, nil
	}
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		keys, err := s.accountKeysIn(t, id)
		key = keys.index
		return err
	})
	return key, err
}

// blobID names a body within the account.
func (k *accountKeys) blobID(hash [32]byte) (id mail.BlobID) {
	mac := hmac.New(sha256.New, k.naming[:])
	mac.Write(hash[:])
	var sum [sha256.Size]byte
	copy(id[:], mac.Sum(sum[:0]))
	return id
}

func (k *accountKeys) wrap(account mail.AccountID, object mail.ObjectID, key sealed.Key) ([]byte, error) {
	return wrapKey(k.wrapping, key, label(objectKeyLabel, int64(account), int64(object)))
}

func (k *accountKeys) unwrap(account mail.AccountID, object mail.ObjectID, wrapped []byte) (sealed.Key, error) {
	aead, err := newAEAD(k.wrapping)
	if err != nil {
		return sealed.Key{}, mail.E("bodies", mail.Other, err)
	}
	return unwrapObjectKey(aead, account, object, wrapped)
}

// unwrapObjectKey opens the key of an object with the cipher of the account's wrapping key.
func unwrapObjectKey(aead cipher.AEAD, account mail.AccountID, object mail.ObjectID, wrapped []byte) (sealed.Key, error) {
	key, err := unwrapWith(aead, wrapped, label(objectKeyLabel, int64(account), int64(object)))
	if err != nil {
		return sealed.Key{}, mail.E("bodies", mail.Other, fmt.Errorf("the key of object %d for account %v: %w", object, account, err))
	}
	return key, nil
}

func label(s string, ids ...int64) []byte {
	b := append(make([]byte, 0, 48), s...)
	for _, id := range ids {
		b = binary.BigEndian.AppendUint64(b, uint64(id))
	}
	return b
}

// wrapKey seals key under another. Nonces are random: one wrapping key is good for 2^32 of them (NIST SP 800-38D 8.3).
// Object ids would not do, they repeat after the database was put back to an earlier time.
func wrapKey(under, key [keySize]byte, aad []byte) ([]byte, error) {
	aead, err := newAEAD(under)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 1+nonceSize, wrappedSize)
	b[0] = wrapFormat
	rand.Read(b[1:])
	return aead.Seal(b, b[1:], key[:], aad), nil
}

func unwrapKey(under [keySize]byte, wrapped, aad []byte) (key [keySize]byte, err error) {
	aead, err := newAEAD(under)
	if err != nil {
		return key, err
	}
	return unwrapWith(aead, wrapped, aad)
}

func unwrapWith(aead cipher.AEAD, wrapped, aad []byte) (key [keySize]byte, err error) {
	if len(wrapped) != wrappedSize || wrapped[0] != wrapFormat {
		return key, fmt.Errorf("%d bytes that are not a wrapped key", len(wrapped))
	}
	_, err = aead.Open(key[:0], wrapped[1:1+nonceSize], wrapped[1+nonceSize:], aad)
	if err != nil {
		return key, errors.New("the wrapped key does not open")
	}
	return key, nil
}

func newAEAD(key [keySize]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// keyCache holds the keys of accounts that were used of late: at least the last half of cachedAccounts, at most all.
type keyCache struct {
	mu       sync.Mutex
	new, old map[mail.AccountID]accountKeys
}

const cachedAccounts = 65_536

func (c *keyCache) get(id mail.AccountID) (accountKeys, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys, ok := c.new[id]
	if !ok {
		if keys, ok = c.old[id]; ok {
			c.add(id, keys)
		}
	}
	return keys, ok
}

func (c *keyCache) put(id mail.AccountID, keys accountKeys) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(id, keys)
}

func (c *keyCache) add(id mail.AccountID, keys accountKeys) {
	if c.new == nil || len(c.new) >= cachedAccounts/2 {
		c.new, c.old = make(map[mail.AccountID]accountKeys), c.new
	}
	c.new[id] = keys
}

// Forget drops what is remembered of an account whose key was destroyed.
func (s *Store) Forget(id mail.AccountID) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	delete(s.cache.new, id)
	delete(s.cache.old, id)
}
