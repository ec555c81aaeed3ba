package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// pair are two servers that send each other mail, and to a third place that takes some and refuses some.
type pair struct {
	t       *testing.T
	servers [2]*world

	mu     sync.Mutex
	sent   int // messages between the three
	enough int // when this many were sent, nothing more is taken, so that the test ends
}

// most is how many messages one message may make: far more than in any round, far less than where nothing stops them.
const most = 500

// serverOf is whose a domain is; the others are the third place's.
func (p *pair) serverOf(domain string) *world {
	switch {
	case strings.HasPrefix(domain, "a"):
		return p.servers[0]
	case strings.HasPrefix(domain, "b"):
		return p.servers[1]
	}
	return nil
}

// deliver hands a message on as SMTP does.
func (p *pair) deliver(ctx context.Context, j mailflow.Job) []mailflow.Attempt {
	p.mu.Lock()
	p.sent++
	id, over := fmt.Sprintf("p%d", p.sent), p.sent > p.enough
	p.mu.Unlock()
	if over {
		return all(j, failed())
	}
	to := p.serverOf(j.Domain)
	out := make([]mailflow.Attempt, len(j.Envelope.Recipients))
	e := *j.Envelope
	e.ID, e.Recipients = id, nil
	var taken []int
	for i, r := range j.Envelope.Recipients {
		if to == nil {
			out[i] = third(r.Address)
			continue
		}
		known, err := to.Recipient(ctx, to.Session(), &e, r)
		if err != nil {
			out[i] = answered(err)
			continue
		}
		e.Recipients, taken = append(e.Recipients, known), append(taken, i)
	}
	if len(taken) == 0 {
		return out
	}
	content, err := j.Open(ctx)
	if err == nil {
		defer content.Close()
		_, err = to.Receive(ctx, to.Session(), &e, content) // a reply for all, as over SMTP
	}
	for _, i := range taken {
		out[i] = answered(err)
	}
	return out
}

// third takes mail for "ok" alone.
func third(a mail.Address) mailflow.Attempt {
	if a.Local == "ok" {
		return relayed()
	}
	return failed()
}

func answered(err error) mailflow.Attempt {
	if err == nil {
		return reporting(relayed())
	}
	var r mail.Reply
	if !errors.As(err, &r) {
		switch r = (mail.Reply{Code: 451, Text: mail.Explain(err)}); mail.KindOf(err) {
		case mail.NotFound, mail.Denied, mail.Disabled:
			r.Code = 550
		}
	}
	a := failed()
	if a.Event.Reply = r; r.Code/100 == 4 {
		a.Event.Kind = mail.EventDeferred
	}
	return a
}

// furnish gives each server a domain of its own with accounts, aliases and groups that lead anywhere.
func (p *pair) furnish(r *rand.Rand, round int) (addresses []mail.Address) {
	const names = 4
	domains := [2]string{fmt.Sprintf("a%d.example", round), fmt.Sprintf("b%d.example", round)}
	for _, d := range domains {
		_, err := p.serverOf(d).Provision.AddDomain(context.Background(), d)
		p.servers[0].Must(err)
		for n := range names {
			addresses = append(addresses, mail.Address{Local: fmt.Sprintf("n%d", n), Domain: d})
		}
	}
	anywhere := func() mail.Address {
		if r.IntN(6) == 0 {
			return mail.Address{Local: []string{"ok", "no"}[r.IntN(2)], Domain: "c.example"}
		}
		a := addresses[r.IntN(len(addresses))]
		if r.IntN(8) == 0 {
			a.Local += "+owner"
		}
		return a
	}
	for _, a := range addresses {
		w := p.serverOf(a.Domain)
		switch r.IntN(6) {
		case 0: // nobody
		case 1:
			w.Account(a.String())
		case 2, 3:
			w.group(a, anywhere)
		default:
			for range 1 + r.IntN(2) { // what leads nowhere, or back at once, is refused
				_ = w.Provision.AddAlias(context.Background(), a, anywhere())
			}
		}
	}
	return addresses
}

func (w *world) group(a mail.Address, anywhere func() mail.Address) {
	w.Must(w.Tx.Write(context.Background(), nil, func(t *tx.Tx) error {
		_, err := w.Directory.AddGroup(t, directory.Group{Address: a, Policy: directory.PostAnyone})
		return err
	}))
	for n := range 2 {
		member := directory.Member{Group: a, Address: anywhere(), Owner: n == 0}
		_ = w.Tx.Write(context.Background(), nil, func(t *tx.Tx) error { return w.Directory.AddMember(t, member) })
	}
}

// Two servers forward to each other in every way there is, groups and their owners among it, and report what fails. However it is
// set up, one message makes a bounded number of others, and in the end nothing is left.
func TestNothingGoesInCirclesForEver(t *testing.T) {
	opens := [2]dbtest.Open{dbtest.OnSQLite(t, schema.Files), dbtest.OnSQLite(t, schema.Files)}
	inBubble(t, func(t *testing.T) {
		p := &pair{t: t}
		for i, open := range opens {
			d := open()
			defer d.Close()
			p.servers[i] = newWorld(t, d)
			p.servers[i].deliver = p.deliver
			p.servers[i].Account("op") // reads what is for postmasters
			defer p.servers[i].run()()
		}
		for round := range 60 {
			r := rand.New(rand.NewPCG(uint64(round), 1))
			addresses := p.furnish(r, round)
			for n := range 4 {
				before := p.sent
				p.enough = before + most
				p.send(r, fmt.Sprintf("m%d.%d", round, n), addresses)
				for waited := time.Duration(0); len(p.servers[0].left())+len(p.servers[1].left()) > 0; waited += time.Minute {
					if time.Sleep(time.Minute); waited > time.Hour { // nothing is put off: it ends by itself, and not by time
						t.Fatalf("round %d: left are %+v and %+v", round, p.servers[0].left(), p.servers[1].left())
					}
					synctest.Wait()
				}
				// Eight addresses: at worst a message takes each path that passes none twice, two ways from each; and each
				// end is reported, on a way of as many steps.
				if made := p.sent - before; made > most {
					t.Fatalf("round %d: one message made %d", round, made)
				}
			}
		}
		for _, w := range p.servers {
			w.check()
		}
		if p.sent < 400 {
			t.Errorf("only %d messages went: the test shows nothing", p.sent)
		}
	})
}

// send gives a message to one of the servers.
func (p *pair) send(r *rand.Rand, id string, addresses []mail.Address) {
	to := addresses[r.IntN(len(addresses))]
	w := p.serverOf(to.Domain)
	from := []string{"", "ok@c.example", "no@c.example", addresses[r.IntN(len(addresses))].String()}[r.IntN(4)]
	e := &mail.Envelope{ID: id, ReversePath: mailflowtest.Address(from)}
	one := mail.Recipient{Address: to, Notify: []mail.Notify{0, mail.NotifySuccess, mail.NotifySuccess | mail.NotifyFailure | mail.NotifyDelay}[r.IntN(3)]}
	known, err := w.Recipient(context.Background(), w.Session(), e, one)
	if err != nil {
		return
	}
	e.Recipients = []mail.Recipient{known}
	_, err = w.Receive(context.Background(), w.Session(), e, strings.NewReader("Subject: round and round\r\n\r\n"))
	if err != nil && answered(err).Event.Kind != mail.EventFailed {
		p.t.Error(err)
	}
}
