package pushing

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// world is a server over TLS with the rooms of doortest. Who asks is named in the field Account: "bob", "sender" for Ann with a token to send, or, without it, Ann.
type world struct {
	*doortest.Rooms
	pushing  *Pushing
	http     *httptest.Server
	registry *method.Registry
	source   source
	hold     chan struct{} // what Test/wait waits for

	mu      sync.Mutex
	revoked bool
	shared  map[mail.AccountID]states.Types
	sent    map[string]int // how often something was sent to a kind of client
	open    int
}

func start(t testing.TB, change ...func(*Pushing)) *world {
	t.Helper()
	w := &world{Rooms: doortest.Open(t, dbtest.OnSQLite, nil), registry: method.NewRegistry(), hold: make(chan struct{}), sent: map[string]int{}}
	feed := states.NewFeed(states.FeedOptions{Tx: w.Tx, Realtime: w.Realtime, Report: func(err error) { t.Error(err) }})
	t.Cleanup(feed.Close)
	w.registry.Capability("urn:test", map[string]any{}, nil)
	w.registry.Add("Test/echo", method.Method{Capability: "urn:test", Run: func(_ context.Context, c *method.Call) (any, error) { return c.Args, nil }})
	w.registry.Add("Test/wait", method.Method{Capability: "urn:test", Run: func(context.Context, *method.Call) (any, error) {
		<-w.hold
		return map[string]any{}, nil
	}})
	var err error
	w.pushing, err = New(Options{Feed: feed, Accounts: w.accounts, Run: w.run, Sources: []Source{&w.source}, Observe: w})
	w.Must(err)
	for _, c := range change {
		c(w.pushing)
	}
	mux := http.NewServeMux()
	as := func(serve func(http.ResponseWriter, *http.Request, *method.User)) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			u := &method.User{Account: doortest.Ann, Scope: method.All, Stands: w.stands}
			switch r.Header.Get("Account") {
			case "bob":
				u.Account = doortest.Bob
			case "sender":
				u.Scope = method.Send
			}
			serve(rw, r, u)
		}
	}
	mux.HandleFunc("/ws", as(w.pushing.WebSocket))
	mux.HandleFunc("/events", as(w.pushing.EventSource))
	w.http = httptest.NewUnstartedServer(mux)
	w.http.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
	w.http.StartTLS()
	t.Cleanup(w.http.Close)
	t.Cleanup(w.pushing.Close)
	return w
}

func (w *world) accounts(_ context.Context, u *method.User) (map[mail.AccountID]states.Types, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[mail.AccountID]states.Types{u.Account: states.All}
	for account, types := range w.shared {
		all[account] = types
	}
	return all, nil
}

func (w *world) stands(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.revoked {
		return mail.E("test", mail.Denied, errors.New("revoked"))
	}
	return nil
}

func (w *world) run(ctx context.Context, u *method.User, text []byte, answer func([]byte)) error {
	req, problem := method.ParseRequest(text)
	if problem != nil {
		return problem
	}
	response, err := w.registry.Run(ctx, u, req, method.Options{Account: func(context.Context, *method.User, string) (method.Access, error) {
		return method.Access{Owner: u.Account, Who: u.Account}, nil
	}})
	if err != nil {
		return err
	}
	out, err := response.Bytes("s1")
	if err == nil {
		answer(out)
	}
	return err
}

func (w *world) Connected(string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open++
}

func (w *world) Disconnected(string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open--
}

func (w *world) Sent(kind string, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent[kind]++
}

func (w *world) change(account mail.AccountID, kind tx.Kind) {
	w.T.Helper()
	w.Write(account, func(t *tx.Tx) error {
		t.Changed(tx.Change{Account: account, Kind: kind, Op: tx.Updated, Object: 1})
		return nil
	})
}

// source is a Source whose objects are sent by the test.
type source struct {
	mu   sync.Mutex
	send map[int]func(Object)
	last int
}

func (s *source) Type() string { return "TestSignal" }

func (s *source) Attach(_ *method.User, send func(Object)) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.send == nil {
		s.send = map[int]func(Object){}
	}
	s.last++
	n := s.last
	s.send[n] = send
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.send, n)
	}
}

func (s *source) all(o Object) (clients int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, send := range s.send {
		send(o)
	}
	return len(s.send)
}

// peer is a client's end of a WebSocket.
type peer struct {
	t  testing.TB
	ws *websocket.Conn
}

func (w *world) dial(as string) *peer {
	w.T.Helper()
	ws, _, err := websocket.Dial(w.T.Context(), strings.Replace(w.http.URL, "https", "wss", 1)+"/ws",
		&websocket.DialOptions{HTTPClient: w.http.Client(), Subprotocols: []string{Subprotocol}, HTTPHeader: http.Header{"Account": {as}}})
	w.Must(err)
	ws.SetReadLimit(-1)
	w.T.Cleanup(func() { ws.CloseNow() })
	return &peer{w.T, ws}
}

func (p *peer) say(text string) {
	p.t.Helper()
	if err := p.ws.Write(p.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// hear returns the next message, which comes within half a minute.
func (p *peer) hear() string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	_, text, err := p.ws.Read(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// ended returns the code that the connection is closed with.
func (p *peer) ended() websocket.StatusCode {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	for {
		if _, _, err := p.ws.Read(ctx); err != nil {
			if ctx.Err() != nil {
				p.t.Fatal("the connection is open")
			}
			return websocket.CloseStatus(err)
		}
	}
}

// echo has the server answer, so that all before it is done.
func (p *peer) echo() {
	p.t.Helper()
	p.say(`{"@type":"Request","using":["urn:test"],"methodCalls":[["Test/echo",{"done":true},"c"]]}`)
	for !strings.Contains(p.hear(), `"done":true`) {
	}
}

// enable asks for types; since is a pushState, or "".
func (p *peer) enable(types []string, since string) {
	p.t.Helper()
	ask := map[string]any{"@type": "WebSocketPushEnable", "dataTypes": types}
	if since != "" {
		ask["pushState"] = since
	}
	text, _ := ijson.Marshal(ask)
	if types == nil {
		text = []byte(strings.Replace(string(text), `"dataTypes":[]`, `"dataTypes":null`, 1))
	}
	p.say(string(text))
}

// told is a StateChange: its types by account, and the pushState.
func told(t testing.TB, text string) (types map[string][]string, pushState string) {
	t.Helper()
	var s struct {
		Type      string                       `json:"@type"`
		Changed   map[string]map[string]string `json:"changed"`
		PushState string                       `json:"pushState"`
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil || s.Type != "StateChange" {
		t.Fatalf("%s is no StateChange (%v)", text, err)
	}
	types = map[string][]string{}
	for account, states := range s.Changed {
		for name := range states {
			types[account] = append(types[account], name)
		}
	}
	return types, s.PushState
}
