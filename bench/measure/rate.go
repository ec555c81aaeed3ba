package measure

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/histogram"
	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/bench/proc"
	"github.com/mailmesh/mailmesh/bench/smtp"
)

// RateOptions say how long mail is sent: for a time or up to a number of mails,
// whichever ends first. Zero is no limit.
type RateOptions struct {
	Load
	Duration time.Duration
	Count    int
	Warmup   time.Duration // mails done before it is over are not counted
	PIDs     []int         // the server's processes, to tell its CPU time
}

// RateResult is the rate at which mail was accepted. A mail is accepted when the
// server took responsibility for all its recipients.
type RateResult struct {
	Accepted   uint64            `json:"accepted"`
	Recipients uint64            `json:"recipients"` // for which responsibility was taken
	Bytes      uint64            `json:"bytes"`
	Seconds    float64           `json:"seconds"`
	PerSecond  float64           `json:"per_second"`
	Samples    []float64         `json:"samples"` // mails accepted in each whole second
	DotTo250   histogram.Summary `json:"dot_to_250"`
	MailTo250  histogram.Summary `json:"mail_from_to_250"`
	Errors     Tally             `json:"errors"`
	// CPU time for each mail, in microseconds; the server's only when its
	// processes are known.
	GeneratorCPU float64 `json:"generator_cpu_us"`
	ServerCPU    float64 `json:"server_cpu_us,omitempty"`
}

// Rate sends mail as fast as the server takes it.
func Rate(ctx context.Context, o RateOptions) (*RateResult, error) {
	if o.Duration <= 0 && o.Count <= 0 {
		return nil, errors.New("neither a duration nor a count limits the load")
	}
	all, err := senders(ctx, &o.Load, message.NewRun())
	if err != nil {
		return nil, err
	}
	defer closeAll(all)
	own := proc.OwnCPU()
	server, err := serverCPU(o.PIDs)
	if err != nil {
		return nil, err
	}
	counts, err := runRate(ctx, o, all)
	if err != nil {
		return nil, err
	}
	r := counts.result()
	if counts.all > 0 {
		r.GeneratorCPU = micros(proc.OwnCPU()-own, counts.all)
		after, err := serverCPU(o.PIDs)
		if err != nil {
			return nil, err
		}
		r.ServerCPU = micros(after-server, counts.all)
	}
	return r, nil
}

func serverCPU(pids []int) (time.Duration, error) {
	if len(pids) == 0 {
		return 0, nil
	}
	return proc.System.CPU(pids...)
}

func micros(d time.Duration, n uint64) float64 {
	return float64(d.Nanoseconds()/int64(n)) / 1000
}

// rateCounts is what one sender saw.
type rateCounts struct {
	all, accepted, recipients, bytes uint64
	slots                            []uint64 // by second after the beginning
	last                             time.Duration
	dot, mail                        histogram.Histogram
	errors                           Tally
}

func runRate(ctx context.Context, o RateOptions, all []*sender) (*rateCounts, error) {
	if o.Duration > 0 {
		o.Duration += o.Warmup
	}
	var left atomic.Int64
	left.Store(int64(o.Count))
	each := make([]*rateCounts, len(all))
	start := time.Now()
	g, gctx := errgroup.WithContext(ctx)
	for i, s := range all {
		c := &rateCounts{errors: s.errors}
		each[i] = c
		g.Go(func() error {
			for gctx.Err() == nil && (o.Duration <= 0 || time.Since(start) < o.Duration) {
				if o.Count > 0 && left.Add(-1) < 0 {
					return nil
				}
				m, mail := s.next()
				outcome, err := s.send(gctx, mail)
				if err != nil {
					return err
				}
				if outcome != nil {
					c.record(outcome, m.Size(), start.Add(o.Warmup))
				}
			}
			return gctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, c := range each[1:] {
		each[0].merge(c)
	}
	return each[0], nil
}

func (c *rateCounts) record(o *smtp.Outcome, size int, begin time.Time) {
	accepted := o.Accepted()
	if accepted > 0 {
		c.all++
	}
	done := o.Done.Sub(begin)
	if done < 0 || accepted == 0 {
		return
	}
	c.last = max(c.last, done)
	c.recipients += uint64(accepted)
	c.bytes += uint64(size)
	c.dot.Record(o.Done.Sub(o.Dot))
	c.mail.Record(o.Done.Sub(o.Started))
	if accepted < len(o.Replies) {
		return
	}
	c.accepted++
	slot := int(done / time.Second)
	for len(c.slots) <= slot {
		c.slots = append(c.slots, 0)
	}
	c.slots[slot]++
}

func (c *rateCounts) merge(o *rateCounts) {
	c.all += o.all
	c.accepted += o.accepted
	c.recipients += o.recipients
	c.bytes += o.bytes
	c.last = max(c.last, o.last)
	c.dot.Merge(&o.dot)
	c.mail.Merge(&o.mail)
	c.errors.merge(o.errors)
	for len(c.slots) < len(o.slots) {
		c.slots = append(c.slots, 0)
	}
	for i, n := range o.slots {
		c.slots[i] += n
	}
}

func (c *rateCounts) result() *RateResult {
	r := &RateResult{
		Accepted: c.accepted, Recipients: c.recipients, Bytes: c.bytes,
		Seconds: c.last.Seconds(), Errors: c.errors,
		DotTo250: c.dot.Summary(), MailTo250: c.mail.Summary(),
	}
	if c.last > 0 {
		r.PerSecond = float64(c.accepted) / c.last.Seconds()
	}
	for _, n := range c.slots[:min(len(c.slots), int(c.last/time.Second))] {
		r.Samples = append(r.Samples, float64(n))
	}
	return r
}
