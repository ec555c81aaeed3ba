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
	result := &OutboundResult{Errors: Tally{}}
	want, last, second, arrived, all := o.Count, 0, 0, time.Now(), false
	poll := time.NewTicker(arrivalsEvery)
	defer poll.Stop()
	for result.Received < want {
		select {
		case t := <-handedIn:
			if t.err != nil {
				return nil, t.err
			}
			result.Accepted, result.Errors = t.rate.PerSecond, t.rate.Errors
			want, all = int(t.rate.Accepted), true
		case <-poll.C:
			if now := o.Received() - before; now > result.Received {
				result.Received, arrived = now, time.Now()
			} else if time.Since(arrived) > o.Wait {
				return nil, fmt.Errorf("%d of %d mails have arrived, and none for %v", result.Received, want, o.Wait)
			}
			if passed := int(time.Since(begun) / time.Second); passed > second {
				result.Samples = append(result.Samples, float64(result.Received-last)/float64(passed-second))
				last, second = result.Received, passed
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	result.PerSecond = float64(result.Received) / time.Since(begun).Seconds()
	if !all { // the last reply is on its way
		t := <-handedIn
		if t.err != nil {
			return nil, t.err
		}
		result.Accepted, result.Errors = t.rate.PerSecond, t.rate.Errors
	}
	after, err := serverCPU(o.PIDs)
	if err == nil && len(o.PIDs) > 0 {
		result.ServerCPU = micros(after-server, uint64(result.Received))
	}
	return result, err
}
