package oidcserver

import (
	"net/http"
	"net/url"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// failure is the answer to a request of a program that failed (RFC 6749 5.2).
type failure struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// grant is the answer to one that did not (RFC 6749 5.1).
type grant struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
}

// token gives tokens for a code or a refresh token.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	p, err := parameters(r)
	if err != nil {
		answer(w, http.StatusBadRequest, failure{"invalid_request", err.Error()})
		return
	}
	id, ok := clientID(r, p)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth"`)
		answer(w, http.StatusUnauthorized, failure{"invalid_client", "programs have no secret here: say who you are by client_id"})
		return
	}
	needed := map[string][]string{"authorization_code": {"code", "redirect_uri", "code_verifier"}, "refresh_token": {"refresh_token"}}[p["grant_type"]]
	if needed == nil {
		answer(w, http.StatusBadRequest, failure{"unsupported_grant_type", "grant_type is authorization_code or refresh_token"})
		return
	}
	for _, name := range append(needed, "client_id") {
		if p[name] == "" && (name != "client_id" || id == "") {
			answer(w, http.StatusBadRequest, failure{"invalid_request", "the parameter " + name + " is missing"})
			return
		}
	}
	var tokens auth.Tokens
	if p["grant_type"] == "refresh_token" {
		tokens, err = s.o.Auth.Refresh(r.Context(), p["refresh_token"], id)
	} else {
		tokens, err = s.o.Auth.Exchange(r.Context(), p["code"], id, p["redirect_uri"], p["code_verifier"])
	}
	if err != nil {
		s.refuseGrant(w, r, err)
		return
	}
	w.Header().Set("Pragma", "no-cache")
	answer(w, http.StatusOK, grant{Access: tokens.Access, Type: "Bearer", Expires: int64(tokens.Expires / time.Second), Refresh: tokens.Refresh, Scope: scopeText(tokens.Scope)})
}

// clientID is who a program says that it is: in the body, or as the user of Basic, with no password (RFC 6749 2.3.1).
func clientID(r *http.Request, p map[string]string) (id string, ok bool) {
	user, password, basic := r.BasicAuth()
	if !basic {
		return p["client_id"], r.Header.Get("Authorization") == ""
	}
	id, err := url.QueryUnescape(user)
	return id, err == nil && password == "" && (p["client_id"] == "" || p["client_id"] == id)
}

func (s *Server) refuseGrant(w http.ResponseWriter, r *http.Request, err error) {
	switch mail.KindOf(err) {
	case mail.Denied, mail.Disabled, mail.Gone, mail.NotFound:
		answer(w, http.StatusBadRequest, failure{"invalid_grant", mail.Explain(err)})
	default:
		s.o.Log.ErrorContext(r.Context(), "sign-in page: a request failed", "path", r.URL.Path, "remote", r.RemoteAddr, "err", err)
		w.Header().Set("Retry-After", "5")
		answer(w, http.StatusServiceUnavailable, failure{"temporarily_unavailable", "this cannot be answered now, please try again later"})
	}
}

// revoke ends the session of a token (RFC 7009 2.2: also where there is none, the answer is 200).
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	p, err := parameters(r)
	switch {
	case err != nil:
		answer(w, http.StatusBadRequest, failure{"invalid_request", err.Error()})
		return
	case p["token"] == "":
		answer(w, http.StatusBadRequest, failure{"invalid_request", "the parameter token is missing"})
		return
	}
	if err := s.o.Auth.Revoke(r.Context(), p["token"]); err != nil {
		s.refuseGrant(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}
