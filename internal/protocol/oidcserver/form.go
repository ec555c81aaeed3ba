package oidcserver

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// cookieName begins with a prefix by which browsers keep other hosts of the domain from setting it (RFC 6265bis 4.1.3.2).
	cookieName = "__Host-signin"
	formTime   = 10 * time.Minute
)

var (
	errForm   = errors.New("this page was open for too long, or the browser keeps no cookies: please try again")
	errOrigin = errors.New("this form was sent by another site: nothing was done")
)

// form reads a form that one of our pages has sent.
func (s *Server) form(r *http.Request) (map[string]string, error) {
	if err := s.origin.Check(r); err != nil {
		return nil, errOrigin
	}
	return parameters(r)
}

// browser is the value of the cookie, set where the browser has none. It lasts as long as the browser runs and says nothing about who.
func browser(w http.ResponseWriter, r *http.Request) string {
	if c, err := r.Cookie(cookieName); err == nil && len(c.Value) == 22 {
		return c.Value
	}
	raw := make([]byte, 16)
	rand.Read(raw)
	value := base64.RawURLEncoding.EncodeToString(raw)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return value
}

// formToken proves that a form with this content was shown in this browser, not long ago.
func (s *Server) formToken(browser string, binding []string) string {
	until := strconv.FormatInt(s.o.Now().Add(formTime).Unix(), 36)
	return until + "." + base64.RawURLEncoding.EncodeToString(s.formMAC(browser, until, binding))
}

func (s *Server) formMAC(browser, until string, binding []string) []byte {
	parts := [][]byte{[]byte(browser), []byte(until)}
	for _, b := range binding {
		parts = append(parts, []byte(b))
	}
	return s.mac("form", parts...)
}

// checkForm takes a token of formToken.
func (s *Server) checkForm(r *http.Request, token string, binding []string) error {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return errForm
	}
	until, mac, _ := strings.Cut(token, ".")
	seconds, err := strconv.ParseInt(until, 36, 64)
	if err != nil || s.o.Now().Unix() > seconds {
		return errForm
	}
	raw, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil || !hmac.Equal(raw, s.formMAC(c.Value, until, binding)) {
		return errForm
	}
	return nil
}

// binding is what a form of the sign-in page is good for.
func (q request) binding() []string {
	return []string{"sign-in", q.Client.id, q.Redirect, q.State, q.Words, q.Challenge}
}

func questionBinding(ticket, state string) []string { return []string{"question", ticket, state} }
