package oidcserver

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// request is what a program asks, as it came and as it was understood.
type request struct {
	Client    client
	Redirect  string
	State     string
	Challenge string
	Words     string // the scope as it came
	Hint      string // RFC 8414: login_hint, the name to begin with
	Scope     auth.Scope
}

// s256 is the form of a code challenge (RFC 7636 4.2).
var s256 = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// redirected is an error that is told to the program.
type redirected struct{ code, text string }

func (e redirected) Error() string { return e.text }

// read understands a request. An error of the type redirected may be sent back: the client and its redirect are right.
func (s *Server) read(p map[string]string) (q request, err error) {
	if q.Client, err = s.clientOf(p["client_id"]); err != nil {
		return q, err
	}
	q.Redirect, q.Words, q.Hint = p["redirect_uri"], p["scope"], p["login_hint"]
	if !q.Client.allows(q.Redirect) {
		if len(q.Client.Redirects) == 0 {
			return q, errors.New("the parameter redirect_uri must be http on this device (127.0.0.1, [::1]): a program that wants others registers them at /oauth/register")
		}
		return q, errors.New("the parameter redirect_uri is none of those that the program has registered")
	}
	if len(p["state"]) > maxState {
		return q, redirected{"invalid_request", fmt.Sprintf("state has more than %d bytes", maxState)}
	}
	q.State, q.Challenge, q.Scope = p["state"], p["code_challenge"], parseScope(q.Words)
	switch {
	case p["response_type"] != "code":
		return q, redirected{"unsupported_response_type", "response_type must be code"}
	case p["response_mode"] != "" && p["response_mode"] != "query":
		return q, redirected{"invalid_request", "response_mode must be query"}
	case p["code_challenge_method"] != "S256" || !s256.MatchString(q.Challenge): // RFC 9700 2.1.1: PKCE, and not plain
		return q, redirected{"invalid_request", "code_challenge is missing, or code_challenge_method is not S256 (RFC 7636)"}
	case p["request"] != "":
		return q, redirected{"request_not_supported", "the parameter request is not supported"}
	case p["prompt"] == "none":
		return q, redirected{"login_required", "nobody is signed in without being asked"}
	case q.Scope == 0:
		return q, redirected{"invalid_scope", "none of the scopes is known"}
	}
	return q, nil
}

// fields are the request's parameters, to be sent again by the form.
func (q request) fields() map[string]string {
	return map[string]string{"client_id": q.Client.id, "redirect_uri": q.Redirect, "state": q.State, "scope": q.Words, "code_challenge": q.Challenge,
		"code_challenge_method": "S256", "response_type": "code"}
}

// begin shows the page.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) {
	p, err := single(r.URL.Query())
	if err != nil {
		s.showError(w, http.StatusBadRequest, err)
		return
	}
	q, err := s.read(p)
	if err != nil {
		s.turnBack(w, r, q, err)
		return
	}
	s.showSignIn(w, r, q, http.StatusOK, q.Hint, "")
}

// turnBack tells what is wrong with a request, to the program where that may be told.
func (s *Server) turnBack(w http.ResponseWriter, r *http.Request, q request, err error) {
	var told redirected
	if !errors.As(err, &told) {
		s.showError(w, http.StatusBadRequest, err)
		return
	}
	s.sendBack(w, r, q.Redirect, url.Values{"error": {told.code}, "error_description": {told.text}}, q.State)
}

// sendBack sends the browser back to the program (RFC 6749 4.1.2), and says who does (RFC 9207 2).
func (s *Server) sendBack(w http.ResponseWriter, r *http.Request, redirect string, values url.Values, state string) {
	u, err := url.Parse(redirect)
	if err != nil {
		s.showError(w, http.StatusBadRequest, err)
		return
	}
	query := u.Query()
	for name := range values {
		query.Set(name, values.Get(name))
	}
	if state != "" {
		query.Set("state", state)
	}
	query.Set("iss", s.o.Issuer)
	u.RawQuery = query.Encode()
	w.Header().Set("Location", u.String()) // http.Redirect would make a path of a private scheme
	w.WriteHeader(http.StatusSeeOther)     // RFC 9700 4.12: never 307, which would send the password along
}

// signIn takes name and password, and asks whether the program may.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	p, err := s.form(r)
	if err != nil {
		s.showError(w, http.StatusForbidden, err)
		return
	}
	q, err := s.read(p)
	if err != nil {
		s.turnBack(w, r, q, err)
		return
	}
	if err := s.checkForm(r, p["form"], q.binding()); err != nil {
		s.showSignIn(w, r, q, http.StatusForbidden, p["username"], sentence(err.Error()))
		return
	}
	in, err := s.o.Auth.Verify(r.Context(), auth.Attempt{Login: p["username"], Password: p["password"], Remote: remoteOf(r), Protocol: "web",
		Session: "web-" + strconv.FormatInt(s.o.Now().UnixNano(), 36), TLS: r.TLS != nil})
	var ticket string
	if err == nil {
		ticket, err = s.o.Auth.Ask(r.Context(), in, auth.Question{Client: q.Client.id, Name: q.Client.Name, Redirect: q.Redirect, Scope: q.Scope, Challenge: q.Challenge})
	}
	if err != nil {
		s.refuse(w, r, q, p["username"], err)
		return
	}
	s.showQuestion(w, r, q, in.Login(), ticket)
}

// refuse shows the page again with what was wrong.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, q request, login string, err error) {
	var wait auth.Wait
	switch mail.KindOf(err) {
	case mail.Denied, mail.Disabled:
		s.showSignIn(w, r, q, http.StatusForbidden, login, sentence(mail.Explain(err)))
	case mail.Limit:
		if errors.As(err, &wait) {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.For.Seconds()))))
		}
		s.showSignIn(w, r, q, http.StatusTooManyRequests, login, sentence(mail.Explain(err)))
	default:
		s.o.Log.ErrorContext(r.Context(), "sign-in page: a request failed", "path", r.URL.Path, "remote", r.RemoteAddr, "err", err)
		w.Header().Set("Retry-After", "5")
		s.showSignIn(w, r, q, http.StatusServiceUnavailable, login, "You cannot sign in at this moment. Please try again in a minute.")
	}
}

// consent takes the answer to the question.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	p, err := s.form(r)
	if err == nil {
		err = s.checkForm(r, p["form"], questionBinding(p["ticket"], p["state"]))
	}
	if err != nil {
		s.showError(w, http.StatusForbidden, err)
		return
	}
	var v auth.Session
	back := url.Values{"error": {"access_denied"}, "error_description": {"the user has said no"}}
	if p["answer"] == "allow" {
		var code string
		v, code, err = s.o.Auth.Allow(r.Context(), p["ticket"])
		back = url.Values{"code": {code}}
	} else {
		v, err = s.o.Auth.Refuse(r.Context(), p["ticket"])
	}
	switch {
	case mail.Is(err, mail.Denied) || mail.Is(err, mail.Disabled):
		s.showError(w, http.StatusForbidden, errTooLate)
		return
	case err != nil:
		s.o.Log.ErrorContext(r.Context(), "sign-in page: a request failed", "path", r.URL.Path, "remote", r.RemoteAddr, "err", err)
		s.showError(w, http.StatusServiceUnavailable, errors.New("this cannot be answered now, please try again later"))
		return
	}
	s.o.Log.InfoContext(r.Context(), "sign-in page: a program was answered", "account", v.Account, "client", v.Client, "session", v.ID, "allowed", p["answer"] == "allow", "remote", r.RemoteAddr)
	s.sendBack(w, r, v.Redirect, back, p["state"])
}

var errTooLate = fmt.Errorf("this question is no longer open: go back to the program and begin again within %d minutes", int(auth.TicketTime/time.Minute))
