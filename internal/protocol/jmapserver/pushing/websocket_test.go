package pushing

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const annID, bobID = "Aa", "Ab"

func TestRequests(t *testing.T) {
	p := start(t).dial("")
	for _, c := range []struct{ say, hear string }{
		{ // RFC 8887 4.4
			`{"@type":"Request","id":"R1","using":["urn:test"],"methodCalls":[["Test/echo",{"hello":true,"high":5},"b3ff"]]}`,
			`{"@type":"Response","requestId":"R1","methodResponses":[["Test/echo",{"hello":true,"high":5},"b3ff"]],"sessionState":"s1"}`},
		{`{"@type":"Request","using":["urn:test"],"methodCalls":[]}`, `{"@type":"Response","methodResponses":[],"sessionState":"s1"}`},
		{`{"@type":"Request","id":"\u0000\"","using":[],"methodCalls":[]}`, `{"@type":"Response","requestId":"\u0000\"","methodResponses":[],"sessionState":"s1"}`},
		{`The quick brown fox`, `"type":"urn:ietf:params:jmap:error:notJSON"`},
		{`{"@type":"Request","@type":"Request","id":"R2"}`, `"type":"urn:ietf:params:jmap:error:notJSON"`},
		{`{"@type":"Request","id":7}`, `"type":"urn:ietf:params:jmap:error:notRequest"`},
		{`[]`, `"type":"urn:ietf:params:jmap:error:notRequest"`},
		{`{"@type":"Response","id":"R3"}`, `{"@type":"RequestError","requestId":"R3","type":"urn:ietf:params:jmap:error:notRequest"`},
		{`{"@type":"Request","id":"R4","using":["urn:other"],"methodCalls":[]}`, `{"@type":"RequestError","requestId":"R4","type":"urn:ietf:params:jmap:error:unknownCapability"`},
		{`{"@type":"Request","id":"R5","using":[]}`, `{"@type":"RequestError","requestId":"R5","type":"urn:ietf:params:jmap:error:notRequest"`},
		{`{"@type":"WebSocketPushEnable","dataTypes":"Email"}`, `"type":"urn:ietf:params:jmap:error:notRequest"`},
		{`{"@type":"WebSocketPushEnable","dataTypes":["Email"],"pushState":1}`, `"type":"urn:ietf:params:jmap:error:notRequest"`},
	} {
		p.say(c.say)
		if got := p.hear(); !strings.Contains(got, c.hear) || strings.HasPrefix(c.hear, `{"@type":"Response`) && got != c.hear {
			t.Errorf("%s is answered %s, want %s", c.say, got, c.hear)
		}
	}
}

// Requests with ids are carried out side by side; one without waits for those before it.
func TestRequestsAtOnce(t *testing.T) {
	w := start(t)
	p := w.dial("")
	p.say(`{"@type":"Request","id":"slow","using":["urn:test"],"methodCalls":[["Test/wait",{},"c"]]}`)
	p.say(`{"@type":"Request","id":"quick","using":["urn:test"],"methodCalls":[["Test/echo",{},"c"]]}`)
	if got := p.hear(); !strings.Contains(got, `"requestId":"quick"`) {
		t.Errorf("the first answer is %s", got)
	}
	p.say(`{"@type":"Request","using":["urn:test"],"methodCalls":[["Test/echo",{},"last"]]}`)
	close(w.hold)
	if got := p.hear(); !strings.Contains(got, `"requestId":"slow"`) {
		t.Errorf("the second answer is %s", got)
	}
	if got := p.hear(); !strings.Contains(got, `"last"`) {
		t.Errorf("the third answer is %s", got)
	}
}

func TestPush(t *testing.T) {
	w := start(t)
	p, all, bob, quiet := w.dial(""), w.dial(""), w.dial("bob"), w.dial("")
	p.enable([]string{"Mailbox", "Identity", "Unheard"}, "")
	all.enable(nil, "")
	bob.enable(nil, "")
	for _, c := range []*peer{p, all, bob, quiet} {
		c.echo()
	}
	w.change(doortest.Ann, tx.KindMembership)
	types, pushState := told(t, p.hear())
	if want := map[string][]string{annID: {"Mailbox"}}; !reflect.DeepEqual(types, want) || pushState == "" {
		t.Errorf("told of %v at %q, want %v", types, pushState, want)
	}
	if types, _ := told(t, all.hear()); !slices.Contains(types[annID], "Email") || len(types) != 1 {
		t.Errorf("who wants all types is told of %v", types)
	}
	w.change(doortest.Ann, tx.KindSubmission) // nothing that p wants
	told(t, all.hear())
	for _, c := range []*peer{p, bob, quiet} {
		c.echoAlone()
	}
	p.say(`{"@type":"WebSocketPushDisable"}`)
	p.echo()
	w.change(doortest.Ann, tx.KindIdentity)
	told(t, all.hear())
	p.echoAlone()
}

// echoAlone is echo where nothing else is to be heard before.
func (p *peer) echoAlone() {
	p.t.Helper()
	p.say(`{"@type":"Request","id":"alone","using":["urn:test"],"methodCalls":[["Test/echo",{},"c"]]}`)
	if got := p.hear(); !strings.Contains(got, `"alone"`) {
		p.t.Errorf("heard %s", got)
	}
}

// A client that was cut off is told at once of what has changed since, and of nothing else.
func TestPushResumes(t *testing.T) {
	w := start(t)
	p := w.dial("")
	p.enable(nil, "")
	p.echo()
	w.change(doortest.Ann, tx.KindIdentity)
	_, pushState := told(t, p.hear())
	p.ws.CloseNow()
	w.change(doortest.Ann, tx.KindVacation)
	p = w.dial("")
	p.enable(nil, pushState)
	types, next := told(t, p.hear())
	if want := map[string][]string{annID: {"VacationResponse"}}; !reflect.DeepEqual(types, want) || next == pushState {
		t.Errorf("told of %v at %q, want %v", types, next, want)
	}
	p = w.dial("")
	p.enable([]string{"Email"}, next)
	p.echo()
	p.echoAlone()
	p.enable([]string{"Email"}, "what another server has said") // of which nothing is known: all is told
	if types, _ := told(t, p.hear()); !reflect.DeepEqual(types, map[string][]string{annID: {"Email"}}) {
		t.Errorf("told of %v", types)
	}
}

func TestSharedAccounts(t *testing.T) {
	w := start(t, func(p *Pushing) { p.pingEvery = 10 * time.Millisecond })
	p := w.dial("")
	p.enable(nil, "")
	p.echo()
	w.mu.Lock()
	w.shared = map[mail.AccountID]states.Types{doortest.Bob: states.OfMail}
	w.mu.Unlock()
	types, _ := told(t, p.hear()) // an account is shared with Ann: at the next look she is told
	if want := []string{"Email", "Mailbox", "Thread"}; !reflect.DeepEqual(slices.Sorted(slices.Values(types[bobID])), want) || len(types) != 1 {
		t.Errorf("told of %v, want %v of Bob's", types, want)
	}
}

func TestObjectsOfSources(t *testing.T) {
	w := start(t)
	named, all := w.dial(""), w.dial("")
	named.enable([]string{"Email", "TestSignal"}, "")
	all.enable(nil, "")
	named.echo()
	all.echo()
	if n := w.source.all(Object{JSON: []byte(`{"@type":"TestSignal","n":1}`), At: time.Now(), Until: time.Now().Add(time.Minute)}); n != 1 {
		t.Errorf("%d clients are attached, want the one that names the type", n)
	}
	if got := named.hear(); got != `{"@type":"TestSignal","n":1}` {
		t.Errorf("heard %s", got)
	}
	w.source.all(Object{JSON: []byte(`{"@type":"TestSignal","n":2}`), Until: time.Now().Add(-time.Second)})
	named.echoAlone()
	all.echoAlone()
	named.say(`{"@type":"WebSocketPushDisable"}`)
	named.echo()
	if n := w.source.all(Object{JSON: []byte(`{}`)}); n != 0 {
		t.Errorf("%d clients are attached", n)
	}
}

// What waits for a client is bounded, and the newest of a key is all that is kept of it.
func TestObjectsThatWait(t *testing.T) {
	c := &client{p: &Pushing{o: Options{Now: time.Now}}, wake: func() {}}
	for i := range 3 * MaxObjects {
		c.object(Object{JSON: []byte(fmt.Sprint(i)), Key: "typing"})
	}
	for i := range MaxObjects + 10 {
		c.object(Object{JSON: []byte(fmt.Sprint(i))})
	}
	n, _ := c.look()
	if len(n.objects) != MaxObjects || string(n.objects[0].JSON) != "10" || n.any() != true {
		t.Errorf("%d objects wait, first %s", len(n.objects), n.objects[0].JSON)
	}
	if n, _ := c.look(); n.any() {
		t.Error("they are told twice")
	}
}

// A client that stops reading is cut off, and meanwhile nobody waits for it.
func TestSlowReader(t *testing.T) {
	w := start(t, func(p *Pushing) { p.writeTimeout = 300 * time.Millisecond })
	slow, good := w.dial(""), w.dial("")
	for _, p := range []*peer{slow, good} {
		p.enable([]string{"Identity", "TestSignal"}, "")
		p.echo()
	}
	// More than the sockets take: the slow one's writer stands. What the good one hears is its own.
	big := Object{JSON: []byte(`{"@type":"TestSignal","x":"` + strings.Repeat("x", 8<<20) + `"}`)}
	w.source.all(big)
	if got := good.hear(); len(got) != len(big.JSON) {
		t.Fatalf("heard %d bytes", len(got))
	}
	w.change(doortest.Ann, tx.KindIdentity)
	told(t, good.hear())
	for w.clients() != 1 {
		w.change(doortest.Ann, tx.KindIdentity)
		told(t, good.hear())
	}
	slow.ended()
}

func (w *world) clients() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open
}

func TestASignInThatEnds(t *testing.T) {
	w := start(t)
	p := w.dial("")
	p.echo()
	w.mu.Lock()
	w.revoked = true
	w.mu.Unlock()
	w.change(doortest.Ann, tx.KindSettings) // push is not even enabled
	if code := p.ended(); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %v", code)
	}
}

func TestASignInThatEndsUnheard(t *testing.T) {
	w := start(t, func(p *Pushing) { p.pingEvery = time.Millisecond })
	p := w.dial("")
	w.mu.Lock()
	w.revoked = true
	w.mu.Unlock()
	if code := p.ended(); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %v", code)
	}
}

func TestWhatEndsAWebSocket(t *testing.T) {
	w := start(t)
	binary := w.dial("")
	if err := binary.ws.Write(t.Context(), websocket.MessageBinary, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if code := binary.ended(); code != websocket.StatusUnsupportedData {
		t.Errorf("a binary message ends with %v", code)
	}
	large := w.dial("")
	large.say(`{"@type":"Request","x":"` + strings.Repeat("x", method.MaxSizeRequest-24) + `"}`)
	if got := large.hear(); !strings.Contains(got, `"limit":"maxSizeRequest"`) {
		t.Errorf("a message that is too large is answered %s", got)
	}
	if code := large.ended(); code != websocket.StatusMessageTooBig {
		t.Errorf("and ends with %v", code)
	}
	for code, end := range map[websocket.StatusCode]func(){
		websocket.StatusTryAgainLater: w.pushing.TurnAway,
		websocket.StatusGoingAway:     func() { w.pushing.Spread(t.Context(), 0) },
	} {
		p := w.dial("")
		p.echo()
		if end(); p.ended() != code {
			t.Errorf("a client is not told %v", code)
		}
	}
	rest := w.dial("")
	rest.echo()
	done := make(chan websocket.StatusCode)
	go func() { done <- rest.ended() }()
	w.pushing.Close()
	if code := <-done; code != websocket.StatusGoingAway {
		t.Errorf("the server's end is %v", code)
	}
	if w.clients() != 0 {
		t.Errorf("%d clients are left", w.clients())
	}
	if _, res, err := w.try(Subprotocol); err == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after that a client is answered %v, %v", res, err)
	}
}

func (w *world) try(subprotocol ...string) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(context.WithoutCancel(w.T.Context()), strings.Replace(w.http.URL, "https", "wss", 1)+"/ws",
		&websocket.DialOptions{HTTPClient: w.http.Client(), Subprotocols: subprotocol})
}

func TestWhoIsNotConnected(t *testing.T) {
	w := start(t)
	if _, res, err := w.try(); err == nil || res.StatusCode != http.StatusBadRequest {
		t.Errorf("without the subprotocol: %v, %v", res, err)
	}
	ws, res, err := w.try("other", Subprotocol)
	if err != nil || res.Header.Get("Sec-WebSocket-Protocol") != Subprotocol {
		t.Fatalf("with two: %v, %v", res, err)
	}
	defer ws.CloseNow()
	for range MaxClients - 1 {
		w.dial("").echo()
	}
	if _, res, err := w.try(Subprotocol); err == nil || res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one too many: %v, %v", res, err)
	}
	w.dial("bob").echo()
	req, _ := http.NewRequest(http.MethodGet, w.http.URL+"/ws", nil)
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": Subprotocol, "Origin": "https://evil.example", "Account": "bob"} {
		req.Header.Set(name, value)
	}
	res, err = w.http.Client().Do(req)
	if err != nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another site: %v, %v", res, err)
	}
}

// Large messages that do not come to their end keep those of their own account waiting, and nobody else's.
func TestLargeMessages(t *testing.T) {
	w := start(t)
	for range 2 * largeAtOnce {
		p := w.dial("")
		part, err := p.ws.Writer(t.Context(), websocket.MessageText)
		w.Must(err)
		_, err = part.Write(bytes.Repeat([]byte(" "), 2*large))
		w.Must(err)
		defer p.ws.CloseNow()
	}
	for p := w.dial(""); w.waitLarge() < largeAtOnce; {
		p.echo() // the server reads
	}
	ask := func(as string, x int) *peer {
		p := w.dial(as)
		p.say(`{"@type":"Request","using":["urn:test"],"methodCalls":[["Test/echo",{"x":"` + strings.Repeat("x", x) + `"},"0"]]}`)
		return p
	}
	if got := ask("bob", 2*large).hear(); len(got) < 2*large {
		t.Errorf("another's: %.100s", got)
	}
	if got := ask("", 10).hear(); !strings.Contains(got, "Test/echo") {
		t.Errorf("a small one of the same: %.100s", got)
	}
}

// waitLarge is how many large messages of Ann are read.
func (w *world) waitLarge() int {
	w.pushing.mu.Lock()
	defer w.pushing.mu.Unlock()
	return len(w.pushing.large[doortest.Ann])
}

// A token that may only send hears nothing: states tell of mail, and notifications hold some of it.
func TestWhoMayNotRead(t *testing.T) {
	w := start(t)
	p := w.dial("sender")
	p.enable([]string{"Identity", "TestSignal"}, "")
	if got := p.hear(); !strings.Contains(got, `"@type":"RequestError"`) || !strings.Contains(got, `"status":403`) {
		t.Errorf("push is enabled: %s", got)
	}
	p.echo()
	w.source.mu.Lock()
	defer w.source.mu.Unlock()
	if len(w.source.send) != 0 {
		t.Error("a Source has it among its clients")
	}
	req, err := http.NewRequest(http.MethodGet, w.http.URL+"/events?types=*&closeafter=no&ping=0", nil)
	w.Must(err)
	req.Header.Set("Account", "sender")
	res, err := w.http.Client().Do(req)
	w.Must(err)
	if res.Body.Close(); res.StatusCode != http.StatusForbidden {
		t.Errorf("an event source: %s", res.Status)
	}
}
