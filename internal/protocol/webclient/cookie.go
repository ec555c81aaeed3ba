package webclient

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// CookieName begins with the prefix by which browsers keep other hosts of the domain from setting it, and hold it to the rest of what
// setCookie says (RFC 6265bis 4.1.3.2).
const CookieName = "__Host-mailmesh"

var (
	errNoCookie  = errors.New("nobody is signed in")
	errElsewhere = errors.New("a cookie signs in pages of this server only, and the browser does not say that this request is of one")
	errUse       = errors.New("what a cookie signs in to is no script, style or frame")
)

// Sent reports whether a request has the cookie.
func (s *Server) Sent(r *http.Request) bool {
	_, err := r.Cookie(CookieName)
	return err == nil
}

// SignedIn says who the cookie of a request is of. The error is mail.Denied, mail.Disabled, or what the store says.
func (s *Server) SignedIn(ctx context.Context, r *http.Request) (auth.SignIn, error) {
	b, err := s.browser(ctx, r)
	return b.SignIn, err
}

func (s *Server) browser(ctx context.Context, r *http.Request) (auth.Browser, error) {
	c, err := r.Cookie(CookieName)
	if err != nil {
		return auth.Browser{}, mail.E("webclient", mail.Denied, errNoCookie)
	}
	if err := ofOurPages(r); err != nil {
		return auth.Browser{}, mail.E("webclient", mail.Denied, err)
	}
	return s.o.Auth.Cookie(ctx, c.Value)
}

// ofOurPages refuses requests of which it is not certain that a page of ours made them: browsers send cookies by themselves.
// SameSite=Strict keeps those of other sites away already, but not those of other hosts of our domain.
func ofOurPages(r *http.Request) error {
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	ours := "https://" + r.Host
	if r.TLS == nil {
		ours = "http://" + r.Host
	}
	switch {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"): // not all browsers send the others then, and no other keeps scripts from reading
		if origin != ours {
			return errElsewhere
		}
		return nil
	case site == "same-origin":
	case site == "none" && (r.Method == http.MethodGet || r.Method == http.MethodHead): // the user has opened it: a download, a bookmark
	case site == "" && origin == ours:
	default:
		return errElsewhere
	}
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "", "empty", "document", "image", "audio", "video":
		return nil
	}
	return errUse
}

// setCookie gives a browser its cookie; with "" it takes it away.
func setCookie(w http.ResponseWriter, value string, keep bool) {
	c := &http.Cookie{Name: CookieName, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	switch {
	case value == "":
		c.MaxAge = -1
	case keep:
		c.MaxAge = int(auth.KeptTime / time.Second)
	}
	http.SetCookie(w, c)
}
