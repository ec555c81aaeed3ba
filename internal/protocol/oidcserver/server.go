package oidcserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/mailmesh/mailmesh/internal/store/auth"
)

const (
	maxBody      = 16 << 10
	maxParameter = 4 << 10
	maxState     = 2 << 10
)

// Options are what a Server stands on.
type Options struct {
	Issuer string // "https://" and the host as it is reached, without a path
	Auth   *auth.Store
	Secret []byte           // 32 bytes, the same on all nodes, for nothing else
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil discards
}

// Server answers.
type Server struct {
	o      Options
	origin *http.CrossOriginProtection
}

// New makes a Server.
func New(o Options) (*Server, error) {
	if o.Issuer == "" || o.Auth == nil || len(o.Secret) < 32 {
		return nil, errors.New("oidcserver: Issuer, Auth and a Secret of 32 bytes are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{o, http.NewCrossOriginProtection()}, nil
}

const (
	metadataPath = "/.well-known/oauth-authorization-server"
	// ResourcePath is where a program that was refused finds out how to sign in.
	ResourcePath = "/.well-known/oauth-protected-resource"
)

// Prefixes are the paths that Handler answers.
var Prefixes = []string{metadataPath, ResourcePath, "/oauth/"}

// Handler answers what is below Prefixes.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+metadataPath, shared(s.metadata))
	mux.Handle("GET "+ResourcePath, shared(s.resource))
	mux.HandleFunc("GET /oauth/authorize", s.begin)
	mux.HandleFunc("POST /oauth/authorize", s.signIn)
	mux.HandleFunc("POST /oauth/consent", s.consent)
	for path, serve := range map[string]http.HandlerFunc{"/oauth/token": s.token, "/oauth/revoke": s.revoke, "/oauth/register": s.register} {
		mux.Handle("POST "+path, shared(serve))
		mux.HandleFunc("OPTIONS "+path, preflight)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store") // RFC 6749 5.1
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Content-Security-Policy", noPage)
		w.Header().Set("X-Frame-Options", "DENY")
		mux.ServeHTTP(w, r)
	})
}

// shared lets scripts of all origins read an answer: they have nothing here but what they bring.
func shared(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		serve(w, r)
	})
}

func preflight(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Methods", "POST")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
	w.Header().Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value) // an error means that the client has gone
}

// metadata tells where everything is (RFC 8414 2).
func (s *Server) metadata(w http.ResponseWriter, _ *http.Request) {
	at := func(path string) string { return s.o.Issuer + path }
	answer(w, http.StatusOK, map[string]any{
		"issuer": s.o.Issuer, "authorization_endpoint": at("/oauth/authorize"), "token_endpoint": at("/oauth/token"),
		"revocation_endpoint": at("/oauth/revoke"), "registration_endpoint": at("/oauth/register"),
		"scopes_supported": scopeWords(), "response_types_supported": []string{"code"}, "response_modes_supported": []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"token_endpoint_auth_methods_supported":          []string{"none"},
		"revocation_endpoint_auth_methods_supported":     []string{"none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	})
}

// resource tells whose tokens are taken (RFC 9728 2).
func (s *Server) resource(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"resource": s.o.Issuer, "authorization_servers": []string{s.o.Issuer},
		"scopes_supported": scopeWords(), "bearer_methods_supported": []string{"header"}})
}

// parameters reads those of a request's body. None may come twice (RFC 6749 3.1, 3.2), and one without a value is as good as none.
func parameters(r *http.Request) (map[string]string, error) {
	if err := r.ParseForm(); err != nil {
		return nil, errors.New("the request's body is not application/x-www-form-urlencoded, or too long")
	}
	return single(r.PostForm)
}

func single(form map[string][]string) (map[string]string, error) {
	out := map[string]string{}
	for name, values := range form {
		switch {
		case len(values) > 1:
			return nil, fmt.Errorf("the parameter %.40q comes more than once", name)
		case len(values[0]) > maxParameter:
			return nil, fmt.Errorf("the parameter %.40q has more than %d bytes", name, maxParameter)
		}
		out[name] = values[0]
	}
	return out, nil
}

// remoteOf is where a request came from.
func remoteOf(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap()
}
