package measure

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// OutboundOptions are mail that a server takes and hands on to a sink.
type OutboundOptions struct {
	Load
	Count    int
	Received func() int    // mails that the sink has taken so far
	Wait     time.Duration // for the next mail to arrive, before the others count as lost
	PIDs     []int
}

// OutboundResult is the rate at which mail came out of a server.
type OutboundResult struct {
	Received  int       `json:"received"`
	PerSecond float64   `json:"per_second"` // from the first MAIL FROM to the last arrival
	Samples   []float64 `json:"samples"`    // arrivals in each whole second
	Accepted  float64   `json:"accepted_per_second"`
	ServerCPU float64   `json:"server_cpu_us,omitempty"`
	Errors    Tally     `json:"errors"`
}

// Drained hands mail in while the server holds it, and counts what reaches the sink
// from when release has been called until all has. What the server does to take mail
// is not in the figures.
func Drained(ctx context.Context, o OutboundOptions, release func(context.Context) error) (*OutboundResult, error) {
	before := o.Received()
	taken, err := Rate(ctx, RateOptions{Load: o.Load, Count: o.Count})
	if err != nil {
		return nil, err
	}
	if early := o.Received() - before; early > 0 {
		return nil, fmt.Errorf("%d mails arrived although mail is held", early)
	}
	server, err := serverCPU(o.PIDs)
	if err != nil {
		return nil, err
	}
	if err := release(ctx); err != nil {
		return nil, err
	}
	a := arrivals{o: o, before: before, begun: time.Now(), last: time.Now()}
	poll := time.NewTicker(arrivalsEvery)
	defer poll.Stop()
	for a.received < int(taken.Accepted) {
		select {
		case <-poll.C:
			if err := a.look(int(taken.Accepted)); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return a.result(taken, server)
}

// arrivals watches what reaches the sink.
type arrivals struct {
	o           OutboundOptions
	before      int
	begun, last time.Time // last: when something arrived
	received    int
	second      int // up to which there are samples
	sampled     int // mails in them
	samples     []float64
}

// look asks the sink once.
func (a *arrivals) look(want int) error {
	if now := a.o.Received() - a.before; now > a.received {
		a.received, a.last = now, time.Now()
	} else if time.Since(a.last) > a.o.Wait {
		return fmt.Errorf("%d of %d mails have arrived, and none for %v", a.received, want, a.o.Wait)
	}
	if passed := int(time.Since(a.begun) / time.Second); passed > a.second {
		a.samples = append(a.samples, float64(a.received-a.sampled)/float64(passed-a.second))
		a.sampled, a.second = a.received, passed
	}
	return nil
}

func (a *arrivals) result(taken *RateResult, server time.Duration) (*OutboundResult, error) {
	r := &OutboundResult{Received: a.received, PerSecond: float64(a.received) / a.last.Sub(a.begun).Seconds(), Samples: a.samples,
		Accepted: taken.PerSecond, Errors: taken.Errors}
	after, err := serverCPU(a.o.PIDs)
	if err == nil && len(a.o.PIDs) > 0 && a.received > 0 {
		r.ServerCPU = micros(after-server, uint64(a.received))
	}
	return r, err
}

// arrivalsEvery is how often the sink is asked, which bounds how exact the end is.
const arrivalsEvery = 5 * time.Millisecond

// Outbound hands mail in as fast as the server takes it, and counts what reaches the
// sink, until all has.
func Outbound(ctx context.Context, o OutboundOptions) (*OutboundResult, error) {
	before, begun := o.Received(), time.Now()
	server, err := serverCPU(o.PIDs)
	if err != nil {
		return nil, err
	}
	type taken struct {
		rate *RateResult
		err  error
	}
	handedIn := make(chan taken, 1)
	var sending sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer sending.Wait()
	defer cancel()
	sending.Go(func() {
		r, err := Rate(ctx, RateOptions{Load: o.Load, Count: o.Count})
		handedIn <- taken{r, err}
	})
	a := arrivals{o: o, before: before, begun: begun, last: begun}
	poll := time.NewTicker(arrivalsEvery)
	defer poll.Stop()
	var all *RateResult
	for all == nil || a.received < int(all.Accepted) {
		select {
		case t := <-handedIn:
			if all = t.rate; t.err != nil {
				return nil, t.err
			}
		case <-poll.C:
			if err := a.look(o.Count); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return a.result(all, server)
}
