package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// shared is one transaction of several closures. They run in step: each runs, in its own goroutine, until it needs an answer; when
// all do, what they ask for, with what they have queued, goes out in one round trip, and all run on. Statements of one Text go out
// as one. When all have ended, what is left to send goes out with COMMIT.
//
// When a closure fails that has changed something, or a statement fails, everything is taken back, and each of the closures runs
// again in a transaction of its own, which is where errors get their meaning: here nobody asks whose fault it was.
type shared struct {
	session *pgSession
	queues  bool // for locks
	members []*member
	calls   chan *member // closures that need an answer or have ended
}

// sharedClockSQL asks for the clock, and has the statements of this transaction planned once for any number of closures, row by row
// over an index. PostgreSQL would plan many of them each time, because a few closures are fewer than it expects of an array, and
// would read a table of middle size from end to end.
const sharedClockSQL = clockSQL + ` FROM set_config('plan_cache_mode', 'force_generic_plan', true) AS a,
	set_config('enable_hashjoin', 'off', true) AS b, set_config('enable_mergejoin', 'off', true) AS c`

// queuingClockSQL is sharedClockSQL for a group that waits for locks.
var queuingClockSQL = fmt.Sprintf("%s, set_config('lock_timeout', '%d', true) AS d", sharedClockSQL, groupLockTimeout.Milliseconds())

// member is the session of one closure of a shared transaction.
type member struct {
	shared  *shared
	job     *job
	pending []statement // queued and not sent
	asked   []statement // sent, whose answers are waited for
	answers []answer
	rows    int64 // changed so far
	ended   bool
	err     error      // of the closure, once it has ended
	wake    chan error // nil: the answers are there
}

// answer is what a statement returned to one closure.
type answer struct {
	fields  []pgconn.FieldDescription
	rows    [][][]byte
	changed int64 // rows that it has changed
}

// runGroup runs closures in one transaction and answers them. It returns the error that made them run again alone.
func (s *server) runGroup(jobs []*job, queues bool) error {
	ctx := context.Background() // callers have no say: see the package documentation
	fail := func(err error) error {
		s.options.Logger.Debug("db: closures that shared a transaction run again alone", "closures", len(jobs), "err", err)
		for _, j := range jobs {
			j.done <- fmt.Errorf("%w: %w", errGroup, err)
		}
		return err
	}
	if err := s.writers.enter(ctx, 0); err != nil {
		return fail(err)
	}
	defer s.writers.leave(0)
	own, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	conn, err := s.acquire(own)
	if err != nil {
		return fail(err)
	}
	session := &pgSession{conn: conn, ctx: own, patient: s.patient, clock: s.options.Now, asking: sharedClockSQL}
	if queues {
		session.asking = queuingClockSQL
	}
	defer session.release()
	g := &shared{session: session, queues: queues, calls: make(chan *member, len(jobs))}
	for _, j := range jobs {
		m := &member{shared: g, job: j, wake: make(chan error, 1)}
		g.members = append(g.members, m)
		go s.runMember(m)
	}
	left, err := g.run()
	if err != nil {
		return fail(err)
	}
	var committed error
	if len(left) > 0 {
		start := time.Now()
		committed = session.commit()
		s.options.Observe.Commit(len(left), time.Since(start), committed)
		if committed != nil && !errors.Is(committed, ErrCommitUnknown) {
			return fail(committed)
		}
	}
	for _, m := range g.members {
		if m.err != nil {
			m.job.done <- m.err
		} else {
			m.job.done <- committed
		}
	}
	return nil
}

// runMember runs one closure.
func (s *server) runMember(m *member) {
	m.err = mail.E("db.Write", mail.Other, errGoexit) // unless the closure returns
	defer func() {
		m.ended = true
		m.shared.calls <- m
	}()
	m.err = protect(s.options.Logger, &Tx{session: m, ctx: m.job.ctx}, m.job.fn)
}

// run lets the closures run until all have ended, and returns those whose changes are to be committed. What they still have to
// send is left to go with COMMIT.
func (g *shared) run() (left []*member, err error) {
	active := g.members
	for {
		asking, ended := g.await(len(active))
		for _, m := range ended {
			switch {
			case m.err == nil:
				left = append(left, m)
			case m.rows == 0: // it leaves nothing behind, what it has queued was not sent
				m.pending = nil
			default:
				err = m.err
			}
		}
		if len(asking) == 0 {
			if err == nil {
				g.session.pending = merged(left).statements()
			}
			return left, err
		}
		if err == nil {
			err = g.exchange(append(asking, left...))
		}
		for _, m := range asking {
			m.wake <- err
		}
		active = asking
	}
}

// await waits until n closures need an answer or have ended.
func (g *shared) await(n int) (asking, ended []*member) {
	for range n {
		if m := <-g.calls; m.ended {
			ended = append(ended, m)
		} else {
			asking = append(asking, m)
		}
	}
	return asking, ended
}

// exchange sends what closures have queued and asked for, and gives them the answers.
func (g *shared) exchange(members []*member) error {
	all := merged(members)
	results, err := g.session.send(g.session.ctx, all.statements()...)
	if err == nil {
		for i := range all {
			if err = all[i].read(results); err != nil {
				err = fmt.Errorf("%w in %.200q", err, all[i].sql)
				break
			}
		}
		if closeErr := results.Close(); err == nil {
			err = closeErr
		}
	}
	if err != nil {
		return &engineError{class: classRetry, code: "group", err: g.session.error(err)}
	}
	return nil
}

// ask waits for answers to statements, or for the time where there are none.
func (m *member) ask(all ...statement) ([]answer, error) {
	m.asked, m.answers = all, m.answers[:0]
	m.shared.calls <- m
	if err := <-m.wake; err != nil {
		return nil, err
	}
	return m.answers, nil
}

func (m *member) engine() Engine { return Postgres }

func (m *member) changed() int64 { return m.rows + int64(len(m.pending)) }

func (m *member) queue(st statement) error {
	m.pending = append(m.pending, st)
	return nil
}

func (m *member) now() (time.Time, error) {
	if m.shared.session.time.IsZero() {
		if _, err := m.ask(); err != nil {
			return time.Time{}, err
		}
	}
	return m.shared.session.time, nil
}

func (m *member) exec(st statement) (int64, error) {
	answers, err := m.ask(st)
	if err != nil {
		return 0, err
	}
	return answers[0].changed, nil
}

func (m *member) query(st statement) (cursor, error) {
	answers, err := m.ask(st)
	if err != nil {
		return nil, err
	}
	return &memoryCursor{answer: answers[0], at: -1}, nil
}

func (m *member) queryAll(all []statement) (cursors, error) {
	answers, err := m.ask(all...)
	if err != nil {
		return nil, err
	}
	out := memoryCursors(answers)
	return &out, nil
}

// memoryCursors are results that have been read already.
type memoryCursors []answer

func (c *memoryCursors) next() (cursor, error) {
	first := (*c)[0]
	*c = (*c)[1:]
	return &memoryCursor{answer: first, at: -1}, nil
}

func (c *memoryCursors) close() error { return nil }

type memoryCursor struct {
	answer
	at int
}

func (c *memoryCursor) columns() int { return len(c.fields) }

func (c *memoryCursor) next() (bool, error) {
	c.at++
	return c.at < len(c.rows), nil
}

func (c *memoryCursor) column(i int, v *value) error { return column(&c.fields[i], c.rows[c.at][i], v) }

func (c *memoryCursor) close() error { return nil }
