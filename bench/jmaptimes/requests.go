package jmaptimes

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/histogram"
	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/bench/proc"
	"github.com/mailmesh/mailmesh/jmap"
)

// RequestsOptions: clients make requests, six of ten of which read a page of a mailbox, three read single messages and one
// changes a message.
type RequestsOptions struct {
	Server   Server
	Accounts []measure.Account // one client each
	Mailbox  int               // messages in each INBOX
	Size     int
	From     string
	Duration time.Duration

	// PerSecond is how many requests all clients together begin each second, whether or not those before have been answered, and
	// an answer's time counts from when its request was due; 0: each client asks as soon as it has been answered.
	PerSecond int
}

// RequestsResult is what was answered.
type RequestsResult struct {
	PerSecond float64
	Time      histogram.Summary
	ServerCPU float64 // us a request
}

// Requests measures the rate and the times of answers.
func Requests(ctx context.Context, o RequestsOptions) (*RequestsResult, error) {
	users := make([]*user, len(o.Accounts))
	for i, a := range o.Accounts {
		u, err := newUser(ctx, o, a)
		if err != nil {
			return nil, err
		}
		users[i] = u
	}
	cpu, err := proc.System.CPU(o.Server.PIDs...)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	due := o.schedule(begin)
	g, gctx := errgroup.WithContext(ctx)
	for _, u := range users {
		for range workersEach {
			h := new(histogram.Histogram)
			u.times = append(u.times, h)
			g.Go(func() error { return u.work(gctx, due, h) })
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	var all histogram.Histogram
	for _, u := range users {
		for _, h := range u.times {
			all.Merge(h)
		}
	}
	if all.Count() == 0 {
		return nil, fmt.Errorf("no request was answered within %v", o.Duration)
	}
	after, err := proc.System.CPU(o.Server.PIDs...)
	return &RequestsResult{
		PerSecond: float64(all.Count()) / took.Seconds(), Time: all.Summary(),
		ServerCPU: float64((after - cpu).Microseconds()) / float64(all.Count()),
	}, err
}

// workersEach is how many requests of one account are under way at once.
const workersEach = 2

// schedule says when the next request is due; false when time is over.
func (o *RequestsOptions) schedule(begin time.Time) func() (time.Time, bool) {
	var n atomic.Int64
	return func() (time.Time, bool) {
		at := time.Now()
		if o.PerSecond > 0 {
			at = begin.Add(time.Duration(n.Add(1)) * time.Second / time.Duration(o.PerSecond))
		}
		return at, at.Sub(begin) < o.Duration
	}
}

// user is a client with its mailbox.
type user struct {
	client           *jmap.Client
	account, mailbox jmap.ID
	ids              []jmap.ID
	times            []*histogram.Histogram
	turn             atomic.Int64
}

func newUser(ctx context.Context, o RequestsOptions, a measure.Account) (*user, error) {
	p := &pageRun{PageOptions: PageOptions{Server: o.Server, Account: a, Messages: o.Mailbox, Size: o.Size, Batch: 50, From: o.From}}
	var err error
	if p.gen, err = generator(o.Size); err != nil {
		return nil, err
	}
	if err := p.fill(ctx); err != nil {
		return nil, err
	}
	u := &user{}
	if u.client, err = o.Server.client(ctx, a, 0); err != nil {
		return nil, err
	}
	if u.account, u.mailbox, err = inbox(ctx, u.client); err != nil {
		return nil, err
	}
	got, err := jmap.Call[jmap.QueryResponse](ctx, u.client, "Email/query", jmap.Query{
		AccountID: u.account, Filter: jmap.EmailFilter{InMailbox: u.mailbox}, Limit: jmap.Some(o.Mailbox),
	})
	u.ids = got.IDs
	if err == nil && len(u.ids) == 0 {
		err = fmt.Errorf("the mailbox of %s is empty", a.Address)
	}
	return u, err
}

func (u *user) work(ctx context.Context, next func() (time.Time, bool), h *histogram.Histogram) error {
	for {
		at, ok := next()
		if !ok {
			return nil
		}
		if err := pause(ctx, time.Until(at)); err != nil {
			return err
		}
		if err := u.ask(ctx, u.turn.Add(1)); err != nil {
			return err
		}
		h.Record(time.Since(at))
	}
}

// ask makes the request whose turn it is.
func (u *user) ask(ctx context.Context, turn int64) error {
	id := u.ids[turn%int64(len(u.ids))]
	switch turn % 10 {
	case 0:
		patch := jmap.Patch{"keywords/$flagged": true}
		if turn/10%2 == 1 {
			patch["keywords/$flagged"] = nil
		}
		got, err := jmap.Call[jmap.SetResponse[jmap.Email]](ctx, u.client, "Email/set", jmap.Set{AccountID: u.account, Update: map[jmap.ID]jmap.Patch{id: patch}})
		if err == nil {
			err = got.Err()
		}
		return err
	case 1, 2, 3:
		get := jmap.EmailGet{Get: jmap.Get{AccountID: u.account, IDs: []jmap.ID{id}}, FetchTextBodyValues: true}
		got, err := jmap.Call[jmap.GetResponse[jmap.Email]](ctx, u.client, "Email/get", get)
		if err == nil && (len(got.List) != 1 || len(got.List[0].BodyValues) == 0) {
			err = fmt.Errorf("%s was read without its text", id)
		}
		return err
	}
	p := pageRun{PageOptions: PageOptions{Messages: pageLength}, client: u.client, account: u.account, mailbox: u.mailbox}
	return p.page(ctx, new(Times))
}
