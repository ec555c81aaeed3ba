package pack

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Remove implements blob.Store. A large body goes at once; one in a pack is noted in the pack's dead list, and goes when
// the pack is compacted.
func (s *Store) Remove(_ context.Context, at ...blob.Location) error {
	const op = "pack.Remove"
	inPacks := map[uint32][]place{}
	var large []place
	for _, l := range at {
		p, err := parseLocation(op, l)
		if err != nil {
			return err
		}
		if p.large {
			large = append(large, p)
		} else {
			inPacks[p.file] = append(inPacks[p.file], p)
		}
	}
	s.removal.Lock()
	defer s.removal.Unlock()
	for _, p := range large {
		if err := s.removeLarge(p); err != nil {
			return mail.E(op, mail.Unavailable, err)
		}
	}
	for number, places := range inPacks {
		if err := s.markDead(number, places); err != nil {
			return mail.E(op, mail.Unavailable, err)
		}
	}
	return nil
}

// removeLarge removes the file unless it holds another body, which a number given twice could explain.
func (s *Store) removeLarge(p place) error {
	f, err := s.FS.Open(p.name())
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = p.check(f)
	f.Close()
	if mail.Is(err, mail.NotFound) {
		return nil
	}
	s.files.forget(p.name())
	return ignoreGone(s.FS.Remove(p.name()))
}

// markDead notes the records that are there; the pack may be gone already. The removal lock is held.
func (s *Store) markDead(number uint32, places []place) error {
	f, err := s.FS.Open(packName(number))
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	there := places[:0:0]
	for _, p := range places {
		if err := p.check(f); !mail.Is(err, mail.NotFound) {
			there = append(there, p)
		}
	}
	if len(there) == 0 {
		return nil
	}
	return s.addDead(number, there)
}
