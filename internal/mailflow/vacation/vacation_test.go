package vacation_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/internal/store/vacation"
)

// world is a server with ann, who is away, and bob.
type world struct {
	*mailflowtest.Rooms
	ann, bob mail.AccountID
	n        int
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		w := &world{Rooms: mailflowtest.New(t, open(), mailflowtest.Options{})}
		w.ann, w.bob = w.Account("ann"), w.Account("bob")
		w.Alias("a", "ann")
		w.Alias("team", "ann", "bob")
		text := "I am on the sea.\n"
		w.set(vacation.Response{Enabled: true, Text: &text})
		test(t, w)
	})
}

func (w *world) set(r vacation.Response) {
	w.T.Helper()
	w.Must(w.Tx.Write(w.T.Context(), []mail.AccountID{w.ann}, func(t *tx.Tx) error { return w.Responses.Set(t, w.ann, r) }))
}

// receive takes a message from elsewhere, and returns what is answered.
func (w *world) receive(from, to, header string) (answers []mailflowtest.Owed) {
	w.T.Helper()
	before := len(w.Owing())
	w.n++
	e := w.Envelope(fmt.Sprint("m", w.n), to)
	e.ReversePath = mailflowtest.Address(from)
	if from == "" {
		e.ReversePath = mail.Address{}
	}
	if _, err := w.Take(e, strings.NewReader(header+"\r\n\r\nText.\r\n")); err != nil {
		w.T.Fatal(err)
	}
	return w.Owing()[before:]
}

const plain = "From: x@elsewhere.example\r\nTo: Ann <ann@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@elsewhere.example>\r\nReferences: <0@elsewhere.example>"

func TestAnswer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		answers := w.receive("x@elsewhere.example", "ann", plain)
		if len(answers) != 1 {
			t.Fatalf("%d answers; the log: %q", len(answers), w.Log.Lines())
		}
		a := answers[0]
		if e := a.Envelope; !e.ReversePath.IsNull() || len(e.Recipients) != 1 || e.Recipients[0].Address.String() != "x@elsewhere.example" || e.Recipients[0].Notify != mail.NotifyNever {
			t.Errorf("%+v", e)
		}
		for _, want := range []string{"From: ann@example.org\r\n", "To: x@elsewhere.example\r\n", "Subject: Auto: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n", "In-Reply-To: <1@elsewhere.example>\r\n",
			"References: <0@elsewhere.example> <1@elsewhere.example>\r\n", "Auto-Submitted: auto-replied (vacation)\r\n", "Message-ID: <vacation.", "Date: ", "\r\n\r\nI am on the sea.\r\n"} {
			if !strings.Contains(a.Content, want) {
				t.Errorf("no %q in\n%s", want, a.Content)
			}
		}
		if len(w.receive("x@elsewhere.example", "ann", plain)) != 0 {
			t.Error("answered twice")
		}
		if len(w.receive("y@elsewhere.example", "ann", plain)) != 1 {
			t.Error("another is not answered")
		}
		if n := len(w.Inbox(w.ann)); n != 3 {
			t.Errorf("ann has %d messages", n)
		}
		if n := w.Objects(); n != 5 { // three messages and two answers
			t.Errorf("%d objects are stored", n)
		}
	})
}

// Of our own users too, and their answer comes from the address that they wrote to.
func TestSubmittedHere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := &mail.Envelope{ID: "s", ReversePath: mailflowtest.Address("bob")}
		w.Must(w.Submit(w.bob, e, strings.NewReader("From: bob@example.org\r\nTo: a+tag@example.org\r\nSubject: x\r\n\r\n"), "a+tag"))
		owed := w.Owing()
		if len(owed) != 1 || !strings.Contains(owed[0].Content, "From: a+tag@example.org\r\n") || owed[0].Envelope.Recipients[0].Address.String() != "bob@example.org" {
			t.Errorf("%+v", owed)
		}
	})
}

func TestNotAnswered(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, tt := range map[string]struct{ from, to, header string }{
			"null reverse-path": {"", "ann", plain},
			"bounce":            {"mailer-daemon@elsewhere.example", "ann", plain},
			"owner":             {"owner-list@elsewhere.example", "ann", plain},
			"request":           {"list-request@elsewhere.example", "ann", plain},
			"VERP":              {"list-bounces+ann=example.org@elsewhere.example", "ann", plain},
			"forwarded":         {"SRS0=abc=d=example.net=x@elsewhere.example", "ann", plain},
			"automatic":         {"b@elsewhere.example", "ann", plain + "\r\nAuto-Submitted: auto-generated"},
			"automatic, upper":  {"b@elsewhere.example", "ann", plain + "\r\nAUTO-SUBMITTED: AUTO-REPLIED; owner-email=\"x@y\""},
			"bulk":              {"b@elsewhere.example", "ann", plain + "\r\nPrecedence: bulk"},
			"list":              {"b@elsewhere.example", "ann", plain + "\r\nList-Id: <a.b>"},
			"unsubscribe":       {"b@elsewhere.example", "ann", plain + "\r\nList-Unsubscribe: <mailto:x@y.example>"},
			"suppressed":        {"b@elsewhere.example", "ann", plain + "\r\nX-Auto-Response-Suppress: DR, OOF"},
			"report":            {"b@elsewhere.example", "ann", plain + "\r\nContent-Type: multipart/report; boundary=x"},
			"not named":         {"b@elsewhere.example", "ann", "From: b@elsewhere.example\r\nTo: c@elsewhere.example"},
			"nobody named":      {"b@elsewhere.example", "ann", "From: b@elsewhere.example"},
			"alias of several":  {"b@elsewhere.example", "team", "From: b@elsewhere.example\r\nTo: team@example.org"},
			"herself":           {"ann+x@example.org", "ann", plain},
			"who is not away":   {"b@elsewhere.example", "bob", "From: b@elsewhere.example\r\nTo: bob@example.org"},
		} {
			if answers := w.receive(tt.from, tt.to, tt.header); len(answers) != 0 {
				t.Errorf("%s is answered: %s", name, answers[0].Content)
			}
		}
		if answers := w.receive("b@elsewhere.example", "ann", plain+"\r\nAuto-Submitted: no"); len(answers) != 1 {
			t.Error("what is said not to be automatic is not answered")
		}
		w.Must(w.Tx.Write(t.Context(), []mail.AccountID{w.ann}, func(t *tx.Tx) error {
			_, err := w.Contacts.Add(t, w.ann, contacts.Contact{Address: mailflowtest.Address("rude@elsewhere.example"), Blocked: true})
			return err
		}))
		if answers := w.receive("rude@elsewhere.example", "ann", strings.ReplaceAll(plain, "x@else", "rude@else")); len(answers) != 0 {
			t.Error("who is blocked is answered")
		}
		w.set(vacation.Response{Enabled: true, To: mailflowtest.Now.AddDate(-1, 0, 0)})
		if answers := w.receive("late@elsewhere.example", "ann", plain); len(answers) != 0 {
			t.Error("answered after the time")
		}
		w.set(vacation.Response{})
		if answers := w.receive("late@elsewhere.example", "ann", plain); len(answers) != 0 {
			t.Error("answered when it is off")
		}
	})
}

func TestContent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		html, subject := "<p>Away &amp; gone</p>", "Bin im\nUrlaub – Grüße"
		w.set(vacation.Response{Enabled: true, HTML: &html, Subject: &subject})
		got := w.receive("x@elsewhere.example", "ann", plain)[0].Content
		for _, want := range []string{"Subject: Bin im Urlaub =?utf-8?", "multipart/alternative", "Away & gone", html} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		w.set(vacation.Response{Enabled: true})
		got = w.receive("x@elsewhere.example", "ann", "From: x@elsewhere.example\r\nTo: ann@example.org\r\nMessage-ID: <\xff\x01>\r\nSubject: "+strings.Repeat("ü", 3000))[0].Content
		if !strings.Contains(got, "I am away") || strings.Contains(got, "In-Reply-To") || len(got) > 3000 {
			t.Errorf("%s", got)
		}
	})
}
