package spool

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

var (
	node1 = Lease{"node1", 1}
	node2 = Lease{"node2", 1}
)

// to is an envelope to addresses.
func to(addresses ...string) mail.Envelope {
	e := mail.Envelope{ID: "t", ReversePath: mail.Address{Local: "ann", Domain: "example.org"}}
	for _, text := range addresses {
		a, err := mail.ParseAddress(text)
		if err != nil {
			panic(err)
		}
		e.Recipients = append(e.Recipients, mail.Recipient{Address: a})
	}
	return e
}

func add(t *testing.T, s *Store, x *tx.Store, e mail.Envelope) (id mail.SpoolID) {
	t.Helper()
	do(t, x, func(t *tx.Tx) (err error) { id, err = s.Add(t, Message{Envelope: e, Size: 10}); return err })
	return id
}

func take(t *testing.T, s *Store, x *tx.Store, l Lease, domain string, max int) (jobs []Work, more bool) {
	t.Helper()
	do(t, x, func(t *tx.Tx) (err error) { jobs, more, err = s.Take(t, l, domain, max); return err })
	return jobs, more
}

func finish(t *testing.T, s *Store, x *tx.Store, l Lease, results ...Result) (hit []bool) {
	t.Helper()
	do(t, x, func(t *tx.Tx) (err error) { hit, err = s.Finish(t, l, results); return err })
	return hit
}

// done are the results of recipients that got their mail.
func done(j Work) (out []Result) {
	for _, r := range j.Recipients {
		out = append(out, Result{Message: j.ID, Number: r.Number, Fence: r.Fence, Domain: j.Domain})
	}
	return out
}

func names(j Work) (out []string) {
	for _, r := range j.Recipients {
		out = append(out, r.Address.String())
	}
	return out
}

func TestTakeIsByDestinationPriorityAndDate(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		first := add(t, s, x, to("a@one.example", "b@two.example", "c@one.example"))
		low, high, later := to("a@one.example"), to("a@one.example"), to("a@one.example")
		low.Priority, high.Priority, later.HoldUntil = -3, 9, time.Now().Add(time.Hour)
		lowID, highID := add(t, s, x, low), add(t, s, x, high)
		add(t, s, x, later)

		jobs, more := take(t, s, x, node1, "one.example", 2)
		if len(jobs) != 2 || jobs[0].ID != highID || jobs[1].ID != first || !more {
			t.Fatalf("taken are %+v, more %v", jobs, more)
		}
		if !slices.Equal(names(jobs[1]), []string{"a@one.example", "c@one.example"}) || jobs[1].Recipients[1].Number != 2 || jobs[1].Size != 10 {
			t.Errorf("the first job is %+v", jobs[1])
		}
		if jobs, more = take(t, s, x, node2, "one.example", 2); len(jobs) != 1 || jobs[0].ID != lowID || more {
			t.Errorf("what is left is %+v, more %v", jobs, more)
		}
		if jobs, _ = take(t, s, x, node2, "one.example", 2); len(jobs) != 0 {
			t.Errorf("taken twice: %+v", jobs)
		}
		if jobs, _ = take(t, s, x, node2, "two.example", 2); len(jobs) != 1 || !slices.Equal(names(jobs[0]), []string{"b@two.example"}) {
			t.Errorf("the other destination has %+v", jobs)
		}
	})
}

func TestAMessageIsNotCutByAPage(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		var many []string
		for range MaxRecipients {
			many = append(many, "a@one.example")
		}
		for range 3 {
			add(t, s, x, to(many...))
		}
		for i, want := range []int{2, 1} {
			jobs, more := take(t, s, x, node1, "one.example", 10)
			if len(jobs) != want || more != (i == 0) {
				t.Fatalf("%d: %d jobs, more %v", i, len(jobs), more)
			}
			for _, j := range jobs {
				if len(j.Recipients) != MaxRecipients {
					t.Errorf("a job has %d recipients", len(j.Recipients))
				}
			}
		}
	})
}

func TestFinish(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		released := &releases{}
		s.o.Bodies = released
		id := add(t, s, x, to("a@one.example", "b@two.example"))
		jobs, _ := take(t, s, x, node1, "one.example", 1)
		later := done(jobs[0])[0]
		later.Due, later.Attempts, later.Last, later.Warned = time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond), 1, "451 no\x00\xff", time.UnixMilli(5).UTC()
		later.Deadline = later.Due.Add(time.Hour)
		if hit := finish(t, s, x, node1, later); !slices.Equal(hit, []bool{true}) {
			t.Fatalf("hit %v", hit)
		}
		if hit := finish(t, s, x, node1, later); !slices.Equal(hit, []bool{false}) {
			t.Errorf("a result hits twice: %v", hit)
		}
		do(t, x, func(tr *tx.Tx) error {
			to, err := s.Recipients(tr, id)
			if r := to[0]; err != nil || !r.Due.Equal(later.Due) || r.Attempts != 1 || r.Last != "451 no??" || !r.Deadline.Equal(later.Deadline) || !r.Warned.Equal(later.Warned) || r.Owner != "" || r.Fence != 1 {
				t.Errorf("deferred is %+v, %v", r, err)
			}
			return nil
		})
		if jobs, _ = take(t, s, x, node1, "one.example", 1); len(jobs) != 0 {
			t.Errorf("taken before its time: %+v", jobs)
		}
		do(t, x, func(t *tx.Tx) error { return s.Retry(t, id) })
		for i, domain := range []string{"one.example", "two.example"} {
			if released.n != 0 {
				t.Error("the body is let go too early")
			}
			jobs, _ = take(t, s, x, node2, domain, 1)
			if len(jobs) != 1 || jobs[0].Recipients[0].Attempts != 1-i {
				t.Fatalf("%s: taken %+v", domain, jobs)
			}
			other := done(jobs[0])
			if hit := finish(t, s, x, node1, other...); hit[0] {
				t.Error("somebody else's result hits")
			}
			if hit := finish(t, s, x, node2, other...); !hit[0] {
				t.Error("the result does not hit")
			}
		}
		do(t, x, func(tr *tx.Tx) error {
			if _, err := s.Message(tr, id); !mail.Is(err, mail.NotFound) || released.n != 1 {
				t.Errorf("the message: %v, released %d times", err, released.n)
			}
			return nil
		})
	})
}

type releases struct{ n int }

func (r *releases) Release(t *tx.Tx, account mail.AccountID, blob mail.BlobID) error {
	t.AfterCommit(func() { r.n++ }) // a closure may run more than once
	return nil
}

func TestTakeOver(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		add(t, s, x, to("a@one.example"))
		add(t, s, x, to("a@two.example"))
		old, _ := take(t, s, x, node1, "one.example", 1)
		other, _ := take(t, s, x, node2, "two.example", 1)
		do(t, x, func(tr *tx.Tx) error {
			if owners, err := s.Owners(tr); err != nil || !slices.Equal(owners, []Lease{node1, node2}) {
				t.Errorf("owners are %v, %v", owners, err)
			}
			n, err := s.TakeOver(tr, node1)
			if n != 1 {
				t.Errorf("taken back are %d", n)
			}
			return err
		})
		jobs, _ := take(t, s, x, Lease{"node1", 2}, "one.example", 1)
		if len(jobs) != 1 || jobs[0].Recipients[0].Fence <= old[0].Recipients[0].Fence {
			t.Fatalf("taken anew: %+v, before %+v", jobs, old)
		}
		if hit := finish(t, s, x, node1, done(old[0])...); hit[0] {
			t.Error("a result of the old life hits")
		}
		if hit := finish(t, s, x, Lease{"node1", 2}, done(jobs[0])...); !hit[0] {
			t.Error("a result of the new life does not hit")
		}
		if hit := finish(t, s, x, node2, done(other[0])...); !hit[0] {
			t.Error("the other node has lost its lease")
		}
	})
}

// A message that a newer version wrote stays for those that can read it, and keeps nobody from the rest.
func TestTakeLeavesWhatItCannotRead(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		foreign, broken, ours := add(t, s, x, to("a@one.example")), add(t, s, x, to("a@one.example")), add(t, s, x, to("b@one.example"))
		beyond := add(t, s, x, to("a@one.example"))
		do(t, x, func(t *tx.Tx) error {
			t.SQL().Queue(`UPDATE spool_message SET envelope = $2 WHERE id = $1`, broken, []byte(`{"from":"nobody"}`))
			t.SQL().Queue(`UPDATE spool_recipient SET recipient = 1 WHERE spool_id = $1`, beyond) // the envelope has one only
			_, err := t.SQL().Exec(`UPDATE spool_message SET format = 99 WHERE id = $1`, foreign)
			return err
		})
		if jobs, _ := take(t, s, x, node1, "one.example", 5); len(jobs) != 1 || jobs[0].ID != ours {
			t.Errorf("taken are %+v", jobs)
		}
		do(t, x, func(tr *tx.Tx) error {
			for _, left := range []mail.SpoolID{foreign, broken, beyond} {
				if to, err := s.Recipients(tr, left); err != nil || to[0].Owner != "" || time.Until(to[0].Due) < MaxAway/2 {
					t.Errorf("left is %+v, %v", to, err)
				}
			}
			if m, err := s.Message(tr, broken); !errors.Is(err, ErrUnreadable) || m.ID != broken {
				t.Errorf("it is read as %+v, %v", m, err)
			}
			return nil
		})
	})
}

func TestDestinations(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		low := to("x@b.example")
		low.Priority = -1
		for _, e := range []mail.Envelope{to("x@c.example"), to("x@b.example", "y@b.example"), low, to("x@a.example"), to("x@d.example")} {
			add(t, s, x, e)
		}
		later := to("x@later.example")
		later.HoldUntil = time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
		add(t, s, x, later)
		take(t, s, x, node1, "d.example", 1)
		var byName, byDate []string
		do(t, x, func(tr *tx.Tx) error {
			byName, byDate = nil, nil
			for after := ""; ; {
				found, next, err := s.Destinations(tr, after, 2)
				if byName = append(byName, found...); err != nil {
					return err
				}
				if after = next; next == "" {
					break
				}
			}
			for at := (Position{}); ; {
				found, next, err := s.DueAfter(tr, at, 2)
				if err != nil {
					return err
				}
				if at = next; len(found) == 0 {
					break
				}
				byDate = append(byDate, found...)
			}
			if next, err := s.NextDue(tr); err != nil || !next.Equal(later.HoldUntil) {
				t.Errorf("the next date is %v, %v", next, err)
			}
			return nil
		})
		if !slices.Equal(byName, []string{"a.example", "b.example", "c.example"}) {
			t.Errorf("by name: %v", byName)
		}
		slices.Sort(byDate) // what was added in one millisecond comes by name
		if byDate = slices.Compact(byDate); !slices.Equal(byDate, byName) {
			t.Errorf("by date: %v", byDate)
		}
	})
}

func TestWake(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		var woken []string
		s.SetWake(func(domain string, _ time.Duration) { woken = append(woken, domain) })
		expect := func(what string, want ...string) {
			t.Helper()
			slices.Sort(woken)
			if !slices.Equal(woken, want) {
				t.Errorf("%s wakes %v, want %v", what, woken, want)
			}
			woken = nil
		}
		id := add(t, s, x, to("a@one.example", "b@two.example", "c@one.example"))
		expect("Add", "one.example", "two.example")
		jobs, _ := take(t, s, x, node1, "two.example", 1)
		expect("Take")
		later := done(jobs[0])[0]
		later.Due, later.Attempts = time.Now().Add(time.Minute), 1
		finish(t, s, x, node1, later)
		expect("a result", "two.example")
		do(t, x, func(t *tx.Tx) error { return s.Retry(t, id) })
		expect("Retry", "one.example", "two.example")
		take(t, s, x, node1, "two.example", 1)
		do(t, x, func(t *tx.Tx) error { _, err := s.TakeOver(t, node1); return err })
		expect("TakeOver", "two.example")
		do(t, x, func(t *tx.Tx) error { return s.Stop(t, "two.example", "") })
		do(t, x, func(t *tx.Tx) error { return s.Start(t, "two.example") })
		expect("Start", "two.example")
	})
}

// What an operator has tried now is what failed, and not what its sender wants to be sent later.
func TestRetryLeavesWhatIsHeldForLater(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		later := to("a@one.example")
		later.HoldUntil = time.Now().Add(time.Hour)
		id := add(t, s, x, later)
		do(t, x, func(t *tx.Tx) error { return s.Hold(t, id) })
		do(t, x, func(t *tx.Tx) error { return s.Retry(t, id) })
		do(t, x, func(tr *tx.Tx) error {
			if to, err := s.Recipients(tr, id); err != nil || to[0].Held || time.Until(to[0].Due) < time.Minute {
				t.Errorf("left is %+v, %v", to, err)
			}
			return nil
		})
	})
}

func TestHoldStopAndDrop(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		id := add(t, s, x, to("a@one.example", "b@one.example"))
		taken := func() int {
			jobs, _ := take(t, s, x, node1, "one.example", 1)
			if len(jobs) == 0 {
				return 0
			}
			back := done(jobs[0])
			for i := range back {
				back[i].Due = time.UnixMilli(1)
			}
			finish(t, s, x, node1, back...)
			return len(back)
		}
		for _, step := range []struct {
			what string
			do   func(*tx.Tx) error
			want int
		}{
			{"nothing", func(*tx.Tx) error { return nil }, 2},
			{"hold", func(t *tx.Tx) error { return s.Hold(t, id) }, 0},
			{"release", func(t *tx.Tx) error { return s.Release(t, id) }, 2},
			{"stop the destination", func(t *tx.Tx) error { return s.Stop(t, "one.example", "x") }, 0},
			{"stop all", func(t *tx.Tx) error { return s.Stop(t, "", "restored") }, 0},
			{"start the destination", func(t *tx.Tx) error { return s.Start(t, "one.example") }, 0},
			{"start all", func(t *tx.Tx) error { return s.Start(t, "") }, 2},
			{"drop one", func(t *tx.Tx) error { _, _, err := s.Drop(t, id, []int{0}); return err }, 1},
			{"drop all", func(t *tx.Tx) error { _, _, err := s.Drop(t, id, nil); return err }, 0},
		} {
			do(t, x, step.do)
			if n := taken(); n != step.want {
				t.Errorf("%s: %d are taken, want %d", step.what, n, step.want)
			}
		}
		if err := x.Write(t.Context(), nil, func(t *tx.Tx) error { return s.Start(t, "x") }); !mail.Is(err, mail.NotFound) {
			t.Errorf("start what is not stopped: %v", err)
		}
		for _, op := range []func(*tx.Tx, mail.SpoolID) error{s.Hold, s.Release, s.Retry} {
			if err := x.Write(t.Context(), nil, func(t *tx.Tx) error { return op(t, id) }); !mail.Is(err, mail.NotFound) {
				t.Errorf("a message that has gone: %v", err)
			}
		}
	})
}

// What is being tried cannot be dropped: it may have arrived already.
func TestDropLeavesWhatIsTried(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		id := add(t, s, x, to("a@one.example", "b@two.example"))
		jobs, _ := take(t, s, x, node1, "one.example", 1)
		do(t, x, func(tr *tx.Tx) error {
			gone, left, err := s.Drop(tr, id, nil)
			if len(gone) != 1 || gone[0].Number != 1 || left != 1 {
				t.Errorf("gone are %+v, left %d", gone, left)
			}
			return err
		})
		if hit := finish(t, s, x, node1, done(jobs[0])...); !hit[0] {
			t.Error("the attempt has lost its lease")
		}
	})
}

// What waits for a destination that takes nothing is put off, but for what has to be told to its sender by then.
func TestPostpone(t *testing.T) {
	each(t, func(t *testing.T, s *Store, x *tx.Store) {
		now := time.Now().UTC().Truncate(time.Millisecond)
		until := now.Add(time.Hour)
		deadlines := map[mail.SpoolID]time.Time{}
		for i, deadline := range []time.Time{{}, now.Add(-time.Second), now.Add(2 * time.Minute), now.Add(9 * time.Hour)} {
			e := to("a@one.example")
			e.Priority = i % 2
			id := add(t, s, x, e)
			deadlines[id] = deadline
			do(t, x, func(t *tx.Tx) error {
				_, err := t.SQL().Exec(`UPDATE spool_recipient SET deadline = $2 WHERE spool_id = $1`, id, millis(deadline))
				return err
			})
		}
		do(t, x, func(tr *tx.Tx) error {
			n, err := s.Postpone(tr, "one.example", until, 10*time.Minute, "451 away")
			if n != 2 {
				t.Errorf("%d are put off", n)
			}
			return err
		})
		do(t, x, func(tr *tx.Tx) error {
			for id, deadline := range deadlines {
				to, err := s.Recipients(tr, id)
				if err != nil {
					return err
				}
				due := to[0].Due
				switch {
				case deadline.Before(now) && due.After(now.Add(time.Minute)):
					t.Errorf("deadline %v: put off to %v", deadline, due)
				case deadline.Before(until) && deadline.After(now) && !due.Equal(deadline):
					t.Errorf("deadline %v: put off beyond it, to %v", deadline, due)
				case deadline.After(until) && (due.Before(until) || due.After(until.Add(10*time.Minute)) || to[0].Last != "451 away"):
					t.Errorf("deadline %v: put off to %v, %q", deadline, due, to[0].Last)
				}
			}
			return nil
		})
	})
}
