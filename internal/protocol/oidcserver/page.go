package oidcserver

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed pages
var files embed.FS

var (
	style = read("pages/style.css")
	pages = template.Must(template.New("").ParseFS(files, "pages/*.html"))

	// noPage is the policy of answers that show nothing.
	noPage = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

func read(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded: it is there
	}
	return string(text)
}

// policy allows a page its style, and its form to lead to us and to the place that the answer then goes to: browsers hold a form's
// redirects to form-action, too.
func policy(redirect string) string {
	sum := sha256.Sum256([]byte(style))
	actions := "'self'"
	if redirect != "" {
		actions += " " + sourceOf(redirect)
	}
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'; base-uri 'none'; form-action " + actions
}

// sourceOf is the origin of a redirect as a policy names it (CSP 3 2.3.1), which has no way to write an IPv6 address.
func sourceOf(redirect string) string {
	u, err := url.Parse(redirect)
	switch {
	case err != nil:
		return ""
	case u.Host == "" || strings.Contains(u.Host, "["):
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

// view is what a page shows.
type view struct {
	Style   template.CSS
	Server  string // who asks for the password
	Title   string
	Message string // what was wrong

	Client   string // what the program calls itself
	Place    string // where the answer goes
	Login    string
	Lines    []string // what the program may do
	Fields   map[string]string
	Redirect string
}

func (s *Server) show(w http.ResponseWriter, status int, page string, v view) {
	v.Style = template.CSS(style)
	v.Server = strings.TrimPrefix(s.o.Issuer, "https://")
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, page, v); err != nil {
		s.o.Log.Error("sign-in page: a page cannot be made", "page", page, "err", err)
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy(v.Redirect))
	w.WriteHeader(status)
	w.Write(out.Bytes())
}

// showSignIn asks for name and password.
func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request, q request, status int, login, message string) {
	fields := q.fields()
	fields["form"] = s.formToken(browser(w, r), q.binding())
	s.show(w, status, "signin.html", view{Title: "Sign in", Message: message, Client: nameOf(q.Client), Place: placeOf(q.Redirect), Login: login, Fields: fields, Redirect: q.Redirect})
}

// showQuestion asks whether the program may.
func (s *Server) showQuestion(w http.ResponseWriter, r *http.Request, q request, login, ticket string) {
	fields := map[string]string{"ticket": ticket, "state": q.State, "form": s.formToken(browser(w, r), questionBinding(ticket, q.State))}
	s.show(w, http.StatusOK, "question.html", view{Title: "Allow access", Client: nameOf(q.Client), Place: placeOf(q.Redirect), Login: login,
		Lines: scopeLines(q.Scope), Fields: fields, Redirect: q.Redirect})
}

// showError says what is wrong where nobody else can be told.
func (s *Server) showError(w http.ResponseWriter, status int, err error) {
	s.show(w, status, "error.html", view{Title: "This did not work", Message: sentence(err.Error())})
}

func nameOf(c client) string {
	if c.Name == "" {
		return "A program"
	}
	return c.Name
}

// sentence is an error's text as one for a page.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}
