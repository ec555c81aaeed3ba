package webpush

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/infra/fetch"
	"github.com/mailmesh/mailmesh/internal/infra/fetch/fetchtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/webpush"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const ann, bob = mail.AccountID(10), mail.AccountID(11)

const placeOfAnn = "https://" + fetchtest.Host + "/push/ann"

// service is a push service, and the client behind it: it reads what is pushed with the client's keys.
type service struct {
	t      testing.TB
	key    *ecdh.PrivateKey
	auth   []byte
	server string // the key that requests must be signed with
	heard  chan heard

	mu     sync.Mutex
	answer int // 0: 201
	header http.Header
}

type heard struct {
	path   string
	header http.Header
	object map[string]any
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	claims, key, err := webpush.Verify(r.Header.Get("Authorization"))
	if err != nil || key != s.server || claims.Audience != "https://"+fetchtest.Host || claims.Subject != "mailto:postmaster@example.org" {
		s.t.Errorf("signed by %v, %v", claims, err)
	}
	body, _ := io.ReadAll(r.Body)
	if r.Header.Get("Content-Encoding") == "aes128gcm" {
		if body, err = webpush.Decrypt(body, s.key, s.auth); err != nil {
			s.t.Error(err)
		}
	}
	h := heard{path: r.URL.Path, header: r.Header}
	if err := json.Unmarshal(body, &h.object); err != nil {
		s.t.Errorf("%q: %v", body, err)
	}
	s.mu.Lock()
	status, header := s.answer, s.header
	s.mu.Unlock()
	maps.Copy(w.Header(), header)
	if status == 0 {
		status = http.StatusCreated
	}
	w.WriteHeader(status)
	s.heard <- h
}

func (s *service) answers(status int, retryAfter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.header = status, http.Header{}
	if retryAfter != "" {
		s.header.Set("Retry-After", retryAfter)
	}
}

// next is what comes next, within half a minute.
func (s *service) next() heard {
	s.t.Helper()
	select {
	case h := <-s.heard:
		return h
	case <-time.After(30 * time.Second):
		s.t.Fatal("nothing is pushed")
		return heard{}
	}
}

// room is a sender with the store under it.
type room struct {
	*Sender
	t       testing.TB
	tx      *tx.Store
	db      *db.DB
	bus     cluster.Bus
	service *service
	refused bool // what clients were signed in with has ended
	results chan string
}

func (r *room) Ring(c mail.StateChange) {
	if r.Sender != nil {
		r.Sender.Ring(c)
	}
}
func (r *room) Sent(string, time.Duration) {}
func (r *room) Pushed(result string)       { r.results <- result }

func start(t testing.TB, open dbtest.Open) *room {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	server, err := webpush.NewServer([]byte("secret"), "mailto:postmaster@example.org")
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, service: &service{t: t, key: key, auth: bytes.Repeat([]byte{7}, 16), server: server.PublicKey(), heard: make(chan heard, 100)}, results: make(chan string, 1000)}
	r.db, r.bus = open(), inprocess.New()
	x, err := tx.New(t.Context(), tx.Options{DB: r.db, Bell: r})
	if err != nil {
		t.Fatal(err)
	}
	r.tx = x
	d := directory.New(directory.Options{})
	r.write(func(t *tx.Tx) error {
		if err := d.AddHome(t, ann, make([]byte, 60), directory.Quota{}); err != nil {
			return err
		}
		return d.AddHome(t, bob, make([]byte, 60), directory.Quota{})
	})
	r.Sender, err = New(Options{Bus: r.bus, Tx: x, Subscriptions: push.New(), Server: server, Fetch: fetchtest.Start(t, r.service).Client(t), Observe: r,
		Holds: func(*tx.Tx, push.Subscription) (bool, error) { return !r.refused, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// run runs the sender until the test ends.
func (r *room) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	r.t.Cleanup(func() { cancel(); <-done })
}

func (r *room) write(fn func(*tx.Tx) error, accounts ...mail.AccountID) {
	r.t.Helper()
	if err := r.tx.Write(context.Background(), accounts, fn); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) change(account mail.AccountID, kinds ...tx.Kind) {
	r.t.Helper()
	r.write(func(t *tx.Tx) error {
		for i, k := range kinds {
			t.Changed(tx.Change{Account: account, Kind: k, Op: tx.Created, Object: int64(i + 1)})
		}
		return nil
	}, account)
}

// subscribe makes a subscription, verified, with keys.
func (r *room) subscribe(account mail.AccountID, url string, types ...string) (sub push.Subscription) {
	r.t.Helper()
	return r.add(push.Subscription{Account: account, Device: "phone", URL: url, Types: types, P256dh: r.service.key.PublicKey().Bytes(), Auth: r.service.auth})
}

// add makes a subscription whose client has repeated its code.
func (r *room) add(wanted push.Subscription) (sub push.Subscription) {
	r.t.Helper()
	account := wanted.Account
	r.write(func(t *tx.Tx) (err error) {
		sub, err = r.o.Subscriptions.Create(t, wanted)
		if err == nil {
			_, err = r.o.Subscriptions.Verify(t, account, sub.ID, sub.Code)
		}
		return err
	})
	r.Verified(account)
	return sub
}

func (r *room) left(account mail.AccountID) (list []push.Subscription) {
	r.t.Helper()
	r.write(func(t *tx.Tx) (err error) {
		list, err = r.o.Subscriptions.All(t, account)
		return err
	})
	return list
}

// told are the types that a StateChange for an account names.
func told(t testing.TB, h heard, account mail.AccountID) []string {
	t.Helper()
	changed, _ := h.object["changed"].(map[string]any)
	types, _ := changed[account.String()].(map[string]any)
	if h.object["@type"] != "StateChange" || len(changed) != 1 {
		t.Errorf("pushed: %v", h.object)
	}
	return slices.Sorted(maps.Keys(types))
}

func TestChangesArePushed(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := start(t, open)
		r.run()
		r.subscribe(ann, placeOfAnn, "Mailbox", "EmailDelivery", "Identity")
		r.change(bob, tx.KindEmail)
		r.change(ann, tx.KindSubmission) // not wanted
		r.change(ann, tx.KindEmail, tx.KindMembership)
		h := r.service.next()
		if got := told(t, h, ann); !slices.Equal(got, []string{"EmailDelivery", "Mailbox"}) || h.path != "/push/ann" {
			t.Errorf("%s is told of %v", h.path, got)
		}
		for name, want := range map[string]string{"Ttl": "86400", "Urgency": "normal", "Topic": "state", "Content-Encoding": "aes128gcm"} {
			if got := h.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		r.change(ann, tx.KindIdentity)
		if h := r.service.next(); !slices.Equal(told(t, h, ann), []string{"Identity"}) || h.header.Get("Urgency") != "low" {
			t.Errorf("then of %v, %s", h.object, h.header.Get("Urgency"))
		}
	})
}

// A code goes where nothing else does before it was repeated.
func TestVerification(t *testing.T) {
	r := start(t, dbtest.OnSQLite(t, schema.Files))
	r.run()
	var sub push.Subscription
	r.write(func(t *tx.Tx) (err error) {
		sub, err = r.o.Subscriptions.Create(t, push.Subscription{Account: ann, URL: placeOfAnn})
		return err
	})
	r.Created(sub)
	if h := r.service.next(); h.object["@type"] != "PushVerification" || h.object["pushSubscriptionId"] != sub.ID.String() || h.object["verificationCode"] != sub.Code ||
		h.header.Get("Content-Type") != "application/json" || len(h.object) != 3 {
		t.Errorf("pushed: %v", h.object)
	}
	r.change(ann, tx.KindEmail)
	verified := r.subscribe(ann, placeOfAnn+"2", "Identity")
	r.change(ann, tx.KindIdentity)
	if h := r.service.next(); h.path != "/push/ann2" {
		t.Errorf("%s is told though it is not verified", h.path)
	}
	_ = verified
	r.write(func(t *tx.Tx) error { _, err := r.o.Subscriptions.Verify(t, ann, sub.ID, sub.Code); return err })
	r.Verified(ann)
	if h := r.service.next(); h.path != "/push/ann" || !slices.Contains(told(t, h, ann), "Email") {
		t.Errorf("%s is told %v of what came before", h.path, h.object)
	}
}

func TestPlacesThatAreGone(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusGone} {
		r := start(t, dbtest.OnSQLite(t, schema.Files))
		r.service.answers(status, "")
		sub := r.subscribe(ann, placeOfAnn)
		r.change(ann, tx.KindEmail)
		r.tell(t.Context(), ann, time.Time{})
		if left := r.left(ann); len(left) != 0 {
			t.Errorf("%d: %v is left of %v", status, left, sub.ID)
		}
	}
}

// What could not be told is told later, also by a node that has been started since.
func TestFailures(t *testing.T) {
	r := start(t, dbtest.OnSQLite(t, schema.Files))
	r.service.answers(http.StatusServiceUnavailable, "7200")
	sub := r.subscribe(ann, placeOfAnn)
	r.change(ann, tx.KindEmail)
	r.tell(t.Context(), ann, time.Time{})
	r.service.next()
	if left := r.left(ann); len(left) != 1 || left[0].Failures != 1 || left[0].Told != sub.Told {
		t.Errorf("after a failure: %+v", left)
	}
	r.tell(t.Context(), ann, time.Time{})
	if len(r.service.heard) != 0 {
		t.Error("it is tried again at once")
	}
	r.service.answers(0, "")
	r.write(func(t *tx.Tx) error {
		return r.o.Subscriptions.Failed(t, push.Ref{Account: ann, ID: sub.ID}, -time.Second)
	})
	r.run()
	if h := r.service.next(); !slices.Contains(told(t, h, ann), "Email") {
		t.Errorf("pushed: %v", h.object)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		status int
		after  string
		want   result
		pause  time.Duration
	}{
		{201, "", sent, 0}, {200, "", sent, 0}, {202, "", sent, 0}, {413, "", sent, 0}, {404, "", gone, 0}, {410, "", gone, 0},
		{429, "3600", failed, time.Hour}, {503, "1", failed, time.Minute}, {500, "-1", failed, time.Minute}, {400, "x", failed, time.Minute},
		{503, "99999999", failed, MaxPause}, {307, "", failed, time.Minute},
	} {
		response := fetchResponse(c.status, c.after)
		if r, pause, _ := judge(response, time.Minute); r != c.want || pause != c.pause && r == failed {
			t.Errorf("%d %s: %s, %v", c.status, c.after, r, pause)
		}
	}
}

// A node that was stopped before it could tell leaves it to who starts next.
func TestWhatWasMissedIsFound(t *testing.T) {
	r := start(t, dbtest.OnSQLite(t, schema.Files))
	r.subscribe(ann, placeOfAnn, "Email")
	r.change(ann, tx.KindEmail)
	r.mu.Lock()
	clear(r.dirty) // the process ended
	clear(r.accounts)
	r.mu.Unlock()
	r.run()
	if h := r.service.next(); !slices.Equal(told(t, h, ann), []string{"Email"}) {
		t.Errorf("pushed: %v", h.object)
	}
}

// Two nodes that look at an account at the same time tell it once.
func TestOneNodeTells(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		r := start(t, open)
		other, err := New(r.o)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		r.subscribe(ann, placeOfAnn, "Email")
		r.change(ann, tx.KindEmail)
		var both sync.WaitGroup
		for _, s := range []*Sender{r.Sender, other} {
			both.Go(func() { s.tell(context.Background(), ann, time.Time{}) })
		}
		both.Wait()
		if n := len(r.service.heard); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestASignInThatHasEnded(t *testing.T) {
	r := start(t, dbtest.OnSQLite(t, schema.Files))
	r.subscribe(ann, placeOfAnn)
	r.refused = true
	r.change(ann, tx.KindEmail)
	r.tell(t.Context(), ann, time.Time{})
	if len(r.service.heard) != 0 || len(r.left(ann)) != 0 {
		t.Errorf("%d are told, %d are left", len(r.service.heard), len(r.left(ann)))
	}
}

func TestNotify(t *testing.T) {
	r := start(t, dbtest.OnSQLite(t, schema.Files))
	r.subscribe(ann, placeOfAnn, "Email", "Notification")
	r.subscribe(ann, placeOfAnn+"2", "Email")
	r.subscribe(ann, placeOfAnn+"3")                                                                                // all types are those of the standards
	r.add(push.Subscription{Account: ann, Device: "phone", URL: placeOfAnn + "4", Types: []string{"Notification"}}) // the push service could read it
	r.Notify(t.Context(), Notification{Account: ann, Type: "Notification", JSON: []byte(`{"@type":"Notification"}`), Urgent: true, TTL: time.Hour})
	h := r.service.next()
	if h.path != "/push/ann" || h.object["@type"] != "Notification" || h.header.Get("Urgency") != "high" || h.header.Get("Ttl") != "3600" {
		t.Errorf("%s is pushed %v", h.path, h.object)
	}
	r.running.Wait()
	if len(r.service.heard) != 0 {
		t.Errorf("and %v", <-r.service.heard)
	}
}

func TestCheck(t *testing.T) {
	r := start(t, dbtest.OnSQLite(t, schema.Files))
	for _, url := range []string{"http://push.example.net/x", "https://localhost/x", "https://push.example.net:25/", "ftp://x", "", strings.Repeat("x", 9000)} {
		if r.Check(url) == nil {
			t.Errorf("%.40q is taken", url)
		}
	}
	if err := r.Check("https://push.example.net/p/abc"); err != nil {
		t.Error(err)
	}
}

func fetchResponse(status int, retryAfter string) fetch.Response {
	h := http.Header{}
	if retryAfter != "" {
		h.Set("Retry-After", retryAfter)
	}
	return fetch.Response{Status: status, Header: h}
}
