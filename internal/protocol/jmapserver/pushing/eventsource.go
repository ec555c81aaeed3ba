package pushing

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Bounds of the interval that a client asks to be pinged in, in seconds (RFC 8620 7.3 allows them).
const (
	minPing = 15
	maxPing = 900
)

// stream is one event source. Its handler is all that writes to it.
type stream struct {
	client
	w      http.ResponseWriter
	rc     *http.ResponseController
	rung   chan struct{}
	cancel context.CancelCauseFunc
}

// question is what a client asks of an event source.
type question struct {
	wants      wants
	closeAfter bool // the first state
	ping       int  // seconds between pings, 0: never
	since      states.PushState
}

// ask reads the parameters of a request (RFC 8620 7.3).
func ask(r *http.Request) (q question, err error) {
	values := r.URL.Query()
	switch types := values.Get("types"); types {
	case "":
		return q, fmt.Errorf(`"types" is missing: a list of types with commas between them, or *`)
	case "*":
		q.wants = want(nil)
	default:
		q.wants = want(strings.Split(types, ","))
	}
	switch after := values.Get("closeafter"); after {
	case "state":
		q.closeAfter = true
	case "no":
	default:
		return q, fmt.Errorf(`"closeafter" is state or no, not %.20q`, after)
	}
	seconds, err := strconv.ParseUint(values.Get("ping"), 10, 31)
	if err != nil {
		return q, fmt.Errorf(`"ping" is a number of seconds, 0 for no pings, not %.20q`, values.Get("ping"))
	}
	if seconds > 0 {
		q.ping = int(min(max(seconds, minPing), maxPing))
	}
	if id := r.Header.Get("Last-Event-Id"); id != "" {
		q.since = states.ParsePushState(id)
	}
	return q, nil
}

// EventSource tells a user that has signed in of changes, until the client goes.
func (p *Pushing) EventSource(w http.ResponseWriter, r *http.Request, u *method.User) {
	if u.Scope&method.Read == 0 {
		refuse(w, http.StatusForbidden, noReading)
		return
	}
	q, err := ask(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	s := &stream{w: w, rc: http.NewResponseController(w), rung: make(chan struct{}, 1), cancel: cancel}
	s.client = client{user: u, kind: OverEventSource, wake: s.wake, end: s.end}
	if status, meaning := p.open(&s.client); status != 0 {
		refuse(w, status, meaning)
		return
	}
	defer s.close()
	err = s.begin(ctx)
	if err == nil {
		err = s.enable(ctx, q.wants, q.since)
	}
	if err != nil {
		p.o.Log.Error("jmap: the states of an account cannot be read", "account", u.Account, "err", err)
		refuse(w, http.StatusServiceUnavailable, "the server cannot do this now: try again later")
		return
	}
	s.run(ctx, q)
}

func (s *stream) wake() {
	select {
	case s.rung <- struct{}{}:
	default:
	}
}

// end has the handler return.
func (s *stream) end(reason why) { s.cancel(fmt.Errorf("%s", string(reason))) }

func (s *stream) run(ctx context.Context, q question) {
	s.rc.SetReadDeadline(time.Time{}) // the door's is for requests that are answered at once
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for proxies that would wait for more
	first := ":\n\n"
	if q.since == nil { // an id alone is no event: a client that is cut off before the first one can go on from here
		first = "id: " + s.listener.Told().String() + "\n\n"
	}
	if s.write(first) != nil {
		return
	}
	pings, stop := ticks(time.Duration(q.ping) * s.p.second)
	defer stop()
	checks, stopChecks := ticks(s.p.pingEvery)
	defer stopChecks()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-s.rung:
			var ended bool
			if ended, err = s.tell(q); ended {
				return
			}
		case <-pings:
			err = s.write(event("ping", "", []byte(`{"interval":`+strconv.Itoa(q.ping)+`}`)))
		case <-checks:
			s.refresh(ctx)
		}
		if err != nil {
			return
		}
	}
}

// ticks is a ticker, or none.
func ticks(every time.Duration) (<-chan time.Time, func()) {
	if every == 0 {
		return nil, func() {}
	}
	t := time.NewTicker(every)
	return t.C, t.Stop
}

func (s *stream) tell(q question) (ended bool, err error) {
	n, rung := s.look()
	var out strings.Builder
	if len(n.changed) > 0 {
		out.WriteString(event("state", n.told.String(), newStateChange(n.changed, "")))
	}
	for _, o := range n.objects {
		var of struct {
			Type string `json:"@type"`
		}
		if ijson.Unmarshal(o.JSON, &of) == nil {
			out.WriteString(event(of.Type, "", o.JSON))
		}
	}
	if out.Len() == 0 {
		return false, nil
	}
	if err := s.write(out.String()); err != nil {
		return false, err
	}
	s.measure(n, rung)
	return q.closeAfter && len(n.changed) > 0, nil
}

// event is one event as the HTML standard has it (9.2.5). JSON of ours has no line breaks.
func event(name, id string, data []byte) string {
	text := "event: " + name + "\n"
	if id != "" {
		text += "id: " + id + "\n"
	}
	return text + "data: " + string(data) + "\n\n"
}

// write sends text now. A client that does not take it in time is gone.
func (s *stream) write(text string) error {
	s.rc.SetWriteDeadline(time.Now().Add(s.p.writeTimeout))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.rc.Flush()
}

// refuse answers a request that is not served (RFC 7807).
func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	text, _ := ijson.Marshal(map[string]any{"type": "about:blank", "status": status, "detail": detail}) // texts of our own
	w.Write(text)
}
