package snoozes

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/snoozing"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/snooze"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

type room struct{ *jmapservertest.Server }

func open(t testing.TB) *room {
	return &room{jmapservertest.Open(t, dbtest.OnSQLite, func(registry *method.Registry, rooms *doortest.Rooms) {
		snoozed := snooze.New()
		New(Options{Tx: rooms.Tx, Snoozed: snoozed, Snoozing: snoozing.New(snoozing.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Snoozed: snoozed})}).Register(registry)
	})}
}

// arrive puts a message into the INBOX of an account.
func (r *room) arrive(account mail.AccountID) (id mail.EmailID) {
	r.T.Helper()
	r.Deliver(account, "INBOX", "Subject: hello\r\n\r\nhello\r\n")
	r.Read(func(t *tx.Tx) error {
		ids, err := r.Mailbox.EmailIDs(t, account, 100)
		id = ids[len(ids)-1]
		return err
	})
	return id
}

func (r *room) where(account mail.AccountID, id mail.EmailID) (name string) {
	r.T.Helper()
	r.Read(func(t *tx.Tx) error {
		var box mail.MailboxID
		if err := r.Mailbox.Located(t, account, []mail.EmailID{id}, func(l *mailbox.Located) { box = l.Mailbox }); err != nil {
			return err
		}
		m, err := r.Mailbox.ByID(t, account, box)
		name = m.Name
		return err
	})
	return strings.ToUpper(name)
}

// set makes one Snooze/set and returns what it says in a member, as text.
func (r *room) set(args, member string) string {
	r.T.Helper()
	name, value := r.Call("Snooze/set", `{"accountId": "`+doortest.Ann.String()+`", `+args+`}`)
	if name != "Snooze/set" {
		return fmt.Sprint(value["type"])
	}
	text, err := json.Marshal(value[member])
	r.Must(err)
	return string(text)
}

func (r *room) get(args string) string {
	r.T.Helper()
	_, value := r.Call("Snooze/get", `{"accountId": "`+doortest.Ann.String()+`", `+args+`}`)
	delete(value, "state")
	delete(value, "accountId")
	text, err := json.Marshal(value)
	r.Must(err)
	return string(text)
}

func TestSnooze(t *testing.T) {
	r := open(t)
	id := r.arrive(doortest.Ann)
	until := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	later := time.Now().Add(2 * time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	if got := r.set(fmt.Sprintf(`"create": {"k": {"emailId": "%v", "until": "%s"}}`, id, until), "created"); got != fmt.Sprintf(`{"k":{"id":"%v"}}`, id) {
		t.Errorf("created is %s", got)
	}
	if got := r.where(doortest.Ann, id); got != "SNOOZED" {
		t.Errorf("it is in %s", got)
	}
	want := fmt.Sprintf(`{"list":[{"emailId":"%v","id":"%v","until":"%s"}],"notFound":[]}`, id, id, until)
	if got := r.get(`"ids": null`); got != want {
		t.Errorf("all are %s", got)
	}
	if got := r.set(fmt.Sprintf(`"update": {"%v": {"until": "%s"}}`, id, later), "updated"); got != fmt.Sprintf(`{"%v":null}`, id) {
		t.Errorf("updated is %s", got)
	}
	want = fmt.Sprintf(`{"list":[{"id":"%v","until":"%s"}],"notFound":["M1","x"]}`, id, later)
	if got := r.get(fmt.Sprintf(`"ids": ["M1", "%v", "x"], "properties": ["until"]`, id)); got != want {
		t.Errorf("some are %s", got)
	}
	if got := r.set(fmt.Sprintf(`"destroy": ["%v"]`, id), "destroyed"); got != fmt.Sprintf(`["%v"]`, id) || r.where(doortest.Ann, id) != "INBOX" {
		t.Errorf("destroyed is %s, it is in %s", got, r.where(doortest.Ann, id))
	}
	if got := r.get(`"ids": null`); got != `{"list":[],"notFound":[]}` {
		t.Errorf("then all are %s", got)
	}
}

// What is wrong is refused, and nothing changes.
func TestRefused(t *testing.T) {
	r := open(t)
	id, other := r.arrive(doortest.Ann), r.arrive(doortest.Bob)
	until := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	create := func(email any, until string) string {
		return fmt.Sprintf(`"create": {"k": {"emailId": %v, "until": %s}}`, email, until)
	}
	quoted := func(v any) string { return fmt.Sprintf("%q", fmt.Sprint(v)) }
	for args, want := range map[string]string{
		create(quoted(other), quoted(until)):                          "notCreated notFound",
		create(quoted("M1"), quoted(until)):                           "notCreated notFound",
		create(quoted("#x"), quoted(until)):                           "notCreated invalidProperties",
		create("7", quoted(until)):                                    "notCreated invalidProperties",
		create(quoted(id), "7"):                                       "notCreated invalidProperties",
		create(quoted(id), "null"):                                    "notCreated invalidProperties",
		create(quoted(id), quoted("tomorrow")):                        "notCreated invalidProperties",
		create(quoted(id), quoted("2020-01-01T00:00:00Z")):            "notCreated invalidProperties",
		create(quoted(id), quoted("2999-01-01T00:00:00Z")):            "notCreated invalidProperties",
		create(quoted(id), quoted("2031-01-01T00:00:00+01:00")):       "notCreated invalidProperties",
		fmt.Sprintf(`"create": {"k": {"emailId": "%v", "x": 1}}`, id): "notCreated invalidProperties",
		fmt.Sprintf(`"update": {"%v": {"until": "%s"}}`, id, until):   "notUpdated notFound",
		fmt.Sprintf(`"destroy": ["%v"]`, id):                          "notDestroyed notFound",
		`"destroy": ["x"]`:                                            "notDestroyed notFound",
		`"ifInState": "x", ` + create(quoted(id), quoted(until)):      "created stateMismatch",
	} {
		member, kind, _ := strings.Cut(want, " ")
		if got := r.set(args, member); !strings.Contains(got, kind) {
			t.Errorf("%.100s: %s", args, got)
		}
	}
	var ids []string
	for n := range maxSet + 1 {
		ids = append(ids, fmt.Sprintf(`"M%d"`, n))
	}
	if got := r.set(`"destroy": [`+strings.Join(ids, ",")+`]`, "destroyed"); got != string(method.RequestTooLarge) {
		t.Errorf("too many: %s", got)
	}
	if r.where(doortest.Ann, id) != "INBOX" || r.where(doortest.Bob, other) != "INBOX" {
		t.Error("something has changed")
	}
	if name, value := r.CallAs(doortest.Bob, "Snooze/get", `{"accountId": "`+doortest.Ann.String()+`", "ids": null}`); name != "error" {
		t.Errorf("another user is told %v", value)
	}
}
