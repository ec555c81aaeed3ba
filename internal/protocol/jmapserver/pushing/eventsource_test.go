package pushing

import (
	"bufio"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// events is a client of an event source.
type events struct {
	t     testing.TB
	res   *http.Response
	lines *bufio.Scanner
}

func (w *world) listen(query, lastID string) *events {
	w.T.Helper()
	req, err := http.NewRequestWithContext(w.T.Context(), http.MethodGet, w.http.URL+"/events?"+query, nil)
	w.Must(err)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := w.http.Client().Do(req)
	w.Must(err)
	w.T.Cleanup(func() { res.Body.Close() })
	return &events{w.T, res, bufio.NewScanner(res.Body)}
}

// next is the next event: its fields.
func (e *events) next() map[string]string {
	e.t.Helper()
	fields := map[string]string{}
	for e.lines.Scan() {
		if e.lines.Text() == "" {
			return fields
		}
		name, value, _ := strings.Cut(e.lines.Text(), ":")
		fields[name] = strings.TrimPrefix(value, " ")
	}
	return nil
}

func TestEventSource(t *testing.T) {
	w := start(t)
	e := w.listen("types=*&closeafter=no&ping=0", "")
	if got := e.res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("it is %s", got)
	}
	first := e.next()
	if first["id"] == "" || len(first) != 1 {
		t.Errorf("it begins with %v", first)
	}
	w.change(doortest.Bob, tx.KindIdentity)
	w.change(doortest.Ann, tx.KindIdentity)
	event := e.next()
	types, _ := told(t, event["data"])
	if want := map[string][]string{annID: {"Identity"}}; event["event"] != "state" || !reflect.DeepEqual(types, want) || event["id"] == first["id"] {
		t.Errorf("the event is %v", event)
	}
	if strings.Contains(event["data"], "pushState") {
		t.Errorf("an event has what only a WebSocket has: %s", event["data"])
	}
	// From the first id on, and from the last.
	again := w.listen("types=Identity,Email&closeafter=state&ping=0", first["id"])
	again.next() // a comment
	if types, _ := told(t, again.next()["data"]); !reflect.DeepEqual(types, map[string][]string{annID: {"Identity"}}) {
		t.Errorf("told of %v", types)
	}
	if rest, err := io.ReadAll(again.res.Body); err != nil || len(rest) != 0 {
		t.Errorf("after the first state comes %q, %v", rest, err)
	}
	last := w.listen("types=Identity&closeafter=state&ping=0", event["id"])
	last.next()
	w.change(doortest.Ann, tx.KindEmail)
	w.change(doortest.Ann, tx.KindIdentity)
	if types, _ := told(t, last.next()["data"]); !reflect.DeepEqual(types, map[string][]string{annID: {"Identity"}}) {
		t.Errorf("told of %v", types)
	}
}

func TestEventsOfSources(t *testing.T) {
	w := start(t)
	e := w.listen("types=TestSignal&closeafter=state&ping=0", "")
	e.next()
	for range 2 { // closeafter is about states
		w.source.all(Object{JSON: []byte(`{"@type":"TestSignal","n":1}`)})
		if event := e.next(); event["event"] != "TestSignal" || event["data"] != `{"@type":"TestSignal","n":1}` || event["id"] != "" {
			t.Errorf("the event is %v", event)
		}
	}
}

// Pings tell how often they come, and have no id.
func TestPing(t *testing.T) {
	r, _ := http.NewRequest(http.MethodGet, "/?types=*&closeafter=no&ping=1", nil)
	q, err := ask(r)
	if err != nil || q.ping != minPing {
		t.Errorf("%v, %v", q, err)
	}
	r, _ = http.NewRequest(http.MethodGet, "/?types=*&closeafter=no&ping=86400", nil)
	if q, err = ask(r); err != nil || q.ping != maxPing {
		t.Errorf("%v, %v", q, err)
	}
	if got := event("ping", "", []byte(`{"interval":300}`)); got != "event: ping\ndata: {\"interval\":300}\n\n" {
		t.Errorf("a ping is %q", got)
	}
}

func TestEventSourcePings(t *testing.T) {
	w := start(t, func(p *Pushing) { p.second = time.Millisecond })
	e := w.listen("types=Email&closeafter=state&ping=1", "")
	e.next()
	for range 2 {
		if event := e.next(); event["event"] != "ping" || event["data"] != `{"interval":15}` || len(event) != 2 {
			t.Errorf("the event is %v", event)
		}
	}
}

func TestEventSourceRefusals(t *testing.T) {
	w := start(t)
	for _, query := range []string{"", "types=*&closeafter=no", "types=*&ping=0", "types=*&closeafter=maybe&ping=0", "types=*&closeafter=no&ping=-1",
		"types=&closeafter=no&ping=0", "types=*&closeafter=no&ping=x"} {
		if e := w.listen(query, ""); e.res.StatusCode != http.StatusBadRequest || e.res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%q is answered %s", query, e.res.Status)
		}
	}
}

func TestEventSourceEnds(t *testing.T) {
	w := start(t)
	e := w.listen("types=*&closeafter=no&ping=0", "")
	e.next()
	w.mu.Lock()
	w.revoked = true
	w.mu.Unlock()
	w.change(doortest.Ann, tx.KindSettings)
	if e.next() != nil {
		t.Error("the stream goes on though the sign-in has ended")
	}
	w.mu.Lock()
	w.revoked = false
	w.mu.Unlock()
	e = w.listen("types=*&closeafter=no&ping=0", "")
	e.next()
	w.pushing.Close()
	if e.next() != nil {
		t.Error("the stream goes on though the server stops")
	}
}

// A client that stops reading is cut off.
func TestSlowEventSource(t *testing.T) {
	w := start(t, func(p *Pushing) { p.writeTimeout = 300 * time.Millisecond })
	e := w.listen("types=TestSignal&closeafter=no&ping=0", "")
	e.next()
	p := w.dial("")
	p.enable([]string{"Identity"}, "")
	p.echo()
	w.source.all(Object{JSON: []byte(`{"@type":"TestSignal","x":"` + strings.Repeat("x", 8<<20) + `"}`)})
	for w.clients() != 1 {
		w.change(doortest.Ann, tx.KindIdentity)
		told(t, p.hear())
	}
}
