package pack

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// putLarge writes a body to a file of its own while it is read: write, sync, rename, sync the folder.
func (s *Store) putLarge(ctx context.Context, id mail.ObjectID, r io.Reader) (blob.Location, int64, error) {
	const op = "pack.Put"
	number := s.numbers.Add(1)
	f, err := s.FS.Create(tmpName(number))
	if err != nil {
		return nil, 0, mail.E(op, mail.Unavailable, err)
	}
	rec := record{file: number, id: id}
	err = s.copyLarge(ctx, f, &rec, r)
	if closed := f.Close(); err == nil && closed != nil {
		err = mail.E(op, mail.Unavailable, closed)
	}
	if err == nil {
		err = s.nameLarge(number)
	}
	if err != nil {
		s.FS.Remove(tmpName(number))
		return nil, 0, err
	}
	return placeOf(rec, true).location(), rec.size, nil
}

// copyLarge writes the body, then the header, whose checksum and size were not known before, and syncs.
func (s *Store) copyLarge(ctx context.Context, f File, rec *record, r io.Reader) error {
	const op = "pack.Put"
	b := s.buffers.get(classFor(64 << 10))
	defer s.buffers.put(b)
	sum := uint32(0)
	for ended := false; !ended; {
		if err := ctx.Err(); err != nil {
			return mail.E(op, mail.Unavailable, err)
		}
		n, err := io.ReadFull(r, b.body())
		ended = err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !ended {
			return fmt.Errorf("%s: read the body: %w", op, err)
		}
		sum = crc32.Update(sum, castagnoli, b.body()[:n])
		if _, err := f.WriteAt(b.body()[:n], headerSize+rec.size); err != nil {
			return mail.E(op, mail.Unavailable, err)
		}
		rec.size += int64(n)
	}
	rec.checksum = sum
	rec.encode(b.bytes)
	if _, err := f.WriteAt(b.bytes[:headerSize], 0); err != nil {
		return mail.E(op, mail.Unavailable, err)
	}
	if err := f.Sync(); err != nil {
		return mail.E(op, mail.Unavailable, err)
	}
	return nil
}

// nameLarge gives a written body its name.
func (s *Store) nameLarge(number uint32) error {
	folder := largeFolder(number)
	err := s.FS.Mkdir(folder)
	if err == nil {
		err = s.FS.SyncDir(largeDir) // the folder may be new
	}
	if err == nil {
		err = s.FS.Rename(tmpName(number), largeName(number))
	}
	if err == nil {
		err = s.FS.SyncDir(folder)
	}
	if err != nil {
		err = errors.Join(err, ignoreGone(s.FS.Remove(largeName(number))))
		return mail.E("pack.Put", mail.Unavailable, err)
	}
	return nil
}

func ignoreGone(err error) error {
	if isGone(err) {
		return nil
	}
	return err
}

// checkLarge reads a file of a large body and reports the body that is whole in it.
func checkLarge(ctx context.Context, f File, number uint32, b []byte) (place, bool, error) {
	if _, err := f.ReadAt(b[:headerSize], 0); err != nil {
		return place{}, false, ignoreEOF(err)
	}
	rec, ok := parseRecord(b)
	if !ok || rec.file != number || rec.offset != 0 {
		return place{}, false, nil
	}
	sum := uint32(0)
	body := io.NewSectionReader(f, headerSize, rec.size)
	for {
		if err := ctx.Err(); err != nil {
			return place{}, false, err
		}
		n, err := body.Read(b)
		sum = crc32.Update(sum, castagnoli, b[:n])
		if err == io.EOF {
			size, err := f.Size()
			return placeOf(rec, true), sum == rec.checksum && size == headerSize+rec.size, err
		}
		if err != nil {
			return place{}, false, err
		}
	}
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
