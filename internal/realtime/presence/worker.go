package presence

import (
	"log/slog"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// worker decides for some of the accounts, one thing at a time: first who hears of drafts, which cannot wait, then it reads circles.
type worker struct {
	p         *Presence
	wake      chan struct{}
	followers map[mail.AccountID]Follower // of accounts that are here; used by run alone

	mu     sync.Mutex
	drafts []Draft
	loads  []mail.AccountID
	asked  map[mail.AccountID]bool // is in loads
}

func (w *worker) init(p *Presence) {
	w.p, w.wake = p, make(chan struct{}, 1)
	w.followers, w.asked = map[mail.AccountID]Follower{}, map[mail.AccountID]bool{}
}

// draft takes a draft, unless too many wait.
func (w *worker) draft(d Draft) {
	w.mu.Lock()
	room := len(w.drafts) < maxWaiting
	if room {
		w.drafts = append(w.drafts, d)
	}
	w.mu.Unlock()
	if !room {
		w.p.o.Observe.Signal(Dropped)
	}
	w.ring()
}

// load has the circle of an account read, or its follower closed where nobody is here any more.
func (w *worker) load(account mail.AccountID) {
	w.mu.Lock()
	if !w.asked[account] {
		w.asked[account] = true
		w.loads = append(w.loads, account)
	}
	w.mu.Unlock()
	w.ring()
}

func (w *worker) ring() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *worker) next() (d []Draft, load mail.AccountID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.drafts) > 0 {
		d, w.drafts = w.drafts, nil
		return d, 0
	}
	if len(w.loads) > 0 {
		load, w.loads = w.loads[0], w.loads[1:]
		delete(w.asked, load)
	}
	return nil, load
}

func (w *worker) run() {
	defer w.end()
	for {
		select {
		case <-w.wake:
			w.work()
		case <-w.p.ctx.Done():
			return
		}
	}
}

// work does all that there is to do, and reports whether that was something.
func (w *worker) work() (did bool) {
	for w.p.ctx.Err() == nil {
		drafts, account := w.next()
		if len(drafts) == 0 && account == 0 {
			break
		}
		did = true
		for _, d := range drafts {
			w.p.o.Observe.Signal(w.send(d))
		}
		if account != 0 {
			w.read(account)
		}
	}
	return did
}

func (w *worker) end() {
	for _, f := range w.followers {
		f.Close()
	}
}

// send sends a draft to whoever may hear of it, and returns what became of it.
func (w *worker) send(d Draft) (result string) {
	p := w.p
	if p.o.Now().Sub(d.At) > MaxAge {
		return Dropped
	}
	here, elsewhere, err := p.o.Society.Recipients(p.ctx, d)
	if err != nil {
		p.report("presence: a signal was dropped", err)
		return Dropped
	}
	for _, l := range here {
		p.publish(notice{kind: kindSignal, node: p.table.node, from: d.From, to: l.Peer, as: l.As, state: d.State, thread: l.Thread, at: d.At})
	}
	if p.o.Remote == nil {
		elsewhere = nil
	}
	for _, o := range elsewhere {
		p.o.Remote.Send(o)
	}
	if len(here)+len(elsewhere) == 0 {
		return Nobody
	}
	return Passed
}

// read reads a circle.
func (w *worker) read(account mail.AccountID) {
	p := w.p
	p.mu.Lock()
	revoked, here := p.table.reading(account)
	p.mu.Unlock()
	if !here {
		if f := w.followers[account]; f != nil {
			delete(w.followers, account)
			f.Close()
		}
		return
	}
	circle, shown, err := w.circle(account)
	p.change(func(now time.Time) do {
		if err != nil {
			p.table.failed(account, now)
			return do{}
		}
		return p.table.loaded(account, circle, shown, revoked, now)
	})
	if err != nil {
		p.report("presence: a circle could not be read, and will be later", err)
	}
}

// circle follows the account's changes before it reads, so that none is missed.
func (w *worker) circle(account mail.AccountID) ([]Link, bool, error) {
	p := w.p
	if f := w.followers[account]; f != nil {
		f.Seen()
	} else {
		f, err := p.o.Follow(p.ctx, account, func() { w.load(account) })
		if err != nil {
			return nil, false, err
		}
		w.followers[account] = f
	}
	return p.o.Society.Circle(p.ctx, account)
}

// report logs that something failed, by its class alone: the text of an error may name people.
func (p *Presence) report(what string, err error) {
	if p.ctx.Err() == nil {
		p.o.Log.Warn(what, slog.String("class", string(mail.KindOf(err))))
	}
}
