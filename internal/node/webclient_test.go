package node_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// page is the web client in a browser: what it sends is what a browser sends for it.
type page struct {
	t      testing.TB
	http   *http.Client
	door   string
	cookie string
}

func openPage(t testing.TB, n *nodetest.Node) *page {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &page{t, &http.Client{Transport: transport}, n.Doors["https"], ""}
}

func (p *page) do(method, path, body string, header ...string) (int, string) {
	p.t.Helper()
	r, err := http.NewRequest(method, "https://"+p.door+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for name, value := range map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Content-Type": "application/json", "Cookie": p.cookie,
		"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"} {
		r.Header.Set(name, value)
	}
	if method != http.MethodGet {
		r.Header.Set("Origin", "https://"+p.door)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	for _, c := range answer.Cookies() {
		p.cookie = c.Name + "=" + c.Value
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func (p *page) signIn(a node.DemoAccount) {
	p.t.Helper()
	if status, text := p.do("POST", "/session", `{"login":"`+a.Address+`","password":"`+a.Password+`"}`); status != http.StatusOK || !strings.HasPrefix(p.cookie, "__Host-mailmesh=") {
		p.t.Fatal(status, text, p.cookie)
	}
}

// socket opens a WebSocket with the fields that Chromium sends, and no others.
func (p *page) socket(origin string) (*websocket.Conn, *http.Response, error) {
	p.t.Helper()
	return websocket.Dial(p.t.Context(), "wss://"+p.door+"/jmap/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}}}, Subprotocols: []string{"jmap"},
		HTTPHeader: http.Header{"Origin": {origin}, "Cookie": {p.cookie}, "Cache-Control": {"no-cache"}, "Pragma": {"no-cache"}, "Accept-Language": {"en-US,en;q=0.9"}}})
}

func (p *page) connect() *websocket.Conn {
	p.t.Helper()
	ws, _, err := p.socket("https://" + p.door)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { ws.CloseNow() })
	if ws.Subprotocol() != "jmap" {
		p.t.Errorf("it speaks %q", ws.Subprotocol())
	}
	if got := greet(p.t, ws); !strings.Contains(got, `"hello":true`) {
		p.t.Errorf("answered %s", got)
	}
	return ws
}

// events opens an event source.
func (p *page) events() io.Reader {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodGet, "https://"+p.door+"/jmap/eventsource?types=Email&closeafter=no&ping=0", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Cookie", p.cookie)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := p.http.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		p.t.Fatal(answer, err)
	}
	p.t.Cleanup(func() { answer.Body.Close() })
	return answer.Body
}

func openOther(t testing.TB, n *nodetest.Node, a node.DemoAccount) *page {
	t.Helper()
	p := openPage(t, n)
	p.signIn(a)
	return p
}

// endOthers ends all sessions but this, as the list of them in the client does.
func (p *page) endOthers() {
	p.t.Helper()
	_, text := p.do("GET", "/.well-known/jmap", "")
	var session struct{ PrimaryAccounts map[string]string }
	if err := json.Unmarshal([]byte(text), &session); err != nil {
		p.t.Fatal(err)
	}
	call := func(name, args string) map[string]any {
		_, text := p.do("POST", "/jmap/api", `{"using":["https://mailmesh.org/jmap/sessions"],"methodCalls":[["`+name+`",{"accountId":"`+session.PrimaryAccounts["https://mailmesh.org/jmap/sessions"]+`",`+args+`},"0"]]}`)
		var got struct{ MethodResponses [][]any }
		if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.MethodResponses) != 1 || got.MethodResponses[0][0] != name {
			p.t.Fatal(err, text)
		}
		return got.MethodResponses[0][1].(map[string]any)
	}
	mine := 0
	for _, v := range call("SignIn/get", `"ids":null`)["list"].([]any) {
		o := v.(map[string]any)
		if o["isCurrent"] == true {
			mine++
			if o["kind"] != "web" || o["name"] != "Chrome on Linux" {
				p.t.Errorf("this browser is shown as %v", o)
			}
			continue
		}
		call("SignIn/set", `"destroy":["`+o["id"].(string)+`"]`)
	}
	if mine != 1 {
		p.t.Errorf("%d of the sessions are this browser's", mine)
	}
}

// greet has a request answered.
func greet(t testing.TB, ws *websocket.Conn) string {
	t.Helper()
	const hello = `{"@type":"Request","id":"1","using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"hello":true},"0"]]}`
	if err := ws.Write(t.Context(), websocket.MessageText, []byte(hello)); err != nil {
		t.Fatal(err)
	}
	_, text, err := ws.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The browser signs in once, and then reads mail, hears of changes, and downloads, by its cookie alone.
func TestWebClient(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	p := openPage(t, n)
	if status, text := p.do("GET", "/", ""); status != http.StatusOK || !strings.Contains(text, "<script") {
		t.Errorf("the page: %d %.200s", status, text)
	}
	if status, text := p.do("GET", "/about", ""); status != http.StatusOK || !strings.Contains(text, "is a mail server") {
		t.Errorf("what this is: %d %.200s", status, text)
	}
	if status, _ := p.do("GET", "/mail/config-v1.1.xml?emailaddress="+n.Accounts[0].Address, ""); status != http.StatusOK {
		t.Errorf("settings for programs: %d", status)
	}
	if status, _ := p.do("GET", "/.well-known/jmap", ""); status != http.StatusUnauthorized {
		t.Errorf("before: %d", status)
	}
	p.signIn(n.Accounts[0])
	_, text := p.do("GET", "/.well-known/jmap", "")
	var session struct {
		Username        string
		PrimaryAccounts map[string]string
	}
	if err := json.Unmarshal([]byte(text), &session); err != nil || session.Username != n.Accounts[0].Address {
		t.Fatal(err, text)
	}
	account := session.PrimaryAccounts["urn:ietf:params:jmap:core"]
	_, text = p.do("POST", "/jmap/upload/"+account+"/", "<script>alert(1)</script>", "Content-Type", "text/html")
	var up struct{ BlobID string }
	if err := json.Unmarshal([]byte(text), &up); err != nil || up.BlobID == "" {
		t.Fatal(err, text)
	}
	download := "/jmap/download/" + account + "/" + up.BlobID + "/x.js?type=text/javascript"
	if status, _ := p.do("GET", download, ""); status != http.StatusOK {
		t.Errorf("downloading: %d", status)
	}
	for _, fields := range [][]string{{"Sec-Fetch-Dest", "script"}, {"Sec-Fetch-Dest", "serviceworker"}, {"Sec-Fetch-Site", "cross-site"}} {
		if status, _ := p.do("GET", download, "", fields...); status != http.StatusUnauthorized {
			t.Errorf("downloading with %q: %d", fields, status)
		}
	}
	if _, answer, err := p.socket("https://evil.example"); err == nil || answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a WebSocket for another site: %v", err)
	}
	p.connect()
}

// What ends the session ends its connections at once.
func TestWebSessionEnds(t *testing.T) {
	cfg := nodetest.Config(t)
	n := nodetest.Start(t, cfg, nil)
	admin, done, err := node.OpenAdmin(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	ann := n.Accounts[0]
	for _, c := range []struct {
		name string
		end  func(p *page) error
	}{
		{"signed out", func(p *page) error { p.do("DELETE", "/session", ""); return nil }},
		{"ended in another browser", func(p *page) error { openOther(t, n, ann).endOthers(); return nil }},
		{"revoked", func(*page) error { return admin.RevokeSession(t.Context(), ann.Address, "") }},
		{"password changed elsewhere", func(*page) error {
			other := openPage(t, n)
			other.signIn(ann)
			defer func() { ann.Password = "another password" }()
			kept := other.connect()
			if status, text := other.do("POST", "/session/password", `{"old":"`+ann.Password+`","new":"another password"}`); status != http.StatusOK {
				t.Fatal(status, text)
			}
			if got := greet(t, kept); !strings.Contains(got, "hello") {
				t.Errorf("who has changed it is signed out: %s", got)
			}
			return nil
		}},
		{"another password", func(*page) error { return admin.SetPassword(t.Context(), ann.Address, "an entirely new one") }},
	} {
		p := openPage(t, n)
		p.signIn(ann)
		ws := p.connect()
		events := p.events()
		ended := make(chan error, 1)
		go func() {
			_, _, err := ws.Read(context.WithoutCancel(t.Context()))
			ended <- err
		}()
		cookie := p.cookie
		if err := c.end(p); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		select {
		case err = <-ended:
		case <-time.After(20 * time.Second): // sooner than a ping would find out
			t.Fatalf("%s: the connection goes on", c.name)
		}
		if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("%s: the connection ended with %v", c.name, err)
		}
		if text, err := io.ReadAll(events); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: the event source ended with %v, %q", c.name, err, text)
		}
		p.cookie = cookie
		if status, _ := p.do("GET", "/session", ""); status != http.StatusUnauthorized {
			t.Errorf("%s: then %d", c.name, status)
		}
	}
}
