package jmapserver

import (
	"context"
	"net/http"
	"strconv"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// Cookie is how pages of this server sign in, whose requests bear no Authorization field. Browsers add cookies by themselves, so
// that it is to take those requests only of which it is certain that a page of ours made them.
type Cookie interface {
	// Sent reports whether a request has one.
	Sent(r *http.Request) bool
	// SignedIn says who it is of. The error is mail.Denied or mail.Disabled where it signs in nobody.
	SignedIn(ctx context.Context, r *http.Request) (auth.SignIn, error)
}

// cookieName is what observers know signing in by a cookie as.
const cookieName = "Cookie"

func (s *Server) hasCookie(r *http.Request) bool { return s.o.Cookie != nil && s.o.Cookie.Sent(r) }

func (s *Server) byCookie(r *http.Request) (*method.User, error) {
	in, err := s.o.Cookie.SignedIn(r.Context(), r)
	if err != nil {
		return nil, err
	}
	u := userOf(s.o.Auth, in, r)
	u.Session = "jmap-" + strconv.FormatInt(in.Session(), 36)
	u.ByCookie = true
	return u, nil
}

// ofPage reports whether a request is of the web client, signed in or not.
func (s *Server) ofPage(r *http.Request) bool {
	return s.hasCookie(r) || r.Header.Get("Sec-Fetch-Site") == "same-origin"
}
