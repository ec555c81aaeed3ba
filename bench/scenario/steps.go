package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/bench/proc"
	"github.com/mailmesh/mailmesh/bench/result"
	"github.com/mailmesh/mailmesh/bench/server"
	"github.com/mailmesh/mailmesh/bench/smtp"
)

const (
	mailSize    = 10 << 10 // of mail being sent
	mailboxSize = 4 << 10  // of messages in mailboxes that are read
	importSize  = 4 << 10
	batch       = 50          // messages in one APPEND
	idleLimit   = time.Minute // of a server that lets clients wait
	mib         = 1 << 20
)

// idleServer is the memory of a server that has just started.
func (r *run) idleServer(context.Context) error {
	memory, err := proc.System.Memory(r.doors.PIDs...)
	if err != nil {
		return err
	}
	r.figure("idle server, PSS", "MiB", result.Less, float64(memory.PSS)/mib)
	return nil
}

func (r *run) load(addr string, accounts []measure.Account) measure.Load {
	return measure.Load{Addr: addr, Connections: r.scale.Connections, From: sender, To: measure.Addresses(accounts), Size: mailSize}
}

func (r *run) smtp(ctx context.Context) error {
	return r.rate(ctx, "smtp", r.doors.SMTP, smtp.Options{})
}

func (r *run) lmtp(ctx context.Context) error {
	return r.rate(ctx, "lmtp", r.doors.LMTP, smtp.Options{LMTP: true})
}

func (r *run) rate(ctx context.Context, name, addr string, opts smtp.Options) error {
	if addr == "" {
		return errors.New("the server has no such door")
	}
	accounts, err := r.accounts(ctx, name, r.scale.Mailboxes)
	if err != nil {
		return err
	}
	o := measure.RateOptions{Load: r.load(addr, accounts), Duration: r.scale.Duration, Warmup: r.scale.Warmup, PIDs: r.doors.PIDs}
	o.SMTP = opts
	got, err := measure.Rate(ctx, o)
	if err != nil {
		return err
	}
	r.figure(name+" accepted", "mails/s", result.More, got.PerSecond, got.Samples...)
	r.figure(name+" dot to 250, p50", "ms", result.Less, got.DotTo250.P50)
	r.figure(name+" dot to 250, p99", "ms", result.Less, got.DotTo250.P99)
	r.figure(name+" CPU of the server", "us/mail", result.Less, got.ServerCPU)
	r.figure(name+" CPU of the generator", "us/mail", result.Less, got.GeneratorCPU)
	if n := got.Errors.Total(); n > 0 {
		return fmt.Errorf("%d errors: %s", n, got.Errors)
	}
	return nil
}

func (r *run) visible(ctx context.Context) error {
	accounts, err := r.accounts(ctx, "visible", r.scale.Mailboxes)
	if err != nil {
		return err
	}
	got, err := measure.Visible(ctx, measure.VisibleOptions{
		Load: r.load(r.doors.SMTP, accounts), IMAPAddr: r.doors.IMAP, Accounts: accounts,
		Duration: r.scale.Duration, Poll: r.scale.Poll, Wait: r.scale.Wait,
	})
	if err != nil {
		return err
	}
	r.figure("visible over IMAP", "mails/s", result.More, got.VisiblePer)
	r.figure("visible after 250, p50", "ms", result.Less, got.After250.P50)
	r.figure("visible after 250, p99", "ms", result.Less, got.After250.P99)
	r.figure("visible after MAIL FROM, p50", "ms", result.Less, got.AfterMail.P50)
	if n := got.Errors.Total(); n > 0 {
		return fmt.Errorf("%d errors: %s", n, got.Errors)
	}
	return nil
}

// outbound is mail from an account here to people elsewhere, from where it is handed in
// to where it is handed on.
func (r *run) outbound(ctx context.Context) error {
	if r.sink == nil {
		r.say("  left out: there is nobody to hand mail on to")
		return nil
	}
	if r.doors.Submission == "" {
		return errors.New("the server has no such door")
	}
	load, err := r.outboundLoad(ctx, "outbound")
	if err != nil {
		return err
	}
	o := measure.OutboundOptions{Load: load, Count: r.scale.Outbound, Received: r.sink.Received, Wait: r.scale.Wait, PIDs: r.doors.PIDs}
	got, err := measure.Outbound(ctx, o)
	if err := r.outboundFigures("outbound", got, err); err != nil {
		return err
	}
	holder, ok := r.server.(server.Holder)
	if !ok {
		return nil
	}
	if o.Load, err = r.outboundLoad(ctx, "held"); err != nil { // server.HeldSender
		return err
	}
	if err := holder.Hold(ctx); err != nil {
		return err
	}
	got, err = measure.Drained(ctx, o, holder.Release)
	return r.outboundFigures("queue", got, err)
}

// outboundLoad is mail of an account of its own.
func (r *run) outboundLoad(ctx context.Context, name string) (load measure.Load, err error) {
	accounts, err := r.accounts(ctx, name, 1)
	if err != nil {
		return load, err
	}
	if s, ok := r.server.(server.Unbounder); ok {
		if err := s.Unbound(ctx, accounts[0].Address); err != nil {
			return load, err
		}
	}
	load = r.load(r.doors.Submission, accounts)
	load.From, load.To = accounts[0].Address, nil
	for i := range r.scale.Mailboxes {
		load.To = append(load.To, fmt.Sprintf("user%02d@elsewhere.example", i+1))
	}
	if r.doors.SignIn {
		load.SMTP = smtp.Options{Options: dial.Options{Security: dial.StartTLS}, Username: accounts[0].Address, Password: accounts[0].Password}
	}
	return load, nil
}

func (r *run) outboundFigures(name string, got *measure.OutboundResult, err error) error {
	if err != nil {
		return err
	}
	r.figure(name+" handed on", "mails/s", result.More, got.PerSecond, got.Samples...)
	r.figure(name+" taken", "mails/s", result.More, got.Accepted)
	r.figure(name+" CPU of the server", "us/mail", result.Less, got.ServerCPU)
	if n := got.Errors.Total(); n > 0 {
		return fmt.Errorf("%d errors: %s", n, got.Errors)
	}
	return nil
}

func (r *run) idle(ctx context.Context) error {
	accounts, err := r.accounts(ctx, "idle", 1)
	if err != nil {
		return err
	}
	got, err := measure.Idle(ctx, measure.IdleOptions{
		SMTPAddr: r.doors.SMTP, From: sender, IMAPAddr: r.doors.IMAP, Account: accounts[0],
		Count: r.scale.Idle, Size: mailboxSize, Interval: r.scale.IdleEvery, Limit: idleLimit,
	})
	if err != nil {
		return err
	}
	r.figure("MAIL FROM to IDLE EXISTS, p50", "ms", result.Less, got.MailToIdle.P50)
	r.figure("MAIL FROM to IDLE EXISTS, p99", "ms", result.Less, got.MailToIdle.P99)
	return nil
}

func (r *run) mailboxes(ctx context.Context) error {
	accounts, err := r.accounts(ctx, "imap", len(r.scale.Large))
	if err != nil {
		return err
	}
	for i, n := range r.scale.Large {
		got, err := measure.Mailbox(ctx, measure.MailboxOptions{
			Addr: r.doors.IMAP, Account: accounts[i], Mailbox: "Benchmark", Messages: n, Size: mailboxSize,
			Batch: batch, Rounds: r.scale.Rounds, Bodies: r.scale.Bodies,
			PIDs: r.doors.PIDs, Rest: r.scale.Rest,
		})
		if err != nil {
			return err
		}
		prefix := fmt.Sprintf("imap of %d, ", n)
		r.figure(prefix+"append", "messages/s", result.More, got.AppendsPerSec)
		if r.scale.Rest > 0 {
			r.figure(prefix+"at rest after append", "s", result.Less, got.RestSeconds)
		}
		for _, t := range got.Timings {
			r.figure(prefix+t.Name, "ms", result.Less, t.Median, t.Samples...)
		}
	}
	return nil
}

func (r *run) sessions(ctx context.Context) error {
	addr, security := r.doors.IMAPS, dial.TLS
	if addr == "" {
		addr, security = r.doors.IMAP, dial.StartTLS
	}
	accounts, err := r.accounts(ctx, "session", r.scale.Mailboxes)
	if err != nil {
		return err
	}
	var rest func(context.Context) error
	if server, ok := r.server.(server.Rester); ok {
		rest = server.Rest
	}
	got, err := measure.Sessions(ctx, measure.SessionsOptions{
		Addr: addr, IMAP: imap.Options{Options: dial.Options{Security: security}}, Accounts: accounts,
		Count: r.scale.Sessions, PIDs: r.doors.PIDs, Settle: r.scale.Settle, Rest: rest,
	})
	if err != nil {
		return err
	}
	r.figure(fmt.Sprintf("memory of an idle session (of %d), PSS", got.Sessions), "KiB", result.Less, got.PSSEach)
	return nil
}

func (r *run) importing(ctx context.Context) error {
	accounts, err := r.accounts(ctx, "import", 1)
	if err != nil {
		return err
	}
	got, err := measure.Import(ctx, measure.ImportOptions{
		Addr: r.doors.IMAP, Account: accounts[0], Mailbox: "Import", Messages: r.scale.Import, Size: importSize,
		Batch: batch, Connections: 4, PIDs: r.doors.PIDs, Every: 200 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	r.figure(fmt.Sprintf("import of %d", got.Messages), "messages/s", result.More, got.PerSecond, got.Tenths...)
	r.figure("import, last tenth of first", "ratio", result.More, got.Steadiness)
	r.figure("import, highest RSS", "MiB", result.Less, float64(got.MaxRSS)/mib)
	return nil
}
