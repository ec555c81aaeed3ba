package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/bench/smtp"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// sender hands in one message after the other, and what was not accepted again.
type sender struct {
	client
	options smtp.Options
	from    string
	conn    *smtp.Conn
	mails   *message.Generator
	again   []recipient // of the last message, which had no answer for good
}

// recipient is an address, and the account to which it leads.
type recipient struct {
	address, account string
	kind             history.Kind
}

const stranger = "load@example.net"

func (r *Run) sender(kind string, i int, addresses []string) {
	if len(addresses) == 0 {
		return
	}
	s := &sender{client: r.newClient(kind, 0, i, addresses), from: stranger, mails: r.generator()}
	s.options = smtp.Options{Options: dial.Options{Timeout: r.plan.Patience}, LMTP: kind == "lmtp"}
	if kind == "submission" {
		a := r.targets.Accounts[i%len(r.targets.Accounts)]
		s.from, s.options.Username, s.options.Password = a.Address, a.Address, a.Password
		s.options.Security = dial.StartTLS
	}
	r.launch(&s.client, s.work)
}

// generator makes messages of the run that nobody else makes.
func (r *Run) generator() *message.Generator {
	g, err := message.NewGenerator(r.text, message.Options{Run: r.number, Worker: r.workers, Size: r.plan.Size, MaxSize: r.plan.Most, Dots: true})
	if err != nil {
		panic("load: " + err.Error()) // sizes were checked
	}
	return g
}

func (s *sender) work(ctx context.Context) {
	defer func() {
		if s.conn != nil {
			s.conn.Quit()
		}
	}()
	for s.goesOn() {
		if s.conn == nil && s.connect(ctx, s.open) != nil {
			return
		}
		s.send()
		s.rest()
	}
}

func (s *sender) open(ctx context.Context, address string) (err error) {
	s.conn, err = smtp.Dial(ctx, address, s.options)
	return err
}

func (s *sender) send() {
	to := s.again
	if s.again = nil; to == nil {
		to = s.choose()
	}
	addresses := make([]string, len(to))
	for i := range to {
		addresses[i] = to[i].address
	}
	m := s.mails.Next(s.from, addresses[0], "")
	call := s.run.recorder.Now()
	outcome, err := s.conn.Send(smtp.Mail{From: s.from, To: addresses, Content: [3][]byte{m.Header, m.Body, m.Tail}, Dots: m.Dots})
	for i, r := range to {
		s.took(history.Key{Account: r.account, Message: m.ID.String()}, r, outcome, outcome.Replies[i], call)
	}
	if err != nil {
		s.run.reason(s.name, "sending", err)
	}
	if err != nil || len(s.again) > 0 { // what one server does not take now, another may
		s.conn.Close()
		s.conn = nil
		s.leave()
	}
}

// choose picks one to three accounts, or one of the relays.
func (s *sender) choose() (to []recipient) {
	t := &s.run.targets
	if len(t.Relays) > 0 && s.rand.IntN(4) == 0 {
		r := t.Relays[s.rand.IntN(len(t.Relays))]
		return []recipient{{r.Address, r.Account, history.Relay}}
	}
	n := min(1+s.rand.IntN(3), len(t.Accounts))
	for _, i := range s.rand.Perm(len(t.Accounts))[:n] {
		to = append(to, recipient{t.Accounts[i].Address, t.Accounts[i].Address, history.Deliver})
	}
	return to
}

// took takes down what became of one recipient.
func (s *sender) took(k history.Key, r recipient, o *smtp.Outcome, reply smtp.Reply, call time.Duration) {
	if reply.Code >= 400 {
		s.run.reason(s.name, fmt.Sprintf("%v %d", reply.Stage, reply.Code), errors.New(reply.Text))
	}
	// Without the end of the content no server can have accepted anything: that is no operation.
	content := !o.Dot.IsZero() && (reply.Stage == 0 || reply.Stage == smtp.AtEnd)
	op := history.Operation{Kind: r.kind, To: history.Inbox}
	switch {
	case reply.Accepted():
		op.Outcome = history.Acknowledged
	case reply.Code/100 == 5:
		op.Outcome = history.Refused
	case !content:
		s.again = append(s.again, r)
		return
	case reply.Code/100 == 4:
		op.Outcome = history.Deferred
	default:
		op.Outcome = history.Unknown
	}
	if op.Outcome == history.Deferred || op.Outcome == history.Unknown {
		s.again = append(s.again, r)
		s.run.recorder.Repeated()
	}
	s.add(k, op, call)
}
