package soak

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/bench/smtp"
)

// Options of a Run.
type Options struct {
	Addr          string
	SMTP          smtp.Options
	Connections   int
	From          string
	To            []string
	PerMail       int // recipients of each mail; 0 is 1
	Size, MaxSize int
	Dir           string        // of the journals; made when missing
	Duration      time.Duration // 0: until every connection is lost
	Count         int           // mails of each connection; 0: no limit
}

// Report of a Run counts recipients.
type Report struct {
	Mails   uint64         `json:"mails"`
	Acked   uint64         `json:"acked"`
	Refused uint64         `json:"refused"`
	InDoubt uint64         `json:"in_doubt"`
	Lost    int            `json:"connections_lost"`
	Why     map[string]int `json:"why"` // the connections were lost, or mail was refused
	Seconds float64        `json:"seconds"`
}

func (r *Report) merge(o *Report) {
	r.Mails += o.Mails
	r.Acked += o.Acked
	r.Refused += o.Refused
	r.InDoubt += o.InDoubt
	r.Lost += o.Lost
	for why, n := range o.Why {
		r.Why[why] += n
	}
}

// Run delivers over all connections until each has ended: by loss of its
// connection, at the end of Duration or Count, or when ctx is cancelled, which
// lets mails on their way come to their end. A lost connection is no error.
func Run(ctx context.Context, o Options) (*Report, error) {
	o.PerMail = max(o.PerMail, 1)
	if o.Connections < 1 || len(o.To) < o.PerMail {
		return nil, fmt.Errorf("%d connections, %d recipients, %d a mail: at least 1 and as many recipients as a mail has are needed", o.Connections, len(o.To), o.PerMail)
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	workers, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	if o.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Duration)
		defer cancel()
	}
	begin := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, len(workers))
	for i, w := range workers {
		wg.Go(func() { errs[i] = errors.Join(w.deliver(ctx), w.close()) })
	}
	wg.Wait()
	total := &Report{Why: map[string]int{}, Seconds: time.Since(begin).Seconds()}
	for _, w := range workers {
		total.merge(&w.report)
	}
	return total, errors.Join(errs...)
}

type worker struct {
	Options
	conn    *smtp.Conn
	gen     *message.Generator
	journal *Journal
	at      int // in To
	report  Report
}

func open(ctx context.Context, o Options) ([]*worker, error) {
	run := message.NewRun()
	text := message.TextFor(run, max(o.Size, o.MaxSize))
	workers := make([]*worker, o.Connections)
	g, gctx := errgroup.WithContext(ctx)
	for i := range workers {
		g.Go(func() (err error) {
			w := &worker{Options: o, at: i * o.PerMail, report: Report{Why: map[string]int{}}}
			mo := message.Options{Run: run, Worker: i, Size: o.Size, MaxSize: o.MaxSize, Dots: true}
			if w.gen, err = message.NewGenerator(text, mo); err != nil {
				return err
			}
			if w.journal, err = CreateJournal(o.Dir, fmt.Sprintf("%016x-%03d", run, i)); err != nil {
				return err
			}
			workers[i] = w
			w.conn, err = smtp.Dial(gctx, o.Addr, o.SMTP)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		for _, w := range workers {
			if w != nil {
				w.close()
			}
		}
		return nil, err
	}
	return workers, nil
}

func (w *worker) close() error {
	if w.conn != nil {
		w.conn.Quit() // it may be lost already
	}
	return w.journal.Close()
}

// deliver returns an error only when the journal cannot be written.
func (w *worker) deliver(ctx context.Context) error {
	for n := 0; ctx.Err() == nil && (w.Count == 0 || n < w.Count); n++ {
		m, mail := w.next()
		sum := m.SHA256()
		sent := Entry{ID: m.ID.String(), State: Sent, Time: time.Now(), To: mail.To, SHA256: hex.EncodeToString(sum[:]), Size: m.Size()}
		if err := w.journal.Write(sent); err != nil {
			return err
		}
		w.report.Mails++
		outcome, lost := w.conn.Send(mail)
		if err := w.record(sent.ID, mail.To, outcome); err != nil {
			return err
		}
		if lost != nil {
			w.report.Lost++
			w.report.Why[lost.Error()]++
			return nil
		}
	}
	return nil
}

func (w *worker) next() (*message.Message, smtp.Mail) {
	to := make([]string, w.PerMail)
	for i := range to {
		to[i] = w.To[w.at%len(w.To)]
		w.at++
	}
	m := w.gen.Next(w.From, to[0], "")
	return m, smtp.Mail{From: w.From, To: to, Content: [3][]byte{m.Header, m.Body, m.Tail}, Dots: m.Dots}
}

// record writes what became of each recipient; one without an answer is in doubt.
func (w *worker) record(id string, to []string, o *smtp.Outcome) error {
	byCode := map[int][]string{}
	for i, reply := range o.Replies {
		switch {
		case reply.Stage == 0:
			w.report.InDoubt++
			continue
		case reply.Accepted():
			w.report.Acked++
		default:
			w.report.Refused++
			w.report.Why[fmt.Sprintf("%v %d %s", reply.Stage, reply.Code, reply.Text)]++
		}
		byCode[reply.Code] = append(byCode[reply.Code], to[i])
	}
	for code, recipients := range byCode {
		state := Refused
		if code/100 == 2 {
			state = Acked
		}
		if err := w.journal.Write(Entry{ID: id, State: state, Time: time.Now(), To: recipients, Code: code}); err != nil {
			return err
		}
	}
	return nil
}
