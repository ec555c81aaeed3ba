package bodies

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits of what is uploaded and not yet part of anything (RFC 8620 6).
const (
	UploadKept = 25 * time.Hour // a day at least, and what a client needs to see that it has passed
	MaxUploads = 500            // of an account
)

// HoldUpload names a body for an account until UploadKept from now; what names it in that time (Hold, HoldAgain) keeps it. A body
// that the account has already is found under the same name, and kept as long as any other. The uploads that are oldest go
// for it where all of them together would have more than most bytes, or be more than MaxUploads. The account is locked.
func (s *Store) HoldUpload(t *tx.Tx, account mail.AccountID, b *Body, most int64) (mail.BlobID, error) {
	if b.Size > most {
		return mail.BlobID{}, mail.E("bodies.HoldUpload", mail.OverQuota, fmt.Errorf("uploads have at most %d bytes together", most))
	}
	id, err := s.name(t, account, b, 0, t.Now().Add(UploadKept).UnixMilli())
	if err == nil {
		err = s.makeRoom(t, account, id, most)
	}
	return id, err
}

// makeRoom lets the oldest uploads go but the one that has just come.
func (s *Store) makeRoom(t *tx.Tx, account mail.AccountID, latest mail.BlobID, most int64) error {
	rows, err := t.SQL().Query(`SELECT blob_id, size FROM blob WHERE account_id = $1 AND expires > 0 ORDER BY expires DESC, blob_id`, account)
	if err != nil {
		return err
	}
	defer rows.Close()
	var gone []mail.BlobID
	var bytes int64
	var count int
	for rows.Next() {
		var id []byte
		var size int64
		if err := rows.Scan(&id, &size); err != nil {
			return err
		}
		bytes, count = bytes+size, count+1
		if (bytes > most || count > MaxUploads) && mail.BlobID(id) != latest {
			gone = append(gone, mail.BlobID(id))
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, id := range gone {
		dropUpload(t, account, id, math.MaxInt64)
	}
	return nil
}

// dropUpload lets an upload go that expires at a time or before. One that was sent again has another time by now, and one that was
// named none.
func dropUpload(t *tx.Tx, account mail.AccountID, id mail.BlobID, at int64) {
	t.SQL().Queue(`INSERT INTO object_unnamed (object_id, account_id, at)
		SELECT object_id, account_id, CAST($3 AS BIGINT) FROM blob WHERE account_id = $1 AND blob_id = $2 AND expires > 0 AND expires <= $4
		ON CONFLICT (object_id, account_id) DO UPDATE SET at = excluded.at`, account, id[:], t.Now(), at)
	t.SQL().Queue(`DELETE FROM blob WHERE account_id = $1 AND blob_id = $2 AND expires > 0 AND expires <= $3`, account, id[:], at)
}

// ExpireUploads lets the uploads go whose time is over. It can be repeated, and ended anywhere; several nodes may do it at a time.
func (s *Store) ExpireUploads(ctx context.Context) error {
	for {
		due, count, err := s.dueUploads(ctx)
		if err != nil {
			return err
		}
		gone := 0
		for account, ids := range due {
			err := s.tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) error {
				for _, id := range ids {
					dropUpload(t, account, id, t.Now().UnixMilli())
				}
				return nil
			})
			if mail.Is(err, mail.Gone) { // its rows go with it
				gone += len(ids)
				continue
			}
			if err != nil {
				return err
			}
		}
		if count < collectBatch || gone == count {
			return nil
		}
	}
}

// dueUploads are some of the uploads whose time is over.
func (s *Store) dueUploads(ctx context.Context) (due map[mail.AccountID][]mail.BlobID, count int, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		due, count = map[mail.AccountID][]mail.BlobID{}, 0
		rows, err := t.SQL().Query(`SELECT account_id, blob_id FROM blob WHERE expires > 0 AND expires <= $1 ORDER BY expires LIMIT $2`, t.Now().UnixMilli(), collectBatch)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var account mail.AccountID
			var id []byte
			if err := rows.Scan(&account, &id); err != nil {
				return err
			}
			due[account] = append(due[account], mail.BlobID(id))
			count++
		}
		return rows.Err()
	})
	return due, count, err
}

// SizeOf is the size of a body that an account has, mail.NotFound if it has none of that name.
func (s *Store) SizeOf(t *tx.Tx, account mail.AccountID, id mail.BlobID) (size int64, err error) {
	err = t.SQL().QueryRow(`SELECT size FROM blob WHERE account_id = $1 AND blob_id = $2`, account, id[:]).Scan(&size)
	if errors.Is(err, db.ErrNoRows) {
		err = mail.E("bodies.SizeOf", mail.NotFound, fmt.Errorf("account %v has no blob %v", account, id))
	}
	return size, err
}
