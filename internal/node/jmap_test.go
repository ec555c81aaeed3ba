package node_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// jmapDoor is a client of the JMAP door over TLS.
type jmapDoor struct {
	t       testing.TB
	http    *http.Client
	base    string
	who     node.DemoAccount
	account string
	last    *http.Response
}

// openJMAP signs in, by HTTP/2 if the server has it, or without.
func openJMAP(t testing.TB, n *nodetest.Node, who node.DemoAccount, http2 bool) *jmapDoor {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}
	t.Cleanup(transport.CloseIdleConnections)
	j := &jmapDoor{t: t, http: &http.Client{Transport: transport}, base: "https://" + n.Doors["https"], who: who}
	var session struct {
		PrimaryAccounts map[string]string `json:"primaryAccounts"`
		APIURL          string            `json:"apiUrl"`
	}
	j.decode(j.do("GET", "/.well-known/jmap", "", ""), &session)
	j.account = session.PrimaryAccounts["urn:ietf:params:jmap:core"]
	if session.APIURL != j.base+"/jmap/api" || j.account == "" {
		t.Fatalf("the session is %+v", session)
	}
	return j
}

func (j *jmapDoor) do(verb, path, kind, body string, fields ...string) []byte {
	j.t.Helper()
	r, err := http.NewRequestWithContext(j.t.Context(), verb, j.base+path, strings.NewReader(body))
	if err != nil {
		j.t.Fatal(err)
	}
	r.SetBasicAuth(j.who.Address, j.who.Password)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	if j.last, err = j.http.Do(r); err != nil {
		j.t.Fatal(err)
	}
	defer j.last.Body.Close()
	text, err := io.ReadAll(j.last.Body)
	if err != nil {
		j.t.Fatal(err)
	}
	return text
}

func (j *jmapDoor) decode(text []byte, into any) {
	j.t.Helper()
	if err := json.Unmarshal(text, into); err != nil || j.last.StatusCode >= 300 {
		j.t.Fatalf("%s %.300s: %v", j.last.Status, text, err)
	}
}

// call makes one call and gives the arguments of its response.
func (j *jmapDoor) call(using, name, args string) (response map[string]any) {
	j.t.Helper()
	body := fmt.Sprintf(`{"using":["urn:ietf:params:jmap:core",%q],"methodCalls":[[%q,%s,"0"]]}`, using, name, strings.ReplaceAll(args, "$account", j.account))
	var out struct {
		Responses [][3]json.RawMessage `json:"methodResponses"`
	}
	j.decode(j.do("POST", "/jmap/api", "application/json", body), &out)
	if got := string(out.Responses[0][0]); got != fmt.Sprintf("%q", name) {
		j.t.Fatalf("%s: %s %s", name, got, out.Responses[0][1])
	}
	if err := json.Unmarshal(out.Responses[0][1], &response); err != nil {
		j.t.Fatal(err)
	}
	return response
}

// The JMAP door over TLS, by HTTP/1.1 and HTTP/2: the session, calls, what is uploaded is downloaded, also in part.
func TestJMAP(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	for version, http2 := range map[int]bool{1: false, 2: true} {
		j := openJMAP(t, n, n.Accounts[0], http2)
		if j.last.ProtoMajor != version {
			t.Errorf("the client speaks HTTP/%d", j.last.ProtoMajor)
		}
		if got := j.call("urn:ietf:params:jmap:core", "Core/echo", `{"hello":true}`); got["hello"] != true {
			t.Errorf("echo: %v", got)
		}
		content := strings.Repeat("0123456789", 200_000)
		var up struct {
			BlobID string `json:"blobId"`
			Size   int    `json:"size"`
		}
		j.decode(j.do("POST", "/jmap/upload/"+j.account+"/", "text/plain", content), &up)
		path := "/jmap/download/" + j.account + "/" + up.BlobID + "/a.txt?type=text%2Fplain"
		if got := j.do("GET", path, "", ""); !bytes.Equal(got, []byte(content)) || j.last.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("downloaded are %d bytes, %s", len(got), j.last.Header.Get("Content-Type"))
		}
		if got := j.do("GET", path, "", "", "Range", "bytes=1000003-1000006"); string(got) != "3456" || j.last.StatusCode != http.StatusPartialContent {
			t.Errorf("a part: %s %q", j.last.Status, got)
		}
	}
	j := openJMAP(t, n, n.Accounts[1], true)
	j.who.Password = "wrong"
	if j.do("GET", "/.well-known/jmap", "", ""); j.last.StatusCode != http.StatusUnauthorized || j.last.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a wrong password: %s", j.last.Status)
	}
}

// RFC 9698 3: mailboxes and messages have the same ids over IMAP and JMAP.
func TestJMAPAccess(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	alice := n.Accounts[0]
	imap := n.SignIn(t, alice.Address, alice.Password)
	j := openJMAP(t, n, alice, true)
	const mail = "urn:ietf:params:jmap:mail"
	for _, m := range j.call(mail, "Mailbox/get", `{"accountId":"$account"}`)["list"].([]any) {
		box := m.(map[string]any)
		if box["parentId"] != nil {
			continue
		}
		name := box["name"].(string)
		if answer := imap.OK("STATUS %q (MAILBOXID)", name); !strings.Contains(answer, "MAILBOXID ("+box["id"].(string)+")") {
			t.Errorf("%s is %v over JMAP, and IMAP says %s", name, box["id"], answer)
		}
	}
	imap.OK("SELECT INBOX")
	seen := 0
	ids := imap.OK("FETCH 1:* (EMAILID THREADID)")
	for _, e := range j.call(mail, "Email/get", `{"accountId":"$account","ids":null,"properties":["threadId"]}`)["list"].([]any) {
		email := e.(map[string]any)
		if strings.Contains(ids, "EMAILID ("+email["id"].(string)+") THREADID ("+email["threadId"].(string)+")") {
			seen++
		}
	}
	if want := strings.Count(ids, "EMAILID"); seen != want || want == 0 {
		t.Errorf("of %d messages in the INBOX %d have the same ids over JMAP:\n%s", want, seen, ids)
	}
}
