package outbound

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp/client"
)

// maxSessions is how many hosts, and addresses that failed, one delivery has to do with. What cannot be connected to is not counted.
const maxSessions = 6

// delivery is one job under way.
type delivery struct {
	o   *Outbound
	job mailflow.Job

	attempts []mailflow.Attempt // what is known of each recipient; no Kind: nothing
	open     []int              // recipients whom another host could help
	soft     []bool             // of those: what is known is that this host cannot, not that the recipient cannot have it

	temporary, permanent *problem // the last of each kind
	sessions             int
	over                 bool // the job is not ours any more, or its content cannot be read
}

func newDelivery(o *Outbound, j mailflow.Job) *delivery {
	n := len(j.Envelope.Recipients)
	d := &delivery{o: o, job: j, attempts: make([]mailflow.Attempt, n), soft: make([]bool, n)}
	for i := range n {
		d.open = append(d.open, i)
	}
	return d
}

// wanted reports whether another host should be tried.
func (d *delivery) wanted() bool { return len(d.open) > 0 && d.sessions < maxSessions && !d.over }

// fail notes why a host was of no use.
func (d *delivery) fail(p problem) {
	if p.temporary() {
		d.temporary = &p
	} else {
		d.permanent = &p
	}
}

// finish decides for those whom no host has helped: later, if any host could then.
func (d *delivery) finish() []mailflow.Attempt {
	for _, i := range d.open {
		switch {
		case d.attempts[i].Event.Kind != "" && !(d.soft[i] && d.temporary != nil):
		case d.temporary != nil:
			d.attempts[i] = d.temporary.attempt()
		case d.permanent != nil:
			d.attempts[i] = d.permanent.attempt()
		default:
			d.attempts[i] = noAnswer(errors.New("there are no hosts left to try")).attempt()
		}
	}
	for i := range d.attempts {
		if d.attempts[i].Event.By == "" {
			d.attempts[i].Event.By = d.o.opts.Hostname
		}
	}
	return d.attempts
}

// tryHost sends the message to a host, over as many connections and addresses as it takes.
func (d *delivery) tryHost(ctx context.Context, h host) {
	need := d.requirement(ctx, &h)
	if need.Level == mailflow.TLSRefused {
		d.fail(problem{reply: need.Refusal, destination: !h.RequireTLS})
		return
	}
	todo, avoidChunking := slices.Clone(d.open), false
	for len(todo) > 0 && len(h.addrs) > 0 && d.wanted() {
		s, p := d.session(ctx, &h, need)
		if p != nil {
			d.fail(*p)
			continue
		}
		if avoidChunking {
			s.conn.AvoidChunking()
		}
		var err error
		if todo, err = d.send(ctx, s, todo); err == nil {
			d.o.pool.put(s) // recipients may be left: the host takes no more messages on this connection
			continue
		}
		s.conn.Close()
		switch {
		case d.over, errors.Is(err, errStale):
		case errors.Is(err, client.ErrNoChunking) && !avoidChunking:
			avoidChunking = true
		default:
			d.fail(*broken(s.by, err))
			d.giveUp(&h, s.to)
		}
	}
	d.sessions++
}

// session returns a connection that was kept, or a new one. After a problem the host has fewer addresses.
func (d *delivery) session(ctx context.Context, h *host, need mailflow.TLSRequirement) (*session, *problem) {
	if s := d.o.pool.take(key{h.Name, need.ID}); s != nil {
		d.o.opts.Observe(SessionReused)
		return s, nil
	}
	s, tried, p := d.o.open(ctx, h, need)
	if p != nil {
		d.giveUp(h, tried)
	}
	return s, p
}

// giveUp leaves an address out from now on; all of them where none could be connected to.
func (d *delivery) giveUp(h *host, tried netip.AddrPort) {
	if !tried.IsValid() {
		h.addrs = nil
		return
	}
	d.sessions++
	h.addrs = slices.DeleteFunc(slices.Clone(h.addrs), func(a netip.AddrPort) bool { return a == tried })
}

// requirement asks the policy, unless the message wants to go without (RFC 8689 3), which does not hold with REQUIRETLS.
func (d *delivery) requirement(ctx context.Context, h *host) mailflow.TLSRequirement {
	h.RequireTLS = d.job.Envelope.RequireTLS
	if h.smarthost != nil {
		return mailflow.TLSRequirement{Level: mailflow.TLSVerified, ID: "smarthost"}
	}
	need := d.o.opts.Policy.TLS(ctx, h.Host)
	switch {
	case need.Level == mailflow.TLSOpportunistic && h.RequireTLS:
		return mailflow.TLSRequirement{Level: mailflow.TLSRefused, Refusal: insecure(h.Name, errors.New("nothing says whose certificate to trust"), true).reply}
	case need.Level != mailflow.TLSOpportunistic && !h.RequireTLS && tlsOptional(ctx, d.job):
		return mailflow.TLSRequirement{}
	}
	return need
}

// errStale is the error of a connection that was kept and that the host had given up meanwhile.
var errStale = errors.New("the host has closed the connection that was kept")

// send sends the message to those of todo whom the host takes, and returns those who were not asked, or not answered for.
func (d *delivery) send(ctx context.Context, s *session, todo []int) ([]int, error) {
	for len(todo) > 0 && s.more() {
		n := min(len(todo), mailflow.MaxAtOnce)
		if limit := s.conn.Limits().Rcpt; limit > 0 { // RFC 9422 4.2
			n = min(n, limit)
		}
		var result client.Result
		err := s.during(ctx, func() (err error) {
			result, err = s.conn.Send(d.message(ctx, todo[:n]))
			return err
		})
		if s.reused && stale(result, err) {
			return todo, errStale
		}
		s.reused = false
		again := d.note(s, todo[:n], result)
		todo = append(again, todo[n:]...)
		if err != nil {
			d.abandon(err)
			return todo, err
		}
	}
	return todo, nil
}

// message is the job for some of its recipients.
func (d *delivery) message(ctx context.Context, to []int) client.Message {
	e := *d.job.Envelope
	if len(to) < len(e.Recipients) {
		e.Recipients = make([]mail.Recipient, 0, len(to))
		for _, i := range to {
			e.Recipients = append(e.Recipients, d.job.Envelope.Recipients[i])
		}
	}
	return client.Message{Envelope: &e, Size: d.job.Size, MayEnd: d.job.MayEnd, Open: func() (io.ReadCloser, error) { return d.job.Open(ctx) }}
}

// stale reports whether the host had closed before it heard of the message: without a word, or with 421 (RFC 5321 3.8).
func stale(result client.Result, err error) bool {
	var content *client.ContentError
	switch {
	case err == nil, errors.Is(err, client.ErrNotOurs), errors.As(err, &content), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case !result.Heard:
		return true
	}
	return errors.Is(err, client.ErrClosing) && !slices.ContainsFunc(result.Answers, func(a client.Answer) bool { return a.At != client.AtMail })
}

// abandon ends the delivery where no other host could do better.
func (d *delivery) abandon(err error) {
	var content *client.ContentError
	switch {
	case errors.Is(err, client.ErrNotOurs):
		d.fail(*ours(451, 4, 3, 0, "another node has taken the message over"))
	case errors.As(err, &content):
		d.fail(*ours(451, 4, 3, 0, "%v", err))
		d.o.opts.Log.Error("the content of a message cannot be read", "spool", d.job.Spool, "err", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		d.fail(*ours(451, 4, 3, 2, "this server is stopping"))
	default:
		return
	}
	d.over = true
}

// note takes over what a transaction came to, and returns those whom this host is to be asked about again.
func (d *delivery) note(s *session, to []int, result client.Result) (again []int) {
	taken := false
	for _, a := range result.Answers {
		taken = taken || a.At == client.AtEnd && a.Reply.Code/100 == 2
	}
	for n, i := range to {
		a := result.Answers[n]
		attempt := mailflow.Attempt{Event: mail.Event{By: s.by, Reply: a.Reply}, Destination: a.Reply.Code == 421}
		switch {
		case a.At == client.Undecided && !result.Ended, taken && tooMany(a):
			again = append(again, i)
		case a.At == client.Undecided:
			// The message may have been taken. To ask another host now would make a second copy likely.
			attempt.Event.Kind, attempt.Event.Reply = mail.EventDeferred, ours(451, 4, 4, 2, "the connection was lost before the answer to the whole message").reply
			d.settle(i, attempt)
		case a.At == client.Unsent:
			if d.attempts[i].Event.Kind == "" {
				attempt.Event.Kind = mail.EventFailed
				d.attempts[i], d.soft[i] = attempt, true
			}
		case a.At == client.AtEnd && a.Reply.Code/100 == 2:
			attempt.Event.Kind, attempt.Reports = mail.EventRelayed, s.conn.Offers("DSN")
			d.settle(i, attempt)
		case d.o.opts.Smarthost != nil && refusesUs(a.Reply): // as when it refuses the password: for the operator to mend
			attempt.Event.Kind, attempt.Destination = mail.EventDeferred, true
			d.settle(i, attempt)
		case a.Reply.Code/100 == 5:
			attempt.Event.Kind = mail.EventFailed
			d.settle(i, attempt)
		default: // RFC 5321 5.1: another host may take it at once
			attempt.Event.Kind = mail.EventDeferred
			d.attempts[i], d.soft[i] = attempt, false
		}
	}
	return again
}

// settle notes what no other host can change.
func (d *delivery) settle(i int, a mailflow.Attempt) {
	d.attempts[i] = a
	d.open = slices.DeleteFunc(d.open, func(open int) bool { return open == i })
}

// refusesUs reports whether a smarthost wants us to sign in, or to do it otherwise (RFC 4954 6).
func refusesUs(r mail.Reply) bool {
	return r.Code == 530 || r.Code == 534 || r.Code == 535 || r.Code == 538
}

// tooMany reports whether a recipient was refused because of those before it (RFC 5321 4.5.3.1.10: 452, and 552 which older
// servers say).
func tooMany(a client.Answer) bool {
	older := a.Reply.Code == 552 && (a.Reply.Enhanced == mail.EnhancedCode{5, 5, 3} || a.Reply.Enhanced == mail.EnhancedCode{5, 0, 0})
	return a.At == client.AtRcpt && (a.Reply.Code == 452 || older)
}
