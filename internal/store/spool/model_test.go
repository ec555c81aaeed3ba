package spool

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Two nodes take, give back, write results and die, and others take over while the dead still write. Each recipient is done
// exactly once, and nothing is left.
func TestModel(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		s.o.Bodies = &releases{}
		rapid.Check(t, func(rt *rapid.T) {
			m := &model{t: t, s: s, x: x, done: map[owed]int{}, released: s.o.Bodies.(*releases).n}
			m.lives = []life{{lease: Lease{"n1", 1}}, {lease: Lease{"n2", 1}}}
			for range rapid.IntRange(1, 25).Draw(rt, "steps") {
				rapid.SampledFrom([]func(*rapid.T){m.add, m.take, m.take, m.finish, m.finish, m.die}).Draw(rt, "step")(rt)
			}
			m.end(rt)
		})
	})
}

type owed struct {
	id     mail.SpoolID
	number int
}

// life is a node in one epoch, with what it took in it.
type life struct {
	lease Lease
	jobs  []Work
	over  bool
}

type model struct {
	t        *testing.T
	s        *Store
	x        *tx.Store
	lives    []life
	messages int
	added    int
	done     map[owed]int // how often the end of a recipient was committed
	released int
}

var domains = []string{"one.example", "two.example"}

func (m *model) add(rt *rapid.T) {
	var to []mail.Recipient
	for range rapid.IntRange(1, 5).Draw(rt, "recipients") {
		to = append(to, mail.Recipient{Address: mail.Address{Local: "u", Domain: rapid.SampledFrom(domains).Draw(rt, "domain")}})
	}
	add(m.t, m.s, m.x, mail.Envelope{Recipients: to, Priority: rapid.IntRange(-1, 1).Draw(rt, "priority")})
	m.messages++
	m.added += len(to)
}

func (m *model) take(rt *rapid.T) {
	l := rapid.SampledFrom(m.living()).Draw(rt, "node")
	jobs, _ := take(m.t, m.s, m.x, m.lives[l].lease, rapid.SampledFrom(domains).Draw(rt, "domain"), rapid.IntRange(1, 3).Draw(rt, "max"))
	m.lives[l].jobs = append(m.lives[l].jobs, jobs...)
}

func (m *model) living() (out []int) {
	for i, l := range m.lives {
		if !l.over {
			out = append(out, i)
		}
	}
	return out
}

// finish writes the results of some life, which may be over.
func (m *model) finish(rt *rapid.T) {
	l := &m.lives[rapid.IntRange(0, len(m.lives)-1).Draw(rt, "life")]
	if len(l.jobs) == 0 {
		return
	}
	n := rapid.IntRange(1, len(l.jobs)).Draw(rt, "jobs")
	var results []Result
	for _, j := range l.jobs[:n] {
		for _, r := range done(j) {
			if rapid.Bool().Draw(rt, "deferred") {
				r.Due, r.Attempts = time.UnixMilli(1), 1
			}
			results = append(results, r)
		}
	}
	l.jobs = l.jobs[n:]
	m.write(rt, l, results)
}

func (m *model) write(rt *rapid.T, l *life, results []Result) {
	for i, hit := range finish(m.t, m.s, m.x, l.lease, results...) {
		if hit == l.over {
			rt.Fatalf("a result of %v (over %v) hits: %v", l.lease, l.over, hit)
		}
		if hit && results[i].Due.IsZero() {
			m.done[owed{results[i].Message, results[i].Number}]++
		}
	}
}

// die ends the life of a node, which comes back in another.
func (m *model) die(rt *rapid.T) {
	l := rapid.SampledFrom(m.living()).Draw(rt, "node")
	m.lives[l].over = true
	do(m.t, m.x, func(t *tx.Tx) error { _, err := m.s.TakeOver(t, m.lives[l].lease); return err })
	m.lives = append(m.lives, life{lease: Lease{m.lives[l].lease.Owner, m.lives[l].lease.Epoch + 1}})
}

func (m *model) end(rt *rapid.T) {
	for i := range m.lives { // every life writes what it still has, the dead in vain
		l := &m.lives[i]
		for _, j := range l.jobs {
			m.write(rt, l, done(j))
		}
	}
	last := &m.lives[m.living()[0]]
	for _, domain := range domains {
		for more := true; more; {
			var jobs []Work
			jobs, more = take(m.t, m.s, m.x, last.lease, domain, 10)
			for _, j := range jobs {
				m.write(rt, last, done(j))
			}
		}
	}
	if len(m.done) != m.added {
		rt.Errorf("%d recipients of %d are done", len(m.done), m.added)
	}
	for r, n := range m.done {
		if n != 1 {
			rt.Errorf("recipient %v was done %d times", r, n)
		}
	}
	if n := m.s.o.Bodies.(*releases).n - m.released; n != m.messages {
		rt.Errorf("%d bodies of %d were let go", n, m.messages)
	}
	do(m.t, m.x, func(t *tx.Tx) error {
		if ids, err := m.s.Messages(t, 0, 0); err != nil || len(ids) > 0 {
			rt.Errorf("left in the spool are %v, %v", ids, err)
		}
		return nil
	})
}

// The same at the same time: several nodes on one database, each of which dies and comes back.
func TestNodesAtOnce(t *testing.T) {
	const messages, nodes, lives = 60, 3, 4
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		x, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		s := New(Options{})
		for i := range messages {
			add(t, s, x, to("a@one.example", fmt.Sprintf("b%d@two.example", i), "c@one.example"))
		}
		var mu sync.Mutex
		ended := map[owed]int{}
		live := func(l Lease, until int) {
			var kept []Work
			for range until {
				for _, domain := range domains {
					jobs, _ := take(t, s, x, l, domain, 3)
					kept = append(kept, jobs...)
				}
			}
			for i, j := range slices.Backward(kept) { // a part is lost with the life
				if i%3 == 0 {
					continue
				}
				results := done(j)
				hit := finish(t, s, x, l, results...)
				mu.Lock()
				for k, r := range results {
					if hit[k] {
						ended[owed{r.Message, r.Number}]++
					}
				}
				mu.Unlock()
			}
			do(t, x, func(t *tx.Tx) error { _, err := s.TakeOver(t, l); return err })
		}
		var wg sync.WaitGroup
		for n := range nodes {
			wg.Go(func() {
				for epoch := range lives {
					live(Lease{fmt.Sprint("n", n), int64(epoch + 1)}, 5)
				}
			})
		}
		wg.Wait()
		for _, domain := range domains {
			for more := true; more; {
				var jobs []Work
				jobs, more = take(t, s, x, node1, domain, 10)
				for _, j := range jobs {
					for _, r := range done(j) {
						if finish(t, s, x, node1, r)[0] {
							ended[owed{r.Message, r.Number}]++
						}
					}
				}
			}
		}
		if len(ended) != 3*messages {
			t.Errorf("%d recipients of %d are done", len(ended), 3*messages)
		}
		for r, n := range ended {
			if n != 1 {
				t.Errorf("recipient %v was done %d times", r, n)
			}
		}
		do(t, x, func(tr *tx.Tx) error {
			return s.Check(tr, func(f Finding) { t.Errorf("%+v", f) })
		})
	})
}
