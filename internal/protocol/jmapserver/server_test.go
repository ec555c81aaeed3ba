package jmapserver_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const echo = `{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":1},"c"]]}`

func TestSession(t *testing.T) {
	d := open(t)
	answer := d.do(request("GET", "https://mail.example.org/.well-known/jmap", ""))
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "application/json; charset=utf-8" || !strings.Contains(answer.Header.Get("Cache-Control"), "no-store") {
		t.Fatalf("%s, %v", answer.Status, answer.Header)
	}
	s := object(t, answer)
	ann := doortest.Ann.String()
	for path, want := range map[string]any{
		"username":                        doortest.AnnAddress,
		"apiUrl":                          "https://mail.example.org/jmap/api",
		"uploadUrl":                       "https://mail.example.org/jmap/upload/{accountId}/",
		"downloadUrl":                     "https://mail.example.org/jmap/download/{accountId}/{blobId}/{name}?type={type}",
		"eventSourceUrl":                  "https://mail.example.org/jmap/eventsource?types={types}&closeafter={closeafter}&ping={ping}",
		"accounts " + ann + " name":       doortest.AnnAddress,
		"accounts " + ann + " isPersonal": true,
		"accounts " + ann + " isReadOnly": false,
		"accounts " + ann + " accountCapabilities urn:example:own n":         1.0,
		"primaryAccounts urn:ietf:params:jmap:core":                          ann,
		"primaryAccounts urn:example:own":                                    ann,
		"capabilities urn:example:places url":                                "https://mail.example.org/x",
		"capabilities urn:ietf:params:jmap:core maxSizeUpload":               float64(maxUpload),
		"capabilities urn:ietf:params:jmap:core maxCallsInRequest":           float64(method.MaxCallsInRequest),
		"capabilities urn:ietf:params:jmap:core collationAlgorithms":         []any{},
		"accounts " + ann + " accountCapabilities urn:ietf:params:jmap:core": map[string]any{},
		"accounts " + ann + " accountCapabilities urn:example:places":        nil,
		"accounts " + doortest.Bob.String():                                  nil,
		"primaryAccounts urn:example:places":                                 nil,
		"capabilities urn:ietf:params:jmap:core maxConcurrentUpload":         4.0,
		"capabilities urn:ietf:params:jmap:core maxConcurrentRequests":       float64(method.MaxConcurrentRequests),
		"capabilities urn:ietf:params:jmap:core maxObjectsInGet":             float64(method.MaxObjectsInGet),
		"capabilities urn:ietf:params:jmap:core maxObjectsInSet":             float64(method.MaxObjectsInSet),
		"capabilities urn:ietf:params:jmap:core maxSizeRequest":              float64(method.MaxSizeRequest),
	} {
		var v any = s
		for _, name := range strings.Split(path, " ") {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		if fmt.Sprint(v) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", path, v, want)
		}
	}
	response := object(t, d.call(echo))
	if response["sessionState"] != s["state"] {
		t.Errorf("a response says the session's state is %v, the session %v", response["sessionState"], s["state"])
	}
}

// Who shares mailboxes appears in the session, with another state.
func TestSessionOfShared(t *testing.T) {
	d := open(t)
	before := object(t, d.do(request("GET", "/.well-known/jmap", "")))
	inbox := d.Path(doortest.Bob, mailbox.Inbox)
	d.Must(d.Tx.Write(t.Context(), []mail.AccountID{doortest.Ann, doortest.Bob}, func(t *tx.Tx) error {
		return d.Mailbox.As(doortest.Bob).Grant(t, doortest.Bob, inbox.ID, mailbox.SetRights, mailbox.Grant{Grantee: doortest.Ann, Rights: mail.RightLookup | mail.RightRead})
	}))
	after := object(t, d.do(request("GET", "/.well-known/jmap", "")))
	shared, _ := after["accounts"].(map[string]any)[doortest.Bob.String()].(map[string]any)
	if shared["isPersonal"] != false || shared["isReadOnly"] != true || shared["name"] != doortest.BobAddress || after["state"] == before["state"] {
		t.Errorf("the account that is shared: %v, states %v and %v", shared, before["state"], after["state"])
	}
	d.Must(d.Tx.Write(t.Context(), []mail.AccountID{doortest.Ann, doortest.Bob}, func(t *tx.Tx) error {
		return d.Mailbox.As(doortest.Bob).Grant(t, doortest.Bob, inbox.ID, mailbox.AddRights, mailbox.Grant{Grantee: doortest.Ann, Rights: mail.RightSeen})
	}))
	more := object(t, d.do(request("GET", "/.well-known/jmap", "")))
	if s := more["accounts"].(map[string]any)[doortest.Bob.String()].(map[string]any); s["isReadOnly"] != false || more["state"] == after["state"] {
		t.Errorf("with the right to change something: %v", s)
	}
	if caps := shared["accountCapabilities"].(map[string]any); caps["urn:example:own"] != nil {
		t.Errorf("it has %v", caps)
	}
}

func TestSignIn(t *testing.T) {
	d := open(t)
	app := d.AddAppPassword()
	for name, tt := range map[string]struct {
		field  string
		status int
	}{
		"nothing":        {"", 401},
		"no scheme":      {"x", 401},
		"other scheme":   {"Digest x", 401},
		"no base64":      {"Basic ?", 401},
		"no colon":       {"Basic " + base64.StdEncoding.EncodeToString([]byte("ann")), 401},
		"wrong password": {"Basic " + base64.StdEncoding.EncodeToString([]byte(doortest.AnnAddress+":wrong")), 401},
		"other case":     {"bAsIc " + base64.StdEncoding.EncodeToString([]byte(doortest.AnnAddress+":"+doortest.AnnPassword)), 200},
		"app password":   {"Basic " + base64.StdEncoding.EncodeToString([]byte(doortest.AnnAddress+":"+app)), 200},
	} {
		for _, place := range []string{"GET /.well-known/jmap", "POST /jmap/api", "POST /jmap/upload/A1/", "GET /jmap/download/A1/B1/x"} {
			verb, path, _ := strings.Cut(place, " ")
			r := request(verb, path, echo, "Authorization", tt.field, "Content-Type", "application/json")
			answer := d.do(r)
			if tt.status == 401 {
				wantProblem(t, name+" "+place, answer, 401, "about:blank", "")
				if got := answer.Header.Values("WWW-Authenticate"); len(got) != 2 || !strings.HasPrefix(got[0], "Bearer ") || got[1] != `Basic realm="mail", charset="UTF-8"` {
					t.Errorf("%s: the challenges are %q", name, got)
				}
			} else if answer.StatusCode == 401 {
				t.Errorf("%s: %s %s", name, place, answer.Status)
			}
		}
	}
	d.Write(doortest.Ann, func(t *tx.Tx) error { return d.Directory.SetDisabled(t, doortest.Ann, true) })
	wantProblem(t, "switched off", d.call(echo), 403, "about:blank", "")
}

// After too many failures one is told to wait, whatever the password.
func TestSignInThrottled(t *testing.T) {
	d := open(t)
	var last *http.Response
	for i := range 30 {
		r := request("GET", "/.well-known/jmap", "")
		r.SetBasicAuth(doortest.AnnAddress, fmt.Sprint("guess", i))
		last = d.do(r)
		if last.StatusCode == 429 {
			break
		}
	}
	if last.StatusCode != 429 || last.Header.Get("Retry-After") == "" {
		t.Errorf("30 guesses end with %s, %v", last.Status, last.Header)
	}
}

func TestAPI(t *testing.T) {
	d := open(t)
	answer := d.call(echo)
	if got := text(t, answer); answer.StatusCode != 200 || !strings.HasPrefix(got, `{"methodResponses":[["Core/echo",{"a":1},"c"]],"sessionState":"`) {
		t.Errorf("%s %s", answer.Status, got)
	}
	large := strings.Repeat(" ", method.MaxSizeRequest)
	for name, tt := range map[string]struct{ kind, body, typ, limit string }{
		"type":       {"text/plain", echo, method.NotJSON, ""},
		"no type":    {"", echo, method.NotJSON, ""},
		"JSON":       {"application/json", "{", method.NotJSON, ""},
		"no request": {"application/json; charset=utf-8", "{}", method.NotRequest, ""},
		"capability": {"application/json", `{"using":["urn:x"],"methodCalls":[]}`, method.UnknownCapability, ""},
		"large":      {"application/json", echo + large, method.LimitExceeded, "maxSizeRequest"},
	} {
		wantProblem(t, name, d.do(request("POST", "/jmap/api", tt.body, "Content-Type", tt.kind)), 400, tt.typ, tt.limit)
	}
	r := request("POST", "/jmap/api", echo+large, "Content-Type", "application/json")
	r.ContentLength = -1 // it comes in chunks
	wantProblem(t, "large, without a length", d.do(r), 400, method.LimitExceeded, "maxSizeRequest")
	if answer := d.do(request("GET", "/jmap/api", "")); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %s", answer.Status)
	}
}

// One user's requests are bounded, and do not bound another's.
func TestConcurrentRequests(t *testing.T) {
	d := open(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	d.wait = func() { entered <- struct{}{}; <-leave }
	const waiting = `{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Test/wait",{},"c"]]}`
	var running sync.WaitGroup
	for range method.MaxConcurrentRequests {
		running.Go(func() {
			if answer := d.call(waiting); answer.StatusCode != 200 {
				t.Error(answer.Status)
			}
		})
	}
	for range method.MaxConcurrentRequests {
		<-entered
	}
	answer := d.call(echo)
	if answer.Header.Get("Retry-After") == "" {
		t.Error("it is not told when to come again")
	}
	wantProblem(t, "one more", answer, 429, method.LimitExceeded, "maxConcurrentRequests")
	r := request("POST", "/jmap/api", echo, "Content-Type", "application/json")
	r.SetBasicAuth(doortest.BobAddress, doortest.BobPassword)
	if answer := d.do(r); answer.StatusCode != 200 {
		t.Errorf("another user: %s", answer.Status)
	}
	close(leave)
	running.Wait()
	if answer := d.call(echo); answer.StatusCode != 200 {
		t.Errorf("afterwards: %s", answer.Status)
	}
}

// held is a body that does not come, or a client that does not read.
type held struct {
	http.ResponseWriter
	entered, leave chan struct{}
}

func (h held) Read([]byte) (int, error) {
	h.entered <- struct{}{}
	<-h.leave
	return 0, io.ErrUnexpectedEOF
}

func (h held) Write(text []byte) (int, error) {
	h.entered <- struct{}{}
	<-h.leave
	return len(text), nil
}

// Whoever does not finish requests, or does not read the responses, has no more of them in memory than one who does.
func TestHeldRequests(t *testing.T) {
	for name, of := range map[string]func(held) (http.ResponseWriter, *http.Request){
		"a body that does not come": func(h held) (http.ResponseWriter, *http.Request) {
			r := request("POST", "/jmap/api", "", "Content-Type", "application/json")
			r.Body, r.ContentLength = io.NopCloser(h), method.MaxSizeRequest
			return httptest.NewRecorder(), r
		},
		"an answer that is not read": func(h held) (http.ResponseWriter, *http.Request) {
			return h, request("POST", "/jmap/api", echo, "Content-Type", "application/json")
		},
	} {
		d, h := open(t), held{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
		var running sync.WaitGroup
		for range method.MaxConcurrentRequests {
			running.Go(func() { d.server.ServeHTTP(of(held{httptest.NewRecorder(), h.entered, h.leave})) })
		}
		for range method.MaxConcurrentRequests {
			<-h.entered
		}
		wantProblem(t, name, d.call(echo), 429, method.LimitExceeded, "maxConcurrentRequests")
		close(h.leave)
		running.Wait()
		if answer := d.call(echo); answer.StatusCode != 200 {
			t.Errorf("%s, afterwards: %s", name, answer.Status)
		}
	}
}

// Scripts of any origin may ask; a preflight is answered without signing in.
func TestOrigins(t *testing.T) {
	d := open(t)
	r := request("OPTIONS", "/jmap/api", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST", "Authorization", "")
	answer := d.do(r)
	if answer.StatusCode != 204 || answer.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(answer.Header.Get("Access-Control-Allow-Headers"), "Authorization") ||
		!strings.Contains(answer.Header.Get("Access-Control-Allow-Methods"), "POST") || answer.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%s %v", answer.Status, answer.Header)
	}
	for _, answer := range []*http.Response{d.call(echo), d.do(request("GET", "/.well-known/jmap", "", "Authorization", ""))} {
		if answer.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: a script cannot read it", answer.Status)
		}
	}
}
