package measure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/bench/proc"
)

// ImportOptions: Messages are appended to a new mailbox over some connections.
type ImportOptions struct {
	Addr        string
	IMAP        imap.Options
	Account     Account
	Mailbox     string
	Messages    int
	Size        int
	MaxSize     int
	Batch       int
	Connections int
	PIDs        []int
	Every       time.Duration // between two looks at the server's memory
}

// ImportPoint is one look at the server.
type ImportPoint struct {
	Seconds  float64     `json:"seconds"`
	Messages int         `json:"messages"`
	Memory   proc.Memory `json:"memory"`
}

// ImportResult tells whether the rate was steady: the rate of each tenth of the
// messages, and the last as a share of the first.
type ImportResult struct {
	Messages   int           `json:"messages"`
	Seconds    float64       `json:"seconds"`
	PerSecond  float64       `json:"per_second"`
	Tenths     []float64     `json:"tenths_per_second"`
	Steadiness float64       `json:"last_tenth_of_first"`
	MaxRSS     int64         `json:"max_rss"`
	MaxPSS     int64         `json:"max_pss"`
	Points     []ImportPoint `json:"points"`
}

type importRun struct {
	ImportOptions
	start time.Time
	next  atomic.Int64 // messages taken by a connection
	mu    sync.Mutex
	done  int
	marks []time.Duration // when each tenth was done
}

// Import measures a steady import. At the end the mailbox must hold every message.
func Import(ctx context.Context, o ImportOptions) (*ImportResult, error) {
	if o.Messages < 10 || o.Batch < 1 || o.Connections < 1 {
		return nil, fmt.Errorf("%d messages in batches of %d over %d connections: at least 10, 1 and 1 are needed", o.Messages, o.Batch, o.Connections)
	}
	o.IMAP.Username, o.IMAP.Password = o.Account.Address, o.Account.Password
	c, err := imap.Dial(ctx, o.Addr, o.IMAP)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Do("CREATE "+imap.Quote(o.Mailbox), nil); err != nil {
		return nil, fmt.Errorf("mailbox %q must be new: %w", o.Mailbox, err)
	}
	m := &importRun{ImportOptions: o, start: time.Now()}
	r := &ImportResult{Messages: o.Messages}
	if err := m.run(ctx, r); err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	m.summarize(r)
	status, err := c.Status(o.Mailbox, "MESSAGES")
	if err == nil && status["MESSAGES"] != uint64(o.Messages) {
		err = fmt.Errorf("the mailbox holds %d messages after importing %d", status["MESSAGES"], o.Messages)
	}
	return r, err
}

func (m *importRun) run(ctx context.Context, r *ImportResult) error {
	run := message.NewRun()
	text := message.TextFor(run, max(m.Size, m.MaxSize))
	sctx, stopSampling := context.WithCancel(ctx)
	sampled := make(chan error, 1)
	go func() { sampled <- m.sample(sctx, r) }()
	g, gctx := errgroup.WithContext(ctx)
	for i := range m.Connections {
		gen, err := message.NewGenerator(text, message.Options{Run: run, Worker: i, Size: m.Size, MaxSize: m.MaxSize})
		if err != nil {
			stopSampling()
			return err
		}
		g.Go(func() error { return m.work(gctx, gen) })
	}
	err := g.Wait()
	stopSampling()
	return errors.Join(err, <-sampled)
}

func (m *importRun) work(ctx context.Context, gen *message.Generator) error {
	c, err := imap.Dial(ctx, m.Addr, m.IMAP)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	a := c.Appender(m.Mailbox)
	for {
		first := int(m.next.Add(int64(m.Batch))) - m.Batch
		count := min(m.Batch, m.Messages-first)
		if count <= 0 {
			return c.Logout()
		}
		for range count {
			msg := gen.Next("sender@mailload.example", m.Account.Address, "")
			if err := a.Add("", msg.Header, msg.Body, msg.Tail); err != nil {
				return err
			}
		}
		if err := a.Flush(); err != nil {
			return err
		}
		m.finished(count)
	}
}

func (m *importRun) finished(count int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += count
	for len(m.marks) < 10 && m.done >= m.Messages*(len(m.marks)+1)/10 {
		m.marks = append(m.marks, time.Since(m.start))
	}
}

func (m *importRun) progress() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done
}

// sample looks at the server's memory until ctx ends, and then once more.
func (m *importRun) sample(ctx context.Context, r *ImportResult) error {
	if len(m.PIDs) == 0 {
		return nil
	}
	for {
		ended := pause(ctx, m.Every) != nil
		memory, err := proc.System.Memory(m.PIDs...)
		if err != nil {
			return err
		}
		r.Points = append(r.Points, ImportPoint{time.Since(m.start).Seconds(), m.progress(), memory})
		r.MaxRSS, r.MaxPSS = max(r.MaxRSS, memory.RSS), max(r.MaxPSS, memory.PSS)
		if ended {
			return nil
		}
	}
}

func (m *importRun) summarize(r *ImportResult) {
	last := time.Duration(0)
	for i, mark := range m.marks {
		count := m.Messages*(i+1)/10 - m.Messages*i/10
		// Batches that end several tenths at once leave no time between them.
		r.Tenths = append(r.Tenths, float64(count)/max(mark-last, time.Microsecond).Seconds())
		last = mark
	}
	r.Seconds = last.Seconds()
	r.PerSecond = float64(m.Messages) / last.Seconds()
	r.Steadiness = r.Tenths[9] / r.Tenths[0]
}
