package bodies

import (
	"context"
	"crypto/sha256"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Borrow makes a body of one account ready for others and returns what holds it for one of them: they share its bytes, under
// names and keys of their own. It reads the content, since names are made of that. Whoever holds it locks the account that
// has it, too, and looks whether it still has it.
func (s *Store) Borrow(ctx context.Context, account mail.AccountID, id mail.BlobID) (hold func(*tx.Tx, mail.AccountID) (mail.BlobID, error), err error) {
	b, err := s.borrow(ctx, account, id)
	return func(t *tx.Tx, to mail.AccountID) (mail.BlobID, error) { return s.Hold(t, to, b) }, err
}

// BorrowUpload is Borrow for what is to become an upload of another account (HoldUpload). That the account still has the body
// nobody needs to look at: where it is gone, the error of hold is ErrPutAgain.
func (s *Store) BorrowUpload(ctx context.Context, account mail.AccountID, id mail.BlobID, most int64) (hold func(*tx.Tx, mail.AccountID) (mail.BlobID, error), err error) {
	b, err := s.borrow(ctx, account, id)
	return func(t *tx.Tx, to mail.AccountID) (mail.BlobID, error) { return s.HoldUpload(t, to, b, most) }, err
}

func (s *Store) borrow(ctx context.Context, account mail.AccountID, id mail.BlobID) (*Body, error) {
	b := &Body{since: s.clock(), borrowed: true}
	row, err := s.lookup(ctx, account, id)
	if err != nil {
		return nil, err
	}
	if b.Key, err = s.unwrapRow(row); err != nil {
		return nil, err
	}
	r, err := s.Open(ctx, account, id)
	if err != nil {
		return nil, err
	}
	defer r.Close() // it was read, or the error is told
	b.Object, b.Location, b.Size = row.object, row.location, row.size
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, 0, r.Size())); err != nil {
		return nil, err
	}
	h.Sum(b.Hash[:0])
	return b, nil
}
