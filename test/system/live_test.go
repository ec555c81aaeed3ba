//go:build system

package system

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/jmap"
)

// TestLive is two people who write to each other: Ann in one program with a WebSocket, Bob in another, and Bob's telephone, which
// idles over IMAP. Ann types, and Bob sees it; she sends, and sees the message queued, delivered and displayed as Bob opens it; his
// telephone changes at the same time.
func TestLive(t *testing.T) {
	s := newServer(t, "--demo")
	ann, bob := newPerson(t, s, 0), newPerson(t, s, 1)
	acquaint(t, ann, bob)
	ann.listen(t)
	bob.listen(t)
	for _, p := range []*person{ann, bob} {
		p.until(t, signal("online")) // both listen
	}
	phone := newPhone(t, s, 1)
	show := &story{t: t, begin: time.Now()}

	show.says("Ann begins to type")
	ann.call(t, "Signal/send", map[string]any{"accountId": ann.account, "to": []string{bob.address}, "state": "composing"})
	bob.until(t, signal("composing"))
	show.sees("Bob sees Ann typing")

	show.says("Ann sends")
	submission := ann.send(t, bob.address, "Lunch?")
	show.sees("Ann's program is told that the message is kept")
	bob.until(t, changed(bob.account, "Email"))
	show.sees("Bob's program is told of new mail")
	phone.hears(t, " EXISTS")
	show.sees("Bob's telephone is told of new mail (IDLE)")
	ann.status(t, submission, bob.address, "delivered", "yes")
	show.sees("Ann sees it delivered")

	show.says("Bob opens it")
	bob.open(t, "Lunch?")
	phone.hears(t, `\Seen`)
	show.sees("Bob's telephone shows it as read (IDLE)")
	ann.status(t, submission, bob.address, "displayed", "yes")
	show.sees("Ann sees it displayed")
	ann.sentCopyHas(t, "Lunch?", "$delivered", "$displayed")
	show.print()
}

// story is what happens, and how long it took from what began it.
type story struct {
	t     *testing.T
	begin time.Time
	lines []string
}

func (s *story) says(what string) {
	s.lines, s.begin = append(s.lines, what), time.Now()
}

func (s *story) sees(what string) {
	s.lines = append(s.lines, fmt.Sprintf("  %6.1f ms  %s", float64(time.Since(s.begin).Microseconds())/1000, what))
}

// print writes the story where test/run finds it, and into the test's log.
func (s *story) print() {
	text := strings.Join(s.lines, "\n") + "\n"
	s.t.Log("\n" + text)
	path := os.Getenv("MAILMESH_STORY")
	if path == "" {
		return
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Error(err)
	}
}

// person is a client with a WebSocket.
type person struct {
	c       *jmap.Client
	socket  *jmap.Socket
	account jmap.ID
	address string
	boxes   map[string]jmap.ID // by role
}

func newPerson(t *testing.T, s *server, i int) *person {
	t.Helper()
	_, port, err := net.SplitHostPort(s.ready.HTTPS)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	a := s.ready.Accounts[i]
	c, err := jmap.Dial(t.Context(), "https://localhost:"+port, jmap.Basic(a.Address, a.Password), jmap.Options{HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	p := &person{c: c, account: c.Session.Primary(jmap.Mail), address: a.Address, boxes: map[string]jmap.ID{}}
	got, err := jmap.Call[jmap.GetResponse[jmap.Mailbox]](t.Context(), c, "Mailbox/get", jmap.Get{AccountID: p.account})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range got.List {
		if m.Role != nil {
			p.boxes[*m.Role] = m.ID
		}
	}
	return p
}

// acquaint has each write to the other: mutual contacts see each other's signals.
func acquaint(t *testing.T, a, b *person) {
	t.Helper()
	a.send(t, b.address, "Hello")
	b.send(t, a.address, "Hello yourself")
}

// send writes a message, keeps it in Sent and hands it in.
func (p *person) send(t *testing.T, to, subject string) (submission jmap.ID) {
	t.Helper()
	var b jmap.Batch
	b.Use(jmap.Submission)
	ids := jmap.Add[jmap.GetResponse[jmap.Identity]](&b, "Identity/get", jmap.Get{AccountID: p.account})
	if err := p.c.Do(t.Context(), &b); err != nil || ids.Err != nil || len(ids.Value.List) == 0 {
		t.Fatalf("no identity: %v, %v", err, ids.Err)
	}
	b = jmap.Batch{}
	email := jmap.Add[jmap.SetResponse[jmap.Email]](&b, "Email/set", jmap.Set{AccountID: p.account, Create: map[string]any{"m": map[string]any{
		"mailboxIds": map[jmap.ID]bool{p.boxes["sent"]: true}, "keywords": map[string]bool{"$seen": true}, "subject": subject,
		"from": []jmap.Address{{Email: p.address}}, "to": []jmap.Address{{Email: to}},
		"textBody": []any{map[string]any{"partId": "1", "type": "text/plain"}}, "bodyValues": map[string]any{"1": map[string]any{"value": "Hi.\n"}},
	}}})
	sent := jmap.Add[jmap.SetResponse[jmap.EmailSubmission]](&b, "EmailSubmission/set", jmap.Set{AccountID: p.account, Create: map[string]any{
		"s": map[string]any{"emailId": "#m", "identityId": ids.Value.List[0].ID},
	}})
	if err := p.c.Do(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{email.Err, sent.Err, email.Value.Err(), sent.Value.Err()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return sent.Value.Created["s"].ID
}

func (p *person) call(t *testing.T, method string, args any) {
	t.Helper()
	var b jmap.Batch
	b.Use(jmap.Live)
	r := jmap.Add[map[string]any](&b, method, args)
	if err := p.socket.Do(t.Context(), &b); err != nil || r.Err != nil {
		t.Fatalf("%s: %v, %v", method, err, r.Err)
	}
}

func (p *person) listen(t *testing.T) {
	t.Helper()
	var err error
	if p.socket, err = p.c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.socket.Close() })
	if err := p.socket.Listen(t.Context(), []string{"Email", "EmailSubmission", "Signal"}, ""); err != nil {
		t.Fatal(err)
	}
}

const liveLimit = 10 * time.Second

// until waits for a pushed object.
func (p *person) until(t *testing.T, wanted func(jmap.Pushed) bool) {
	t.Helper()
	limit := time.After(liveLimit)
	for {
		select {
		case pushed, open := <-p.socket.Pushed():
			if !open {
				t.Fatalf("the WebSocket has ended: %v", p.socket.Err())
			}
			if wanted(pushed) {
				return
			}
		case <-limit:
			t.Fatalf("nothing is pushed to %s for %v", p.address, liveLimit)
		}
	}
}

func signal(state string) func(jmap.Pushed) bool {
	return func(p jmap.Pushed) bool { return p.Type == "Signal" && strings.Contains(string(p.Raw), `"`+state+`"`) }
}

func changed(account jmap.ID, typ string) func(jmap.Pushed) bool {
	return func(p jmap.Pushed) bool { return p.StateChange != nil && p.StateChange.Changed[account][typ] != "" }
}

// status waits until a property of the submission's status at a recipient has a value, asking only when something is pushed.
func (p *person) status(t *testing.T, id jmap.ID, recipient, property, want string) {
	t.Helper()
	for {
		got, err := jmap.Call[jmap.GetResponse[jmap.EmailSubmission]](t.Context(), p.c, "EmailSubmission/get", jmap.Get{AccountID: p.account, IDs: []jmap.ID{id}})
		if err != nil || len(got.List) != 1 {
			t.Fatalf("EmailSubmission/get: %+v, %v", got, err)
		}
		s := got.List[0].DeliveryStatus[recipient]
		if value := map[string]string{"delivered": s.Delivered, "displayed": s.Displayed}[property]; value == want {
			return
		}
		p.until(t, changed(p.account, "EmailSubmission"))
	}
}

// open shows a message: it is marked as seen.
func (p *person) open(t *testing.T, subject string) {
	t.Helper()
	found, err := jmap.Call[jmap.QueryResponse](t.Context(), p.c, "Email/query", jmap.Query{
		AccountID: p.account, Filter: jmap.EmailFilter{InMailbox: p.boxes["inbox"], Subject: subject},
	})
	if err != nil || len(found.IDs) != 1 {
		t.Fatalf("%d messages are found: %v", len(found.IDs), err)
	}
	set, err := jmap.Call[jmap.SetResponse[jmap.Email]](t.Context(), p.c, "Email/set", jmap.Set{
		AccountID: p.account, Update: map[jmap.ID]jmap.Patch{found.IDs[0]: {"keywords/$seen": true}},
	})
	if err != nil || set.Err() != nil {
		t.Fatalf("%v, %v", err, set.Err())
	}
}

// sentCopyHas waits until the copy in Sent has keywords, by which plain IMAP clients see what became of a message.
func (p *person) sentCopyHas(t *testing.T, subject string, keywords ...string) {
	t.Helper()
	for {
		var b jmap.Batch
		found := jmap.Add[jmap.QueryResponse](&b, "Email/query", jmap.Query{
			AccountID: p.account, Filter: jmap.EmailFilter{InMailbox: p.boxes["sent"], Subject: subject},
		})
		got := jmap.Add[jmap.GetResponse[jmap.Email]](&b, "Email/get", jmap.Get{AccountID: p.account, IDsOf: found.Ref("/ids"), Properties: []string{"keywords"}})
		if err := p.c.Do(t.Context(), &b); err != nil || got.Err != nil || len(got.Value.List) != 1 {
			t.Fatalf("%+v, %v, %v", got.Value, err, got.Err)
		}
		all := true
		for _, k := range keywords {
			all = all && got.Value.List[0].Keywords[k]
		}
		if all {
			return
		}
		p.until(t, changed(p.account, "Email"))
	}
}

// phone idles over IMAP and TLS.
type phone struct{ r *bufio.Reader }

func newPhone(t *testing.T, s *server, i int) *phone {
	t.Helper()
	nc, err := tls.Dial("tcp", s.ready.IMAPS, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Minute))
	p := &phone{bufio.NewReader(nc)}
	a := s.ready.Accounts[i]
	for _, say := range []string{"a LOGIN " + a.Address + " " + a.Password, "b SELECT INBOX", "c IDLE"} {
		fmt.Fprintf(nc, "%s\r\n", say)
		if end := say[:1] + " OK"; !strings.HasSuffix(say, "IDLE") {
			p.hears(t, end)
		}
	}
	p.hears(t, "+ ")
	return p
}

// hears waits for a line with a text in it.
func (p *phone) hears(t *testing.T, text string) {
	t.Helper()
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			t.Fatalf("waiting for %q: %v", text, err)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}
