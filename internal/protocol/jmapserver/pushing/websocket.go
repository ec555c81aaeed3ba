package pushing

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Subprotocol is what a client asks for (RFC 8887 4.2).
const Subprotocol = "jmap"

// socket is one WebSocket. Its reader is a goroutine with little stack: requests are carried out by goroutines of their own.
type socket struct {
	client
	ws      *websocket.Conn
	ctx     context.Context // until it ends
	cancel  context.CancelFunc
	writing sync.Mutex
	slots   chan struct{} // taken by requests under way
	waiting atomic.Int64  // reasons to look for news; who raises it from 0 looks
	ended   sync.Once
}

// WebSocket makes the connection of a request of a user that has signed in a WebSocket, and returns: what was used for the
// request is free again.
func (p *Pushing) WebSocket(w http.ResponseWriter, r *http.Request, u *method.User) {
	if !asksFor(r, Subprotocol) {
		refuse(w, http.StatusBadRequest, "a WebSocket here speaks the subprotocol jmap (RFC 8887): ask for it in Sec-WebSocket-Protocol")
		return
	}
	s := &socket{slots: make(chan struct{}, atOnce)}
	s.client = client{user: u, kind: OverWebSocket, wake: s.wake, end: s.end}
	if status, meaning := p.open(&s.client); status != 0 {
		refuse(w, status, meaning)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Subprotocol}, CompressionMode: websocket.CompressionDisabled})
	if err != nil { // it has answered
		s.close()
		return
	}
	ws.SetReadLimit(-1) // read does it
	s.ws = ws
	s.ctx, s.cancel = context.WithCancel(p.ctx)
	go s.run()
}

// asksFor reports whether a client offers a subprotocol.
func asksFor(r *http.Request, name string) bool {
	for _, field := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offered := range strings.SplitSeq(field, ",") {
			if strings.TrimSpace(offered) == name {
				return true
			}
		}
	}
	return false
}

func (s *socket) run() {
	defer s.close()
	defer s.cancel()
	defer s.end("")
	if err := s.begin(s.ctx); err != nil {
		s.p.o.Log.Error("jmap: the states of an account cannot be read", "account", s.user.Account, "err", err)
		s.goodbye(websocket.StatusTryAgainLater, "the server cannot do this now: try again later")
		return
	}
	s.pingLater()
	for {
		text, release, err := s.read()
		if err != nil {
			return
		}
		goesOn := s.message(text)
		if release(); !goesOn {
			return
		}
	}
}

var errNotText = errors.New("a message of JMAP is text")

// read waits for a message and reads it. release is called once it was begun with: of an account few large ones are in memory until
// then, and nobody else waits for them.
func (s *socket) read() (text []byte, release func(), err error) {
	typ, r, err := s.ws.Reader(s.ctx)
	if err != nil {
		return nil, nil, err
	}
	if typ != websocket.MessageText { // RFC 8887 4.3
		s.goodbye(websocket.StatusUnsupportedData, errNotText.Error())
		return nil, nil, errNotText
	}
	late := time.AfterFunc(MessageTimeout, func() { s.ws.CloseNow() })
	defer late.Stop()
	text, err = io.ReadAll(io.LimitReader(r, large))
	if err != nil || len(text) < large {
		return text, func() {}, err
	}
	select {
	case s.large <- struct{}{}:
	case <-s.ctx.Done():
		return nil, nil, s.ctx.Err()
	}
	release = func() { <-s.large }
	rest, err := io.ReadAll(io.LimitReader(r, method.MaxSizeRequest+1-large))
	text = append(text, rest...)
	if err == nil && len(text) > method.MaxSizeRequest {
		s.refuse(nil, method.Exceeds("maxSizeRequest", method.MaxSizeRequest))
		s.goodbye(websocket.StatusMessageTooBig, "a message is too large")
		err = websocket.ErrMessageTooBig
	}
	if err != nil {
		release()
	}
	return text, release, err
}

// head is what tells messages apart (RFC 8887 4.3).
type head struct {
	Type      string    `json:"@type"`
	ID        *string   `json:"id"`
	DataTypes *[]string `json:"dataTypes"`
	PushState *string   `json:"pushState"`
}

// message does what a message asks for; false is the end.
func (s *socket) message(text []byte) bool {
	var h head
	if err := ijson.Unmarshal(text, &h); err != nil {
		problem := method.Refuse(method.NotRequest, "%v", err)
		if !ijson.Valid(text) {
			problem = method.Refuse(method.NotJSON, "a message is I-JSON (RFC 7493)")
		}
		return s.refuse(nil, problem)
	}
	switch h.Type {
	case "Request":
		return s.request(h.ID, text)
	case "WebSocketPushEnable":
		return s.pushEnable(h)
	case "WebSocketPushDisable":
		s.disable()
		return true
	}
	return s.refuse(h.ID, method.Refuse(method.NotRequest, `"@type" is Request, WebSocketPushEnable or WebSocketPushDisable, not %.40q`, h.Type))
}

// pushEnable has the client told of changes (RFC 8887 4.3.5.2).
func (s *socket) pushEnable(h head) bool {
	if s.user.Scope&method.Read == 0 {
		return s.refuse(h.ID, &method.Problem{Type: "about:blank", Status: http.StatusForbidden, Detail: noReading})
	}
	var types []string
	if h.DataTypes != nil {
		if types = *h.DataTypes; types == nil {
			types = []string{}
		}
	}
	var since states.PushState
	if h.PushState != nil {
		since = states.ParsePushState(*h.PushState)
	}
	if err := s.enable(s.ctx, want(types), since); err != nil {
		s.p.o.Log.Error("jmap: push cannot be enabled", "account", s.user.Account, "err", err)
		s.goodbye(websocket.StatusTryAgainLater, "the server cannot do this now: try again later")
		return false
	}
	return true
}

// request carries out a request beside others, or alone if it has no id.
func (s *socket) request(id *string, text []byte) bool {
	take := 1
	if id == nil {
		take = atOnce
	}
	for range take {
		select {
		case s.slots <- struct{}{}:
		case <-s.ctx.Done():
			return false
		}
	}
	go func() {
		s.carryOut(id, text)
		for range take {
			<-s.slots
		}
	}()
	return true
}

func (s *socket) carryOut(id *string, text []byte) {
	err := s.p.o.Run(s.ctx, s.user, text, func(response []byte) {
		s.write(withMembers(`"@type":"Response"`+requestID(id), response))
	})
	if err != nil {
		s.refuse(id, s.problem(err))
	}
}

// problem is what a client is told of a request that could not be carried out (RFC 8620 3.6.1).
func (s *socket) problem(err error) *method.Problem {
	var told *method.Problem
	if errors.As(err, &told) {
		return told
	}
	if s.ctx.Err() == nil {
		s.p.o.Log.Error("jmap: a request failed", "account", s.user.Account, "session", s.user.Session, "err", err)
	}
	return &method.Problem{Type: "about:blank", Status: http.StatusInternalServerError, Detail: "the server has failed; its operator finds the cause in its log"}
}

// requestID is the member that says which request is answered, if that has an id (RFC 8887 4.3.3).
func requestID(id *string) string {
	if id == nil {
		return ""
	}
	text, err := ijson.Marshal(*id)
	if err != nil {
		return ""
	}
	return `,"requestId":` + string(text)
}

// refuse answers what was not carried out (RFC 8887 4.3.4), and reports whether that could be written.
func (s *socket) refuse(id *string, problem *method.Problem) bool {
	text, err := ijson.Marshal(problem)
	return err == nil && s.write(withMembers(`"@type":"RequestError"`+requestID(id), text)) == nil
}

// wake has the client told what is new, by a goroutine that lives as long as there is news.
func (s *socket) wake() {
	if s.waiting.Add(1) == 1 {
		go s.tell()
	}
}

func (s *socket) tell() {
	for {
		seen := s.waiting.Load()
		if n, rung := s.look(); n.any() {
			if s.sendNews(n) != nil {
				return // the connection has ended: nobody looks again
			}
			s.measure(n, rung)
		}
		if s.waiting.Add(-seen) == 0 {
			return
		}
	}
}

// sendNews tells the client of states and objects.
func (s *socket) sendNews(n news) error {
	if len(n.changed) > 0 {
		if err := s.write(newStateChange(n.changed, n.told.String())); err != nil {
			return err
		}
	}
	for _, o := range n.objects {
		if err := s.write(o.JSON); err != nil {
			return err
		}
	}
	return nil
}

// write writes a message, in pieces each of which the client is to take in time, and ends the connection of one that does not.
func (s *socket) write(text []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	late := time.AfterFunc(s.p.writeTimeout, cancel)
	defer late.Stop()
	err := s.writePieces(ctx, text, func() { late.Reset(s.p.writeTimeout) })
	if err != nil {
		if s.ctx.Err() == nil && ctx.Err() != nil {
			s.p.o.Log.Info("jmap: a client is cut off", "account", s.user.Account, "session", s.user.Session, "why", tooSlow)
		}
		s.end(tooSlow)
	}
	return err
}

func (s *socket) writePieces(ctx context.Context, text []byte, taken func()) error {
	if len(text) <= piece {
		return s.ws.Write(ctx, websocket.MessageText, text)
	}
	w, err := s.ws.Writer(ctx, websocket.MessageText)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(text, piece) {
		if _, err := w.Write(part); err != nil {
			return err
		}
		taken()
	}
	return w.Close()
}

// pingLater has the client looked after while the connection lasts.
func (s *socket) pingLater() {
	timer := time.AfterFunc(s.p.pingEvery, s.ping)
	context.AfterFunc(s.ctx, func() { timer.Stop() })
}

// ping looks whether the client is there, and may be.
func (s *socket) ping() {
	s.refresh(s.ctx)
	ctx, cancel := context.WithTimeout(s.ctx, s.p.writeTimeout)
	defer cancel()
	if err := s.ws.Ping(ctx); err != nil {
		s.end(wentSilent)
		return
	}
	s.pingLater()
}

// end closes the connection for a reason of the server's; "" for one of the client's.
func (s *socket) end(reason why) {
	s.ended.Do(func() {
		switch reason {
		case goingAway:
			s.ws.Close(websocket.StatusGoingAway, string(reason))
		case notNow:
			s.ws.Close(websocket.StatusTryAgainLater, string(reason))
		case signedOut:
			s.ws.Close(websocket.StatusPolicyViolation, string(reason))
		}
		s.ws.CloseNow()
	})
}

// goodbye closes the connection for a reason that the client is told.
func (s *socket) goodbye(code websocket.StatusCode, text string) {
	s.ended.Do(func() {
		s.ws.Close(code, text)
		s.ws.CloseNow()
	})
}
