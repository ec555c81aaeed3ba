package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/bench/histogram"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/bench/smtp"
)

// IdleOptions: one message after the other is sent to one account that is idling.
type IdleOptions struct {
	SMTPAddr string
	SMTP     smtp.Options
	From     string
	IMAPAddr string
	IMAP     imap.Options
	Account  Account
	Count    int
	Size     int
	Interval time.Duration // between messages; low rates show the latency alone
	Limit    time.Duration // ends after so long with what it has, of idleEnough messages at least; 0: none
}

// IdleResult is the time to a client that idles.
type IdleResult struct {
	Messages   int               `json:"messages"`
	MailToIdle histogram.Summary `json:"mail_from_to_exists"`
	MailTo250  histogram.Summary `json:"mail_from_to_250"`
}

// renewIdle is when IDLE is begun anew: RFC 2177, servers may end it after 30 minutes.
const renewIdle = 10 * time.Minute

// idleEnough messages tell the usual delay.
const idleEnough = 20

// idler reads a connection that idles and stamps what it hears.
type idler struct {
	conn   *imap.Conn
	heard  chan arrival
	failed chan error
}

type arrival struct {
	at     time.Time
	exists uint32
}

// Idle measures from before MAIL FROM is sent until EXISTS is read. Each mail must
// raise the number of messages by exactly one; nobody else may use the account.
func Idle(ctx context.Context, o IdleOptions) (*IdleResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	load := Load{Addr: o.SMTPAddr, SMTP: o.SMTP, Connections: 1, From: o.From, To: []string{o.Account.Address}, Size: o.Size}
	all, err := senders(ctx, &load, message.NewRun())
	if err != nil {
		return nil, err
	}
	defer closeAll(all)
	opts := o.IMAP
	opts.Username, opts.Password = o.Account.Address, o.Account.Password
	conn, err := imap.Dial(ctx, o.IMAPAddr, opts)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	selected, err := conn.Select("INBOX")
	if err != nil {
		return nil, err
	}
	id := &idler{conn: conn, heard: make(chan arrival, 16), failed: make(chan error, 1)}
	r := &IdleResult{}
	if err := id.measure(ctx, o, all[0], selected.Exists, r); err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	return r, nil
}

func (id *idler) measure(ctx context.Context, o IdleOptions, s *sender, exists uint32, r *IdleResult) error {
	var idle, accept histogram.Histogram
	began := time.Now()
	deadline := began.Add(o.Limit)
	if err := id.begin(ctx); err != nil {
		return err
	}
	for i := range o.Count {
		if o.Limit > 0 && i >= idleEnough && time.Now().After(deadline) {
			break
		}
		if time.Since(began) > renewIdle {
			if err := errors.Join(id.end(), id.begin(ctx)); err != nil {
				return err
			}
			began = time.Now()
		}
		_, mail := s.next()
		outcome, err := s.conn.Send(mail)
		if err != nil {
			return err
		}
		if outcome.Accepted() != 1 {
			return fmt.Errorf("the mail was refused: %d %s", outcome.Replies[0].Code, outcome.Replies[0].Text)
		}
		exists++
		at, err := id.await(ctx, exists, o.IMAP.Wait())
		if err != nil {
			return err
		}
		idle.Record(at.Sub(outcome.Started))
		accept.Record(outcome.Done.Sub(outcome.Started))
		if err := pause(ctx, o.Interval); err != nil {
			return err
		}
	}
	r.MailToIdle, r.MailTo250 = idle.Summary(), accept.Summary()
	r.Messages = int(r.MailToIdle.Count)
	return id.end()
}

// await waits for EXISTS with this number.
func (id *idler) await(ctx context.Context, exists uint32, limit time.Duration) (time.Time, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case a := <-id.heard:
			switch a.exists {
			case exists:
				return a.at, nil
			case exists - 1: // told again, which a server may do
			default:
				return a.at, fmt.Errorf("EXISTS told %d messages, want %d", a.exists, exists)
			}
		case err := <-id.failed:
			return time.Time{}, fmt.Errorf("IDLE ended: %w", err)
		case <-timer.C:
			return time.Time{}, fmt.Errorf("no EXISTS %d within %v", exists, limit)
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// begin enters IDLE and starts to listen.
func (id *idler) begin(ctx context.Context) error {
	if err := id.conn.StartIdle(); err != nil {
		return err
	}
	go func() { id.failed <- id.listen(ctx) }()
	return nil
}

// listen stamps every EXISTS until the tagged end of IDLE, which is no error.
func (id *idler) listen(ctx context.Context) error {
	for {
		r, err := id.conn.Next()
		switch {
		case err != nil:
			return err
		case r.Tag == imap.Tagged:
			return nil
		case r.Is("EXISTS"):
			select {
			case id.heard <- arrival{time.Now(), r.Num}:
			case <-ctx.Done():
				return ctx.Err()
			}
		case r.Is("EXPUNGE"), r.Is("VANISHED"), r.Is("BYE"):
			return fmt.Errorf("the server said %s %s", r.Kind, r.Rest)
		}
	}
}

func (id *idler) end() error {
	if err := id.conn.EndIdle(); err != nil {
		return err
	}
	return <-id.failed
}
