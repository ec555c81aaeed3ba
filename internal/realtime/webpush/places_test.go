package webpush

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/infra/fetch"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/webpush"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// world is what is asked: hosts that say nothing, that are out of order, and one that takes everything.
type world struct{ asked chan string }

const (
	silent = "https://silent.example.com/"
	broken = "https://broken.example.com/"
	good   = "https://good.example.com/"
)

func (w world) Do(ctx context.Context, r fetch.Request) (fetch.Response, error) {
	w.asked <- r.URL
	switch r.URL {
	case silent:
		<-ctx.Done()
		return fetch.Response{}, mail.E("fetch.Do", mail.Unavailable, ctx.Err())
	case broken:
		return fetch.Response{Status: http.StatusServiceUnavailable}, nil
	}
	return fetch.Response{Status: http.StatusCreated}, nil
}

// An account whose places do not answer has a few requests under way; others are told.
func TestPlacesThatSayNothing(t *testing.T) {
	r := start(t, dbtest.OnSQLite(t, schema.Files))
	w := world{make(chan string, 1000)}
	r.o.Fetch = w
	for range AtOnce {
		r.subscribe(ann, silent, "Email")
	}
	r.subscribe(bob, good, "Email")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	r.change(ann, tx.KindEmail)
	go func() { r.tell(ctx, ann, time.Time{}); close(done) }()
	for range PerAccount {
		if url := <-w.asked; url != silent {
			t.Fatalf("%s is asked", url)
		}
	}
	r.change(bob, tx.KindEmail)
	soon, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	r.tell(soon, bob, time.Time{})
	if len(w.asked) != 1 {
		t.Fatalf("%d others are asked", len(w.asked))
	}
	if url := <-w.asked; url != good {
		t.Errorf("%s is asked", url)
	}
	cancel()
	<-done
}

// A message that is to be tried again takes nobody's place until then, and not any number of them waits.
func TestPausesHoldNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, err := webpush.NewServer([]byte("secret"), "mailto:postmaster@example.org")
		if err != nil {
			t.Fatal(err)
		}
		w := world{make(chan string, 10_000)}
		s, err := New(Options{Bus: inprocess.New(), Tx: new(tx.Store), Subscriptions: push.New(), Server: server, Fetch: w})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		asked := func() string {
			synctest.Wait()
			count := map[string]int{}
			for len(w.asked) > 0 {
				count[<-w.asked]++
			}
			return strings.TrimPrefix(fmt.Sprint(count), "map")
		}
		deliver := func(account mail.AccountID, url string) {
			s.deliver(s.ctx, message{sub: push.Subscription{Account: account, URL: url}, text: []byte("{}")}, time.Time{})
		}
		for range 2 * MaxWaiting {
			deliver(ann, broken)
		}
		if got, want := asked(), fmt.Sprintf("[%s:%d]", broken, MaxWaiting); got != want {
			t.Errorf("at first %s, want %s", got, want)
		}
		deliver(ann, good)
		deliver(bob, good)
		if got, want := asked(), fmt.Sprintf("[%s:1]", good); got != want {
			t.Errorf("meanwhile %s, want %s", got, want)
		}
		time.Sleep(10 * time.Minute) // all tries are over
		asked()
		deliver(ann, good)
		if got, want := asked(), fmt.Sprintf("[%s:1]", good); got != want {
			t.Errorf("afterwards %s, want %s", got, want)
		}
		if len(s.places.accounts) != 0 || len(s.places.all) != 0 {
			t.Errorf("%d accounts, %d places are left", len(s.places.accounts), len(s.places.all))
		}
	})
}
