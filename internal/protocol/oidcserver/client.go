package oidcserver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	registeredPrefix = "mmreg_"
	maxClientID      = 200 // of a program that has not registered
	maxMetadata      = 1 << 10
	maxRedirects     = 5
	maxName          = 100 // characters
	sealSize         = 16
)

// client is a program that asks for tokens.
type client struct {
	id        string
	Name      string   `json:"n,omitempty"` // what it calls itself
	Redirects []string `json:"r"`           // where answers may go; none for one that has not registered
}

// clientOf finds a client by its id.
func (s *Server) clientOf(id string) (client, error) {
	sealed, registered := strings.CutPrefix(id, registeredPrefix)
	if !registered {
		if id == "" || len(id) > maxClientID || !printable(id) {
			return client{}, fmt.Errorf("the parameter client_id must be one from /oauth/register, or a name of 1 to %d characters", maxClientID)
		}
		return client{id: id, Name: id}, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < sealSize || !hmac.Equal(s.mac("client", raw[sealSize:])[:sealSize], raw[:sealSize]) {
		return client{}, errors.New("this client_id was not made by this server: register again")
	}
	c := client{}
	if err := json.Unmarshal(raw[sealSize:], &c); err != nil {
		return client{}, errors.New("this client_id cannot be read")
	}
	c.id = id
	return c, nil
}

// seal makes the id of a client that registers.
func (s *Server) seal(c client) (id string, err error) {
	raw, err := json.Marshal(c)
	if err != nil || len(raw) > maxMetadata {
		return "", fmt.Errorf("the names and redirect URIs have more than %d bytes together", maxMetadata)
	}
	return registeredPrefix + base64.RawURLEncoding.EncodeToString(append(s.mac("client", raw)[:sealSize], raw...)), nil
}

func (s *Server) mac(of string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, s.o.Secret)
	fmt.Fprintf(h, "%s\x00", of)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return h.Sum(nil)
}

// allows reports whether answers may go to a place.
func (c client) allows(redirect string) bool {
	if len(c.Redirects) == 0 {
		return checkRedirect(redirect) == nil && isLoopback(redirect)
	}
	return slices.ContainsFunc(c.Redirects, func(r string) bool {
		// RFC 8252 7.3: a program takes whatever port is free.
		return r == redirect || isLoopback(r) && isLoopback(redirect) && checkRedirect(redirect) == nil && withoutPort(r) == withoutPort(redirect)
	})
}

// checkRedirect tells which places a code can go to: https, loopback, or a program's own scheme (RFC 8252 7).
func checkRedirect(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || !printable(text) || strings.ContainsAny(text, "\\ \"'<>;,*"):
		return errors.New("it is no URI")
	case u.Fragment != "" || strings.Contains(text, "#"):
		return errors.New("it has a fragment") // RFC 6749 3.1.2
	case u.User != nil:
		return errors.New("it has a user name")
	case u.Scheme == "https" && u.Hostname() != "" && u.Opaque == "":
		return nil
	case u.Scheme == "http" && isLoopback(text):
		return nil
	// RFC 8252 7.1: a scheme of one's own is a domain name the other way round.
	case strings.Contains(u.Scheme, ".") && u.Host == "":
		return nil
	}
	return errors.New("it is neither https, nor http on loopback, nor a private scheme with a dot in it")
}

func isLoopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Opaque != "" {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && a.IsLoopback() && a.Zone() == ""
}

func withoutPort(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	u.Host = u.Hostname() // of an IPv6 address without brackets, whether it had a port or not
	return u.String()
}

// placeOf is where a redirect leads, for the page.
func placeOf(redirect string) string {
	u, err := url.Parse(redirect)
	switch {
	case err != nil:
		return redirect
	case isLoopback(redirect):
		return "a program on this device"
	case u.Scheme == "https":
		return u.Host
	}
	return "the program for " + u.Scheme
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' || r == 0x7f })
}

// register makes a client_id (RFC 7591 3).
func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Redirects []string `json:"redirect_uris"`
		Name      string   `json:"client_name"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, http.StatusBadRequest, failure{"invalid_client_metadata", "the body is not a JSON object with redirect_uris"})
		return
	}
	if len(in.Redirects) == 0 || len(in.Redirects) > maxRedirects {
		answer(w, http.StatusBadRequest, failure{"invalid_redirect_uri", fmt.Sprintf("redirect_uris has 1 to %d entries", maxRedirects)})
		return
	}
	for _, redirect := range in.Redirects {
		if err := checkRedirect(redirect); err != nil {
			answer(w, http.StatusBadRequest, failure{"invalid_redirect_uri", fmt.Sprintf("%.200q cannot be used: %v", redirect, err)})
			return
		}
	}
	in.Name = strings.TrimSpace(in.Name)
	if !utf8.ValidString(in.Name) || utf8.RuneCountInString(in.Name) > maxName || strings.ContainsFunc(in.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		answer(w, http.StatusBadRequest, failure{"invalid_client_metadata", fmt.Sprintf("client_name has at most %d characters that can be printed", maxName)})
		return
	}
	id, err := s.seal(client{Name: in.Name, Redirects: in.Redirects})
	if err != nil {
		answer(w, http.StatusBadRequest, failure{"invalid_client_metadata", err.Error()})
		return
	}
	answer(w, http.StatusCreated, map[string]any{"client_id": id, "client_id_issued_at": s.o.Now().Unix(), "redirect_uris": in.Redirects,
		"client_name": in.Name, "token_endpoint_auth_method": "none", "grant_types": []string{"authorization_code", "refresh_token"},
		"response_types": []string{"code"}, "scope": strings.Join(scopeWords(), " ")})
}
