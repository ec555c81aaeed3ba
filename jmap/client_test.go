package jmap_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/mailmesh/mailmesh/jmap"
)

// server is one that gives canned answers and keeps what it was asked.
type server struct {
	*httptest.Server
	answer string // to a request
	stream string // of events
	asked  string
}

const session = `{"capabilities":{"urn:ietf:params:jmap:core":{"maxCallsInRequest":16},
	"urn:ietf:params:jmap:websocket":{"url":"%s/ws","supportsPush":true}},
	"accounts":{"A1":{"name":"alice","isPersonal":true}},"primaryAccounts":{"urn:ietf:params:jmap:mail":"A1"},
	"username":"alice","apiUrl":"/api","downloadUrl":"/d/{accountId}/{blobId}/{name}?accept={type}",
	"uploadUrl":"/u/{accountId}/","eventSourceUrl":"/e?types={types}&closeafter={closeafter}&ping={ping}","state":"s"}`

func serve(t *testing.T) (*server, *jmap.Client) {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.handle))
	t.Cleanup(s.Close)
	c, err := jmap.Dial(t.Context(), s.URL, jmap.Basic("alice", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func (s *server) handle(w http.ResponseWriter, r *http.Request) {
	if name, password, _ := r.BasicAuth(); name != "alice" || password != "secret" {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"type":"about:blank","detail":"sign in"}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	switch {
	case r.URL.Path == "/.well-known/jmap":
		http.Redirect(w, r, "/session", http.StatusTemporaryRedirect)
	case r.URL.Path == "/session":
		fmt.Fprintf(w, session, "ws"+strings.TrimPrefix(s.URL, "http"))
	case r.URL.Path == "/api":
		s.asked = string(body)
		io.WriteString(w, s.answer)
	case r.URL.Path == "/e":
		s.asked = r.URL.RawQuery + " " + r.Header.Get("Last-Event-ID")
		io.WriteString(w, s.stream)
	case r.URL.Path == "/ws":
		s.socket(w, r)
	default:
		s.asked = r.Method + " " + r.RequestURI + " " + r.Header.Get("Content-Type") + " " + string(body)
		io.WriteString(w, `{"accountId":"A1","blobId":"B1","type":"text/plain","size":2}`)
	}
}

// socket answers each request with s.answer, under its id, after a change.
func (s *server) socket(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"jmap"}})
	if err != nil {
		return
	}
	defer ws.CloseNow()
	for {
		_, text, err := ws.Read(r.Context())
		if err != nil {
			return
		}
		var head struct {
			Type string `json:"@type"`
			ID   string `json:"id"`
		}
		json.Unmarshal(text, &head)
		out := `{"@type":"StateChange","changed":{"A1":{"Email":"2"}},"pushState":"p"}`
		if head.Type == "Request" {
			out = `{"@type":"Response","requestId":"` + head.ID + `",` + strings.TrimPrefix(s.answer, "{")
		}
		if ws.Write(r.Context(), websocket.MessageText, []byte(out)) != nil {
			return
		}
	}
}

// TestBatch is the example of RFC 8620 3.7: what is asked, and where the answers go.
func TestBatch(t *testing.T) {
	s, c := serve(t)
	s.answer = `{"methodResponses":[
		["Foo/changes",{"accountId":"A1","oldState":"a","newState":"b","hasMoreChanges":false,"created":["f1"],"updated":[],"destroyed":[]},"0"],
		["error",{"type":"unknownMethod","description":"none such"},"1"],
		["Email/get",{"accountId":"A1","state":"b","list":[{"id":"f1","subject":"Hi","header:List-Id:asText":"x"}],"notFound":["f2"]},"2"],
		["Email/set",{"newState":"c"},"2"]],"sessionState":"s"}`
	var b jmap.Batch
	changes := jmap.Add[jmap.ChangesResponse](&b, "Foo/changes", jmap.Changes{AccountID: "A1", SinceState: "a"})
	failed := jmap.Add[jmap.ChangesResponse](&b, "Bar/changes", jmap.Changes{AccountID: "A1", SinceState: "a"})
	get := jmap.Add[jmap.GetResponse[jmap.Email]](&b, "Email/get", jmap.Get{AccountID: "A1", IDsOf: changes.Ref("/created")})
	if err := c.Do(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	want := `{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[` +
		`["Foo/changes",{"accountId":"A1","sinceState":"a"},"0"],["Bar/changes",{"accountId":"A1","sinceState":"a"},"1"],` +
		`["Email/get",{"accountId":"A1","#ids":{"resultOf":"0","name":"Foo/changes","path":"/created"}},"2"]]}`
	if s.asked != want {
		t.Errorf("asked\n%s, want\n%s", s.asked, want)
	}
	var e *jmap.MethodError
	if !errors.As(failed.Err, &e) || e.Type != "unknownMethod" || e.Method != "Bar/changes" {
		t.Errorf("the error is %v", failed.Err)
	}
	if get.Err != nil || len(get.Value.List) != 1 || *get.Value.List[0].Subject != "Hi" || string(get.Value.List[0].Forms["header:List-Id:asText"]) != `"x"` {
		t.Errorf("Email/get: %+v, %v", get.Value, get.Err)
	}
	if len(get.Implied) != 1 || get.Implied[0].Method != "Email/set" {
		t.Errorf("implied: %+v", get.Implied)
	}
}

func TestAnswersThatDoNotFit(t *testing.T) {
	for name, answer := range map[string]string{
		"of another call":   `{"methodResponses":[["Email/get",{},"7"]]}`,
		"of another method": `{"methodResponses":[["Email/set",{},"0"]]}`,
		"none":              `{"methodResponses":[]}`,
		"not JSON":          `<html>`,
		"too long":          strings.Repeat(" ", 5000),
	} {
		s, c := serve(t)
		s.answer, c.MaxResponse = answer, 4000
		if _, err := jmap.Call[jmap.GetResponse[jmap.Email]](t.Context(), c, "Email/get", jmap.Get{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRefusedSignIn(t *testing.T) {
	s, _ := serve(t)
	_, err := jmap.Dial(t.Context(), s.URL, jmap.Bearer("x"))
	var e *jmap.RequestError
	if !errors.As(err, &e) || e.Status != http.StatusUnauthorized || e.Detail != "sign in" {
		t.Errorf("refused with %v", err)
	}
}

func TestUploadAndDownload(t *testing.T) {
	s, c := serve(t)
	up, err := c.Upload(t.Context(), "A1", "text/plain", strings.NewReader("hi"))
	if err != nil || up.BlobID != "B1" || s.asked != "POST /u/A1/ text/plain hi" {
		t.Errorf("%+v %v after %s", up, err, s.asked)
	}
	r, err := c.Download(t.Context(), "A1", "B1", "a b/ü.txt", "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if want := "GET /d/A1/B1/a%20b%2F%C3%BC.txt?accept=text%2Fplain  "; s.asked != want {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
}

func TestListen(t *testing.T) {
	s, c := serve(t)
	s.stream = ": hello\n\nevent: ping\ndata: {\"interval\":30}\n\nid: 7\r\nevent: state\r\ndata: {\"@type\":\"StateChange\",\r\n" +
		"data: \"changed\":{\"A1\":{\"Email\":\"2\"}}}\r\n\r\ndata: cut off"
	var got []string
	err := c.Listen(t.Context(), jmap.Listening{Types: []string{"Email", "Mailbox"}, LastEventID: "6"}, func(e jmap.Event) error {
		text := e.Name + " " + e.ID
		if e.Pushed.StateChange != nil {
			text += " " + e.Pushed.StateChange.Changed["A1"]["Email"]
		}
		got = append(got, text)
		return nil
	})
	if !errors.Is(err, io.EOF) || !slices.Equal(got, []string{"ping ", "state 7 2"}) {
		t.Errorf("heard %q, then %v", got, err)
	}
	if want := "types=Email%2CMailbox&closeafter=no&ping=0 6"; s.asked != want {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
}

func TestSocket(t *testing.T) {
	s, c := serve(t)
	s.answer = `{"methodResponses":[["Core/echo",{"hello":true},"0"]],"sessionState":"s"}`
	ws, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.Listen(t.Context(), []string{"Email"}, ""); err != nil {
		t.Fatal(err)
	}
	if p := <-ws.Pushed(); p.StateChange == nil || p.StateChange.PushState != "p" {
		t.Errorf("pushed %+v", p)
	}
	var b jmap.Batch
	echo := jmap.Add[map[string]bool](&b, "Core/echo", map[string]bool{"hello": true})
	if err := ws.Do(t.Context(), &b); err != nil || !echo.Value["hello"] {
		t.Errorf("%v, %v", echo.Value, err)
	}
	if err := ws.Close(); err != nil {
		t.Error(err)
	}
	if _, open := <-ws.Pushed(); open || ws.Err() == nil {
		t.Errorf("after Close: open %v, %v", open, ws.Err())
	}
	if err := ws.Do(context.Background(), &b); err == nil {
		t.Error("a request over a closed socket is taken")
	}
}

func TestApply(t *testing.T) {
	var r jmap.QueryChangesResponse
	if err := json.Unmarshal([]byte(`{"removed":["b","d","x"],"added":[{"id":"n","index":0},{"id":"d","index":2}]}`), &r); err != nil {
		t.Fatal(err)
	}
	if got := r.Apply([]jmap.ID{"a", "b", "c", "d"}); !slices.Equal(got, []jmap.ID{"n", "a", "d", "c"}) {
		t.Errorf("%v", got)
	}
}

func TestOperators(t *testing.T) {
	text, err := json.Marshal(jmap.All(jmap.EmailFilter{From: "x"}, jmap.None(jmap.EmailFilter{HasKeyword: "$seen"})))
	want := `{"operator":"AND","conditions":[{"from":"x"},{"operator":"NOT","conditions":[{"hasKeyword":"$seen"}]}]}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}
