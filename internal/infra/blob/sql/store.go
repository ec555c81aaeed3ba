package sql

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

const (
	format     = 1
	headerSize = 16
	magic      = "MMsq"

	// partSize is the bytes of a body in a part. A row of this size is moved by both engines without trouble, and a frame
	// of a sealed body touches two parts at most.
	partSize = 256 << 10

	// removeParts is how many parts a commit removes.
	removeParts = 200

	// commitRepeats bounds how often a part whose COMMIT went unanswered is written again.
	commitRepeats = 5
)

// Store keeps bodies in the table blob_bytes. It is safe for concurrent use.
type Store struct {
	db    *db.DB
	small sync.Pool // of *[]byte: room for the header and smallBody
	large sync.Pool // of *[]byte: room for the header and a part
}

// smallBody is what a Put holds while its source is slow, until there is more than that.
const smallBody = 16 << 10

var (
	_ blob.Store  = (*Store)(nil)
	_ blob.Lister = (*Store)(nil)
)

// New returns a Store over a database that has the table.
func New(d *db.DB) *Store {
	s := &Store{db: d}
	s.small.New = func() any { b := make([]byte, headerSize+smallBody); return &b }
	s.large.New = func() any { b := make([]byte, headerSize+partSize); return &b }
	return s
}

// place is what a Location says.
type place struct {
	id   mail.ObjectID
	size int64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (p place) location() blob.Location {
	b := binary.AppendUvarint(append(make([]byte, 0, 28), format), uint64(p.id))
	b = binary.AppendUvarint(b, uint64(p.size))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func parseLocation(op string, at blob.Location) (p place, err error) {
	bad := mail.E(op, mail.Invalid, fmt.Errorf("%.80x is not a location of this store", []byte(at)))
	end := len(at) - 4
	if end < 3 || at[0] != format || crc32.Checksum(at[:end], castagnoli) != binary.BigEndian.Uint32(at[end:]) {
		return p, bad
	}
	id, n := binary.Uvarint(at[1:end])
	if n <= 0 {
		return p, bad
	}
	size, m := binary.Uvarint(at[1+n : end])
	if m <= 0 || 1+n+m != end || int64(size) < 0 {
		return p, bad
	}
	return place{mail.ObjectID(id), int64(size)}, nil
}

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, id mail.ObjectID, r io.Reader) (blob.Location, int64, error) {
	small := s.small.Get().(*[]byte)
	defer s.small.Put(small)
	n, ended, err := readPart(ctx, r, (*small)[headerSize:])
	if err != nil {
		return nil, 0, err
	}
	if ended {
		return s.finish(ctx, id, (*small)[:headerSize+n], int64(n))
	}
	large := s.large.Get().(*[]byte)
	defer s.large.Put(large)
	copy(*large, *small)
	more, ended, err := readPart(ctx, r, (*large)[headerSize+n:])
	if err != nil {
		return nil, 0, err
	}
	n += more
	size := int64(n)
	if !ended {
		rest, err := s.putRest(ctx, id, r)
		if err != nil {
			return nil, 0, err
		}
		size += rest
	}
	return s.finish(ctx, id, (*large)[:headerSize+n], size)
}

// finish writes part 0, whose header it fills in.
func (s *Store) finish(ctx context.Context, id mail.ObjectID, first []byte, size int64) (blob.Location, int64, error) {
	fillHeader(first, size)
	if err := s.writePart(ctx, id, 0, first); err != nil {
		return nil, 0, err
	}
	return place{id, size}.location(), size, nil
}

func fillHeader(first []byte, size int64) {
	clear(first[:headerSize])
	copy(first, magic)
	first[4] = format
	binary.BigEndian.PutUint64(first[8:], uint64(size))
}

// putRest writes the parts after the first.
func (s *Store) putRest(ctx context.Context, id mail.ObjectID, r io.Reader) (size int64, err error) {
	buf := s.large.Get().(*[]byte)
	defer s.large.Put(buf)
	for part, ended := 1, false; !ended; part++ {
		var n int
		if n, ended, err = readPart(ctx, r, (*buf)[:partSize]); err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		if err := s.writePart(ctx, id, part, (*buf)[:n]); err != nil {
			return 0, err
		}
		size += int64(n)
	}
	return size, nil
}

// readPart fills p, and reports whether r ended with it or before.
func readPart(ctx context.Context, r io.Reader, p []byte) (n int, ended bool, err error) {
	if err := ctx.Err(); err != nil {
		return 0, false, unavailable(err)
	}
	n, err = io.ReadFull(r, p)
	switch err {
	case nil:
		return n, false, nil
	case io.EOF, io.ErrUnexpectedEOF:
		return n, true, nil
	}
	return n, false, readError(err)
}

func unavailable(err error) error { return mail.E("blob/sql.Put", mail.Unavailable, err) }

func readError(err error) error { return fmt.Errorf("blob/sql.Put: read the body: %w", err) }

var insertPart = db.Text{
	One:  `INSERT INTO blob_bytes (name, part, bytes) VALUES ($1, $2, $3)`,
	Many: `INSERT INTO blob_bytes (name, part, bytes) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])`,
}

// writePart commits a part. One whose COMMIT went unanswered is written over: the bytes are the same.
func (s *Store) writePart(ctx context.Context, id mail.ObjectID, part int, b []byte) error {
	statement := insertPart.One
	for repeat := 0; ; repeat++ {
		err := s.db.Write(ctx, int64(id), func(tx *db.Tx) error {
			tx.Queue(statement, id, part, b) // it goes with COMMIT
			return nil
		})
		switch {
		case err == nil:
			return nil
		case errors.Is(err, db.ErrCommitUnknown) && repeat < commitRepeats:
			statement = insertPart.One + ` ON CONFLICT (name, part) DO UPDATE SET bytes = excluded.bytes`
		case db.IsUnique(err):
			return mail.E("blob/sql.Put", mail.Exists, fmt.Errorf("object %d was put before: an id is given to one body only", id))
		default:
			return unavailable(err)
		}
	}
}

// Remove implements blob.Store. Part 0 goes first, so that what is left of a removal is not a body.
func (s *Store) Remove(ctx context.Context, at ...blob.Location) error {
	const op = "blob/sql.Remove"
	for _, l := range at {
		p, err := parseLocation(op, l)
		if err != nil {
			return err
		}
		if err := s.Clear(ctx, p.id); err != nil {
			return err
		}
	}
	return nil
}

// Clear removes what there is of a body, whole or what a Put has left that did not come to its end: then the id can be put again.
func (s *Store) Clear(ctx context.Context, id mail.ObjectID) error {
	for gone := int64(removeParts); gone == removeParts; {
		err := s.db.Write(ctx, int64(id), func(tx *db.Tx) (err error) {
			gone, err = tx.Exec(`DELETE FROM blob_bytes WHERE name = $1 AND part IN
				(SELECT part FROM blob_bytes WHERE name = $1 ORDER BY part LIMIT $2)`, id, removeParts)
			return err
		})
		if err != nil && !errors.Is(err, db.ErrCommitUnknown) { // unknown: it can be repeated, here it is
			return mail.E("blob/sql.Remove", mail.Unavailable, err)
		}
		if err != nil {
			gone = removeParts
		}
	}
	return nil
}

const listPage = 1000

// List implements blob.Lister.
func (s *Store) List(ctx context.Context, each func(blob.Found) error) error {
	for after := mail.ObjectID(-1 << 63); ; {
		page, err := s.page(ctx, after)
		if err != nil {
			return mail.E("blob/sql.List", mail.Unavailable, err)
		}
		if len(page) == 0 {
			return nil
		}
		for _, p := range page {
			if err := each(blob.Found{ID: p.id, Location: p.location(), Size: p.size}); err != nil {
				return err
			}
		}
		after = page[len(page)-1].id
	}
}

// page returns the bodies after an id. The lowest part of each tells: where it is not part 0, a Put did not end.
func (s *Store) page(ctx context.Context, after mail.ObjectID) (page []place, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		page = page[:0]
		rows, err := tx.Query(`SELECT name, part, substr(bytes, 1, 16) FROM blob_bytes AS b
			WHERE name > $1 AND part = (SELECT min(part) FROM blob_bytes WHERE name = b.name)
			ORDER BY name LIMIT $2`, after, listPage)
		if err != nil {
			return err
		}
		for rows.Next() {
			var p place
			var part int64
			var header []byte
			if err := rows.Scan(&p.id, &part, &header); err != nil {
				return err
			}
			if part == 0 {
				p.size, _ = parseHeader(header)
			}
			page = append(page, p)
		}
		return rows.Err()
	})
	return page, err
}

func parseHeader(b []byte) (size int64, ok bool) {
	if len(b) < headerSize || string(b[:4]) != magic || b[4] != format {
		return 0, false
	}
	size = int64(binary.BigEndian.Uint64(b[8:]))
	return size, size >= 0
}
