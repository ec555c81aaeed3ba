package jmap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/coder/websocket"
)

// Socket is a WebSocket to the server (RFC 8887): requests and what the server pushes share one connection.
type Socket struct {
	ws     *websocket.Conn
	pushed chan Pushed
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // why it ended; set before ended is closed

	mu      sync.Mutex
	last    int
	waiting map[string]chan<- json.RawMessage
}

// maxPushed is how many pushed objects a Socket keeps for who does not read them; it ends when there are more.
const maxPushed = 256

// ErrSlow is why a Socket ends whose pushed objects nobody reads.
var ErrSlow = errors.New("pushed objects were not read")

// Connect opens a Socket. ctx is for the opening alone.
func (c *Client) Connect(ctx context.Context) (*Socket, error) {
	at := c.Session.SocketURL()
	if at == "" {
		return nil, errors.New("the server offers no WebSocket")
	}
	signed := &http.Request{Header: http.Header{}}
	if c.credential != nil {
		c.credential(signed)
	}
	ws, res, err := websocket.Dial(ctx, at, &websocket.DialOptions{
		HTTPClient: c.http, HTTPHeader: signed.Header, Subprotocols: []string{"jmap"},
	})
	if err != nil {
		if res != nil && res.StatusCode >= 400 {
			return nil, requestError(res)
		}
		return nil, err
	}
	if ws.Subprotocol() != "jmap" {
		ws.CloseNow()
		return nil, errors.New("the server does not speak JMAP over its WebSocket")
	}
	ws.SetReadLimit(c.limit())
	run, cancel := context.WithCancel(context.Background())
	s := &Socket{ws: ws, pushed: make(chan Pushed, maxPushed), cancel: cancel, ended: make(chan struct{}), waiting: map[string]chan<- json.RawMessage{}}
	go s.read(run)
	return s, nil
}

// Pushed has what the server pushes after Listen. It is closed when the Socket has ended, for the reason that Err gives.
func (s *Socket) Pushed() <-chan Pushed { return s.pushed }

// Err is why the Socket has ended, nil while it has not.
func (s *Socket) Err() error {
	select {
	case <-s.ended:
		return s.err
	default:
		return nil
	}
}

// Close ends the Socket.
func (s *Socket) Close() error {
	err := s.ws.Close(websocket.StatusNormalClosure, "")
	s.cancel()
	<-s.ended
	return err
}

// Listen asks for changes of these types, nil for all, beginning with what came since a pushState, where one is given (RFC 8887 4.3.5.2).
func (s *Socket) Listen(ctx context.Context, types []string, pushState string) error {
	ask := map[string]any{"@type": "WebSocketPushEnable", "dataTypes": types}
	if pushState != "" {
		ask["pushState"] = pushState
	}
	return s.Send(ctx, ask)
}

// Send sends an object that is no request, such as WebSocketPushDisable.
func (s *Socket) Send(ctx context.Context, object any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return s.ws.Write(ctx, websocket.MessageText, text)
}

// Do is Client.Do over the Socket. Several may be under way at once.
func (s *Socket) Do(ctx context.Context, b *Batch) error {
	answer := make(chan json.RawMessage, 1)
	r := b.request()
	s.mu.Lock()
	s.last++
	r.Type, r.ID = "Request", strconv.Itoa(s.last)
	s.waiting[r.ID] = answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, r.ID)
		s.mu.Unlock()
	}()
	if err := s.Send(ctx, r); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ended:
		return s.err
	case text := <-answer:
		return takeAnswer(b, text)
	}
}

func takeAnswer(b *Batch, text []byte) error {
	var head struct {
		Type string `json:"@type"`
	}
	if err := unmarshal(text, &head); err != nil {
		return err
	}
	if head.Type == "RequestError" {
		e := &RequestError{}
		if err := unmarshal(text, e); err != nil {
			return err
		}
		return e
	}
	var r response
	if err := unmarshal(text, &r); err != nil {
		return err
	}
	return b.take(&r)
}

// read hands on what comes until the connection ends.
func (s *Socket) read(ctx context.Context) {
	defer close(s.pushed)
	defer close(s.ended)
	defer s.cancel()
	for s.err == nil {
		_, text, err := s.ws.Read(ctx)
		if err != nil {
			s.err = err
			return
		}
		s.err = s.dispatch(text)
	}
	s.ws.CloseNow()
}

func (s *Socket) dispatch(text []byte) error {
	var head struct {
		Type      string `json:"@type"`
		RequestID string `json:"requestId"`
	}
	if err := unmarshal(text, &head); err != nil {
		return fmt.Errorf("the server sends what is no JSON: %w", err)
	}
	if head.Type == "Response" || head.Type == "RequestError" {
		s.mu.Lock()
		answer := s.waiting[head.RequestID]
		delete(s.waiting, head.RequestID)
		s.mu.Unlock()
		if answer != nil {
			answer <- text
		}
		return nil
	}
	p, err := parsePushed(text)
	if err != nil {
		return err
	}
	select {
	case s.pushed <- p:
		return nil
	default:
		return ErrSlow
	}
}
