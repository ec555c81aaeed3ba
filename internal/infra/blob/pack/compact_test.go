package pack_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack/packtest"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// rows are the locations a database would keep.
type rows map[mail.ObjectID]blob.Location

func (r rows) moved(_ context.Context, moves []blob.Move) ([]bool, error) {
	wanted := make([]bool, len(moves))
	for i, m := range moves {
		if bytes.Equal(r[m.ID], m.From) {
			r[m.ID], wanted[i] = m.To, true
		}
	}
	return wanted, nil
}

// fill puts ten bodies of which the first half is removed.
func fill(t *testing.T, s *pack.Store) rows {
	t.Helper()
	r := rows{}
	var dead []blob.Location
	for id := mail.ObjectID(1); id <= 10; id++ {
		at := blobtest.Put(t, s, id, blobtest.Content(uint64(id), 1000))
		if id > 5 {
			r[id] = at
		} else {
			dead = append(dead, at)
		}
	}
	if err := s.Remove(t.Context(), dead...); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r rows) want(t *testing.T, s blob.Store) {
	t.Helper()
	for id, at := range r {
		blobtest.Want(t, s, at, blobtest.Content(uint64(id), 1000))
	}
}

func compact(t *testing.T, s *pack.Store, moved func(context.Context, []blob.Move) ([]bool, error)) blob.Compacted {
	t.Helper()
	done, err := s.Compact(t.Context(), moved)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// The times of a compaction: nothing before a pack has been closed for Settle, the old file stays for Grace.
func TestCompactTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, _, s := openTraced(t, pack.Options{PackSize: 10_000, Settle: time.Hour, Grace: time.Minute})
		r := fill(t, s)
		old := rows{}
		for id, at := range r {
			old[id] = at
		}
		if done := compact(t, s, r.moved); done.Moved != 0 {
			t.Errorf("a pack that was just closed was compacted: %+v", done)
		}
		time.Sleep(time.Hour)
		if done := compact(t, s, r.moved); done.Moved != 4 || done.Freed != 0 {
			t.Errorf("compaction did %+v, want the 4 live bodies of the closed pack moved, nothing freed", done)
		}
		r.want(t, s)
		old.want(t, s) // readers may hold the old locations
		time.Sleep(time.Minute)
		if done := compact(t, s, r.moved); done.Moved != 0 || done.Freed == 0 {
			t.Errorf("compaction did %+v, want the old pack freed", done)
		}
		r.want(t, s)
		if _, err := s.Open(t.Context(), old[6]); !mail.Is(err, mail.NotFound) {
			t.Errorf("open at the old place: %v, want not found", err)
		}
		if names := strings.Join(disk.Names("packs"), " "); strings.Contains(names, "0000000001") {
			t.Errorf("left of the compacted pack: %s", names)
		}
	})
}

// now are options under which everything may be compacted at once, after a restart.
var now = pack.Options{Settle: 1, Grace: 1}

func reopened(t *testing.T, disk *packtest.Disk, s *pack.Store) *pack.Store {
	t.Helper()
	s.Close()
	o := now
	o.FS, o.Logger = disk.Mount(), quiet
	return open(t, o)
}

// A body that was moved by somebody else, or removed, does not need its copy.
func TestCompactDropsWhatIsNotWanted(t *testing.T) {
	disk, _, s := openTraced(t, now)
	r := fill(t, s)
	s = reopened(t, disk, s)
	r[6] = blob.Location("elsewhere")
	delete(r, 7)
	compact(t, s, r.moved)
	delete(r, 6)
	r.want(t, s)
	if found := list(t, s); len(found) != len(r) {
		t.Errorf("%d bodies are listed, want %d", len(found), len(r))
	}
}

// The commit of the moves is lost or its answer is: either way no body is.
func TestCompactSurvivesTheCaller(t *testing.T) {
	for _, took := range []bool{false, true} {
		disk, _, s := openTraced(t, now)
		r := fill(t, s)
		s = reopened(t, disk, s)
		lost := errors.New("lost")
		_, err := s.Compact(t.Context(), func(ctx context.Context, moves []blob.Move) ([]bool, error) {
			if took {
				r.moved(ctx, moves)
			}
			return nil, lost
		})
		if !errors.Is(err, lost) {
			t.Fatal(err)
		}
		r.want(t, s)
		for range 3 {
			s = reopened(t, disk, s)
			compact(t, s, r.moved)
			r.want(t, s)
		}
		if found := list(t, s); len(found) != len(r) && took {
			t.Errorf("%d bodies are listed, want %d", len(found), len(r))
		}
	}
}

// A damaged body is not copied, and what is left of it is not removed.
func TestCompactKeepsDamage(t *testing.T) {
	disk, _, s := openTraced(t, now)
	r := fill(t, s)
	s = reopened(t, disk, s)
	disk.Change("packs/0000000001.pack", func(b []byte) []byte { b[len(b)-500] ^= 1; return b })
	for range 3 {
		done := compact(t, s, r.moved)
		if len(done.Damaged) != 1 || done.Freed != 0 {
			t.Errorf("compaction did %+v, want one damaged and nothing freed", done)
		}
	}
	delete(r, 10)
	r.want(t, s)
	if disk.Bytes("packs/0000000001.pack") == nil {
		t.Error("the pack with the damaged body is gone")
	}
}

// Without its index a pack is read like one that was never closed.
func TestALostIndexIsMadeAgain(t *testing.T) {
	disk, _, s := openTraced(t, now)
	r := fill(t, s)
	s.Close()
	fs := disk.Mount()
	if err := fs.Remove("packs/0000000001.index"); err != nil {
		t.Fatal(err)
	}
	o := now
	o.FS, o.Logger = fs, quiet
	s = open(t, o)
	if disk.Bytes("packs/0000000001.index") == nil {
		t.Error("there is no index")
	}
	compact(t, s, r.moved)
	r.want(t, s)
}

// A reader that was opened before its pack went reads on.
func TestReadersOutliveTheirPack(t *testing.T) {
	disk, _, s := openTraced(t, now)
	r := fill(t, s)
	s = reopened(t, disk, s)
	reader, err := s.Open(t.Context(), r[6])
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for range 3 {
		compact(t, s, r.moved)
	}
	if disk.Bytes("packs/0000000001.pack") != nil {
		t.Fatal("the pack is still there")
	}
	got, err := blob.ReadAll(reader)
	if err != nil || !bytes.Equal(got, blobtest.Content(6, 1000)) {
		t.Errorf("read %d bytes, error %v", len(got), err)
	}
}
