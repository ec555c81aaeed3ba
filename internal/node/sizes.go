package node

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// sizes are what the stores hold. Measuring looks at every pack and every account, so whoever asks gets what was measured
// last, at once, and a measurement runs beside when that is too old: however often and by however many the metrics are
// read, the disk and the database see it at most every sizesKept, and for at most a twentieth of the time.
type sizes struct {
	measure func(context.Context) (measured, error)
	failed  func(error)
	now     func() time.Time

	mu     sync.Mutex
	last   measured
	next   time.Time // no measurement before
	closed bool
	cancel context.CancelFunc // of the measurement that runs
	run    sync.WaitGroup
}

// measured is one measurement.
type measured struct {
	packs    pack.Usage // zero where bodies are kept in the database
	totals   mailbox.Totals
	database int64 // bytes of the files; zero for a database server, which has metrics of its own
}

const (
	sizesKept  = 15 * time.Second
	sizesShare = 20               // the time between measurements is at least this many times what one takes
	sizesLimit = 10 * time.Minute // for one measurement
)

// get returns the last measurement, all zeros before the first, and begins the next when it is due.
func (s *sizes) get() measured {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel == nil && !s.closed && !s.now().Before(s.next) {
		ctx, cancel := context.WithTimeout(context.Background(), sizesLimit)
		s.cancel = cancel
		s.run.Go(func() { s.again(ctx) })
	}
	return s.last
}

func (s *sizes) again(ctx context.Context) {
	begun := s.now()
	m, err := s.measure(ctx)
	ended := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel()
	s.cancel = nil
	s.next = ended.Add(max(sizesKept, sizesShare*ended.Sub(begun)))
	switch {
	case err == nil:
		s.last = m
	case !s.closed: // the last measurement stands
		s.failed(err)
	}
}

// close ends the measurement that runs, and there is no other.
func (s *sizes) close() error {
	s.mu.Lock()
	s.closed = true
	if s.cancel != nil {
		s.cancel()
	}
	s.mu.Unlock()
	s.run.Wait()
	return nil
}

// showSizes adds the sizes of the node's stores to its metrics.
func (n *Node) showSizes() {
	s := &sizes{measure: n.rooms.measure, now: time.Now, failed: func(err error) { n.log.Warn("the sizes of the stores cannot be measured", "err", err) }}
	n.rooms.closers = append(n.rooms.closers, s.close)
	gauge := func(name, help string, value func(measured) int64) {
		n.meters.registry.GaugeFunc(name, help+" Measured every 15 seconds at most; 0 until the first measurement.",
			func() float64 { return float64(value(s.get())) })
	}
	gauge("accounts", "Accounts whose mail is here.", func(m measured) int64 { return m.totals.Accounts })
	gauge("messages", "Messages kept, each once in its account.", func(m measured) int64 { return m.totals.Messages })
	gauge("message_bytes", "Bytes of these messages, as they came.", func(m measured) int64 { return m.totals.Bytes })
	gauge("pack_bytes", "Bytes of all files of bodies: sealed, compressed, shared by their recipients.", func(m measured) int64 { return m.packs.Bytes })
	gauge("pack_dead_bytes", "Bytes of removed bodies that compaction will give back.", func(m measured) int64 { return m.packs.Dead })
	gauge("pack_files", "Files of small bodies.", func(m measured) int64 { return int64(m.packs.Packs) })
	gauge("large_files", "Files of one body each.", func(m measured) int64 { return int64(m.packs.Large) })
	gauge("database_bytes", "Bytes of the SQLite database and its log; 0 on PostgreSQL.", func(m measured) int64 { return m.database })
}

func (r *rooms) measure(ctx context.Context) (m measured, err error) {
	if m.totals, err = r.mailbox.Totals(ctx); err != nil {
		return m, err
	}
	if packs, ok := r.blobs.(*pack.Store); ok {
		if m.packs, err = packs.Usage(ctx); err != nil {
			return m, err
		}
	}
	for _, name := range []string{databaseFile, databaseFile + "-wal"} {
		info, err := os.Stat(r.folder.file(name))
		switch {
		case errors.Is(err, fs.ErrNotExist): // on PostgreSQL, and when the log was just removed
		case err != nil:
			return m, err
		default:
			m.database += info.Size()
		}
	}
	return m, nil
}
