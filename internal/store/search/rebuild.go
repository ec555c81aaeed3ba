package search

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Rebuild makes the index of an account anew, while it is in use: what there is no longer counts from now on, and searches
// read the mail itself until the index has it again.
func (x *Index) Rebuild(ctx context.Context, account mail.AccountID) error {
	if err := x.begin(ctx, account); err != nil {
		return err
	}
	x.bus.Publish(rebuilt, binary.AppendUvarint(nil, uint64(account))) // whichever node keeps it up
	return nil
}

// sweepRows is how many segments one commit removes.
const sweepRows = 100

// sweep removes what is left of earlier generations.
func (x *Index) sweep(ctx context.Context, account mail.AccountID, before int64) error {
	for {
		var n int64
		err := x.tx.Write(ctx, nil, func(t *tx.Tx) (err error) {
			n, err = t.SQL().Exec(`DELETE FROM text_segment WHERE account_id = $1 AND id IN
				(SELECT id FROM text_segment WHERE account_id = $1 AND generation < $2 LIMIT $3)`, account, before, sweepRows)
			return err
		})
		if err != nil || n < sweepRows {
			return err
		}
	}
}

// Purge removes rows of an account that is being removed, as many as one commit may, and says whether there are more.
func (x *Index) Purge(t *tx.Tx, account mail.AccountID) (more bool, err error) {
	t.SQL().Queue(`DELETE FROM text_index WHERE account_id = $1`, account)
	n, err := t.SQL().Exec(`DELETE FROM text_segment WHERE account_id = $1 AND id IN
		(SELECT id FROM text_segment WHERE account_id = $1 LIMIT $2)`, account, sweepRows)
	return n == sweepRows, err
}

// CleanAll cleans the index of every account.
func (x *Index) CleanAll(ctx context.Context) error {
	var after mail.AccountID
	for {
		var account mail.AccountID
		err := x.tx.Read(ctx, func(t *tx.Tx) error {
			account = 0
			return t.SQL().QueryRow(`SELECT COALESCE(MIN(account_id), 0) FROM text_segment WHERE account_id > $1 AND gone > 0`, after).Scan(&account)
		})
		if err != nil || account == 0 {
			return err
		}
		if err := x.Clean(ctx, account); err != nil {
			return err
		}
		after = account
	}
}

// Checked says what Check found.
type Checked struct {
	Segments, Emails int
	Bytes            int64 // sealed
}

// Check opens everything that the index of an account holds. An error names the first piece that is not what was written.
func (x *Index) Check(ctx context.Context, account mail.AccountID) (c Checked, err error) {
	var list []*segment
	err = x.tx.Read(ctx, func(t *tx.Tx) error {
		s, ok, err := readState(t, account)
		if list = nil; err != nil || !ok {
			return err
		}
		list, err = segments(t, account, s.generation, "")
		return err
	})
	if err != nil || len(list) == 0 {
		return c, err
	}
	key, err := x.bodies.IndexKey(ctx, account)
	if err != nil {
		return c, err
	}
	var clear []byte
	for part := range slices.Chunk(list, atATime) {
		if err := x.readTexts(ctx, account, part); err != nil {
			return c, err
		}
		for _, s := range part {
			if s.text == nil { // written anew since it was listed
				continue
			}
			clear, err = s.open(key, clear, func(*entry) error { c.Emails++; return nil })
			if err != nil {
				return c, err
			}
			c.Segments++
			c.Bytes += int64(len(s.text))
			s.text = nil
		}
	}
	return c, nil
}
