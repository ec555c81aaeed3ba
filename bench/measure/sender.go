package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/bench/smtp"
)

// Load says what mail is sent and how.
type Load struct {
	Addr          string
	Others        []string // further doors of the same service, over which connections are spread with Addr
	SMTP          smtp.Options
	Connections   int
	From          string
	To            []string // mail is spread over these evenly
	PerMail       int      // recipients of each mail; 0 is 1
	Size, MaxSize int      // see message.Options
	PerConnection int      // mails after which a connection is renewed; 0: never
}

func (l *Load) check() error {
	l.PerMail = max(l.PerMail, 1)
	switch {
	case l.Connections < 1:
		return fmt.Errorf("%d connections: at least 1 is needed", l.Connections)
	case len(l.To) == 0:
		return errors.New("no recipients given")
	case l.PerMail > len(l.To):
		return fmt.Errorf("%d recipients a mail of only %d", l.PerMail, len(l.To))
	}
	return nil
}

// giveUpAfter is how many attempts in a row may fail before a sender ends.
const giveUpAfter = 5

// sender is one connection and the messages it sends.
type sender struct {
	load   *Load
	addr   string
	gen    *message.Generator
	conn   *smtp.Conn
	stop   func() bool // unties conn from the context that would close it
	to     []string
	at     int // in load.To
	sent   int // over conn
	failed int // attempts in a row
	errors Tally
}

// senders opens all connections before any sends, so that a rate is not that of
// connecting.
func senders(ctx context.Context, l *Load, run uint64) ([]*sender, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	text := message.TextFor(run, max(l.Size, l.MaxSize))
	all := make([]*sender, l.Connections)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i := range all {
		gen, err := message.NewGenerator(text, message.Options{Run: run, Worker: i, Size: l.Size, MaxSize: l.MaxSize})
		if err != nil {
			return nil, err
		}
		addr := append([]string{l.Addr}, l.Others...)[i%(1+len(l.Others))]
		all[i] = &sender{load: l, addr: addr, gen: gen, at: i * l.PerMail, errors: Tally{}}
		g.Go(func() error { return all[i].dial(gctx) })
	}
	if err := g.Wait(); err != nil {
		closeAll(all)
		return nil, err
	}
	for _, s := range all {
		s.tie(ctx)
	}
	return all, nil
}

func closeAll(all []*sender) {
	for _, s := range all {
		if s != nil {
			s.hangUp()
		}
	}
}

func (s *sender) dial(ctx context.Context) error {
	conn, err := smtp.Dial(ctx, s.addr, s.load.SMTP)
	if err == nil {
		s.conn, s.sent, s.stop = conn, 0, func() bool { return true }
	}
	return err
}

// tie closes the connection when ctx ends, so that no send outlives it.
func (s *sender) tie(ctx context.Context) {
	conn := s.conn
	s.stop = context.AfterFunc(ctx, func() { conn.Close() })
}

func (s *sender) hangUp() {
	if s.conn != nil {
		s.stop()
		s.conn.Quit()
		s.conn = nil
	}
}

// next makes the next message and the mail that carries it.
func (s *sender) next() (*message.Message, smtp.Mail) {
	s.to = s.to[:0]
	for range s.load.PerMail {
		s.to = append(s.to, s.load.To[s.at%len(s.load.To)])
		s.at++
	}
	m := s.gen.Next(s.load.From, s.to[0], "")
	return m, smtp.Mail{From: s.load.From, To: s.to, Content: [3][]byte{m.Header, m.Body, m.Tail}, Dots: m.Dots}
}

// send sends one mail, connecting first where needed. A lost connection is
// counted and not an error, until too many attempts in a row have failed. The
// outcome is nil when nothing was sent.
func (s *sender) send(ctx context.Context, mail smtp.Mail) (*smtp.Outcome, error) {
	if s.conn == nil {
		if err := s.dial(ctx); err != nil {
			return nil, s.lost(ctx, err)
		}
		s.tie(ctx)
	}
	o, err := s.conn.Send(mail)
	s.errors.outcome(o)
	if err != nil {
		s.hangUp()
		return o, s.lost(ctx, err)
	}
	s.failed = 0
	if s.sent++; s.sent == s.load.PerConnection {
		s.hangUp()
	}
	return o, nil
}

// lost counts a failed attempt and waits a little before the next.
func (s *sender) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.errors.connection(err)
	if s.failed++; s.failed >= giveUpAfter {
		return fmt.Errorf("giving up after %d failures in a row: %w", s.failed, err)
	}
	return pause(ctx, time.Duration(s.failed)*50*time.Millisecond)
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
