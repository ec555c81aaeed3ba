package notify

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime/webpush"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/notifications"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	MaxWaiting = 10_000
	workers    = 4
)

// TTL is how long a push service keeps a notification: who looks at his phone later finds the mail itself.
const TTL = 4 * time.Hour

// subject is where nodes tell each other of mail that has come.
const subject = "mail.delivered"

const noticeFormat = 1

// Pusher sends notifications by Web Push.
type Pusher interface {
	Wanted(account mail.AccountID) bool
	Notify(ctx context.Context, n webpush.Notification)
}

// Options say what a Notifier stands on.
type Options struct {
	Bus       cluster.Bus
	Tx        *tx.Store
	Rules     *notifications.Store
	Contacts  *contacts.Store
	Mailbox   *mailbox.Store
	Directory *directory.Store
	Push      Pusher           // nil: nothing is pushed
	Log       *slog.Logger     // nil discards
	Now       func() time.Time // nil: time.Now
}

// Notifier is the room.
type Notifier struct {
	o       Options
	me      [8]byte // this node, in notices
	ctx     context.Context
	end     context.CancelFunc
	unheard func()
	waiting chan arrival
	running sync.WaitGroup

	mu      sync.Mutex
	watches map[mail.AccountID][]*watch
	lost    int // since the log last said so
}

// arrival is mail that has come.
type arrival struct {
	account mail.AccountID
	email   mail.EmailID
	at      time.Time
	push    bool // and this node is to push
}

type watch struct{ call func(Notification) }

// New makes a Notifier, which works until Close.
func New(o Options) (*Notifier, error) {
	if o.Bus == nil || o.Tx == nil || o.Rules == nil || o.Contacts == nil || o.Mailbox == nil || o.Directory == nil {
		return nil, errors.New("notify: only Push, Log and Now may be left out")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Notifier{o: o, waiting: make(chan arrival, MaxWaiting), watches: map[mail.AccountID][]*watch{}}
	rand.Read(n.me[:]) // never fails
	n.ctx, n.end = context.WithCancel(context.Background())
	n.unheard = o.Bus.Subscribe(subject, n.hear)
	for range workers {
		n.running.Go(n.work)
	}
	return n, nil
}

// Close ends the work. What waits is not told of.
func (n *Notifier) Close() {
	n.unheard()
	n.end()
	n.running.Wait()
}

// Delivered has an account notified of an email, if it deserves that, once the unit of work stands.
func (n *Notifier) Delivered(t *tx.Tx, account mail.AccountID, email mail.EmailID) {
	t.AfterCommit(func() {
		b := append([]byte{noticeFormat}, n.me[:]...)
		b = binary.AppendVarint(b, int64(account))
		b = binary.AppendVarint(b, int64(email))
		n.o.Bus.Publish(subject, binary.AppendVarint(b, n.o.Now().UnixNano()))
	})
}

// hear takes a notice. Mail whose account has no client here and no subscription costs nothing more.
func (n *Notifier) hear(b []byte) {
	if len(b) < 1+len(n.me) || b[0] != noticeFormat {
		return
	}
	mine := string(b[1:1+len(n.me)]) == string(n.me[:])
	b = b[1+len(n.me):]
	var fields [3]int64
	for i := range fields {
		v, size := binary.Varint(b)
		if size <= 0 {
			return
		}
		fields[i], b = v, b[size:]
	}
	a := arrival{account: mail.AccountID(fields[0]), email: mail.EmailID(fields[1]), at: time.Unix(0, fields[2])}
	a.push = mine && n.o.Push != nil && n.o.Push.Wanted(a.account)
	if !a.push && !n.watched(a.account) {
		return
	}
	select {
	case n.waiting <- a:
	default:
		n.drop()
	}
}

func (n *Notifier) watched(account mail.AccountID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.watches[account]) > 0
}

// drop counts mail that nobody is notified of, and says so now and then.
func (n *Notifier) drop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lost++; n.lost%MaxWaiting == 1 {
		n.o.Log.Warn("notifications: more mail comes than can be decided on; some is not told of", "waiting", MaxWaiting, "lost", n.lost)
	}
}

// Watch has call called with the notifications of an account, by goroutines that it must not keep, until cancel is called.
func (n *Notifier) Watch(account mail.AccountID, call func(Notification)) (cancel func()) {
	w := &watch{call}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watches[account] = append(n.watches[account], w)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.watches[account] = slices.DeleteFunc(slices.Clone(n.watches[account]), func(o *watch) bool { return o == w })
		if len(n.watches[account]) == 0 {
			delete(n.watches, account)
		}
	}
}

func (n *Notifier) work() {
	for {
		select {
		case <-n.ctx.Done():
			return
		case a := <-n.waiting:
			n.tell(a)
		}
	}
}

// tell decides on an arrival, and notifies.
func (n *Notifier) tell(a arrival) {
	var told Notification
	var ok bool
	err := n.o.Tx.Read(n.ctx, func(t *tx.Tx) (err error) {
		told, ok, err = n.judge(t, a)
		return err
	})
	if err != nil && n.ctx.Err() == nil && !mail.Is(err, mail.NotFound) {
		n.o.Log.Error("a notification cannot be decided on", "account", a.account, "email", a.email, "err", err)
	}
	if err != nil || !ok {
		return
	}
	n.mu.Lock()
	watches := n.watches[a.account]
	n.mu.Unlock()
	for _, w := range watches {
		w.call(told)
	}
	if a.push {
		n.o.Push.Notify(n.ctx, webpush.Notification{Account: a.account, Type: Type, JSON: told.JSON, Urgent: told.Urgent, TTL: TTL, At: a.at})
	}
}
