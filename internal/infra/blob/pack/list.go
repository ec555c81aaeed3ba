package pack

import (
	"context"
	"slices"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// List implements blob.Lister. It reads every byte, so what it lists is whole; a damaged body is not listed.
func (s *Store) List(ctx context.Context, each func(blob.Found) error) error {
	packs, err := s.packNumbers()
	if err != nil {
		return mail.E("pack.List", mail.Unavailable, err)
	}
	for _, n := range packs {
		if err := s.listPack(ctx, n, each); err != nil {
			return err
		}
	}
	folders, err := s.FS.ReadDir(largeDir)
	if err != nil {
		return mail.E("pack.List", mail.Unavailable, err)
	}
	slices.Sort(folders)
	for _, folder := range folders {
		if err := s.listLarge(ctx, folder, each); err != nil {
			return err
		}
	}
	return nil
}

// packNumbers returns the numbers of all packs, ascending.
func (s *Store) packNumbers() ([]uint32, error) {
	names, err := s.FS.ReadDir(packsDir)
	if err != nil {
		return nil, err
	}
	var numbers []uint32
	for _, name := range names {
		if n, ok := parseName(name, packSuffix); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (s *Store) listPack(ctx context.Context, number uint32, each func(blob.Found) error) error {
	f, err := s.FS.Open(packName(number))
	if isGone(err) {
		return nil // compacted meanwhile
	}
	if err != nil {
		return mail.E("pack.List", mail.Unavailable, err)
	}
	defer f.Close()
	entries, err := scan(ctx, f, number)
	if err != nil {
		return mail.E("pack.List", mail.Unavailable, err)
	}
	dead, _, err := readDead(s.FS, number)
	if err != nil {
		return mail.E("pack.List", mail.Unavailable, err)
	}
	for _, e := range entries {
		if !dead[e.offset] {
			if err := each(found(e.place(number))); err != nil {
				return err
			}
		}
	}
	return nil
}

func found(p place) blob.Found { return blob.Found{ID: p.id, Location: p.location(), Size: p.size} }

func (s *Store) listLarge(ctx context.Context, folder string, each func(blob.Found) error) error {
	const op = "pack.List"
	names, err := s.FS.ReadDir(largeDir + "/" + folder)
	if err != nil {
		return mail.E(op, mail.Unavailable, err)
	}
	slices.Sort(names)
	b := make([]byte, 64<<10)
	for _, name := range names {
		n, ok := parseName(name, bodySuffix)
		if !ok {
			continue
		}
		f, err := s.FS.Open(largeName(n))
		if isGone(err) {
			continue
		}
		if err != nil {
			return mail.E(op, mail.Unavailable, err)
		}
		p, whole, err := checkLarge(ctx, f, n, b)
		f.Close()
		if err != nil {
			return mail.E(op, mail.Unavailable, err)
		}
		if whole {
			if err := each(found(p)); err != nil {
				return err
			}
		}
	}
	return nil
}
