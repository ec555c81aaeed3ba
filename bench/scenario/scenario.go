// Package scenario is what `make bench` runs: one server after the other is
// started on empty data, goes through the same steps, and is stopped.
//
// Each step has accounts of its own, so that none profits or suffers from the mail
// of another. A step that fails is recorded with its error and the others go on;
// its figures are missing rather than wrong.
package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/bench/result"
	"github.com/mailmesh/mailmesh/bench/server"
)

// Scale is how much is done.
type Scale struct {
	Name        string
	Connections int           // of mail being sent
	Mailboxes   int           // it is spread over
	Duration    time.Duration // of each rate
	Warmup      time.Duration
	Idle        int // messages to a client that idles
	IdleEvery   time.Duration
	Poll        time.Duration // of the connections that look for visible mail
	Wait        time.Duration // for mail to become visible
	Large       []int         // sizes of the mailboxes that are read
	Rounds      int
	Bodies      int
	Sessions    int
	Settle      time.Duration
	Rest        time.Duration // for the server to come to rest before each step; 0: it is not waited for
	Import      int
	Outbound    int // mails handed on
	Sockets     int // WebSockets that listen
	Requests    int // of JMAP a second
}

// Scales by name: quick to see that all works, standard for comparing changes,
// full for the figures that are published.
func Scales() []Scale {
	quick := Scale{
		Name: "quick", Connections: 32, Mailboxes: 10, Duration: 4 * time.Second, Warmup: time.Second,
		Idle: 100, IdleEvery: 10 * time.Millisecond, Poll: 10 * time.Millisecond, Wait: 30 * time.Second,
		Large: []int{2000}, Rounds: 3, Bodies: 1000, Sessions: 200, Settle: 2 * time.Second, Import: 5000,
		Rest: 5 * time.Minute, Outbound: 3000, Sockets: 200, Requests: 1000,
	}
	standard := quick
	standard.Name, standard.Duration, standard.Idle = "standard", 15*time.Second, 500
	standard.Large, standard.Rounds, standard.Bodies = []int{10_000}, 7, 2000
	standard.Sessions, standard.Settle, standard.Import = 1000, 5*time.Second, 50_000
	standard.Outbound, standard.Sockets = 20_000, 1000
	full := standard
	full.Name, full.Duration, full.Idle = "full", 30*time.Second, 1000
	full.Large, full.Sessions, full.Import = []int{10_000, 100_000}, 5000, 200_000
	full.Outbound, full.Sockets = 50_000, 10_000
	return []Scale{quick, standard, full}
}

// Options of a Run.
type Options struct {
	Servers  []server.Server
	Scale    Scale
	Steps    []string // names; empty: all
	Progress io.Writer
	// Sink is where the servers hand on mail for others, if there is one: else that
	// step is left out.
	Sink Sink
}

// Sink counts the mail that it takes.
type Sink interface{ Received() int }

// run is one server going through the steps.
type run struct {
	scale  Scale
	server server.Server
	doors  server.Endpoints
	sink   Sink
	say    func(format string, args ...any)
	result result.Server
}

type step struct {
	name string
	run  func(*run, context.Context) error
}

// steps in their order: what needs a server that has done nothing comes first.
var steps = []step{
	{"start", (*run).idleServer},
	{"idle", (*run).idle},
	{"push", (*run).push},
	{"typing", (*run).typing},
	{"sockets", (*run).sockets},
	{"sessions", (*run).sessions}, // later, memory that other steps have left would be used again and not counted
	{"smtp", (*run).smtp},
	{"lmtp", (*run).lmtp},
	{"visible", (*run).visible},
	{"outbound", (*run).outbound},
	{"imap", (*run).mailboxes},
	{"jmap", (*run).jmapPages},
	{"requests", (*run).jmapRequests},
	{"import", (*run).importing},
}

// Steps are the names of all steps.
func Steps() []string {
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	return names
}

// Run takes each server through the steps. The error tells of failed steps; the
// result is there nevertheless.
func Run(ctx context.Context, o Options) ([]result.Server, error) {
	for _, name := range o.Steps {
		if !slices.Contains(Steps(), name) {
			return nil, fmt.Errorf("there is no step %q: the steps are %q", name, Steps())
		}
	}
	var results []result.Server
	var errs []error
	for _, s := range o.Servers {
		r := &run{scale: o.Scale, server: s, sink: o.Sink, result: result.Server{Name: s.Name()}}
		r.say = func(format string, args ...any) {
			fmt.Fprintf(o.Progress, s.Name()+": "+format+"\n", args...)
		}
		errs = append(errs, r.all(ctx, o.Steps))
		results = append(results, r.result)
	}
	return results, errors.Join(errs...)
}

func (r *run) all(ctx context.Context, only []string) (err error) {
	if r.doors, err = r.server.Start(ctx); err != nil {
		return r.failed("start", err)
	}
	defer func() { err = errors.Join(err, r.server.Stop()) }()
	var errs []error
	for _, s := range steps {
		if len(only) > 0 && !slices.Contains(only, s.name) {
			continue
		}
		if err := r.rest(ctx); err != nil {
			errs = append(errs, r.failed(s.name, err))
			break
		}
		r.say("%s", s.name)
		if err := s.run(r, ctx); err != nil {
			errs = append(errs, r.failed(s.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// rest waits until the server has done what earlier steps left it to do.
func (r *run) rest(ctx context.Context) error {
	if r.scale.Rest == 0 {
		return nil
	}
	took, err := measure.AwaitRest(ctx, r.scale.Rest, r.doors.PIDs...)
	if err == nil {
		r.say("at rest after %.1f s", took.Seconds())
	}
	return err
}

func (r *run) failed(step string, err error) error {
	r.say("%s FAILED: %v", step, err)
	r.result.Failures = append(r.result.Failures, result.Failure{Step: step, Error: err.Error()})
	return fmt.Errorf("%s: %s: %w", r.server.Name(), step, err)
}

func (r *run) figure(name, unit string, better result.Direction, value float64, samples ...float64) {
	r.say("  %s: %.4g %s", name, value, unit)
	r.result.Figures = append(r.result.Figures, result.Figure{Name: name, Unit: unit, Better: better, Value: value, Samples: samples})
}

const (
	domain   = "bench.example"
	password = "a password for the benchmark"
	sender   = "sender@mailload.example"
)

// accounts makes n accounts for one step.
func (r *run) accounts(ctx context.Context, step string, n int) ([]measure.Account, error) {
	out := make([]measure.Account, n)
	for i := range out {
		out[i] = measure.Account{Address: fmt.Sprintf("%s%02d@%s", step, i+1, domain), Password: password}
		if err := r.server.AddAccount(ctx, out[i].Address, password); err != nil {
			return nil, err
		}
	}
	return out, nil
}
