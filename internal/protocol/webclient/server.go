package webclient

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// maxBody bounds what is read of a request.
const maxBody = 16 << 10

// Options say what a Server stands on.
type Options struct {
	Files fs.FS // index.html and all beside it
	Auth  *auth.Store
	// Trusted reports whether the certificate for a host is one that browsers accept: then they are told to come over TLS only.
	Trusted  func(host string) bool
	Observer Observer     // may be nil
	Log      *slog.Logger // nil discards
}

// Observer is told of those who sign in.
type Observer interface {
	SignedIn()
	SignInFailed(why mail.Kind)
}

type noObserver struct{}

func (noObserver) SignedIn()              {}
func (noObserver) SignInFailed(mail.Kind) {}

// Server is the door. It is safe for concurrent use.
type Server struct {
	o     Options
	files map[string]*file
}

// New makes a Server.
func New(o Options) (*Server, error) {
	if o.Files == nil || o.Auth == nil {
		return nil, errors.New("webclient: Files and Auth are needed")
	}
	if o.Trusted == nil {
		o.Trusted = func(string) bool { return false }
	}
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	files, err := load(o.Files)
	return &Server{o, files}, err
}

// Patterns are what Handler answers, as patterns of http.ServeMux.
var Patterns = []string{"/{$}", "/mail", "/mail/", "/assets/", "/icons/", framePath, workerPath, "/manifest.webmanifest", sessionPath, passwordPath}

// Handler answers what Patterns match.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	page := s.file(indexPath)
	for _, pattern := range []string{"GET /{$}", "GET /mail", "GET /mail/"} {
		mux.Handle(pattern, page)
	}
	for path := range s.files {
		if path != indexPath {
			mux.Handle("GET "+path, s.file(path))
		}
	}
	mux.HandleFunc("GET "+sessionPath, s.who)
	mux.HandleFunc("POST "+sessionPath, s.signIn)
	mux.HandleFunc("DELETE "+sessionPath, s.signOut)
	mux.HandleFunc("POST "+passwordPath, s.changePassword)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		s.protect(w.Header(), r)
		mux.ServeHTTP(w, r)
	})
}

// Content-Security-Policies. nothing is that of answers that show nothing.
const (
	nothing = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	ofPage  = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; frame-src 'self'; " +
		"worker-src 'self'; manifest-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	// Messages bring styles of their own, and none that fetches. The origin is ours, for the client to put the message in; as there are no
	// scripts, nothing in the frame has a use for that.
	ofFrame = "default-src 'none'; img-src 'self' blob: data:; media-src blob:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
		"frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)

// hsts is how long browsers remember that this host is reached over TLS alone (RFC 6797 6.1.1).
const hsts = "max-age=31536000"

// protect sets what holds for all answers.
func (s *Server) protect(h http.Header, r *http.Request) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "+
		"microphone=(), midi=(), payment=(), serial=(), usb=()")
	h.Set("Content-Security-Policy", nothing)
	h.Set("Cache-Control", "no-store")
	if r.TLS != nil && s.o.Trusted(hostOf(r)) { // RFC 6797 8.1: what a certificate that warns says would be ignored
		h.Set("Strict-Transport-Security", hsts)
	}
}

// hostOf is the name that a browser thinks it speaks to.
func hostOf(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
