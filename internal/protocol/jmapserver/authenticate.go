package jmapserver

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// Scheme is one way to sign in (RFC 9110 11).
type Scheme interface {
	Name() string // "Basic"
	// Challenge is what WWW-Authenticate says of it, with the name. refused is why it was refused, nil where it was not tried.
	Challenge(refused error) string
	// Authenticate says who a request is by, from what stands behind the name in its Authorization field. A refusal is
	// mail.Denied, mail.Disabled, or mail.Limit with auth.Wait.
	Authenticate(ctx context.Context, credentials string, r *http.Request) (*method.User, error)
}

// authenticate finds out who asks, or answers.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) (*method.User, error) {
	u, tried, err := s.tryToSignIn(r)
	if err == nil {
		return u, nil
	}
	p := &method.Problem{Type: "about:blank", Status: http.StatusUnauthorized, Detail: mail.Explain(err)}
	var wait auth.Wait
	switch {
	case mail.Is(err, mail.Denied):
		s.challenge(w, r, tried, err)
	case mail.Is(err, mail.Disabled):
		p.Status = http.StatusForbidden
	case mail.Is(err, mail.Limit):
		p.Status = http.StatusTooManyRequests
		if errors.As(err, &wait) {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.For.Seconds()))))
		}
	default:
		p = s.problemOf(r, &method.User{}, err)
	}
	fail(w, p)
	return nil, err
}

// tryToSignIn finds out who asks, by the scheme that the request names, or by its cookie where it names none.
func (s *Server) tryToSignIn(r *http.Request) (u *method.User, tried Scheme, err error) {
	field := r.Header.Get("Authorization")
	name, credentials, _ := strings.Cut(field, " ")
	how := ""
	if err = mail.E("jmapserver.authenticate", mail.Denied, errNoScheme); field == "" && s.hasCookie(r) {
		how = cookieName
		u, err = s.byCookie(r)
	}
	for _, scheme := range s.o.Schemes {
		if strings.EqualFold(name, scheme.Name()) { // RFC 9110 11.1
			tried, how = scheme, scheme.Name()
			u, err = scheme.Authenticate(r.Context(), strings.TrimLeft(credentials, " "), r)
			break
		}
	}
	switch {
	case err == nil:
		s.o.Observer.SignedIn(how)
	case how != "":
		s.o.Observer.SignInFailed(how, mail.KindOf(err))
	}
	return u, tried, err
}

// challenge says how one may sign in.
func (s *Server) challenge(w http.ResponseWriter, r *http.Request, tried Scheme, err error) {
	for _, scheme := range s.o.Schemes {
		if _, asks := scheme.(basic); asks && s.ofPage(r) {
			continue // at this challenge a browser would ask its user for a password, over the page that can do so itself
		}
		var refused error
		if scheme == tried {
			refused = err
		}
		w.Header().Add("WWW-Authenticate", scheme.Challenge(refused))
	}
}

var errNoScheme = errors.New("sign in: the request has no Authorization field, or one of a scheme that this server does not have")

// basic is the scheme Basic (RFC 7617): the account's address with its password or an app password.
type basic struct{ auth *auth.Store }

// Basic is signing in with a password.
func Basic(a *auth.Store) Scheme { return basic{a} }

func (basic) Name() string           { return "Basic" }
func (basic) Challenge(error) string { return `Basic realm="mail", charset="UTF-8"` }

func (b basic) Authenticate(ctx context.Context, _ string, r *http.Request) (*method.User, error) {
	login, password, ok := r.BasicAuth()
	if !ok {
		return nil, mail.E("jmapserver.Basic", mail.Denied, errBasic)
	}
	session := "jmap-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	in, err := b.auth.Verify(ctx, auth.Attempt{Login: login, Password: password, Remote: RemoteOf(r), Protocol: "jmap", Session: session, TLS: r.TLS != nil})
	if err != nil {
		return nil, err
	}
	u := userOf(b.auth, in, r)
	u.Session = session
	return u, nil
}

var errBasic = errors.New("Basic needs base64 of the address, a colon, and the password (RFC 7617 2)")

// RemoteOf is where a request came from.
func RemoteOf(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap()
}
