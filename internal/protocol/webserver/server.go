package webserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits of the doors.
const (
	maxHead        = 16 << 10
	maxBody        = 64 << 10
	headTimeout    = 10 * time.Second
	requestTimeout = 30 * time.Second
	answerTimeout  = time.Minute
	idleTimeout    = time.Minute
	drainTime      = 5 * time.Second
	connections    = 20_000
	perHost        = 500
	streams        = 100 // requests at a time over one connection of HTTP/2
)

// Service is a way in for mail programs.
type Service struct {
	Protocol string // imap, pop3, smtp
	Port     int
	TLS      bool // from the start; else by STARTTLS
}

// Options say what a Server tells.
type Options struct {
	Hostname  string // of all services
	HTTPSPort int    // as seen from outside; 0: there is no such door
	Services  []Service
	STS       mtasts.Policy // of every domain
	Tx        *tx.Store
	Directory *directory.Store
	// Challenge answers a certificate authority and reports whether the request was its; nil: nobody asks.
	Challenge func(http.ResponseWriter, *http.Request) bool
	// Trusted reports whether the certificate for a host is one that clients accept.
	Trusted func(host string) bool
	// Places are those of other doors that speak HTTP, over HTTPS only: by their patterns of http.ServeMux.
	Places map[string]http.Handler
	// ThisMachine answers browsers of this machine over HTTP as over HTTPS, for the demo: they warn of its certificate, and run no
	// service worker under it, while they trust what comes from the machine itself (W3C Secure Contexts 3.1).
	ThisMachine bool
	Log         *slog.Logger // nil discards
}

// Server answers at both doors.
type Server struct{ o Options }

// New makes a Server.
func New(o Options) (*Server, error) {
	if o.Hostname == "" || o.Tx == nil || o.Directory == nil {
		return nil, errors.New("webserver: Hostname, Tx and Directory are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Trusted == nil {
		o.Trusted = func(string) bool { return false }
	}
	return &Server{o}, nil
}

// configPath is where programs look for their settings on a host that is for nothing else.
const configPath = "/mail/config-v1.1.xml"

// Secure is what is answered over HTTPS.
func (s *Server) Secure() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/mta-sts.txt", s.policy)
	mux.HandleFunc("GET /.well-known/autoconfig/mail/config-v1.1.xml", s.autoconfig)
	mux.HandleFunc("GET "+configPath, s.autoconfig)
	mux.HandleFunc("POST /autodiscover/autodiscover.xml", s.autodiscover)
	mux.HandleFunc("GET /mobileconfig", s.mobileconfig)
	mux.HandleFunc("GET /about", s.about)
	all := http.NewServeMux()
	for pattern, h := range s.o.Places {
		all.Handle(pattern, h)
	}
	own := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		if lower := strings.ToLower(r.URL.Path); lower == "/autodiscover/autodiscover.xml" { // Outlook writes it in both ways
			r.URL.Path, r.URL.RawPath = lower, ""
		}
		mux.ServeHTTP(w, r)
	})
	all.Handle("/", own)
	all.Handle(configPath, own) // what is beside it may be another door's
	return all
}

// Plain is what is answered over HTTP.
func (s *Server) Plain() http.Handler {
	secure := s.Secure()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.o.Challenge != nil && s.o.Challenge(w, r) {
			return
		}
		host := hostOf(r)
		if s.o.ThisMachine && ofThisMachine(r, host) {
			secure.ServeHTTP(w, r)
			return
		}
		if isAutoconfig(r) && (s.o.HTTPSPort == 0 || !s.o.Trusted(host)) {
			secure.ServeHTTP(w, r)
			return
		}
		if s.o.HTTPSPort == 0 {
			http.NotFound(w, r)
			return
		}
		if !s.ours(r.Context(), host) {
			host = s.o.Hostname // never to where a stranger's Host field points
		}
		target := *r.URL
		target.Scheme, target.Host = "https", s.secureHost(host)
		http.Redirect(w, r, target.String(), http.StatusPermanentRedirect) // 308 keeps a POST one
	})
}

// secureHost is a host as it stands in the URLs of the https door.
func (s *Server) secureHost(host string) string {
	if s.o.HTTPSPort == 443 {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(s.o.HTTPSPort))
}

// ofThisMachine reports whether a request comes from this machine and names it so. A name of the DNS could be led here by whoever owns it.
func ofThisMachine(r *http.Request, host string) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func isAutoconfig(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, configPath)
}

// hostOf is the name that the client thinks it speaks to: lower case, without port.
func hostOf(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// Prefixes are the hosts below a domain that have something to say for it.
var Prefixes = []string{"mta-sts", "autoconfig", "autodiscover"}

// ours reports whether a host is this server, one of its domains, or a host below it that speaks for one.
func (s *Server) ours(ctx context.Context, host string) bool {
	if host == s.o.Hostname {
		return true
	}
	for _, prefix := range Prefixes {
		if domain, ok := strings.CutPrefix(host, prefix+"."); ok {
			host = domain
			break
		}
	}
	_, err := s.domain(ctx, host)
	return err == nil
}

// domain finds a domain of this server: mail.NotFound for all others.
func (s *Server) domain(ctx context.Context, name string) (string, error) {
	var d directory.Domain
	err := s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		d, err = s.o.Directory.Domain(t, name)
		return err
	})
	if err == nil && d.Disabled || mail.Is(err, mail.Invalid) {
		err = mail.E("webserver", mail.NotFound, fmt.Errorf("%.255q is not a domain of this server", name))
	}
	return d.Name, err
}

// refuse answers an error.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusServiceUnavailable
	text := "this cannot be answered now, please try again later"
	switch mail.KindOf(err) {
	case mail.NotFound:
		status, text = http.StatusNotFound, mail.Explain(err)
	case mail.Invalid:
		status, text = http.StatusBadRequest, mail.Explain(err)
	case mail.TooLarge:
		status, text = http.StatusRequestEntityTooLarge, mail.Explain(err)
	default:
		s.o.Log.Error("web: a request failed", "path", r.URL.Path, "host", hostOf(r), "remote", r.RemoteAddr, "err", err)
	}
	http.Error(w, text, status)
}

func invalid(format string, args ...any) error {
	return mail.E("webserver", mail.Invalid, fmt.Errorf(format, args...))
}

// Serve serves a handler at a door until ctx ends; requests under way may then be finished.
func Serve(ctx context.Context, l net.Listener, h http.Handler, name string, log *slog.Logger) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: headTimeout, ReadTimeout: requestTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHead, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: streams}, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	err := server.Serve(l)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// Limit puts the limits of a door around its socket.
func Limit(l net.Listener, name string, log *slog.Logger) net.Listener {
	return listen.Limit(l, listen.Options{Name: name, Connections: connections, PerHost: perHost, Log: log})
}
