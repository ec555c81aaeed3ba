package measure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/histogram"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/message"
)

// Account is one that can be signed in to over IMAP; its mail comes in INBOX.
type Account struct {
	Address, Password string
}

// Addresses of the accounts.
func Addresses(accounts []Account) []string {
	out := make([]string, len(accounts))
	for i, a := range accounts {
		out[i] = a.Address
	}
	return out
}

// VisibleOptions: mail is sent as in Rate and looked for over one IMAP connection
// an account that asks with NOOP.
type VisibleOptions struct {
	Load     // To is filled from Accounts; PerMail is 1
	IMAPAddr string
	IMAP     imap.Options // without Username and Password
	Accounts []Account
	Duration time.Duration
	Count    int
	Poll     time.Duration // between two NOOPs of a connection
	Wait     time.Duration // for the rest, after the last 250, before mail is taken for lost
}

// VisibleResult tells when accepted mail could be read.
type VisibleResult struct {
	Accepted    uint64            `json:"accepted"`
	Visible     uint64            `json:"visible"`
	AcceptedPer float64           `json:"accepted_per_second"`
	VisiblePer  float64           `json:"visible_per_second"` // to the moment the last was visible
	After250    histogram.Summary `json:"visible_after_250"`
	AfterMail   histogram.Summary `json:"visible_after_mail_from"`
	Errors      Tally             `json:"errors"`
}

// flight is the life of one mail, as times after the start; 0 is not yet.
type flight struct {
	sent, acked, seen time.Duration
}

// flights of one sender, by sequence number.
type flights struct {
	mu  sync.Mutex
	all []flight
}

type watch struct {
	run     uint64
	start   time.Time
	senders []*flights
	waiting atomic.Int64 // accepted and not seen, or seen before accepted
	sending atomic.Bool
	errs    Tally
}

// Visible measures the time from acceptance to visibility. Mail that is seen
// twice, or not at all within Wait, or that nobody sent, is an error.
func Visible(ctx context.Context, o VisibleOptions) (*VisibleResult, error) {
	if o.Duration <= 0 && o.Count <= 0 {
		return nil, errors.New("neither a duration nor a count limits the load")
	}
	o.To, o.PerMail = Addresses(o.Accounts), 1
	w := &watch{run: message.NewRun(), errs: Tally{}}
	all, err := senders(ctx, &o.Load, w.run)
	if err != nil {
		return nil, err
	}
	defer closeAll(all)
	watchers, err := openWatchers(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, c := range watchers {
			c.Close()
		}
	}()
	w.start = time.Now()
	w.sending.Store(true)
	for range all {
		w.senders = append(w.senders, &flights{})
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, c := range watchers {
		g.Go(func() error { return w.look(gctx, c, o) })
	}
	g.Go(func() error {
		defer w.sending.Store(false)
		return w.send(gctx, all, o)
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return w.result(all)
}

func openWatchers(ctx context.Context, o VisibleOptions) ([]*imap.Conn, error) {
	var out []*imap.Conn
	for _, a := range o.Accounts {
		opts := o.IMAP
		opts.Username, opts.Password = a.Address, a.Password
		c, err := imap.Dial(ctx, o.IMAPAddr, opts)
		if err == nil {
			out = append(out, c)
			_, err = c.Examine("INBOX")
		}
		if err != nil {
			for _, c := range out {
				c.Close()
			}
			return nil, fmt.Errorf("%s: %w", a.Address, err)
		}
	}
	return out, nil
}

func (w *watch) send(ctx context.Context, all []*sender, o VisibleOptions) error {
	var left atomic.Int64
	left.Store(int64(o.Count))
	g, gctx := errgroup.WithContext(ctx)
	for i, s := range all {
		f := w.senders[i]
		g.Go(func() error {
			for gctx.Err() == nil && (o.Duration <= 0 || time.Since(w.start) < o.Duration) {
				if o.Count > 0 && left.Add(-1) < 0 {
					return nil
				}
				m, mail := s.next()
				f.begin(time.Since(w.start))
				outcome, err := s.send(gctx, mail)
				if err != nil {
					return err
				}
				if outcome != nil && outcome.Accepted() > 0 {
					w.acked(f, m.ID.Seq, outcome.Started.Sub(w.start), outcome.Done.Sub(w.start))
				}
			}
			return gctx.Err()
		})
	}
	return g.Wait()
}

func (f *flights) begin(at time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, flight{sent: at})
}

func (w *watch) acked(f *flights, seq int, sent, at time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[seq].sent, f.all[seq].acked = sent, max(at, 1)
	if f.all[seq].seen == 0 {
		w.waiting.Add(1)
	}
}

// seen notes when a message could be read. One seen before its 250 was read is
// not waited for: acked sees that.
func (w *watch) seen(id message.ID, at time.Duration) error {
	if id.Worker < 0 || id.Worker >= len(w.senders) {
		return fmt.Errorf("message %v is in the mailbox and was never sent", id)
	}
	f := w.senders[id.Worker]
	f.mu.Lock()
	defer f.mu.Unlock()
	if id.Seq < 0 || id.Seq >= len(f.all) {
		return fmt.Errorf("message %v is in the mailbox and was never sent", id)
	}
	fl := &f.all[id.Seq]
	if fl.seen != 0 {
		return fmt.Errorf("message %v is in the mailbox twice", id)
	}
	fl.seen = max(at, 1)
	if fl.acked != 0 {
		w.waiting.Add(-1)
	}
	return nil
}

// look asks for new mail until all that was accepted has been seen.
func (w *watch) look(ctx context.Context, c *imap.Conn, o VisibleOptions) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	known := c.Exists
	var quiet time.Time // since when nothing came although nothing is sent
	for {
		sending := w.sending.Load()
		if err := c.Do("NOOP", refuseExpunge); err != nil {
			return errors.Join(ctx.Err(), err)
		}
		if exists := c.Exists; exists > known { // which may grow during the FETCH
			if err := w.fetchNew(c, known+1, exists); err != nil {
				return err
			}
			known, quiet = exists, time.Time{}
			continue
		}
		if !sending && w.waiting.Load() <= 0 {
			return nil
		}
		if sending || quiet.IsZero() {
			quiet = time.Now()
		} else if time.Since(quiet) > o.Wait {
			return nil // result tells how many are lost
		}
		if err := pause(ctx, o.Poll); err != nil {
			return err
		}
	}
}

func refuseExpunge(r imap.Response) error {
	if r.Is("EXPUNGE") || r.Is("VANISHED") {
		return errors.New("the server removed messages that nobody deleted")
	}
	return nil
}

func (w *watch) fetchNew(c *imap.Conn, low, high uint32) error {
	got := uint32(0)
	err := c.Do(fmt.Sprintf("FETCH %d:%d (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", low, high), func(r imap.Response) error {
		if !r.Is("FETCH") {
			return refuseExpunge(r)
		}
		id, ours, ok, err := fetchedID(r)
		if err != nil || !ok {
			return err
		}
		got++
		if !ours || id.Run != w.run {
			return nil // somebody else's mail
		}
		return w.seen(id, time.Since(w.start))
	})
	if err == nil && got != high-low+1 {
		err = fmt.Errorf("FETCH %d:%d answered %d messages", low, high, got)
	}
	return err
}

// fetchedID is the ID in the first header item of a FETCH answer; ok is false when
// there is none, as in an answer that only tells of changed flags.
func fetchedID(r imap.Response) (id message.ID, ours, ok bool, err error) {
	it := r.Items()
	for it.Next() {
		if it.Name[len(it.Name)-1] == ']' {
			text, err := imap.Text(it.Value)
			if err != nil {
				return id, false, false, err
			}
			id, ours = message.FindID(text)
			return id, ours, true, nil
		}
	}
	return id, false, false, it.Err()
}

func (w *watch) result(all []*sender) (*VisibleResult, error) {
	r := &VisibleResult{Errors: w.errs}
	var after250, afterMail histogram.Histogram
	var lastAck, lastSeen time.Duration
	for i, f := range w.senders {
		r.Errors.merge(all[i].errors)
		for _, fl := range f.all {
			if fl.acked == 0 {
				continue
			}
			r.Accepted++
			lastAck = max(lastAck, fl.acked)
			if fl.seen == 0 {
				continue
			}
			r.Visible++
			lastSeen = max(lastSeen, fl.seen)
			after250.Record(fl.seen - fl.acked)
			afterMail.Record(fl.seen - fl.sent)
		}
	}
	r.After250, r.AfterMail = after250.Summary(), afterMail.Summary()
	if lastAck > 0 {
		r.AcceptedPer = float64(r.Accepted) / lastAck.Seconds()
	}
	if lastSeen > 0 {
		r.VisiblePer = float64(r.Visible) / lastSeen.Seconds()
	}
	if lost := r.Accepted - r.Visible; lost > 0 {
		return r, fmt.Errorf("%d of %d accepted messages never became visible", lost, r.Accepted)
	}
	return r, nil
}
