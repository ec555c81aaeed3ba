//go:build system

package cluster

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/bench/smtp"
	"github.com/mailmesh/mailmesh/bench/soak"
)

// mailers send mail to any node, and go to the next when one fails them.
type mailers struct {
	doors, to []string
	cancel    context.CancelFunc
	running   sync.WaitGroup

	mu      sync.Mutex
	acked   int
	doubt   int
	refused []string // for good, which no sender may be by a fault
	longest time.Duration
	broken  error // a journal could not be written
}

func startMailers(doors, to []string, dir string, count int) (*mailers, error) {
	ctx, cancel := context.WithCancel(context.Background())
	m := &mailers{doors: doors, to: to, cancel: cancel}
	run := message.NewRun()
	text := message.TextFor(run, 64<<10)
	for i := range count {
		gen, err := message.NewGenerator(text, message.Options{Run: run, Worker: i, Size: 2 << 10, MaxSize: 64 << 10, Dots: true})
		if err != nil {
			return m, err
		}
		journal, err := soak.CreateJournal(dir, fmt.Sprintf("%03d", i))
		if err != nil {
			return m, err
		}
		m.running.Go(func() {
			err := m.send(ctx, i, gen, journal)
			if err = errors.Join(err, journal.Close()); err != nil {
				m.mu.Lock()
				m.broken = err
				m.mu.Unlock()
			}
		})
	}
	return m, nil
}

// send sends until ctx ends.
func (m *mailers) send(ctx context.Context, worker int, gen *message.Generator, journal *soak.Journal) error {
	node, last := worker, time.Now()
	for n := 0; ctx.Err() == nil; {
		conn, err := smtp.Dial(ctx, m.doors[node%len(m.doors)], smtp.Options{Options: dial.Options{Timeout: 10 * time.Second}})
		for err == nil && ctx.Err() == nil {
			n++
			to := []string{m.to[(worker+n)%len(m.to)], m.to[(worker+n+1)%len(m.to)]}
			letter := gen.Next("load@example.net", to[0], "")
			sum := letter.SHA256()
			entry := soak.Entry{ID: letter.ID.String(), State: soak.Sent, Time: time.Now(), To: to, SHA256: hex.EncodeToString(sum[:]), Size: letter.Size()}
			if err := journal.Write(entry); err != nil {
				return err
			}
			outcome, lost := conn.Send(smtp.Mail{From: "load@example.net", To: to, Content: [3][]byte{letter.Header, letter.Body, letter.Tail}, Dots: letter.Dots})
			if accepted := outcome.Accepted(); accepted > 0 {
				if err := journal.Write(soak.Entry{ID: entry.ID, State: soak.Acked, Time: time.Now(), To: acceptedOf(to, outcome)}); err != nil {
					return err
				}
				m.note(accepted, time.Since(last))
				last = time.Now()
			}
			if err = lost; err == nil {
				err = m.refusal(outcome)
			}
		}
		if conn != nil {
			conn.Close()
		}
		node++
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond): // before the next node is tried
		}
	}
	return nil
}

func acceptedOf(to []string, o *smtp.Outcome) (accepted []string) {
	for i, r := range o.Replies {
		if r.Accepted() {
			accepted = append(accepted, to[i])
		}
	}
	return accepted
}

func (m *mailers) note(accepted int, since time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acked += accepted
	m.longest = max(m.longest, since)
}

// refusal is an error where a recipient was not accepted, after which a sender goes elsewhere.
func (m *mailers) refusal(o *smtp.Outcome) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range o.Replies {
		switch {
		case r.Accepted():
			continue
		case r.Stage == 0:
			m.doubt++
		case r.Code/100 == 5:
			m.refused = append(m.refused, fmt.Sprintf("a sender was refused for good: %v: %d %s", r.Stage, r.Code, r.Text))
		}
		err = fmt.Errorf("%v: %d %s", r.Stage, r.Code, r.Text)
	}
	return err
}

func (m *mailers) acknowledged() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.acked
}

func (m *mailers) unknown() int { return m.doubt }

func (m *mailers) pause() time.Duration { return m.longest }

func (m *mailers) permanent() []string { return m.refused }

// await waits until so many operations were acknowledged.
func (m *mailers) await(ctx context.Context, acknowledged int) error {
	for m.acknowledged() < acknowledged {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d operations were acknowledged, waiting for %d: %w", m.acknowledged(), acknowledged, context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

func (m *mailers) stop() {
	m.cancel()
	m.running.Wait()
}
