package unsubscribing

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/infra/fetch/fetchtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const post = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"

// world is a server, a list's web server, and a DNS with the key of example.com.
type world struct {
	*jmapservertest.Server
	web *fetchtest.Web
	key dkim.Key

	mu     sync.Mutex
	lost   bool     // DNS says nothing
	posted []string // path, type and body of what came
	status int
	now    time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{status: http.StatusOK, now: time.Unix(1800000000, 0)}
	private, err := dkim.NewKey(dkim.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	w.key = dkim.Key{Domain: "example.com", Selector: "s", Private: private}
	record, err := dkim.Record(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	w.web = fetchtest.Start(t, http.HandlerFunc(w.serve))
	w.web.Resolve("inward.example.com", "127.0.0.1")
	lookup := func(_ context.Context, name string) ([]string, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case w.lost:
			return nil, errors.New("no answer")
		case name == "s._domainkey.example.com":
			return []string{record}, nil
		}
		return nil, nil
	}
	w.Server = jmapservertest.Open(t, dbtest.OnSQLite, func(r *method.Registry, rooms *doortest.Rooms) {
		New(Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies, Lookup: lookup, Fetch: w.web.Client(t), Now: func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }}).Register(r)
	})
	return w
}

func (w *world) serve(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	context := ""
	for _, name := range []string{"Cookie", "Authorization", "Referer", "X-Forwarded-For"} {
		context += r.Header.Get(name)
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	value := ""
	if strings.Contains(string(body), `name="List-Unsubscribe"`) && strings.Contains(string(body), "One-Click") {
		value = "one click"
	}
	w.posted = append(w.posted, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+kind+" "+value+context))
	if w.status/100 == 3 {
		out.Header().Set("Location", "/elsewhere")
	}
	out.WriteHeader(w.status)
}

// deliver puts a message into Ann's INBOX and returns its id. signed: with these fields of it.
func (w *world) deliver(fields string, signed bool) string {
	w.T.Helper()
	const body = "text\r\n"
	head := "From: list@example.com\r\n" + fields + "\r\n"
	if signed {
		signature, err := dkim.Sign([]dkim.Key{w.key}, []byte(head), strings.NewReader(body))
		w.Must(err)
		head = signature + head
	}
	return w.put(head + body)
}

func (w *world) put(message string) (id string) {
	w.T.Helper()
	w.Deliver(doortest.Ann, mailbox.Inbox, message)
	w.Read(func(t *tx.Tx) error {
		ids, err := w.Mailbox.EmailIDs(t, doortest.Ann, 1000)
		id = ids[len(ids)-1].String()
		return err
	})
	return id
}

func (w *world) get(ids ...string) (list, notFound []any) {
	w.T.Helper()
	name, r := w.Call("Unsubscribe/get", map[string]any{"accountId": doortest.Ann.String(), "ids": ids})
	if name != "Unsubscribe/get" {
		w.T.Fatalf("%s: %v", name, r)
	}
	return r["list"].([]any), r["notFound"].([]any)
}

func (w *world) send(id string) (failed string) {
	w.T.Helper()
	name, r := w.Call("Unsubscribe/send", map[string]any{"accountId": doortest.Ann.String(), "id": id})
	if name == "error" {
		return r["type"].(string)
	}
	if r["id"] != id {
		w.T.Errorf("the answer is %v", r)
	}
	return ""
}

// Signatures are checked over all of a body, which is work that is counted.
func TestWork(t *testing.T) {
	w := newWorld(t)
	id := w.deliver("List-Unsubscribe: <https://"+fetchtest.Host+"/a>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", true)
	if got := w.CallTired("Unsubscribe/get", map[string]any{"accountId": doortest.Ann.String(), "ids": []string{id}}); got != "requestTooLarge" {
		t.Errorf("the answer is %q", got)
	}
}

// What is signed, and only that, is posted as RFC 8058 says.
func TestSend(t *testing.T) {
	w := newWorld(t)
	const offered = "List-Unsubscribe: <mailto:leave@example.com>, <https://web.example.com/leave?who=1>\r\n" + post
	good := w.deliver(offered, true)
	list, _ := w.get(good)
	if o := list[0].(map[string]any); o["oneClick"] != true || o["page"] != "https://web.example.com/leave?who=1" || o["mail"] != "mailto:leave@example.com" || o["id"] != good {
		t.Errorf("offered is %v", o)
	}
	if len(w.posted) > 0 {
		t.Fatalf("posted without being told to: %v", w.posted) // RFC 8058 3.2
	}
	if failed := w.send(good); failed != "" {
		t.Fatal(failed)
	}
	if len(w.posted) != 1 || w.posted[0] != "POST /leave?who=1 multipart/form-data one click" {
		t.Errorf("posted %q", w.posted)
	}
	w.posted = nil
	whole := func(head string) string { return head + "From: list@example.com\r\n" + offered + "\r\ntext\r\n" }
	signature, err := dkim.Sign([]dkim.Key{w.key}, []byte(whole("")[:strings.Index(whole(""), "text")]), strings.NewReader("text\r\n"))
	w.Must(err)
	for what, id := range map[string]string{
		"not signed":       w.deliver(offered, false),
		"not offered":      w.deliver("List-Unsubscribe: <https://web.example.com/leave>\r\n", true),
		"added":            w.put("List-Unsubscribe: <https://web.example.com/evil>\r\n" + whole(signature)),
		"post added":       w.put(post + signatureOf(w, "From: list@example.com\r\nList-Unsubscribe: <https://web.example.com/leave>\r\n\r\n") + "From: list@example.com\r\nList-Unsubscribe: <https://web.example.com/leave>\r\n\r\ntext\r\n"),
		"changed":          w.put(strings.Replace(whole(signature), "who=1", "who=2", 1)),
		"another domain":   w.put(whole(strings.Replace(signature, "d=example.com", "d=example.net", 1))),
		"not https":        w.deliver("List-Unsubscribe: <http://web.example.com/leave>\r\n"+post, true),
		"a strange port":   w.deliver("List-Unsubscribe: <https://web.example.com:25/leave>\r\n"+post, true),
		"a number as host": w.deliver("List-Unsubscribe: <https://2130706433/leave>\r\n"+post, true),
	} {
		if failed := w.send(id); failed != string(NoOneClick) {
			t.Errorf("%s: %q", what, failed)
		}
		if list, _ := w.get(id); list[0].(map[string]any)["oneClick"] != false {
			t.Errorf("%s: one click is offered", what)
		}
	}
	if failed := w.send(w.deliver("List-Unsubscribe: <https://inward.example.com/leave>\r\n"+post, true)); failed != string(Failed) {
		t.Errorf("inward: %q", failed)
	}
	if len(w.posted) > 0 {
		t.Errorf("posted %q", w.posted)
	}
	w.mu.Lock()
	w.lost = true
	w.mu.Unlock()
	if failed := w.send(good); failed != string(NoOneClick) {
		t.Errorf("while the key cannot be had: %q", failed)
	}
}

func signatureOf(w *world, head string) string {
	signature, err := dkim.Sign([]dkim.Key{w.key}, []byte(head), strings.NewReader("text\r\n"))
	w.Must(err)
	return signature
}

// What the list's server says is told, and a redirect is not followed.
func TestSendFails(t *testing.T) {
	w := newWorld(t)
	id := w.deliver("List-Unsubscribe: <https://web.example.com/leave>\r\n"+post, true)
	for _, status := range []int{404, 500, 302, 307} {
		w.mu.Lock()
		w.status, w.posted = status, nil
		w.mu.Unlock()
		if failed := w.send(id); failed != string(Failed) || len(w.posted) != 1 {
			t.Errorf("%d: %q, after %q", status, failed, w.posted)
		}
	}
	w.status = http.StatusNoContent
	if failed := w.send(id); failed != "" {
		t.Error(failed)
	}
}

// Nobody's and others' emails are not there, and so are those that the owner has deleted.
func TestNotFound(t *testing.T) {
	w := newWorld(t)
	mine := w.deliver("List-Unsubscribe: <https://web.example.com/leave>\r\n"+post, true)
	if list, notFound := w.get("M77", "x", mine, mine); len(list) != 1 || len(notFound) != 2 {
		t.Errorf("%v, %v", list, notFound)
	}
	for _, id := range []string{"M77", "", "x"} {
		if failed := w.send(id); failed != string(method.NotFound) {
			t.Errorf("%q: %q", id, failed)
		}
	}
	args := map[string]any{"accountId": doortest.Ann.String(), "id": mine}
	if name, r := w.CallAs(doortest.Bob, "Unsubscribe/send", args); name != "error" || r["type"] != string(method.AccountNotFound) {
		t.Errorf("another user: %s, %v", name, r)
	}
	args["accountId"] = doortest.Bob.String()
	if name, r := w.CallAs(doortest.Bob, "Unsubscribe/send", args); name != "error" || r["type"] != string(method.NotFound) {
		t.Errorf("another account: %s, %v", name, r)
	}
	for what, args := range map[string]any{"no ids": map[string]any{"accountId": doortest.Ann.String(), "ids": 7}, "unknown": map[string]any{"accountId": doortest.Ann.String(), "ids": []string{}, "x": 1}} {
		if name, r := w.Call("Unsubscribe/get", args); name != "error" || r["type"] != string(method.InvalidArguments) {
			t.Errorf("%s: %s, %v", what, name, r)
		}
	}
	many := make([]string, MaxGet+1)
	for i := range many {
		many[i] = mail.EmailID(i + 1).String()
	}
	if name, r := w.Call("Unsubscribe/get", map[string]any{"accountId": doortest.Ann.String(), "ids": many}); name != "error" || r["type"] != string(method.RequestTooLarge) {
		t.Errorf("too many: %s, %v", name, r)
	}
}

func TestBudget(t *testing.T) {
	now := time.Unix(1800000000, 0)
	b := newBudget(func() time.Time { return now })
	for i := range MaxSends {
		if !b.take(1) {
			t.Fatalf("the %dth was refused", i+1)
		}
	}
	if b.take(1) || !b.take(2) {
		t.Error("the budget is not that of an account")
	}
	if now = now.Add(time.Hour); !b.take(1) {
		t.Error("an hour later there is none")
	}
}
