package auth

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Limits of guessing. doc.go explains them.
const (
	freeForAccount  = 10
	freeForNetwork  = 30
	firstDelay      = time.Second
	maxDelay        = 15 * time.Minute
	accountMemory   = 12 * time.Hour
	networkMemory   = time.Hour
	familiarFor     = 30 * 24 * time.Hour
	rememberedWrong = 8
)

// Wait is the error of an attempt that was refused unseen. It is found inside a mail.Limit error.
type Wait struct{ For time.Duration }

func (w Wait) Error() string {
	return fmt.Sprintf("too many failed sign-ins: wait %v and try again", w.For.Round(time.Second))
}

// subject is an account, or a name that no account has: an HMAC of either under the process's key.
type subject [16]byte

// guess is one password for one subject with one set of rows: an HMAC of all three under the process's key.
type guess [32]byte

// failures is the record of one account or network.
type failures struct {
	count int
	until time.Time // closed until then
	last  time.Time
	wrong []guess // the last wrong passwords, each once; of an account
}

// pair is a subject as it is counted: everywhere, or in one network that is familiar to it.
type pair struct {
	subject subject
	network netip.Prefix
}

// throttle counts failures. It never sees a password.
type throttle struct {
	now func() time.Time

	mu       sync.Mutex
	accounts *table[pair, *failures]
	networks *table[netip.Prefix, *failures]
	familiar *table[pair, time.Time] // when it last signed in from there
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{
		now:      now,
		accounts: newTable[pair, *failures](tableSize),
		networks: newTable[netip.Prefix, *failures](tableSize),
		familiar: newTable[pair, time.Time](tableSize),
	}
}

// network is what addresses are counted by: who has an IPv6 address has at least its /64. The zero Prefix, for loopback
// and for connections without an address, is not counted.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsLoopback() {
		return netip.Prefix{}
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // cannot fail: bits fit
	return p
}

// check says whether a guess may go on. known: it is wrong, and was before.
func (t *throttle) check(s subject, from netip.Prefix, g guess) (known bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	return t.allowed(now, t.account(now, s, from), t.network(now, from), g)
}

func (t *throttle) allowed(now time.Time, account, network *failures, g guess) (known bool, err error) {
	if slices.Contains(account.wrong, g) {
		return true, nil
	}
	until := account.until
	if network.until.After(until) {
		until = network.until
	}
	if until.After(now) {
		return false, Wait{until.Sub(now)}
	}
	return false, nil
}

// outcome is what became of a guess that was begun.
type outcome int

const (
	undecided outcome = iota // it was not checked: busy, cancelled
	wrong
	right
)

// begin counts a guess as a failure and lets it go on, or not. end corrects the count.
func (t *throttle) begin(s subject, from netip.Prefix, g guess) (end func(outcome), known bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	key := t.key(now, s, from)
	account, network := t.account(now, s, from), t.network(now, from)
	if known, err := t.allowed(now, account, network, g); known || err != nil {
		return nil, known, err
	}
	accountBack := account.add(now, freeForAccount)
	t.accounts.put(key, account)
	networkBack := network.add(now, freeForNetwork)
	if from.IsValid() {
		t.networks.put(from, network)
	}
	return func(o outcome) {
		t.mu.Lock()
		defer t.mu.Unlock()
		switch o {
		case wrong:
			account.remember(g)
			return
		case right:
			// The network keeps its other failures: who has an account here must not clear his by signing in to it.
			t.accounts.remove(key)
		}
		accountBack()
		networkBack()
	}, false, nil
}

// welcome notes that a subject signed in from a network.
func (t *throttle) welcome(s subject, from netip.Prefix) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.familiar.put(pair{s, from}, t.now())
}

// key is under which a subject's failures from a network are counted.
func (t *throttle) key(now time.Time, s subject, from netip.Prefix) pair {
	if at, found := t.familiar.get(pair{s, from}); found && now.Sub(at) < familiarFor {
		return pair{s, from}
	}
	return pair{subject: s}
}

func (t *throttle) account(now time.Time, s subject, from netip.Prefix) *failures {
	f, _ := t.accounts.get(t.key(now, s, from))
	return fresh(f, now, accountMemory)
}

func (t *throttle) network(now time.Time, from netip.Prefix) *failures {
	f, _ := t.networks.get(from)
	return fresh(f, now, networkMemory)
}

// fresh returns f, or a new record where there is none or all is forgotten.
func fresh(f *failures, now time.Time, memory time.Duration) *failures {
	if f == nil || now.Sub(f.last) > memory {
		return &failures{}
	}
	return f
}

// add counts a failure; back takes it back, and the closing that followed from it unless others have followed since.
func (f *failures) add(now time.Time, free int) (back func()) {
	before := f.until
	f.count++
	f.last = now
	if over := f.count - free; over > 0 {
		// 2^10 seconds are more than maxDelay; the shift must not run over.
		f.until = now.Add(min(firstDelay<<min(over-1, 10), maxDelay))
	}
	closed := f.until
	return func() {
		f.count--
		if f.until.Equal(closed) {
			f.until = before
		}
	}
}

func (f *failures) remember(g guess) {
	if len(f.wrong) == rememberedWrong {
		f.wrong = slices.Delete(f.wrong, 0, 1)
	}
	f.wrong = append(f.wrong, g)
}
