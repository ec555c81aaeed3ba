package jmapserver

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// fail answers with a problem (RFC 7807 3).
func fail(w http.ResponseWriter, p *method.Problem) {
	text, err := ijson.Marshal(p)
	if err != nil {
		http.Error(w, p.Detail, p.Status)
		return
	}
	if p.Status == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(p.Status)
	(&patientWriter{ResponseWriter: w}).Write(text) // an error means that the client has gone
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	(&patientWriter{ResponseWriter: w}).Write(text) // an error means that the client has gone
}

// patient gives a client time, past what the door gives to answers as a whole: the clock of a connection is no clock of a test's.
func patient(w http.ResponseWriter) *http.ResponseController { return http.NewResponseController(w) }

// slowly reads what a client sends, for as long as it sends something.
type slowly struct {
	w    http.ResponseWriter
	body interface{ Read([]byte) (int, error) }
}

func (s slowly) Read(p []byte) (int, error) {
	patient(s.w).SetReadDeadline(time.Now().Add(patience)) // where a connection has none, it is a test's
	return s.body.Read(p)
}

// counts bound what an account does at a time.
type counts struct {
	most int

	mu  sync.Mutex
	now map[mail.AccountID]int
}

// enter reports whether there is room for one more; leave makes room again.
func (c *counts) enter(a mail.AccountID) (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now[a] >= c.most {
		return nil, false
	}
	if c.now == nil {
		c.now = map[mail.AccountID]int{}
	}
	c.now[a]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.now[a]--; c.now[a] == 0 {
			delete(c.now, a)
		}
	}, true
}
