package auth

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is a clock that stands until it is moved.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time       { return c.at }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

var (
	home     = network(netip.MustParseAddr("192.0.2.1"))
	away     = network(netip.MustParseAddr("198.51.100.7"))
	nowhere  = network(netip.Addr{})
	ann, bob = subject{1}, subject{2}
)

// guesses draws guesses that differ from each other.
func guesses() func() guess {
	n := uint32(0)
	return func() guess {
		n++
		return guess{byte(n), byte(n >> 8), byte(n >> 16)}
	}
}

// try plays one guess and returns how long the throttle wants it to wait, 0 when it went through.
func try(t testing.TB, th *throttle, s subject, from guessFrom, o outcome) time.Duration {
	t.Helper()
	if known, err := th.check(s, from.network, from.guess); known || err != nil {
		var w Wait
		if known || !errors.As(err, &w) {
			t.Fatalf("check: known %v, %v", known, err)
		}
		return w.For
	}
	end, known, err := th.begin(s, from.network, from.guess)
	if known || err != nil {
		t.Fatalf("check lets a guess through that begin does not: %v, %v", known, err)
	}
	end(o)
	if o == right {
		th.welcome(s, from.network)
	}
	return 0
}

type guessFrom struct {
	network netip.Prefix
	guess   guess
}

func TestThrottleAccount(t *testing.T) {
	c, next := newClock(), guesses()
	th := newThrottle(c.now)
	from := func() guessFrom { return guessFrom{nowhere, next()} }
	for i := range freeForAccount + 1 {
		if w := try(t, th, ann, from(), wrong); w != 0 {
			t.Fatalf("failure %d has to wait %v", i, w)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
		want *= time.Second
		if w := try(t, th, ann, from(), wrong); w != want {
			t.Fatalf("has to wait %v, want %v", w, want)
		}
		if w := try(t, th, bob, from(), undecided); w != 0 {
			t.Fatalf("another account has to wait %v", w)
		}
		c.pass(want - time.Millisecond)
		if w := try(t, th, ann, from(), right); w != time.Millisecond {
			t.Fatalf("just before the end it has to wait %v", w)
		}
		c.pass(time.Millisecond)
		if w := try(t, th, ann, from(), wrong); w != 0 {
			t.Fatalf("after waiting %v it has to wait %v", want, w)
		}
	}
	c.pass(maxDelay)
	if w := try(t, th, ann, from(), right); w != 0 {
		t.Fatalf("the right password has to wait %v", w)
	}
	for i := range freeForAccount {
		if w := try(t, th, ann, from(), wrong); w != 0 {
			t.Fatalf("after a success failure %d has to wait %v", i, w)
		}
	}
}

func TestThrottleForgets(t *testing.T) {
	c, next := newClock(), guesses()
	th := newThrottle(c.now)
	for range freeForAccount + 1 {
		try(t, th, ann, guessFrom{home, next()}, wrong)
	}
	c.pass(accountMemory)
	if try(t, th, ann, guessFrom{home, next()}, wrong) != 0 || try(t, th, ann, guessFrom{home, next()}, wrong) == 0 {
		t.Error("it is forgotten too early")
	}
	c.pass(accountMemory + time.Second)
	for i := range freeForAccount + 1 {
		if w := try(t, th, ann, guessFrom{home, next()}, wrong); w != 0 {
			t.Fatalf("%v later failure %d has to wait %v", accountMemory, i, w)
		}
	}
}

// One network guessing at many accounts is slowed down, and signing in to one's own account does not help.
func TestThrottleNetwork(t *testing.T) {
	c, next := newClock(), guesses()
	th := newThrottle(c.now)
	for i := range freeForNetwork + 1 {
		if w := try(t, th, subject{9, byte(i)}, guessFrom{home, next()}, wrong); w != 0 {
			t.Fatalf("failure %d has to wait %v", i, w)
		}
		if i%10 == 0 {
			try(t, th, bob, guessFrom{home, next()}, right)
		}
	}
	if w := try(t, th, ann, guessFrom{home, next()}, wrong); w != time.Second {
		t.Errorf("the network has to wait %v", w)
	}
	if w := try(t, th, ann, guessFrom{away, next()}, right); w != 0 {
		t.Errorf("another network has to wait %v", w)
	}
	c.pass(time.Second)
	if w := try(t, th, bob, guessFrom{home, next()}, right); w != 0 {
		t.Errorf("a right password has to wait %v", w)
	}
	if w := try(t, th, bob, guessFrom{home, next()}, right); w != 0 {
		t.Errorf("a right password closed the network for %v", w)
	}
	if w := try(t, th, ann, guessFrom{nowhere, next()}, right); w != 0 {
		t.Errorf("our own host has to wait %v", w)
	}
}

// A stranger cannot lock the owner out of a network he is known to sign in from; in there, guessing has its own limit.
func TestThrottleFamiliar(t *testing.T) {
	c, next := newClock(), guesses()
	th := newThrottle(c.now)
	try(t, th, ann, guessFrom{home, next()}, right)
	for range freeForAccount + 1 {
		try(t, th, ann, guessFrom{away, next()}, wrong)
	}
	if w := try(t, th, ann, guessFrom{away, next()}, wrong); w == 0 {
		t.Fatal("the stranger goes on")
	}
	for i := range freeForAccount + 1 {
		if w := try(t, th, ann, guessFrom{home, next()}, wrong); w != 0 {
			t.Fatalf("at home failure %d has to wait %v", i, w)
		}
	}
	if w := try(t, th, ann, guessFrom{home, next()}, wrong); w == 0 {
		t.Error("guessing at home has no limit")
	}
	c.pass(familiarFor)
	for range freeForAccount + 1 {
		try(t, th, ann, guessFrom{away, next()}, wrong)
	}
	if w := try(t, th, ann, guessFrom{home, next()}, wrong); w == 0 {
		t.Error("home is familiar for ever")
	}
}

func TestThrottleRepeats(t *testing.T) {
	c, next := newClock(), guesses()
	th := newThrottle(c.now)
	old := next()
	try(t, th, ann, guessFrom{home, old}, wrong)
	for range 10 * freeForAccount {
		if known, err := th.check(ann, home, old); !known || err != nil {
			t.Fatalf("a wrong password is not known again: %v", err)
		}
		if _, known, err := th.begin(ann, home, old); !known || err != nil {
			t.Fatalf("a wrong password is not known again: %v", err)
		}
	}
	if w := try(t, th, ann, guessFrom{home, next()}, right); w != 0 {
		t.Errorf("repeating one wrong password closed the account for %v", w)
	}
	if known, _ := th.check(bob, home, old); known {
		t.Error("a password is known to be wrong for another account")
	}
}

// Attempts at the same time get no further than one after the other.
func TestThrottleParallel(t *testing.T) {
	c, next := newClock(), guesses()
	th := newThrottle(c.now)
	var ends []func(outcome)
	for range 100 {
		if end, _, err := th.begin(ann, home, next()); err == nil {
			ends = append(ends, end)
		}
	}
	if len(ends) != freeForAccount+1 {
		t.Fatalf("%d attempts run at once", len(ends))
	}
	for _, end := range ends {
		end(undecided)
	}
	if w := try(t, th, ann, guessFrom{home, next()}, wrong); w != 0 {
		t.Errorf("attempts that came to nothing closed the account for %v", w)
	}
}

func TestNetwork(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"192.0.2.1", "192.0.2.1/32"},
		{"::ffff:192.0.2.1", "192.0.2.1/32"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"fe80::1%eth0", "fe80::/64"},
		{"127.0.0.1", "invalid Prefix"},
		{"::ffff:127.0.0.1", "invalid Prefix"},
		{"::1", "invalid Prefix"},
	} {
		if got := network(netip.MustParseAddr(c.in)).String(); got != c.want {
			t.Errorf("%s is counted as %s, want %s", c.in, got, c.want)
		}
	}
}

// Whoever guesses, from wherever, in whatever order, has a bounded number of tries at an account in an hour, apart from
// those of networks the owner signs in from.
func TestThrottleBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, next := newClock(), guesses()
		th := newThrottle(c.now)
		tried := 0
		for start := c.at; c.at.Sub(start) < time.Hour; {
			from := network(netip.AddrFrom4([4]byte{192, 0, 2, rapid.Byte().Draw(t, "from")}))
			o := rapid.SampledFrom([]outcome{wrong, wrong, undecided}).Draw(t, "outcome")
			if end, _, err := th.begin(ann, from, next()); err == nil {
				end(o)
				if o == wrong {
					tried++
				}
			}
			c.pass(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
		}
		if tried > 25 { // 10 free, 10 while the delay doubles to 512 s, 3 at 900 s, and the ends
			t.Fatalf("%d guesses within an hour", tried)
		}
	})
}

func TestTable(t *testing.T) {
	tab := newTable[int, string](2)
	tab.put(1, "a")
	tab.put(2, "b")
	tab.get(1)
	tab.put(3, "c") // 2 was unused for longest
	for k, want := range map[int]string{1: "a", 2: "", 3: "c"} {
		if v, found := tab.get(k); v != want || found != (want != "") {
			t.Errorf("%d is %q", k, v)
		}
	}
	tab.put(3, "d")
	tab.remove(1)
	tab.remove(7)
	if v, _ := tab.get(3); v != "d" || len(tab.rows) != 1 || tab.order.Len() != 1 {
		t.Errorf("after a change: %q, %d rows", v, len(tab.rows))
	}
}
