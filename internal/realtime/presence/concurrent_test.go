package presence

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// friends is a society in which all accounts from 1 to 8 know each other, but for those who are hidden.
type friends struct {
	mu     sync.Mutex
	hidden map[mail.AccountID]bool
}

const manyFriends = 8

func (f *friends) Circle(_ context.Context, account mail.AccountID) (circle []Link, shown bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hidden[account] {
		return nil, false, nil
	}
	for id := mail.AccountID(1); id <= manyFriends; id++ {
		if id != account && !f.hidden[id] {
			circle = append(circle, Link{Peer: id, As: friend(account), Theirs: friend(id)})
		}
	}
	return circle, true, nil
}

func friend(id mail.AccountID) Name { return Name{Address: addressOf(id.String())} }

func (f *friends) Recipients(ctx context.Context, d Draft) ([]Link, []Outgoing, error) {
	circle, _, err := f.Circle(ctx, d.From)
	return circle, nil, err
}

func (f *friends) Incoming(context.Context, Outgoing) (Link, bool, error) { return Link{}, false, nil }

func (f *friends) hide(id mail.AccountID, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hidden[id] = on
}

type stranger struct{}

func (stranger) Seen()  {}
func (stranger) Close() {}

// Everybody comes, goes, types, hides and shows himself at two nodes at once. When it is quiet, each client believes what is so, and it
// was told in the order in which it became so.
func TestManyAtOnce(t *testing.T) {
	bus, society := inprocess.New(), &friends{hidden: map[mail.AccountID]bool{}}
	follow := func(context.Context, mail.AccountID, func()) (Follower, error) { return stranger{}, nil }
	var nodes [2]*Presence
	for i := range nodes {
		nodes[i] = New(Options{Bus: bus, Society: society, Follow: follow})
		defer nodes[i].Close()
	}
	var all sync.WaitGroup
	for id := mail.AccountID(1); id <= manyFriends; id++ {
		all.Go(func() {
			for i := range 50 {
				node := nodes[i%2]
				stop := node.Watch(id, func(Signal) {})
				node.Send(Draft{From: id, To: []mail.Address{addressOf("x")}, State: Composing})
				society.hide(id, i%2 == 0)
				node.Revoked(id)
				stop()
			}
		})
	}
	all.Wait()
	// From here on 1 is hidden and all others are shown; who listens hears of it.
	for id := mail.AccountID(1); id <= manyFriends; id++ {
		society.hide(id, id == 1)
	}
	news := make(chan struct{}, 1)
	var mu sync.Mutex
	var sees [manyFriends + 1]map[string]State
	for id := mail.AccountID(1); id <= manyFriends; id++ {
		sees[id] = map[string]State{}
		nodes[id%2].Watch(id, func(s Signal) {
			mu.Lock()
			defer mu.Unlock()
			if s.State != Composing {
				sees[id][s.From.Address.Local] = s.State
			}
			select {
			case news <- struct{}{}:
			default:
			}
		})
	}
	for id := mail.AccountID(1); id <= manyFriends; id++ {
		nodes[0].Revoked(id)
		for _, n := range nodes {
			n.worker(id).load(id)
		}
	}
	quiet := func() bool {
		mu.Lock()
		defer mu.Unlock()
		for id := mail.AccountID(1); id <= manyFriends; id++ {
			for other := mail.AccountID(1); other <= manyFriends; other++ {
				online := sees[id][other.String()] == Online
				if online != (id != other && id != 1 && other != 1) {
					return false
				}
			}
		}
		return true
	}
	for deadline := time.After(10 * time.Second); !quiet(); {
		select {
		case <-news:
		case <-deadline:
			mu.Lock()
			defer mu.Unlock()
			t.Fatalf("they see %v", sees)
		}
	}
}
