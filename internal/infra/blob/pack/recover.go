package pack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
)

// recover finds the last number that was given, removes what was not completed, and closes the packs that the last
// process left open.
func (s *Store) recover() error {
	names, err := s.FS.ReadDir(packsDir)
	if err != nil {
		return err
	}
	indexed := map[uint32]bool{}
	last := uint32(0)
	for _, name := range names {
		for _, suffix := range []string{packSuffix, indexSuffix, deadSuffix} {
			if n, ok := parseName(name, suffix); ok {
				last = max(last, n)
				indexed[n] = indexed[n] || suffix == indexSuffix
			}
		}
	}
	if last, err = s.lastLarge(last); err != nil {
		return err
	}
	s.numbers.Store(last)
	if err := s.emptyTmp(); err != nil {
		return err
	}
	for _, name := range names {
		if n, ok := parseName(name, packSuffix); ok && !indexed[n] {
			if err := s.closeLeft(n); err != nil {
				// What is in it can be opened all the same. It is not compacted before a start has closed it.
				s.Logger.Error("a pack of the last run was not closed", "pack", n, "err", err)
			}
		}
	}
	return nil
}

// lastLarge returns the highest number of a large body, which is in the last folder that holds one, or last.
func (s *Store) lastLarge(last uint32) (uint32, error) {
	folders, err := s.FS.ReadDir(largeDir)
	if err != nil {
		return 0, err
	}
	slices.Sort(folders)
	for _, folder := range slices.Backward(folders) {
		names, err := s.FS.ReadDir(largeDir + "/" + folder)
		if err != nil {
			return 0, err
		}
		found := false
		for _, name := range names {
			if n, ok := parseName(name, bodySuffix); ok {
				last, found = max(last, n), true
			}
		}
		if found {
			break
		}
	}
	return last, nil
}

func (s *Store) emptyTmp() error {
	names, err := s.FS.ReadDir(tmpDir)
	for _, name := range names {
		err = errors.Join(err, s.FS.Remove(tmpDir+"/"+name))
	}
	return err
}

// closeLeft closes a pack that a process left without an index. What is found in it is synced first: after a kill it may
// be in memory only, and an index must not promise that.
func (s *Store) closeLeft(number uint32) error {
	f, err := s.FS.Append(packName(number))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	entries, err := scan(context.Background(), f, number)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return s.removePack(number)
	}
	if err := cutZeros(f, entries[len(entries)-1].end()); err != nil {
		return err
	}
	s.Logger.Info("a pack of the last run was read and closed", "pack", number, "bodies", len(entries))
	return writeIndex(s.FS, number, entries)
}

// cutZeros cuts off the zeros behind the last record, which ends at an offset. Anything else that is there stays: it may be
// a record that was damaged.
func cutZeros(f File, from int64) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	end, b := size, make([]byte, 64<<10)
	for end > from {
		piece := b[:min(end-from, int64(len(b)))]
		if _, err := f.ReadAt(piece, end-int64(len(piece))); err != nil && err != io.EOF {
			return err
		}
		rest := bytes.TrimRight(piece, "\x00")
		end -= int64(len(piece) - len(rest))
		if len(rest) > 0 {
			break
		}
	}
	if end == size {
		return nil
	}
	return f.Truncate(end)
}

// removePack removes the files of a pack, the pack first: an index or dead list without a pack is harmless.
func (s *Store) removePack(number uint32) error {
	s.files.forget(packName(number))
	var errs []error
	for _, name := range []string{packName(number), indexName(number), deadName(number)} {
		if err := s.FS.Remove(name); err != nil && !isGone(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
