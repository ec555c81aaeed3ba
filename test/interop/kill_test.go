//go:build system

package interop

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

var (
	killRounds = flag.Int("kill-rounds", 3, "rounds of TestKillOutbound")
	seed       = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the moments at which TestKillOutbound kills")
)

// window is how long after the other side's 250 a kill may still make us send again: until our commit.
const window = time.Second

// Promise 2: whenever the sending server is killed, every message that it has taken reaches the other side; and a second time
// only if the kill came between the other side's 250 and our commit.
func TestKillOutbound(t *testing.T) {
	t.Logf("repeat with -seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	in := newGround(t)
	sink := newHost(t, in, "sink.example", "")
	alpha := newMailmesh(t, in, "alpha.example", "192.0.2.11", "ada")
	alpha.run("", "account", "set", "ada@alpha.example", "--max-recipients=-1", "--max-strangers=-1")
	var taken []string
	var kills []time.Time
	for round := range *killRounds {
		taken = append(taken, alpha.flood(t, round, time.Duration(500+random.IntN(1000))*time.Millisecond)...)
		kills = append(kills, time.Now())
		alpha.start(t)
	}
	arrived := func() map[string][]time.Time {
		found := map[string][]time.Time{}
		for _, tr := range sink.transactions("") {
			subject := parse(t, tr.text).Header.Get("Subject")
			found[subject] = append(found[subject], tr.at)
		}
		return found
	}
	await(t, fmt.Sprintf("all of %d messages have reached the other side", len(taken)), func() bool {
		found := arrived()
		for _, subject := range taken {
			if len(found[subject]) == 0 {
				return false
			}
		}
		return true
	})
	twice := 0
	for subject, times := range arrived() {
		if len(times) > 1 {
			twice++
		}
		for i := range len(times) - 1 {
			if !within(times[i], times[i+1], kills) {
				t.Errorf("%s came at %v, and again: no kill explains it", subject, times[i])
			}
		}
	}
	if len(taken) < 10**killRounds {
		t.Errorf("only %d messages were taken: they prove nothing", len(taken))
	}
	t.Logf("%d rounds, %d messages taken, all of them arrived, %d of them twice", *killRounds, len(taken), twice)
}

// within reports whether there was a kill between two arrivals, right after the first.
func within(first, second time.Time, kills []time.Time) bool {
	for _, kill := range kills {
		if kill.After(first) && kill.Before(second) && kill.Sub(first) < window {
			return true
		}
	}
	return false
}

// flood hands in messages over several connections until the server is killed after a while, and returns those taken.
func (m *mailmesh) flood(t *testing.T, round int, after time.Duration) (taken []string) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for connection := range 8 {
		c := m.signIn(t, "ada")
		all.Go(func() {
			defer c.Close()
			for i := 0; ; i++ {
				subject := fmt.Sprintf("kill %d %d %d", round, connection, i)
				if !c.hand(subject) {
					return
				}
				mu.Lock()
				taken = append(taken, subject)
				mu.Unlock()
			}
		})
	}
	time.Sleep(after) // the load runs for this long: not a wait for anything
	m.process.kill()
	all.Wait()
	return taken
}

// hand hands in one message and reports whether it was taken.
func (c client) hand(subject string) bool {
	for _, command := range []string{"MAIL FROM:<ada@alpha.example>", "RCPT TO:<who@sink.example>", "DATA"} {
		if err := c.PrintfLine("%s", command); err != nil {
			return false
		}
		if _, _, err := c.ReadResponse(0); err != nil {
			return false
		}
	}
	w := c.DotWriter()
	w.Write([]byte(message("ada@alpha.example", "who@sink.example", subject, "Hello.\r\n")))
	if w.Close() != nil {
		return false
	}
	code, _, err := c.ReadResponse(250)
	return err == nil && code == 250
}
