package vacation

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/internal/store/vacation"
)

// Refresh is how long a process goes on with the accounts that it knows to answer.
const Refresh = 10 * time.Second

// MaxAnswers is how many answers one message has at most: each costs its commit some rows.
const MaxAnswers = 20

// Options are what Vacation stands on.
type Options struct {
	Hostname  string // of Message-IDs
	Bus       cluster.Bus
	Tx        *tx.Store
	Directory *directory.Store
	Responses *vacation.Store
	Bodies    *bodies.Store
	Spool     *spool.Store
	Keys      *dkimkeys.Store
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
}

// Vacation is the step. It is safe for concurrent use.
type Vacation struct {
	o Options

	mu      sync.Mutex
	away    map[mail.AccountID]bool
	read    time.Time
	changes int64 // when it was read

	changed atomic.Int64 // counts what was heard of changes
}

// subject is where nodes tell each other that a response was changed.
const subject = "vacation.changed"

// New returns the step.
func New(o Options) *Vacation {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	v := &Vacation{o: o}
	o.Responses.OnSet(func() { o.Bus.Publish(subject, nil) })
	o.Bus.Subscribe(subject, func([]byte) { v.changed.Add(1) }) // for as long as the process lives
	return v
}

// page is how many accounts are read at a time.
const page = 10_000

// known returns the accounts that may have something to answer.
func (v *Vacation) known(ctx context.Context) map[mail.AccountID]bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	changes := v.changed.Load()
	if v.away != nil && changes == v.changes && v.o.Now().Sub(v.read) < Refresh {
		return v.away
	}
	away := map[mail.AccountID]bool{}
	err := v.o.Tx.Read(ctx, func(t *tx.Tx) error {
		clear(away)
		for after, more := mail.AccountID(0), true; more; {
			list, err := v.o.Responses.Enabled(t, after, page)
			if err != nil {
				return err
			}
			for _, id := range list {
				away[id], after = true, id
			}
			more = len(list) == page
		}
		return nil
	})
	if err != nil {
		v.o.Log.WarnContext(ctx, "vacation: who is away cannot be read", "err", err)
		return v.away
	}
	v.away, v.read, v.changes = away, v.o.Now(), changes
	return away
}

// Wants reports whether the header of a message for these recipients is to be kept at hand: somebody may answer it.
func (v *Vacation) Wants(ctx context.Context, e *mail.Envelope) bool {
	if e.ReversePath.IsNull() {
		return false
	}
	away := v.known(ctx)
	return len(away) > 0 && slices.ContainsFunc(e.Recipients, func(r mail.Recipient) bool {
		return slices.ContainsFunc(r.Accounts, func(id mail.AccountID) bool { return away[id] })
	})
}

// Prepare writes the answers to a message that is about to be accepted for some accounts, and returns it with them. They are
// for Discard when the commit has ended, however it did.
func (v *Vacation) Prepare(ctx context.Context, m mailflow.Accepted, head []byte, to []mailflow.Local) mailflow.Accepted {
	m.Answers = nil
	from := m.Envelope.ReversePath
	away := v.known(ctx)
	to = slices.DeleteFunc(slices.Clone(to), func(l mailflow.Local) bool { return !away[l.Account] })
	if len(to) == 0 || from.IsNull() || !mayAnswer(from, head) {
		return m
	}
	for _, l := range to {
		if len(m.Answers) == MaxAnswers {
			break
		}
		answered := slices.ContainsFunc(m.Answers, func(a mailflow.Answer) bool { return a.Account == l.Account })
		if answered {
			continue
		}
		one, err := v.answer(ctx, m.Envelope.ID, from, head, l)
		switch {
		case err == nil:
			m.Answers = append(m.Answers, one)
		case !errors.Is(err, errNone):
			v.o.Log.WarnContext(ctx, "vacation: a message is not answered", "id", m.Envelope.ID, "account", l.Account, "err", err)
		}
	}
	return m
}

// Send puts an answer into the spool, in the commit that delivers the message, unless somebody else has answered lately. The
// account is locked.
func (v *Vacation) Send(t *tx.Tx, a mailflow.Answer) error {
	first, err := v.o.Responses.Tell(t, a.Account, a.Envelope.Recipients[0].Address)
	if err != nil || !first {
		return err
	}
	blob, err := v.o.Bodies.Hold(t, mail.SpoolAccount, a.Body)
	if err == nil {
		_, err = v.o.Spool.Add(t, spool.Message{Blob: blob, Size: a.Body.Size, Envelope: a.Envelope})
	}
	return err
}

// Discard lets the bytes of answers go that were not sent.
func (v *Vacation) Discard(ctx context.Context, m mailflow.Accepted) {
	for _, a := range m.Answers {
		if err := v.o.Bodies.Discard(context.WithoutCancel(ctx), a.Body); err != nil {
			v.o.Log.WarnContext(ctx, "vacation: bytes without a name are left to the collector", "id", m.Envelope.ID, "object", a.Body.Object, "err", err)
		}
	}
}

// errNone: there is nothing to answer.
var errNone = errors.New("nothing to answer")

// answer writes the answer of one account.
func (v *Vacation) answer(ctx context.Context, id string, from mail.Address, head []byte, l mailflow.Local) (mailflow.Answer, error) {
	p := reply{to: from, original: head, now: v.o.Now(), hostname: v.o.Hostname}
	err := v.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if p.response, err = v.o.Responses.Get(t, l.Account); err != nil || !p.response.Active(t.Now()) {
			return errors.Join(err, errNone)
		}
		told, err := v.o.Responses.Told(t, l.Account, from)
		if err != nil || told {
			return errors.Join(err, errNone)
		}
		account, err := v.o.Directory.Account(t, l.Account)
		if err != nil {
			return err
		}
		own, err := v.o.Directory.OwnAddresses(t, l.Account)
		if err != nil {
			return err
		}
		if account.Disabled || isAny(own, from) || !named(head, own) {
			return errNone
		}
		p.from, p.name = account.Address, account.Name
		if isAny(own, l.Address) {
			p.from = l.Address
		}
		p.keys, err = v.o.Keys.Signing(t, p.from.Domain)
		return err
	})
	if err != nil {
		return mailflow.Answer{}, err
	}
	content, err := p.build()
	if err != nil {
		return mailflow.Answer{}, err
	}
	body, err := v.o.Bodies.Put(ctx, bytes.NewReader(content))
	if err != nil {
		return mailflow.Answer{}, err
	}
	g := mailflow.Generated{To: from, Content: content}
	return mailflow.Answer{Account: l.Account, Stored: mailflow.Stored{Envelope: g.Envelope(id), Body: body}}, nil
}

// isAny reports whether an address is one of some, any detail behind "+" apart.
func isAny(list []mail.Address, a mail.Address) bool {
	base := func(a mail.Address) string {
		local, _, _ := strings.Cut(a.Local, "+")
		return strings.ToLower(local + "@" + a.Domain)
	}
	return slices.ContainsFunc(list, func(b mail.Address) bool { return base(a) == base(b) })
}
