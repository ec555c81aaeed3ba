package bodies

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Rebuilt says what Rebuild did.
type Rebuilt struct {
	Objects int `json:"objects"` // rows of objects, made or put right from the store's own bytes
	Names   int `json:"names"`   // rows of blob, made from the key file
	Holds   int `json:"holds"`   // rows of blob whose count of holds was put right
	Lost    int `json:"lost"`    // bodies that are held and could not be given back
	Damaged int `json:"damaged_key_lines"`
}

// Rebuild gives this room's rows back to a database that has lost some of them:
//
//  1. It counts what the rooms hold. Counts of holds that are wrong are put right; bodies that are held and have no row are
//     missing.
//  2. Objects whose row leads nowhere, and those without a row that a row of blob names, get the row that the store's own
//     bytes tell; where bodies are missing, all objects do, because a missing one may be any of them.
//  3. Missing rows of blob are made from the lines of the key file. A name may have several lines, one for each time that
//     the content came; any whose object is there and opens will do.
//
// What was made too much in step 2 is left to the collector. Rebuild works in small commits and can be repeated; nothing
// else may be at work.
func (s *Store) Rebuild(ctx context.Context, rooms []Holds) (Rebuilt, error) {
	const op = "bodies.Rebuild"
	lister, ok := s.blobs.(blob.Lister)
	if !ok {
		return Rebuilt{}, mail.E(op, mail.Invalid, errors.New("this store of bodies cannot list them"))
	}
	r := &rebuild{Store: s, ctx: ctx, rooms: rooms}
	for first := true; first || r.next > 0; first = false {
		if err := r.findMissing(); err != nil {
			return r.done, err
		}
		if first {
			if err := s.listed(ctx, lister, r.objects); err != nil {
				return r.done, err
			}
		}
		if err := r.names(); err != nil {
			return r.done, err
		}
		r.done.Lost += len(r.missing)
	}
	withoutObject, err := r.withoutObject()
	r.done.Lost += withoutObject
	return r.done, err
}

// rebuild is one run of Rebuild.
type rebuild struct {
	*Store
	ctx   context.Context
	rooms []Holds
	done  Rebuilt

	next    mail.AccountID // the last that was looked at, 0 when all were
	missing map[name]int64 // how many holds there are
}

// name is what an account calls a body.
type name struct {
	account mail.AccountID
	blob    mail.BlobID
}

// maxMissing bounds the memory for missing bodies: when there are more, the key file is read again for the next accounts.
const maxMissing = 500_000

// rebuildBatch is how many bodies a unit of work rebuilds, at three rows each.
const rebuildBatch = 300

// findMissing looks at the next accounts until enough is missing or all are done.
func (r *rebuild) findMissing() error {
	r.missing = map[name]int64{}
	for {
		page, err := r.accountKeyPage(r.ctx, r.next)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			r.next = 0
			return nil
		}
		for _, a := range page {
			if len(a.Wrapped) > 0 { // else it is being removed
				if err := r.account(a.Account); err != nil {
					return err
				}
			}
			r.next = a.Account
			if len(r.missing) >= maxMissing {
				return nil
			}
		}
	}
}

// held is a row of blob and how many holds there are of it.
type held struct {
	blob   mail.BlobID
	object mail.ObjectID
	holds  int64
}

// account compares the rows of an account with what is held. Names that are missing are noted, counts put right.
func (r *rebuild) account(id mail.AccountID) error {
	var wrong []held
	var count map[mail.BlobID]int64
	err := r.tx.Read(r.ctx, func(t *tx.Tx) (err error) {
		wrong = nil
		if count, err = countHolds(t, id, r.rooms); err != nil {
			return err
		}
		rows, err := t.SQL().Query(`SELECT blob_id, object_id, holds, expires FROM blob WHERE account_id = $1`, id)
		if err != nil {
			return err
		}
		for rows.Next() {
			var h held
			var expires int64
			if err := rows.Scan(&h.blob, &h.object, &h.holds, &expires); err != nil {
				return err
			}
			n := count[h.blob]
			delete(count, h.blob)
			if h.holds != n || n == 0 && expires == 0 {
				h.holds = n
				wrong = append(wrong, h)
			}
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	for blob, n := range count {
		r.missing[name{id, blob}] = n
	}
	for page := range slices.Chunk(wrong, rebuildBatch) {
		if err := r.tx.Write(r.ctx, nil, func(t *tx.Tx) error { recount(t, id, page); return nil }); err != nil {
			return err
		}
		r.done.Holds += len(page)
	}
	return nil
}

// recount sets counts of holds. Who has none goes, as Release would have it, except an upload.
func recount(t *tx.Tx, account mail.AccountID, page []held) {
	q := t.SQL()
	for _, h := range page {
		q.Queue(`UPDATE blob SET holds = $3 WHERE account_id = $1 AND blob_id = $2`, account, h.blob[:], h.holds)
		if h.holds == 0 {
			noteUnnamed(t, h.object, account)
			q.Queue(`DELETE FROM blob WHERE account_id = $1 AND blob_id = $2 AND holds = 0 AND expires = 0`, account, h.blob[:])
		}
	}
}

// noteUnnamed has the collector look whether anybody names an object.
func noteUnnamed(t *tx.Tx, object mail.ObjectID, account mail.AccountID) {
	t.SQL().Queue(`INSERT INTO object_unnamed (object_id, account_id, at) VALUES ($1, $2, $3)
		ON CONFLICT (object_id, account_id) DO UPDATE SET at = excluded.at`, object, account, t.Now())
}

// objects gives rows to some of the store's bodies.
func (r *rebuild) objects(found []blob.Found, rows []object) error {
	var page []rowless
	for i, f := range found {
		row := rows[i]
		switch {
		case row.state == removed:
		case row.names(f) && (row.state == live || len(r.missing) == 0):
		case row.id != 0 && !row.names(f) && r.opens(r.ctx, row.location): // a second copy
		default:
			page = append(page, rowless{f, row.id == 0 && len(r.missing) == 0})
		}
	}
	for batch := range slices.Chunk(page, rebuildBatch) {
		n, err := r.makeObjects(batch)
		if err != nil {
			return err
		}
		r.done.Objects += n
	}
	return nil
}

// rowless is a body in need of a row, or of a better one.
type rowless struct {
	blob.Found
	ifNamed bool // only if a row of blob names it
}

func (s *Store) opens(ctx context.Context, at blob.Location) bool {
	r, err := s.blobs.Open(ctx, at)
	if err != nil {
		return false
	}
	r.Close()
	return true
}

func (r *rebuild) makeObjects(page []rowless) (made int, err error) {
	err = r.tx.Write(r.ctx, nil, func(t *tx.Tx) error {
		made = 0
		for _, f := range page {
			if f.ifNamed {
				switch named, err := isNamed(t, f.ID); {
				case err != nil:
					return err
				case !named:
					continue
				}
			}
			noteUnnamed(t, f.ID, 0) // it may turn out that nobody names it
			n, err := t.SQL().Exec(`INSERT INTO object (id, location, size, state, changed) VALUES ($1, $2, $3, 0, $4)
				ON CONFLICT (id) DO UPDATE SET location = excluded.location, size = excluded.size, state = 0, changed = excluded.changed
				WHERE object.state <> 2`, f.ID, []byte(f.Location), f.Size, t.Now())
			if err != nil {
				return err
			}
			made += int(n)
		}
		return nil
	})
	return made, err
}

func isNamed(t *tx.Tx, id mail.ObjectID) (bool, error) {
	var one int64
	err := t.SQL().QueryRow(`SELECT 1 FROM blob WHERE object_id = $1 LIMIT 1`, id).Scan(&one)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// names makes the missing rows of blob that the key file has a key for.
func (r *rebuild) names() error {
	if len(r.missing) == 0 || r.keys == nil {
		return nil
	}
	if err := r.keys.flush(); err != nil {
		return mail.E("bodies.Rebuild", mail.Unavailable, err)
	}
	var page []KeyLine
	damaged, err := ReadKeyFile(r.keys.path, func(l KeyLine) error {
		if l.Object == 0 || r.missing[name{l.Account, l.Blob}] == 0 {
			return nil
		}
		if page = append(page, l); len(page) < rebuildBatch {
			return nil
		}
		err := r.takeLines(page)
		page = page[:0]
		return err
	})
	r.done.Damaged = damaged
	if err != nil {
		return fmt.Errorf("read the key file %s: %w", r.keys.path, err)
	}
	return r.takeLines(page)
}

// takeLines makes the rows that lines of the key file tell, where their bodies can be read.
func (r *rebuild) takeLines(lines []KeyLine) error {
	var good []KeyLine
	taken := map[name]bool{}
	for _, l := range lines {
		n := name{l.Account, l.Blob}
		if taken[n] || r.missing[n] == 0 {
			continue
		}
		readable, err := r.readable(l)
		if err != nil {
			return err
		}
		if readable {
			taken[n] = true
			good = append(good, l)
		}
	}
	err := r.tx.Write(r.ctx, nil, func(t *tx.Tx) error {
		for _, l := range good {
			t.SQL().Queue(`INSERT INTO blob (account_id, blob_id, object_id, wrapped_key, size, holds, expires)
				VALUES ($1, $2, $3, $4, $5, $6, 0)`, l.Account, l.Blob[:], l.Object, l.Wrapped, l.Size, r.missing[name{l.Account, l.Blob}])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for n := range taken {
		delete(r.missing, n)
	}
	r.done.Names += len(good)
	return nil
}

// readable reports whether the object of a line is there and opens under the line's key.
func (r *rebuild) readable(l KeyLine) (bool, error) {
	row := blobRow{account: l.Account, blob: l.Blob, object: l.Object, wrapped: l.Wrapped, size: l.Size}
	err := r.tx.Read(r.ctx, func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT o.location, o.state, a.wrapped_key FROM object o, account a WHERE o.id = $1 AND a.id = $2`,
			l.Object, l.Account).Scan(&row.location, &row.state, &row.key)
	})
	if errors.Is(err, db.ErrNoRows) || err == nil && row.state != live {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	body, err := r.openRow(r.ctx, row)
	if err != nil {
		if mail.Is(err, mail.Unavailable) {
			return false, err
		}
		return false, nil // ids can repeat in a database that was put back: the line is of another body, say
	}
	return true, body.Close()
}

// withoutObject counts the bodies that have a row and no object.
func (r *rebuild) withoutObject() (n int, err error) {
	err = r.tx.Read(r.ctx, func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT COUNT(*) FROM blob WHERE NOT EXISTS (SELECT 1 FROM object WHERE id = object_id AND state = $1)`, live).Scan(&n)
	})
	return n, err
}
