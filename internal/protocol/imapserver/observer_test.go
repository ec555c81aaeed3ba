package imapserver

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
)

// notes keeps what a server tells its observer.
type notes struct {
	noObserver
	mu       sync.Mutex
	away     []string
	commands map[string]time.Duration
	told     chan time.Duration // from a commit to a client in IDLE; nil: nobody looks
}

func (n *notes) TurnedAway(why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = append(n.away, why)
}

func (n *notes) Command(name, condition string, took time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.commands[name+" "+condition] = took
}

func (n *notes) Told(after time.Duration) {
	if n.told != nil {
		n.told <- after
	}
}

// The time from a commit to a client in IDLE is measured, where the client is told something.
func TestIdleIsTimed(t *testing.T) {
	n := &notes{commands: map[string]time.Duration{}, told: make(chan time.Duration, 10)}
	f := serve(t, func(o *Options) { o.Observer = n })
	c := f.login("SELECT INBOX")
	c.ok("CREATE Archive")
	tag := c.idle()
	f.Deliver(ann, "Archive", "x") // nothing to tell
	f.Deliver(ann, "INBOX", "x")
	c.hear(`\* 1 EXISTS`)
	if after := <-n.told; after > 10*time.Second {
		t.Errorf("told after %v", after)
	}
	c.write("DONE\r\n")
	c.until(tag)
	if len(n.told) != 0 {
		t.Errorf("%d more are timed", len(n.told))
	}
}

func TestTurnedAwayIsCounted(t *testing.T) {
	n := &notes{commands: map[string]time.Duration{}}
	f := serve(t, func(o *Options) { o.Observer, o.Limits.ConnectionsPerHost = n, 1 })
	f.connect("remote")
	f.connect("imaps").ok("NOOP")
	for _, l := range []*listentest.Pipes{f.Plain, f.Secure} {
		nc, err := l.Dial("192.0.2.7:1")
		f.Must(err)
		nc.Read(make([]byte, 100)) // BYE, or the end
		nc.Close()
	}
	f.Stop()
	n.mu.Lock()
	defer n.mu.Unlock()
	if want := slices.Repeat([]string{"too many connections from one host"}, 2); !slices.Equal(n.away, want) {
		t.Errorf("told were %q", n.away)
	}
}

// The time of a command is ours: what a client takes to send its literals and to take its replies does not count, nor how
// long it idles.
func TestCommandTimeIsOurs(t *testing.T) {
	n := &notes{commands: map[string]time.Duration{}}
	bubble(t, func(t *testing.T, f *serving) {
		f.Deliver(ann, "INBOX", strings.Repeat("x", 100_000))
		c := f.login("SELECT INBOX")
		c.send("FETCH 1 BODY.PEEK[]")
		time.Sleep(20 * time.Second)
		c.until("t3")
		c.write("t4 APPEND INBOX {4}\r\n")
		c.hear(`\+ .*`)
		time.Sleep(20 * time.Second)
		c.write("abcd\r\n")
		c.until("t4")
		tag := c.idle()
		time.Sleep(20 * time.Second)
		c.write("DONE\r\n")
		c.until(tag)
		c.ok("NOOP")
	}, func(o *Options) { o.Observer = n })
	for _, command := range []string{"FETCH OK", "APPEND OK", "NOOP OK"} {
		if took, told := n.commands[command]; !told || took > time.Second {
			t.Errorf("%s took %v (told: %v)", command, took, told)
		}
	}
	if took, told := n.commands["IDLE OK"]; told {
		t.Errorf("IDLE took %v", took)
	}
}
