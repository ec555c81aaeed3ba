package webclient

import (
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

const (
	sessionPath  = "/session"
	passwordPath = sessionPath + "/password"
)

// whoever is who is signed in.
type whoever struct {
	Login string `json:"login"`
}

// who says who is signed in. That begins the time of a cookie anew that is kept: the client asks whenever it starts.
func (s *Server) who(w http.ResponseWriter, r *http.Request) {
	b, err := s.browser(r.Context(), r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if c, err := r.Cookie(CookieName); err == nil && b.Keep {
		setCookie(w, c.Value, true)
	}
	answer(w, http.StatusOK, whoever{b.Login()})
}

// signIn takes name and password, and gives the cookie.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Login    string `json:"login"`
		Password string `json:"password"`
		Keep     bool   `json:"keep"`
	}
	if err := read(r, &asked); err != nil {
		s.refuse(w, r, err)
		return
	}
	in, err := s.o.Auth.Verify(r.Context(), attempt(r, asked.Login, asked.Password))
	var cookie string
	var v auth.Session
	if err == nil {
		cookie, v, err = s.o.Auth.BeginBrowser(r.Context(), in, auth.Begin{Name: browserName(r.UserAgent()), Keep: asked.Keep})
	}
	if err != nil {
		s.o.Observer.SignInFailed(mail.KindOf(err))
		s.refuse(w, r, err)
		return
	}
	s.o.Observer.SignedIn()
	if c, err := r.Cookie(CookieName); err == nil { // the browser has one cookie: what it was signed in with before nobody has any more
		if err := s.o.Auth.EndBrowser(r.Context(), c.Value); err != nil {
			s.o.Log.WarnContext(r.Context(), "web: the session that a browser had before was not ended", "account", v.Account, "err", err)
		}
	}
	setCookie(w, cookie, asked.Keep)
	answer(w, http.StatusOK, whoever{in.Login()})
}

// signOut ends the session, and takes the cookie away.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	err := ofOurPages(r)
	if err != nil {
		s.refuse(w, r, mail.E("webclient", mail.Denied, err))
		return
	}
	if c, none := r.Cookie(CookieName); none == nil {
		err = s.o.Auth.EndBrowser(r.Context(), c.Value)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	setCookie(w, "", false)
	w.WriteHeader(http.StatusNoContent)
}

// changePassword gives the account another password, and ends its other sessions.
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) {
	b, err := s.browser(r.Context(), r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	var asked struct {
		Old string `json:"old"`
		New string `json:"new"`
	}
	if err = read(r, &asked); err == nil {
		err = s.o.Auth.ChangePassword(r.Context(), b.SignIn, attempt(r, b.Login(), asked.Old), asked.New)
	}
	switch {
	case errors.Is(err, auth.ErrCredentials): // not 401: one is signed in
		fail(w, &problem{Status: http.StatusForbidden, Detail: "the old password is wrong"})
	case err != nil:
		s.refuse(w, r, err)
	default:
		answer(w, http.StatusOK, whoever{b.Login()})
	}
}

// read reads what a page of ours has sent.
func read(r *http.Request, into any) error {
	if err := ofOurPages(r); err != nil { // signing somebody in who does not know it is an attack, too
		return mail.E("webclient", mail.Denied, err)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return invalid("the Content-Type is application/json, not %.100q", r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return mail.E("webclient", mail.TooLarge, fmt.Errorf("a request has at most %d bytes", maxBody))
	case err != nil:
		return invalid("the request has not come to its end")
	}
	if err := ijson.Strict(body, into); err != nil {
		return invalid("%v", err)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return mail.E("webclient", mail.Invalid, fmt.Errorf(format, args...))
}

func attempt(r *http.Request, login, password string) auth.Attempt {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return auth.Attempt{Login: login, Password: password, Remote: at.Addr().Unmap(), Protocol: "web", Session: "web-" + strconv.FormatInt(time.Now().UnixNano(), 36), TLS: r.TLS != nil}
}

// problem is what is answered to what cannot be done (RFC 9457 3).
type problem struct {
	Type   string `json:"type"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// refuse answers an error.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := &problem{Status: http.StatusServiceUnavailable, Detail: "the server cannot do this now: try again later"}
	var wait auth.Wait
	switch mail.KindOf(err) {
	case mail.Denied:
		if p.Status = http.StatusUnauthorized; errors.Is(err, errElsewhere) || errors.Is(err, errUse) { // signing in would not help
			p.Status = http.StatusForbidden
		}
	case mail.Disabled:
		p.Status = http.StatusForbidden
	case mail.Invalid:
		p.Status = http.StatusBadRequest
	case mail.TooLarge:
		p.Status = http.StatusRequestEntityTooLarge
	case mail.Limit:
		p.Status = http.StatusTooManyRequests
		seconds := 1
		if errors.As(err, &wait) {
			seconds = int(math.Ceil(wait.For.Seconds()))
		}
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	default:
		w.Header().Set("Retry-After", "5")
		if r.Context().Err() == nil {
			s.o.Log.ErrorContext(r.Context(), "web: a request failed", "path", r.URL.Path, "remote", r.RemoteAddr, "err", err)
		}
		fail(w, p)
		return
	}
	p.Detail = mail.Explain(err)
	fail(w, p)
}

func fail(w http.ResponseWriter, p *problem) {
	p.Type = "about:blank"
	write(w, "application/problem+json", p.Status, p)
}

func answer(w http.ResponseWriter, status int, v any) { write(w, "application/json", status, v) }

func write(w http.ResponseWriter, kind string, status int, v any) {
	text, err := ijson.Marshal(v)
	if err != nil {
		http.Error(w, "the server has failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	w.Write(text) // an error means that the browser has gone
}
