package jmapserver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/access"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits of the door.
const (
	MaxConcurrentUpload = 4 // of a user
	requestTime         = time.Minute
	patience            = 30 * time.Second
)

// Options say what a Server stands on.
type Options struct {
	Registry  *method.Registry // filled
	Schemes   []Scheme         // the one to be preferred first
	Cookie    Cookie           // of the web client; nil: none signs in
	Auth      *auth.Store      // needed with Cookie
	Tx        *tx.Store
	Mailbox   *mailbox.Store
	Blobs     *blobs.Blobs
	Directory *directory.Store
	MaxUpload int64        // bytes
	Observer  Observer     // may be nil
	Log       *slog.Logger // nil discards
}

// Observer is told what goes on at the door.
type Observer interface {
	SignedIn(scheme string)
	SignInFailed(scheme string, why mail.Kind)
	// Called: a call of a method ended, "ok" or with an error of a type. Both are of fixed sets.
	Called(name, result string, took time.Duration)
}

type noObserver struct{}

func (noObserver) SignedIn(string)                      {}
func (noObserver) SignInFailed(string, mail.Kind)       {}
func (noObserver) Called(string, string, time.Duration) {}

// Server is the door. It is safe for concurrent use once everything is added to it.
type Server struct {
	o        Options
	accesses *access.Accesses
	mux      *http.ServeMux
	requests counts
	uploads  counts
	states   stateCache
}

// New makes a Server.
func New(o Options) (*Server, error) {
	if o.Registry == nil || len(o.Schemes) == 0 || o.Tx == nil || o.Mailbox == nil || o.Blobs == nil || o.Directory == nil || o.MaxUpload <= 0 {
		return nil, errors.New("jmapserver: only Observer and Log may be left out")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	s := &Server{o: o, accesses: access.New(o.Tx, o.Mailbox), mux: http.NewServeMux(),
		requests: counts{most: method.MaxConcurrentRequests}, uploads: counts{most: MaxConcurrentUpload}}
	s.Handle("GET /.well-known/jmap", s.session)
	s.Handle("POST "+apiPath, s.api)
	s.Handle("POST "+uploadPath+"{accountId}/", s.upload)
	s.Handle("GET "+downloadPath+"{accountId}/{blobId}/{name...}", s.download)
	return s, nil
}

// Places of the door.
const (
	Prefix          = "/jmap/"
	WellKnown       = "/.well-known/jmap"
	apiPath         = Prefix + "api"
	uploadPath      = Prefix + "upload/"
	downloadPath    = Prefix + "download/"
	EventSourcePath = Prefix + "eventsource"
)

// Handler answers a request of a user.
type Handler func(w http.ResponseWriter, r *http.Request, u *method.User)

// Handle adds a place, by a pattern of http.ServeMux, where only users are answered.
func (s *Server) Handle(pattern string, h Handler) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		u, err := s.authenticate(w, r)
		if err == nil {
			h(w, r, u)
		}
	})
}

// ServeHTTP answers at all places of the door.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cache-Control", "no-store")
	if shareWithOrigins(w, r) {
		return
	}
	s.mux.ServeHTTP(w, r)
}

// Request carries out a request that came by whichever way, and has the response, as JSON, sent by answer. The error is a
// *method.Problem where none of its calls was carried out. A user has no more than method.MaxConcurrentRequests at a time, of which
// each lasts until answer has returned: responses are large, and a client that does not read them is to have a few in memory, not
// as many as it can open connections.
func (s *Server) Request(ctx context.Context, u *method.User, body []byte, answer func(response []byte)) error {
	leave, err := s.begin(u)
	if err != nil {
		return err
	}
	defer leave()
	response, err := s.carryOut(ctx, u, body)
	if err == nil {
		answer(response)
	}
	return err
}

// begin counts a request of a user until leave is called, unless there are too many.
func (s *Server) begin(u *method.User) (leave func(), err error) {
	leave, ok := s.requests.enter(u.Account)
	if !ok {
		return nil, busy("maxConcurrentRequests", method.MaxConcurrentRequests)
	}
	return leave, nil
}

// carryOut carries out a request that was counted.
func (s *Server) carryOut(ctx context.Context, u *method.User, body []byte) ([]byte, error) {
	req, problem := method.ParseRequest(body)
	if problem != nil {
		return nil, problem
	}
	limited, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	resp, err := s.o.Registry.Run(limited, u, req, method.Options{Account: s.accesses.Account, Log: s.o.Log, Called: s.o.Observer.Called})
	if err != nil {
		return nil, err
	}
	state, err := s.sessionState(ctx, u)
	if err != nil {
		return nil, err
	}
	return resp.Bytes(state)
}

// busy is the Problem of a user who asks for too much at the same time.
func busy(limit string, most int) *method.Problem {
	p := method.Exceeds(limit, most)
	p.Status = http.StatusTooManyRequests
	return p
}

// problemOf is what is answered to an error.
func (s *Server) problemOf(r *http.Request, u *method.User, err error) *method.Problem {
	var p *method.Problem
	if errors.As(err, &p) {
		return p
	}
	status, detail := http.StatusInternalServerError, "the server has failed; its operator finds the cause in its log"
	switch mail.KindOf(err) {
	case mail.NotFound, mail.Gone:
		status, detail = http.StatusNotFound, mail.Explain(err)
	case mail.Invalid:
		status, detail = http.StatusBadRequest, mail.Explain(err)
	case mail.Denied, mail.Disabled:
		status, detail = http.StatusForbidden, mail.Explain(err)
	case mail.TooLarge:
		status, detail = http.StatusRequestEntityTooLarge, mail.Explain(err)
	case mail.OverQuota:
		status, detail = http.StatusInsufficientStorage, mail.Explain(err)
	case mail.Unavailable:
		status, detail = http.StatusServiceUnavailable, "the server cannot do this now: try again later"
	}
	if status >= http.StatusInternalServerError && r.Context().Err() == nil {
		s.o.Log.Error("a JMAP request failed", "path", r.URL.Path, "account", u.Account, "session", u.Session, "err", err)
	}
	return &method.Problem{Type: "about:blank", Status: status, Detail: detail}
}
