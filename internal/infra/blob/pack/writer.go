package pack

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// writer appends bodies to the current pack. One goroutine writes what is waiting, syncs once, and answers all; what
// arrives meanwhile is the next group. So a slow disk makes groups larger, not Puts fewer.
type writer struct {
	store *Store
	pack  *pack  // the current one, nil before the first body; of the goroutine
	zeros []byte // as many as are written ahead

	mu      sync.Mutex
	arrived sync.Cond
	waiting []*request
	closing bool
	ended   chan struct{}

	requests sync.Pool      // of *request
	finish   sync.WaitGroup // packs whose index is being written

	current  uint32               // number of the current pack, 0 for none; under mu
	closedAt map[uint32]time.Time // packs that this process closed; under mu
}

var errClosed = errors.New("the store is closed")

// request is a body that waits for its place.
type request struct {
	record record
	buf    *buffer
	answer chan error
}

func startWriter(s *Store) *writer {
	w := &writer{store: s, zeros: make([]byte, s.Ahead), ended: make(chan struct{}), closedAt: map[uint32]time.Time{}}
	w.arrived.L = &w.mu
	w.requests.New = func() any { return &request{answer: make(chan error, 1)} }
	go w.run()
	return w
}

// append puts the n bytes of b into a pack and returns when they are on stable storage. The caller's context has no say
// any more: the group is written with all of its bodies.
func (w *writer) append(id mail.ObjectID, b *buffer, n int) (blob.Location, error) {
	r := w.requests.Get().(*request)
	defer w.requests.Put(r)
	r.buf = b
	r.record = record{id: id, size: int64(n), checksum: checksum(b.body()[:n])}
	clear(b.bytes[headerSize+n : r.record.stored()])

	w.mu.Lock()
	if w.closing {
		w.mu.Unlock()
		return nil, mail.E("pack.Put", mail.Unavailable, errClosed)
	}
	w.waiting = append(w.waiting, r)
	w.mu.Unlock()
	w.arrived.Signal()

	err := <-r.answer
	r.buf = nil
	if err != nil {
		return nil, mail.E("pack.Put", mail.Unavailable, err)
	}
	return placeOf(r.record, false).location(), nil
}

func (w *writer) run() {
	defer close(w.ended)
	var spare []*request
	for {
		w.mu.Lock()
		for len(w.waiting) == 0 && !w.closing {
			w.arrived.Wait()
		}
		group := w.waiting
		w.waiting = spare[:0]
		w.mu.Unlock()
		if len(group) == 0 {
			w.closePack()
			return
		}
		w.write(group)
		clear(group)
		spare = group
	}
}

// write brings a group into packs, most often one, and answers every request.
func (w *writer) write(group []*request) {
	for len(group) > 0 {
		if err := w.openPack(); err != nil {
			answer(group, err)
			return
		}
		n := w.pack.fit(group, w.store.PackSize)
		if n > 0 {
			w.commit(group[:n])
		}
		group = group[n:]
		if w.pack.broken || len(group) > 0 || w.pack.end >= w.store.PackSize {
			w.closePack()
		}
	}
}

func answer(group []*request, err error) {
	for _, r := range group {
		r.answer <- err
	}
}

// commit writes a group to the current pack, syncs, answers, and makes room for the next group.
func (w *writer) commit(group []*request) {
	p := w.pack
	before := p.end
	n, failed := p.write(group)
	batch := Batch{Bodies: n, Bytes: p.end - before, Err: failed}
	if n > 0 {
		start := time.Now()
		err := p.file.Sync()
		batch.Sync = time.Since(start)
		if err != nil {
			// What of this group is on the disk is unknown, and asking again would not tell (see File.Sync).
			p.broken = true
			batch.Err = fmt.Errorf("sync %s: %w", packName(p.number), err)
			failed, n = batch.Err, 0
		}
	}
	for _, r := range group[:n] {
		p.entries = append(p.entries, entry{id: r.record.id, offset: r.record.offset, size: uint32(r.record.size)})
	}
	answer(group[:n], nil)
	answer(group[n:], failed)
	if batch.Err != nil {
		w.store.Logger.Error("writing bodies failed", "pack", p.number, "bodies", len(group)-n, "err", batch.Err)
	}
	w.store.Observe(batch)
	if !p.broken {
		p.fill(w.zeros, w.store.PackSize)
	}
}

func (w *writer) openPack() error {
	if w.pack != nil {
		return nil
	}
	number := w.store.numbers.Add(1)
	p, err := createPack(w.store.FS, number)
	if err != nil {
		return err
	}
	w.pack = p
	w.setCurrent(number)
	return nil
}

func (w *writer) setCurrent(number uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current != 0 {
		w.closedAt[w.current] = time.Now()
	}
	w.current = number
}

// closePack ends the current pack. Its index is written beside the Puts that follow.
func (w *writer) closePack() {
	p := w.pack
	if p == nil {
		return
	}
	w.pack = nil
	w.setCurrent(0)
	w.finish.Go(func() {
		if err := p.finish(w.store.FS); err != nil {
			w.store.Logger.Warn("the index of a pack was not written; the next start will do it", "pack", p.number, "err", err)
		}
	})
}

func (w *writer) close() {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.arrived.Signal()
	<-w.ended
	w.finish.Wait()
}

// settled reports whether a pack has been closed for so long that no delivery can still be about to name what is in it.
func (w *writer) settled(number uint32, age time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if number == w.current {
		return false
	}
	at, ok := w.closedAt[number]
	return !ok || time.Since(at) >= age // closed by an earlier process: nothing of that one is under way
}

// pack is the pack being written.
type pack struct {
	number  uint32
	file    File
	end     int64   // where the next record goes
	filled  int64   // there are zeros from end to here, unless the records have come farther
	entries []entry // what was acknowledged
	broken  bool    // a sync failed: nothing more is written to it
}

// createPack makes a new pack and puts its name on stable storage.
func createPack(fs FS, number uint32) (*pack, error) {
	name := packName(number)
	f, err := fs.Create(name)
	if err != nil {
		return nil, err
	}
	if _, err = f.WriteAt(packHeader(number), 0); err == nil {
		err = fs.SyncDir(packsDir)
	}
	if err != nil {
		f.Close()
		fs.Remove(name)
		return nil, fmt.Errorf("begin %s: %w", name, err)
	}
	return &pack{number: number, file: f, end: packHeaderSize}, nil
}

// fit returns how many of the group go into the pack: one at least when it is empty.
func (p *pack) fit(group []*request, limit int64) int {
	end := p.end
	for i, r := range group {
		if end += r.record.stored(); end > limit && (i > 0 || p.end > packHeaderSize) {
			return i
		}
	}
	return len(group)
}

// write writes as many of the group as it can and returns how many, and why not all. The next record goes over what was
// begun and not written; a remainder behind it is not a record and is passed over by scans.
func (p *pack) write(group []*request) (int, error) {
	for i, r := range group {
		r.record.file, r.record.offset = p.number, uint32(p.end)
		r.record.encode(r.buf.bytes)
		if _, err := p.file.WriteAt(r.buf.bytes[:r.record.stored()], p.end); err != nil {
			return i, fmt.Errorf("write %s: %w", packName(p.number), err)
		}
		p.end += r.record.stored()
	}
	return len(group), nil
}

// fill writes zeros ahead of the records when less than half of them are left. A sync then finds nothing changed but bytes
// of the file: where the file has grown, it also waits for the file system to put its own books on the disk. Records do
// not need the zeros; where they cannot be written, the file grows with the records.
func (p *pack) fill(zeros []byte, limit int64) {
	ahead := int64(len(zeros))
	if p.filled-p.end >= ahead/2 {
		return
	}
	from := max(p.filled, p.end)
	if to := min(p.end+ahead, limit); from < to {
		n, _ := p.file.WriteAt(zeros[:to-from], from)
		p.filled = from + int64(n)
	}
}

// finish cuts off the zeros, closes the file and writes the index. A pack that holds nothing that was acknowledged is
// removed.
func (p *pack) finish(fs FS) error {
	var err error
	if !p.broken {
		err = p.file.Truncate(p.end)
	}
	err = errors.Join(err, p.file.Close())
	if len(p.entries) == 0 {
		return errors.Join(err, fs.Remove(packName(p.number)))
	}
	return errors.Join(err, writeIndex(fs, p.number, p.entries))
}
