package presence

import (
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// table is what a node knows of who is where. It is pure: told what happens and when, it says what is to be done.
type table struct {
	node  uint64
	here  map[mail.AccountID]*present
	left  map[mail.AccountID]time.Time // who was here today
	nodes map[uint64]time.Time         // when each was heard of last
	beat  time.Time                    // when this one has spoken
}

// present is an account with clients at this node, or that had some a moment ago.
type present struct {
	watches []*Watch
	leaving time.Time // when the last client has gone; zero: there are some
	shown   bool      // its presence is not hidden, as far as was read
	read    time.Time // when circle was; zero: not yet
	retry   time.Time // when to read it again, because that has failed; zero: it has not
	revoked int       // how often somebody has left the circle by a notice: what was read meanwhile may have him still
	circle  map[mail.AccountID]Link
	peers   map[mail.AccountID]*peer // of the circle, of whom something is known
}

// peer is what is known of somebody of a circle.
type peer struct {
	at   map[uint64]seen // by node
	told State
}

type seen struct {
	state State
	at    time.Time
}

// do is what a table wants to be done.
type do struct {
	publish []notice
	deliver []delivery
	load    []mail.AccountID // whose circles are to be read
	stop    []mail.AccountID // whose changes are of no interest any more
}

// delivery is a signal for some clients.
type delivery struct {
	to     []*Watch
	signal Signal
}

func newTable(node uint64) *table {
	return &table{node: node, here: map[mail.AccountID]*present{}, left: map[mail.AccountID]time.Time{}, nodes: map[uint64]time.Time{}}
}

// open adds a client.
func (t *table) open(w *Watch) (d do) {
	p := t.here[w.account]
	if p == nil {
		p = &present{circle: map[mail.AccountID]Link{}, peers: map[mail.AccountID]*peer{}}
		t.here[w.account] = p
		d.load = append(d.load, w.account)
	}
	delete(t.left, w.account)
	p.leaving = time.Time{}
	p.watches = append(slices.Clip(p.watches), w) // deliveries under way have the list
	for id, peer := range p.peers {
		if peer.told != Unknown {
			d.deliver = append(d.deliver, delivery{[]*Watch{w}, p.signal(id, peer)})
		}
	}
	return d
}

// close takes a client away.
func (t *table) close(w *Watch, now time.Time) {
	p := t.here[w.account]
	if p == nil {
		return
	}
	p.watches = slices.DeleteFunc(slices.Clone(p.watches), func(o *Watch) bool { return o == w })
	if len(p.watches) == 0 && p.leaving.IsZero() {
		p.leaving = now
	}
}

// reading says that the circle of an account is about to be read. ok is false where nobody is here.
func (t *table) reading(account mail.AccountID) (revoked int, ok bool) {
	p := t.here[account]
	if p == nil {
		return 0, false
	}
	p.retry = time.Time{}
	return p.revoked, true
}

// failed says that it could not be read.
func (t *table) failed(account mail.AccountID, now time.Time) {
	if p := t.here[account]; p != nil {
		p.retry = now.Add(retryAfter)
	}
}

// loaded takes a circle that was read. shown is false where the account hides.
func (t *table) loaded(account mail.AccountID, circle []Link, shown bool, revoked int, now time.Time) (d do) {
	p := t.here[account]
	if p == nil {
		return d
	}
	if p.revoked != revoked {
		d.load = append(d.load, account)
		return d
	}
	before := p.circle
	p.circle, p.shown, p.read = make(map[mail.AccountID]Link, len(circle)), shown, now
	for _, l := range circle {
		p.circle[l.Peer] = l
		d.publish = append(d.publish, t.hereNotice(account, l, Online, now, true))
	}
	for id, l := range before {
		if next, still := p.circle[id]; still {
			p.rename(&d, id, l.Theirs, next.Theirs)
			continue
		}
		d.publish = append(d.publish, t.hereNotice(account, l, Unknown, now, false))
		if known := p.peers[id]; known != nil {
			delete(p.peers, id)
			if known.told != Unknown {
				d.deliver = append(d.deliver, delivery{p.watches, Signal{From: l.Theirs, State: Unknown, At: now}})
			}
		}
	}
	return d
}

// rename has clients know somebody by another name.
func (p *present) rename(d *do, id mail.AccountID, from, to Name) {
	who := p.peers[id]
	if from == to || who == nil || who.told == Unknown {
		return
	}
	d.deliver = append(d.deliver, delivery{p.watches, Signal{From: from, State: Unknown, At: p.read}}, delivery{p.watches, p.signal(id, who)})
}

func (t *table) hereNotice(account mail.AccountID, l Link, s State, at time.Time, answer bool) notice {
	return notice{kind: kindHere, node: t.node, from: account, to: l.Peer, as: l.As, theirs: l.Theirs, state: s, at: at, answer: answer}
}

// heard takes a notice.
func (t *table) heard(n notice, now time.Time) (d do) {
	t.nodes[n.node] = now
	switch n.kind {
	case kindSignal:
		if p := t.here[n.to]; p != nil && now.Sub(n.at) <= MaxAge && len(p.watches) > 0 {
			s := Signal{From: n.as, State: n.state, Thread: n.thread, At: n.at, Until: until(n.state, n.at)}
			d.deliver = append(d.deliver, delivery{p.watches, s})
		}
	case kindHere:
		d = t.heardHere(n, now)
	case kindRevoked:
		delete(t.left, n.from)
		for account, p := range t.here {
			if _, known := p.circle[n.from]; known {
				d.load = append(d.load, account)
			}
		}
	}
	return d
}

// heardHere takes the presence of somebody. Who asks for an answer has just read that both may know of each other, so the circle takes
// him up, unless it was read at about the same time: then one of the two readings may be older than a block, and a new one decides.
// Who does not ask is of the circle already, or was thrown out of it.
func (t *table) heardHere(n notice, now time.Time) (d do) {
	back := Link{Peer: n.from, As: n.theirs, Theirs: n.as}
	p := t.here[n.to]
	if p == nil {
		if left, ok := t.left[n.to]; ok && n.answer && now.Sub(left) < Today {
			d.publish = append(d.publish, t.hereNotice(n.to, back, SeenToday, left, false))
		}
		return d
	}
	if !p.shown || n.answer && now.Sub(n.at) > MaxAge { // hidden, or not read yet: then reading it asks
		return d
	}
	link, known := p.circle[n.from]
	switch {
	case !known && (!n.answer || len(p.circle) >= MaxCircle):
		return d
	case !known && now.Sub(p.read) < MaxAge:
		d.load = append(d.load, n.to)
		return d
	case !known:
		link = back // what was read here has the better name: each side may know the other by several
		p.circle[n.from] = link
	}
	if n.answer {
		d.publish = append(d.publish, t.hereNotice(n.to, back, Online, now, false))
	}
	who := p.peers[n.from]
	if who == nil {
		who = &peer{at: map[uint64]seen{}, told: Unknown}
		p.peers[n.from] = who
	}
	if last, ok := who.at[n.node]; ok && n.at.Before(last.at) {
		return d
	}
	who.at[n.node] = seen{n.state, n.at}
	if n.state == Unknown {
		clear(who.at)
		p.revoked++
		delete(p.circle, n.from)
		delete(p.peers, n.from)
	}
	return p.tell(d, link.Theirs, who, now)
}

// tell delivers what has become of somebody, if it is news.
func (p *present) tell(d do, name Name, who *peer, now time.Time) do {
	state, at := who.state(now)
	if state == who.told {
		return d
	}
	who.told = state
	if state == Unknown {
		at = now
	}
	d.deliver = append(d.deliver, delivery{p.watches, Signal{From: name, State: state, At: at, Until: until(state, at)}})
	return d
}

// state is the best that any node says.
func (w *peer) state(now time.Time) (s State, at time.Time) {
	s = Unknown
	for _, v := range w.at {
		switch {
		case v.state == Online && (s != Online || v.at.Before(at)):
			s, at = Online, v.at
		case v.state == SeenToday && s != Online && now.Sub(v.at) < Today && v.at.After(at):
			s, at = SeenToday, v.at
		}
	}
	return s, at
}

// signal is what a client is told when it comes.
func (p *present) signal(id mail.AccountID, who *peer) Signal {
	var at time.Time
	for _, v := range who.at {
		if v.state == who.told && v.at.After(at) {
			at = v.at
		}
	}
	return Signal{From: p.circle[id].Theirs, State: who.told, At: at, Until: until(who.told, at)}
}

// tick lets time pass.
func (t *table) tick(now time.Time) (d do) {
	for account, p := range t.here {
		switch {
		case !p.leaving.IsZero() && now.Sub(p.leaving) >= Grace:
			t.leave(account, p, now, &d)
		case !p.retry.IsZero() && now.After(p.retry), !p.read.IsZero() && now.Sub(p.read) >= reloadEvery:
			p.read, p.retry = now, time.Time{} // not again before it is done
			d.load = append(d.load, account)
		}
	}
	for node, last := range t.nodes {
		if node != t.node && now.Sub(last) >= nodeSilent {
			delete(t.nodes, node)
			t.lose(node, now, &d)
		}
	}
	for account, at := range t.left {
		if now.Sub(at) >= Today {
			delete(t.left, account)
		}
	}
	if len(t.here)+len(t.left) > 0 && now.Sub(t.beat) >= beatEvery {
		t.beat = now
		d.publish = append(d.publish, notice{kind: kindBeat, node: t.node, at: now})
	}
	return d
}

// leave ends an account's stay here.
func (t *table) leave(account mail.AccountID, p *present, now time.Time, d *do) {
	delete(t.here, account)
	d.stop = append(d.stop, account)
	if p.shown && len(t.left) < maxLeft {
		t.left[account] = now
	}
	for _, l := range p.circle {
		d.publish = append(d.publish, t.hereNotice(account, l, SeenToday, now, false))
	}
}

// lose forgets whom a node had, which has ended without a word.
func (t *table) lose(node uint64, now time.Time, d *do) {
	for _, p := range t.here {
		for id, who := range p.peers {
			if _, ok := who.at[node]; ok {
				delete(who.at, node)
				*d = p.tell(*d, p.circle[id].Theirs, who, now)
			}
		}
	}
}
