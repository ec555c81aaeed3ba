package bodies

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/sealed"
	blobsql "github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Options says what a Store stands on.
type Options struct {
	Tx        *tx.Store
	Blobs     blob.Store   // sealed bytes go here
	MasterKey []byte       // MasterKeySize bytes
	KeyFile   string       // path of the file that keeps wrapped keys, "" for none
	Logger    *slog.Logger // nil discards

	// Clock says how long this process has waited; rows have the database's time. nil is time.Now.
	Clock func() time.Time
}

// Store is the room. It is safe for concurrent use.
type Store struct {
	tx     *tx.Store
	blobs  blob.Store
	sealed *sealed.Store
	master masterKey
	ids    idPool
	cache  keyCache
	keys   *keyFile // nil for none
	log    *slog.Logger
	clock  func() time.Time
}

// New returns a Store over a database whose schema is up to date. Close it when it has a key file.
func New(o Options) (*Store, error) {
	if len(o.MasterKey) != MasterKeySize {
		return nil, mail.E("bodies.New", mail.Invalid, fmt.Errorf("the master key has %d bytes, want %d", len(o.MasterKey), MasterKeySize))
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	s := &Store{tx: o.Tx, blobs: o.Blobs, sealed: sealed.New(o.Blobs), log: o.Logger, clock: o.Clock}
	copy(s.master[:], o.MasterKey)
	if o.KeyFile != "" {
		var err error
		if s.keys, err = openKeyFile(o.KeyFile, o.Logger); err != nil {
			return nil, mail.E("bodies.New", mail.Unavailable, err)
		}
	}
	return s, nil
}

// Close writes what the key file is still owed.
func (s *Store) Close() error {
	if s.keys == nil {
		return nil
	}
	return s.keys.close()
}

// Body is a body that is on stable storage, or will be by the commit that names it, and has, at first, no name. It belongs to
// one goroutine.
type Body struct {
	Object   mail.ObjectID
	Location blob.Location
	Key      sealed.Key
	Stored   int64    // sealed bytes
	Size     int64    // clear bytes
	Hash     [32]byte // SHA-256 of the clear bytes

	pending *blobsql.Pending // what the commit that names it writes; nil: it was written

	since time.Time // before it was put, by this process's measure of time
	at    time.Time // before it was put, by the database's clock
	names *tx.Tx    // the last unit of work that tried to name it

	borrowed bool // another account's: its object is there
}

// Put writes what r holds, up to io.EOF, as a new body. An error of r is returned wrapped; when the bytes cannot be stored
// the error is mail.Unavailable.
func (s *Store) Put(ctx context.Context, r io.Reader) (*Body, error) {
	since := s.clock()
	at, err := s.tx.Clock(ctx)
	if err != nil {
		return nil, err
	}
	id, err := s.ids.next(ctx, s.tx)
	if err != nil {
		return nil, err
	}
	later := &laterStore{Store: s.blobs}
	o, err := sealed.New(later).Put(ctx, id, r)
	if err != nil {
		return nil, err
	}
	return &Body{Object: id, Location: o.Location, Key: o.Key, Stored: o.Stored, Size: o.Size, Hash: o.Hash, pending: later.pending, since: since, at: at}, nil
}

// laterStore has a store that keeps bodies in the database leave the one that is put to the transaction that names it.
type laterStore struct {
	blob.Store
	pending *blobsql.Pending
}

func (l *laterStore) Put(ctx context.Context, id mail.ObjectID, r io.Reader) (at blob.Location, size int64, err error) {
	putter, ok := l.Store.(blobsql.Putter)
	if !ok {
		return l.Store.Put(ctx, id, r)
	}
	at, size, l.pending, err = putter.PutLater(ctx, id, r)
	return at, size, err
}

// Discard lets the bytes of a body go that no commit will name: a message that was refused after its content came. A body
// that Hold has seen is left alone, because a commit whose answer was lost may name it; the collector decides.
func (s *Store) Discard(ctx context.Context, b *Body) error {
	if b.names != nil {
		return nil
	}
	b.since = time.Time{} // too old for Hold from now on
	if b.pending != nil {
		return nil
	}
	return s.blobs.Remove(ctx, b.Location)
}

// OpenBody opens a body that was just put.
func (s *Store) OpenBody(ctx context.Context, b *Body) (blob.Reader, error) {
	if b.pending != nil {
		return opened(sealed.NewReader(b.pending.Open(), b.Object, b.Key))
	}
	return opened(s.sealed.Open(ctx, b.Location, b.Object, b.Key))
}

// opened keeps a nil reader from becoming one that is not nil.
func opened(r *sealed.Reader, err error) (blob.Reader, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Open opens the clear bytes of an account's body; a name that the account does not have is mail.NotFound.
func (s *Store) Open(ctx context.Context, account mail.AccountID, id mail.BlobID) (blob.Reader, error) {
	const op = "bodies.Open"
	var last blob.Location
	for {
		row, err := s.lookup(ctx, account, id)
		if err != nil {
			return nil, err
		}
		r, err := s.openRow(ctx, row)
		if err == nil {
			return r, nil
		}
		if !mail.Is(err, mail.NotFound) {
			return nil, err
		}
		// Compaction may have moved it between the row and the open. Where the row says the same again, it is lost.
		if string(last) == string(row.location) {
			return nil, mail.E(op, mail.Other, fmt.Errorf("object %d of blob %v is not where its row says: %w", row.object, id, asLost(err)))
		}
		last = row.location
	}
}

// asLost keeps the kind of a store's NotFound from being taken for "this account has no such blob".
func asLost(err error) error { return errors.New(err.Error()) }

// blobRow is a row of blob with its object's.
type blobRow struct {
	account  mail.AccountID
	blob     mail.BlobID
	object   mail.ObjectID
	wrapped  []byte
	size     int64
	location blob.Location
	state    int64
	key      []byte // the account's key, wrapped
}

func (s *Store) lookup(ctx context.Context, account mail.AccountID, id mail.BlobID) (blobRow, error) {
	row := blobRow{account: account, blob: id}
	err := s.tx.Read(ctx, func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT b.object_id, b.wrapped_key, b.size, o.location, o.state, a.wrapped_key
			FROM blob b JOIN object o ON o.id = b.object_id JOIN account a ON a.id = b.account_id
			WHERE b.account_id = $1 AND b.blob_id = $2`, account, id[:]).
			Scan(&row.object, &row.wrapped, &row.size, &row.location, &row.state, &row.key)
	})
	if errors.Is(err, db.ErrNoRows) {
		return row, mail.E("bodies.Open", mail.NotFound, fmt.Errorf("account %v has no blob %v", account, id))
	}
	return row, err
}

func (s *Store) openRow(ctx context.Context, row blobRow) (*sealed.Reader, error) {
	key, err := s.unwrapRow(row)
	if err != nil {
		return nil, err
	}
	return s.openWith(ctx, key, row)
}

// openWith opens a body with its key.
func (s *Store) openWith(ctx context.Context, key sealed.Key, row blobRow) (*sealed.Reader, error) {
	r, err := s.sealed.Open(ctx, row.location, row.object, key)
	if err != nil {
		return nil, err
	}
	if r.Size() != row.size {
		err := fmt.Errorf("object %d holds %d bytes, its row says %d", row.object, r.Size(), row.size)
		return nil, mail.E("bodies.Open", mail.Other, errors.Join(err, r.Close()))
	}
	return r, nil
}

func (s *Store) unwrapRow(row blobRow) (sealed.Key, error) {
	keys, err := s.accountKeys(row.account, row.key)
	if err != nil {
		return sealed.Key{}, err
	}
	return keys.unwrap(row.account, row.object, row.wrapped)
}
