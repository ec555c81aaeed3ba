package pack_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack/packtest"
	"github.com/mailmesh/mailmesh/internal/mail"
)

const firstPack = "packs/0000000001.pack"

// Bodies go into zeros that were written and synced with the group before, so that a sync finds the file as long as it was.
func TestBodiesGoIntoZeros(t *testing.T) {
	disk, _, s := openTraced(t, pack.Options{Ahead: 64 << 10})
	blobtest.Put(t, s, 1, blobtest.Content(1, 5000))
	synced, grown := 0, 0
	for id := range 50 {
		before := len(disk.Bytes(firstPack))
		blobtest.Put(t, s, mail.ObjectID(id+2), blobtest.Content(1, 5000))
		if synced++; len(disk.Bytes(firstPack)) > before {
			grown++ // ahead, after the sync: each time for half of what is ahead
		}
	}
	if most := 50*5040/(32<<10) + 1; grown > most {
		t.Errorf("the file grew after %d of %d bodies, want at most %d", grown, synced, most)
	}
}

// The zeros go when the pack is closed, by the process that wrote them or by the next one.
func TestZerosAreCutOff(t *testing.T) {
	for name, end := range map[string]func(*packtest.Disk, *pack.Store) error{
		"closed":     func(_ *packtest.Disk, s *pack.Store) error { return s.Close() },
		"killed":     func(d *packtest.Disk, _ *pack.Store) error { d.Kill(); return nil },
		"power lost": func(d *packtest.Disk, _ *pack.Store) error { d.PowerLoss(rand.New(rand.NewPCG(1, 1))); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			disk, _, s := openTraced(t, pack.Options{})
			content := append(blobtest.Content(1, 1000), make([]byte, 500)...) // these zeros are the body's own
			at := blobtest.Put(t, s, 1, content)
			if err := end(disk, s); err != nil {
				t.Fatal(err)
			}
			s = open(t, pack.Options{FS: disk.Mount(), Logger: quiet})
			blobtest.Want(t, s, at, content)
			if n := len(disk.Bytes(firstPack)); n != 16+40+1504 {
				t.Errorf("the pack has %d bytes, want %d", n, 16+40+1504)
			}
		})
	}
}

// What cannot be told from a damaged record is not cut off with the zeros.
func TestRemainsBehindZerosStay(t *testing.T) {
	disk, _, s := openTraced(t, pack.Options{})
	blobtest.Put(t, s, 1, blobtest.Content(1, 1000))
	disk.Kill()
	disk.Change(firstPack, func(b []byte) []byte { b[100_000] = 1; return b })
	open(t, pack.Options{FS: disk.Mount(), Logger: quiet})
	if b := disk.Bytes(firstPack); len(b) != 100_001 || b[100_000] != 1 {
		t.Errorf("%d bytes are left, want 100,001", len(b))
	}
}

// Where there is no room for zeros, bodies are kept all the same.
func TestZerosAreNotNeeded(t *testing.T) {
	disk, _, s := openTraced(t, pack.Options{})
	disk.SetFault(func(o packtest.Operation) error {
		if o.Do == "write" && o.Bytes > 10_000 && strings.HasSuffix(o.Name, ".pack") {
			return &packtest.Short{N: 100, Err: syscall.ENOSPC}
		}
		return nil
	})
	content := blobtest.Content(1, 1000)
	for id := range mail.ObjectID(20) {
		blobtest.Want(t, s, blobtest.Put(t, s, id+1, content), content)
	}
	disk.PowerLoss(rand.New(rand.NewPCG(1, 2)))
	s = open(t, pack.Options{FS: disk.Mount(), Logger: quiet})
	if found := list(t, s); len(found) != 20 {
		t.Errorf("%d bodies are left of 20", len(found))
	}
	if b := disk.Bytes(firstPack); bytes.Count(b, content) != 20 {
		t.Errorf("%d bodies are in the pack, want 20", bytes.Count(b, content))
	}
}
