package bodies

import (
	"context"
	"crypto/cipher"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Found is where bodies of one account are: what Open reads from the database, read for many at once. It is of use as
// long as the bodies are wanted; one that has moved meanwhile is looked up again.
type Found struct {
	store   *Store
	account mail.AccountID
	cipher  cipher.AEAD // of the account's wrapping key
	rows    map[mail.BlobID]blobRow
}

// findSizes are how many bodies one statement finds: few, so that few statements are prepared.
var findSizes = [...]int{1, 8, 64}

// Find looks up bodies of an account. Names that the account does not have are left out.
func (s *Store) Find(t *tx.Tx, account mail.AccountID, ids []mail.BlobID) (Found, error) {
	f := Found{store: s, account: account, rows: make(map[mail.BlobID]blobRow, len(ids))}
	if len(ids) == 0 {
		return f, nil
	}
	// The keys of the account are kept from here on, so that no row needs to bring them.
	keys, err := s.accountKeysIn(t, account)
	if err != nil {
		return f, err
	}
	if f.cipher, err = newAEAD(keys.wrapping); err != nil {
		return f, mail.E("bodies.Find", mail.Other, err)
	}
	for len(ids) > 0 {
		n := min(len(ids), findSizes[len(findSizes)-1])
		if err := f.find(t, ids[:n]); err != nil {
			return f, err
		}
		ids = ids[n:]
	}
	return f, nil
}

func (f *Found) find(t *tx.Tx, ids []mail.BlobID) error {
	size := 0
	for _, size = range findSizes {
		if size >= len(ids) {
			break
		}
	}
	var in strings.Builder
	args := []any{f.account}
	for i := range size { // a short list is filled up by repeating its last name
		if i > 0 {
			in.WriteByte(',')
		}
		in.WriteString("$" + strconv.Itoa(i+2))
		args = append(args, ids[min(i, len(ids)-1)][:])
	}
	rows, err := t.SQL().Query(`SELECT b.blob_id, b.object_id, b.wrapped_key, b.size, o.location
		FROM blob b JOIN object o ON o.id = b.object_id WHERE b.account_id = $1 AND b.blob_id IN (`+in.String()+`)`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, location []byte // plain types cost less to scan
		var object int64
		row := blobRow{account: f.account}
		if err := rows.Scan(&id, &object, &row.wrapped, &row.size, &location); err != nil {
			return err
		}
		copy(row.blob[:], id)
		row.object, row.location = mail.ObjectID(object), location
		f.rows[row.blob] = row
	}
	return rows.Err()
}

// Open opens one of the bodies, as Store.Open does.
func (f Found) Open(ctx context.Context, id mail.BlobID) (blob.Reader, error) {
	row, found := f.rows[id]
	if _, known := f.store.cache.get(f.account); found && known { // known: the account's key was not destroyed meanwhile
		key, err := unwrapObjectKey(f.cipher, f.account, row.object, row.wrapped)
		if err == nil {
			if r, err := f.store.openWith(ctx, key, row); err == nil {
				return r, nil
			}
		}
	}
	return f.store.Open(ctx, f.account, id) // moved, or to tell what is wrong
}
