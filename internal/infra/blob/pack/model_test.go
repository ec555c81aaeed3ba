package pack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack/packtest"
	"github.com/mailmesh/mailmesh/internal/mail"
)

var quiet = slog.New(slog.DiscardHandler)

// model is a store on a disk that fails, and what must be true of it: every acknowledged body is there with its bytes,
// after anything.
type model struct {
	disk  *packtest.Disk
	store *pack.Store

	mu    sync.Mutex
	last  mail.ObjectID
	tried map[mail.ObjectID][]byte // all contents ever put, acknowledged or not
	at    map[mail.ObjectID]blob.Location
	fault func(packtest.Operation) error // until it is used up

	faulty bool // there was a fault, after which a pack may list bodies that were never acknowledged and are not there
}

func newModel() *model {
	return &model{disk: packtest.NewDisk(), tried: map[mail.ObjectID][]byte{}, at: map[mail.ObjectID]blob.Location{}}
}

func (m *model) open(t interface{ Fatalf(string, ...any) }) {
	s, err := pack.Open(pack.Options{
		FS: m.disk.Mount(), PackSize: 40 << 10, BufferMemory: 1, OpenFiles: 3, Settle: 1, Grace: 1, DeadShare: 0.3, Logger: quiet,
	})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	m.store = s
}

// put puts several bodies at once, as deliveries do. Only those that were acknowledged must be there.
func (m *model) put(t *rapid.T) {
	sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 3000), rapid.IntRange(0, 3000), rapid.IntRange(16<<10-50, 16<<10+50), rapid.IntRange(0, 40<<10)), 1, 5).Draw(t, "sizes")
	var wait sync.WaitGroup
	for _, size := range sizes {
		m.last++
		id, content := m.last, blobtest.Content(uint64(m.last), size)
		m.tried[id] = content
		wait.Go(func() {
			at, _, err := m.store.Put(context.Background(), id, bytes.NewReader(content))
			m.mu.Lock()
			defer m.mu.Unlock()
			if err == nil {
				m.at[id] = at
			} else if !mail.Is(err, mail.Unavailable) {
				t.Errorf("Put: %v, want it unavailable", err)
			}
		})
	}
	wait.Wait()
}

func (m *model) remove(t *rapid.T) {
	if len(m.at) == 0 {
		return
	}
	ids := rapid.SliceOfN(rapid.SampledFrom(slices.Sorted(maps.Keys(m.at))), 1, 5).Draw(t, "removed")
	var at []blob.Location
	for _, id := range ids {
		if l, ok := m.at[id]; ok {
			at = append(at, l)
			delete(m.at, id)
		}
	}
	if err := m.store.Remove(t.Context(), at...); err != nil && m.fault == nil {
		t.Logf("Remove: %v", err) // a fault may have hit it; the bytes stay then, nothing else
	}
}

// compact plays the rows of the database, which compare and set, and may fail.
func (m *model) compact(t *rapid.T) {
	fail := rapid.IntRange(0, 3).Draw(t, "fails") == 0
	lost := errors.New("the database is gone")
	done, err := m.store.Compact(t.Context(), func(_ context.Context, moves []blob.Move) ([]bool, error) {
		wanted := make([]bool, len(moves))
		for i, v := range moves {
			if bytes.Equal(m.at[v.ID], v.From) && len(v.From) > 0 {
				m.at[v.ID], wanted[i] = v.To, true
			}
		}
		if fail {
			return nil, lost // it took effect, and the answer was lost
		}
		return wanted, nil
	})
	if err != nil && !errors.Is(err, lost) && !mail.Is(err, mail.Unavailable) {
		t.Fatalf("Compact: %v", err)
	}
	if len(done.Damaged) > 0 && !m.faulty {
		t.Fatalf("Compact met damage that nobody did: %v", done.Damaged)
	}
}

// arm makes one of the next operations fail.
func (m *model) arm(t *rapid.T) {
	do := rapid.SampledFrom([]string{"sync", "write", "create", "syncdir", "rename"}).Draw(t, "operation")
	m.faulty = true
	after := rapid.IntRange(0, 5).Draw(t, "after")
	failure := rapid.SampledFrom([]error{syscall.EIO, syscall.ENOSPC, &packtest.Short{N: 100, Err: syscall.ENOSPC}}).Draw(t, "failure")
	m.fault = func(o packtest.Operation) error {
		if o.Do != do {
			return nil
		}
		if after--; after == -1 {
			return failure
		}
		return nil
	}
	m.disk.SetFault(m.fault)
}

// restart ends the process in one of three ways and starts another.
func (m *model) restart(t *rapid.T) {
	switch rapid.SampledFrom([]string{"close", "kill", "power loss"}).Draw(t, "end") {
	case "close":
		if err := m.store.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	case "kill":
		m.disk.Kill()
		m.store.Close()
	case "power loss":
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "dice"), 1))
		m.disk.PowerLoss(dice)
		m.store.Close()
	}
	m.fault = nil
	m.disk.SetFault(nil)
	m.open(t)
	m.check(t)
}

func (m *model) check(t *rapid.T) {
	m.disk.SetFault(nil)
	defer m.disk.SetFault(m.fault)
	for id, at := range m.at {
		got, err := blobtest.Get(m.store, at)
		if err != nil || !bytes.Equal(got, m.tried[id]) {
			t.Fatalf("body %d of %d bytes: read %d bytes, error %v", id, len(m.tried[id]), len(got), err)
		}
	}
	missing := maps.Clone(m.at)
	err := m.store.List(t.Context(), func(f blob.Found) error {
		got, err := blobtest.Get(m.store, f.Location)
		if err != nil || m.tried[f.ID] == nil || !bytes.Equal(got, m.tried[f.ID]) {
			return fmt.Errorf("listed body %d: %d bytes, error %w", f.ID, len(got), err)
		}
		if bytes.Equal(missing[f.ID], f.Location) {
			delete(missing, f.ID)
		}
		return nil
	})
	if err != nil || len(missing) > 0 {
		t.Fatalf("List: error %v; %d bodies are not listed", err, len(missing))
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel()
		m.open(t)
		defer func() { m.store.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"put":      m.put,
			"put more": m.put,
			"remove":   m.remove,
			"compact":  m.compact,
			"fault":    m.arm,
			"restart":  m.restart,
			"check":    m.check,
		})
	})
}
