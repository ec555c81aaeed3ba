package bodies

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/sealed"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Severity says what a Finding means.
type Severity string

const (
	Lost  Severity = "lost"  // mail that cannot be read
	Wrong Severity = "wrong" // rows that contradict each other; no mail is lost
	Info  Severity = "info"  // what a crash leaves, and what goes by itself
)

// Finding is something that Check noticed.
type Finding struct {
	Severity Severity       `json:"severity"`
	Account  mail.AccountID `json:"account,omitempty"`
	Blob     string         `json:"blob,omitempty"`
	Object   mail.ObjectID  `json:"object,omitempty"`
	Text     string         `json:"text"`
	Rebuild  bool           `json:"-"` // Rebuild may mend it
}

// Holds calls each for every hold that a room has of bodies of an account: a body that two emails name, twice. Rooms that
// hold bodies give one to CheckHolds.
type Holds func(t *tx.Tx, account mail.AccountID, each func(mail.BlobID)) error

// Checked says what Check has looked at.
type Checked struct {
	Blobs   int   `json:"blobs"`
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"` // of clear content that was read
}

// Check reads every body that an account has and holds it to its row: the object exists and is live, its bytes are there
// and open under the account's key, and their hash is the one that the name was made of. It looks for objects that
// nobody names and nobody collects, and, where the store can list its bytes, for bytes that no row names. Service may
// go on: what changes meanwhile is looked at again before it is reported.
func (s *Store) Check(ctx context.Context, report func(Finding)) (Checked, error) {
	c := checker{Store: s, ctx: ctx, report: report}
	if err := c.blobs(); err != nil {
		return c.done, err
	}
	if err := c.unnoticed(); err != nil {
		return c.done, err
	}
	return c.done, c.orphans()
}

// checker is one run of Check.
type checker struct {
	*Store
	ctx    context.Context
	report func(Finding)
	done   Checked

	// The object that was read last: recipients of one message follow one another, and its bytes are read once.
	object mail.ObjectID
	key    sealed.Key
	hash   [32]byte
}

// blobs checks all rows of blob, in the order of their objects.
func (c *checker) blobs() error {
	for after := (blobRow{}); ; {
		page, err := c.page(after)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, row := range page {
			if err := c.ctx.Err(); err != nil {
				return mail.E("bodies.Check", mail.Unavailable, err)
			}
			if err := c.row(row); err != nil {
				return err
			}
		}
		after = page[len(page)-1]
	}
}

// checkPage is how many rows are read at a time; reading their bodies comes after that.
const checkPage = 200

func (c *checker) page(after blobRow) (page []blobRow, err error) {
	err = c.tx.Read(c.ctx, func(t *tx.Tx) error {
		page = page[:0]
		// Rows without an object or an account come with an empty location or key.
		rows, err := t.SQL().Query(`SELECT b.account_id, b.blob_id, b.object_id, b.wrapped_key, b.size, o.location, o.state, a.wrapped_key
			FROM blob b LEFT JOIN object o ON o.id = b.object_id LEFT JOIN account a ON a.id = b.account_id
			WHERE (b.object_id, b.account_id, b.blob_id) > ($1, $2, $3)
			ORDER BY b.object_id, b.account_id, b.blob_id LIMIT $4`, after.object, after.account, after.blob[:], checkPage)
		if err != nil {
			return err
		}
		for rows.Next() {
			var r blobRow
			var state *int64
			var location []byte
			if err := rows.Scan(&r.account, &r.blob, &r.object, &r.wrapped, &r.size, &location, &state, &r.key); err != nil {
				return err
			}
			if r.location, r.state = location, noObject; state != nil {
				r.state = *state
			}
			page = append(page, r)
		}
		return rows.Err()
	})
	return page, err
}

// noObject stands for the state of an object that has no row.
const noObject = -1

// row checks a blob. A fault is believed when the row is still the same after it.
func (c *checker) row(row blobRow) error {
	c.done.Blobs++
	for {
		severity, fault := c.fault(row)
		if fault == nil {
			return nil
		}
		if mail.Is(fault, mail.Unavailable) {
			return fault // of the disk or of the caller's context: nothing is known of this body
		}
		again, err := c.lookup(c.ctx, row.account, row.blob)
		switch {
		case mail.Is(err, mail.NotFound) && row.state != noObject && row.key != nil:
			return nil // released meanwhile
		case err != nil && !mail.Is(err, mail.NotFound):
			return err
		case err == nil && !bytes.Equal(again.location, row.location):
			row = again // moved meanwhile
			continue
		}
		c.report(Finding{severity, row.account, row.blob.String(), row.object, fault.Error(), row.state == noObject || mail.Is(fault, mail.NotFound)})
		return nil
	}
}

func (c *checker) fault(row blobRow) (Severity, error) {
	switch {
	case row.state == noObject:
		return Lost, errors.New("the object has no row")
	case row.key == nil:
		return Wrong, errors.New("there is no such account")
	case row.state != live:
		return Wrong, errors.New("the object is being collected although it has a name")
	}
	key, err := c.unwrapRow(row)
	if err != nil {
		return Lost, err
	}
	if c.object != row.object || c.key != key {
		hash, err := c.read(row)
		if err != nil {
			return Lost, err
		}
		c.object, c.key, c.hash = row.object, key, hash
		c.done.Objects++
		c.done.Bytes += row.size
	}
	keys, err := c.accountKeys(row.account, row.key)
	if err != nil {
		return Lost, err
	}
	if keys.blobID(c.hash) != row.blob {
		return Lost, errors.New("the body is not the one that its name was made of")
	}
	return "", nil
}

// read reads a body and returns its hash.
func (c *checker) read(row blobRow) (hash [32]byte, err error) {
	r, err := c.openRow(c.ctx, row)
	if err != nil {
		return hash, err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, 0, r.Size())); err != nil {
		return hash, err
	}
	h.Sum(hash[:0])
	return hash, nil
}

// unnoticed finds live objects that no blob names and that the collector will not look at.
func (c *checker) unnoticed() error {
	var found []mail.ObjectID
	err := c.tx.Read(c.ctx, func(t *tx.Tx) error {
		found = nil
		rows, err := t.SQL().Query(`SELECT id FROM object WHERE state = 0
			AND NOT EXISTS (SELECT 1 FROM blob WHERE object_id = object.id)
			AND NOT EXISTS (SELECT 1 FROM object_unnamed WHERE object_id = object.id) ORDER BY id`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var id mail.ObjectID
			if err := rows.Scan(&id); err != nil {
				return err
			}
			found = append(found, id)
		}
		return rows.Err()
	})
	for _, id := range found {
		c.report(Finding{Severity: Wrong, Object: id, Text: "nobody names the object, and nobody collects it"})
	}
	return err
}

// orphans finds bytes that no row names.
func (c *checker) orphans() error {
	lister, ok := c.Store.blobs.(blob.Lister)
	if !ok {
		return nil
	}
	var count int
	var size int64
	err := c.listed(c.ctx, lister, func(found []blob.Found, rows []object) error {
		for i, f := range found {
			if !rows[i].names(f) {
				count++
				size += f.Size
			}
		}
		return nil
	})
	if count > 0 {
		c.report(Finding{Severity: Info, Text: fmt.Sprintf("%d bodies in the store (%d bytes) have no row; deliveries under way and those that a crash ended leave them, and a sweep removes them", count, size)})
	}
	return err
}

// CheckHolds compares the number of holds in the account's rows with what the rooms say that they hold.
func (s *Store) CheckHolds(ctx context.Context, account mail.AccountID, rooms []Holds, report func(Finding)) error {
	var found []Finding
	err := s.tx.Read(ctx, func(t *tx.Tx) error {
		found = nil
		count, err := countHolds(t, account, rooms)
		if err != nil {
			return err
		}
		rows, err := t.SQL().Query(`SELECT blob_id, object_id, holds, expires FROM blob WHERE account_id = $1 ORDER BY blob_id`, account)
		if err != nil {
			return err
		}
		for rows.Next() {
			var id mail.BlobID
			var object mail.ObjectID
			var holds, expires int64
			if err := rows.Scan(&id, &object, &holds, &expires); err != nil {
				return err
			}
			if holds != count[id] || holds == 0 && expires == 0 {
				text := fmt.Sprintf("the row counts %d holds, there are %d", holds, count[id])
				found = append(found, Finding{Wrong, account, id.String(), object, text, true})
			}
			delete(count, id)
		}
		for id, n := range count {
			text := fmt.Sprintf("there are %d holds of a body that has no row", n)
			found = append(found, Finding{Severity: Lost, Account: account, Blob: id.String(), Text: text, Rebuild: true})
		}
		return rows.Err()
	})
	for _, f := range found {
		report(f)
	}
	return err
}

// countHolds is how many holds rooms have of each body of an account.
func countHolds(t *tx.Tx, account mail.AccountID, rooms []Holds) (map[mail.BlobID]int64, error) {
	count := map[mail.BlobID]int64{}
	for _, holds := range rooms {
		if err := holds(t, account, func(id mail.BlobID) { count[id]++ }); err != nil {
			return nil, err
		}
	}
	return count, nil
}
