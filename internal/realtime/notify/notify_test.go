package notify

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/realtime/webpush"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/notifications"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const stranger = "From: Zoe <zoe@example.net>\r\nTo: List <list@example.net>\r\nSubject: hello\r\n\r\nsome text\r\n"

func TestDeserves(t *testing.T) {
	night := &notifications.Quiet{From: 22 * 60, To: 7 * 60, Zone: "Europe/Berlin"}
	at := func(hour int) time.Time { return time.Date(2026, 1, 15, hour, 0, 0, 0, time.UTC) } // an hour later in Berlin
	arrived := facts{inbox: true, at: at(12)}
	with := func(change func(*facts)) facts { f := arrived; change(&f); return f }
	for name, c := range map[string]struct {
		rules notifications.Rules
		facts facts
		want  bool
	}{
		"all":                       {notifications.Rules{About: notifications.All}, arrived, true},
		"not in INBOX":              {notifications.Rules{About: notifications.All}, with(func(f *facts) { f.inbox = false }), false},
		"read":                      {notifications.Rules{About: notifications.All}, with(func(f *facts) { f.seen = true }), false},
		"muted":                     {notifications.Rules{About: notifications.All}, with(func(f *facts) { f.muted, f.pierces, f.urgent = true, true, true }), false},
		"none":                      {notifications.Rules{About: notifications.None, Urgent: true}, with(func(f *facts) { f.known, f.urgent, f.mentioned = true, true, true }), false},
		"stranger":                  {notifications.Rules{About: notifications.Contacts}, with(func(f *facts) { f.mentioned = true }), false},
		"contact":                   {notifications.Rules{About: notifications.Contacts}, with(func(f *facts) { f.known = true }), true},
		"answer":                    {notifications.Rules{About: notifications.Contacts}, with(func(f *facts) { f.answers = true }), true},
		"no mention":                {notifications.Rules{About: notifications.Mentions}, with(func(f *facts) { f.known, f.answers = true, true }), false},
		"mention":                   {notifications.Rules{About: notifications.Mentions}, with(func(f *facts) { f.mentioned = true }), true},
		"before quiet hours":        {notifications.Rules{About: notifications.All, Quiet: night}, with(func(f *facts) { f.at = at(20) }), true},
		"as quiet hours begin":      {notifications.Rules{About: notifications.All, Quiet: night}, with(func(f *facts) { f.at = at(21) }), false},
		"in quiet hours":            {notifications.Rules{About: notifications.All, Quiet: night}, with(func(f *facts) { f.at = at(2) }), false},
		"as quiet hours end":        {notifications.Rules{About: notifications.All, Quiet: night}, with(func(f *facts) { f.at = at(6) }), true},
		"a contact that pierces":    {notifications.Rules{About: notifications.All, Quiet: night}, with(func(f *facts) { f.at, f.pierces = at(2), true }), true},
		"a contact that is known":   {notifications.Rules{About: notifications.All, Quiet: night}, with(func(f *facts) { f.at, f.known = at(2), true }), false},
		"urgent, and may pierce":    {notifications.Rules{About: notifications.All, Quiet: night, Urgent: true}, with(func(f *facts) { f.at, f.urgent = at(2), true }), true},
		"urgent, and may not":       {notifications.Rules{About: notifications.All, Quiet: night}, with(func(f *facts) { f.at, f.urgent = at(2), true }), false},
		"urgent from a stranger":    {notifications.Rules{About: notifications.Contacts, Quiet: night, Urgent: true}, with(func(f *facts) { f.at, f.urgent = at(2), true }), false},
		"quiet hours in the middle": {notifications.Rules{About: notifications.All, Quiet: &notifications.Quiet{From: 12 * 60, To: 14 * 60, Zone: "UTC"}}, arrived, false},
	} {
		if got := deserves(c.rules, c.facts); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestMentionedAndUrgent(t *testing.T) {
	own := []mail.Address{{Local: "Ann", Domain: "example.org"}, {Local: "a.smith", Domain: "example.net"}}
	for name, c := range map[string]struct {
		content           string
		mentioned, urgent bool
	}{
		"a list":               {stranger, false, false},
		"To":                   {"To: Ann <ANN@Example.org>, x@y.example\r\n\r\n", true, false},
		"an alias":             {"To: a.smith@example.net\r\n\r\n", true, false},
		"Cc":                   {"Cc: ann@example.org\r\n\r\n", false, false},
		"the text":             {"To: list@example.net\r\n\r\nCould @Ann, please, look at it\r\n", true, false},
		"an address there":     {"To: list@example.net\r\n\r\nask ann@example.org\r\n", true, false},
		"a longer name":        {"To: list@example.net\r\n\r\n@annabel and joann@example.org\r\n", false, false},
		"Importance":           {"Importance: High\r\n\r\n", false, true},
		"Priority":             {"Priority: urgent\r\n\r\n", false, true},
		"X-Priority":           {"X-Priority: 1 (Highest)\r\n\r\n", false, true},
		"not urgent at all":    {"Importance: low\r\nPriority: normal\r\nX-Priority: 3\r\n\r\n", false, false},
		"another header field": {"X-Importance: high\r\n\r\n", false, false},
	} {
		s, err := message.Summarize(strings.NewReader(c.content))
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := mentioned(s, own); got != c.mentioned {
			t.Errorf("%s: mentioned: %v", name, got)
		}
		if got := urgent(kept); got != c.urgent {
			t.Errorf("%s: urgent: %v", name, got)
		}
	}
}

// pusher keeps what it was given.
type pusher struct {
	wanted bool
	got    chan webpush.Notification
}

func (p *pusher) Wanted(mail.AccountID) bool { return p.wanted }

func (p *pusher) Notify(_ context.Context, n webpush.Notification) { p.got <- n }

// world are the rooms with a Notifier.
type world struct {
	*doortest.Rooms
	*Notifier
	push *pusher
	told chan Notification
}

func start(t *testing.T) *world {
	w := &world{Rooms: doortest.Open(t, dbtest.OnSQLite, map[string]mailbox.Role{"Sent": mailbox.RoleSent, "Junk": mailbox.RoleJunk}),
		push: &pusher{got: make(chan webpush.Notification, 10)}, told: make(chan Notification, 10)}
	var err error
	w.Notifier, err = New(Options{Bus: inprocess.New(), Tx: w.Tx, Rules: notifications.New(), Contacts: contacts.New(), Mailbox: w.Mailbox, Directory: w.Directory, Push: w.push})
	w.Must(err)
	t.Cleanup(w.Close)
	return w
}

// arrive puts a message into a mailbox of Ann's, as a delivery does.
func (w *world) arrive(path, content string, keywords ...string) (email mail.EmailID) {
	w.T.Helper()
	ctx := context.Background()
	body, err := w.Bodies.Put(ctx, strings.NewReader(content))
	w.Must(err)
	summary, err := message.Summarize(strings.NewReader(content))
	w.Must(err)
	m, err := mailbox.Summarized(summary)
	w.Must(err)
	m.Flags.Keywords = keywords
	to := w.Path(doortest.Ann, path)
	w.Write(doortest.Ann, func(t *tx.Tx) error {
		var err error
		if m.Blob, err = w.Bodies.Hold(t, doortest.Ann, body); err != nil {
			return err
		}
		a, err := w.Mailbox.Append(t, doortest.Ann, to.ID, m)
		email = a.Email
		w.Delivered(t, doortest.Ann, email)
		return err
	})
	return email
}

// judged decides on an email, without the bus.
func (w *world) judged(email mail.EmailID) (told Notification, ok bool) {
	w.T.Helper()
	w.Read(func(t *tx.Tx) (err error) {
		told, ok, err = w.judge(t, arrival{account: doortest.Ann, email: email, at: time.Now()})
		return err
	})
	return told, ok
}

func (w *world) rules(r notifications.Rules) {
	w.T.Helper()
	w.Write(doortest.Ann, func(t *tx.Tx) error { return w.o.Rules.SetRules(t, doortest.Ann, r) })
}

func decode(t *testing.T, n Notification) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal(n.JSON, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Who watches is told, and so is who is not connected; nobody else.
func TestNotify(t *testing.T) {
	w := start(t)
	w.push.wanted = true
	others := 0
	defer w.Watch(doortest.Bob, func(Notification) { others++ })()
	cancel := w.Watch(doortest.Ann, func(n Notification) { w.told <- n })
	email := w.arrive("INBOX", stranger)
	n := <-w.told
	out := decode(t, n)
	for name, want := range map[string]any{"@type": "Notification", "accountId": "Aa", "emailId": email.String(), "threadId": mail.ThreadID(email).String(),
		"isUrgent": false, "subject": "hello", "preview": "some text"} {
		if out[name] != want {
			t.Errorf("%s is %v, want %v", name, out[name], want)
		}
	}
	if from, _ := out["from"].(map[string]any); from["name"] != "Zoe" || from["email"] != "zoe@example.net" || n.Email != email || n.At.IsZero() {
		t.Errorf("%s", n.JSON)
	}
	if p := <-w.push.got; p.Account != doortest.Ann || p.Type != Type || string(p.JSON) != string(n.JSON) || p.Urgent || p.At.IsZero() {
		t.Errorf("pushed: %+v", p)
	}
	cancel()
	w.push.wanted = false
	w.arrive("INBOX", stranger)
	w.push.wanted = true
	w.arrive("INBOX", "Importance: high\r\n\r\n") // nobody is connected: it is pushed
	if p := <-w.push.got; !p.Urgent {
		t.Errorf("pushed: %+v", p)
	}
	if len(w.told) != 0 || others != 0 {
		t.Errorf("%d are told to who watches no longer, %d to others", len(w.told), others)
	}
}

func TestJudge(t *testing.T) {
	w := start(t)
	if _, ok := w.judged(w.arrive("INBOX", stranger)); !ok {
		t.Error("mail is not told of by default")
	}
	for name, email := range map[string]mail.EmailID{"Junk": w.arrive("Junk", stranger), "muted": w.arrive("INBOX", stranger, Muted)} {
		if _, ok := w.judged(email); ok {
			t.Errorf("%s: told of", name)
		}
	}
	w.rules(notifications.Rules{About: notifications.None})
	if _, ok := w.judged(w.arrive("INBOX", stranger)); ok {
		t.Error("told of though none is wanted")
	}
	w.rules(notifications.Rules{About: notifications.Mentions, Content: true})
	if _, ok := w.judged(w.arrive("INBOX", stranger)); ok {
		t.Error("a list mentions nobody")
	}
	if _, ok := w.judged(w.arrive("INBOX", "To: ann@example.org\r\n\r\n")); !ok {
		t.Error("mail to Ann mentions her")
	}
	w.rules(notifications.Rules{About: notifications.Contacts})
	if _, ok := w.judged(w.arrive("INBOX", stranger)); ok {
		t.Error("a stranger is told of")
	}
	w.arrive("Sent", "From: ann@example.org\r\nMessage-ID: <1@example.org>\r\nSubject: plan\r\n\r\n")
	answer, ok := w.judged(w.arrive("INBOX", "From: yan@example.net\r\nIn-Reply-To: <1@example.org>\r\nSubject: Re: plan\r\n\r\nsecret\r\n"))
	if !ok {
		t.Error("an answer is not told of")
	}
	if out := decode(t, answer); out["subject"] != nil || out["from"] != nil || out["preview"] != nil || out["emailId"] == nil {
		t.Errorf("what is in it is told: %v", out)
	}
	w.Write(doortest.Ann, func(t *tx.Tx) error {
		_, err := w.o.Contacts.Add(t, doortest.Ann, contacts.Contact{Address: mail.Address{Local: "zoe", Domain: "example.net"}, Accepted: true, Pierces: true})
		return err
	})
	w.rules(notifications.Rules{About: notifications.Contacts, Quiet: &notifications.Quiet{From: 0, To: 23*60 + 59, Zone: "UTC"}})
	w.o.Now = func() time.Time { return time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC) }
	if _, ok := w.judged(w.arrive("INBOX", stranger)); !ok {
		t.Error("a contact that may does not break through quiet hours")
	}
}

// However long what strangers write is, a notification fits into a push message.
func TestNotificationsAreShort(t *testing.T) {
	w := start(t)
	long := strings.Repeat("\"\\\u00e9\U0001f600", 2000)
	n, ok := w.judged(w.arrive("INBOX", "From: \""+strings.Repeat("n", 900)+"\" <"+strings.Repeat("l", 300)+"@"+strings.Repeat("d", 200)+".example>\r\nSubject: "+long[:900]+"\r\n\r\n"+long+"\r\n"))
	if !ok || len(n.JSON) > 3993 {
		t.Errorf("%v, %d bytes", ok, len(n.JSON))
	}
}

// Names and subjects are told as people read them.
func TestEncodedWords(t *testing.T) {
	w := start(t)
	n, ok := w.judged(w.arrive("INBOX", "From: =?utf-8?Q?Zo=C3=AB?= <zoe@example.net>\r\nSubject: =?iso-8859-1?Q?Caf=E9?= at =?utf-8?B?OA0KeA==?=\r\n\r\n"))
	out := decode(t, n)
	from, _ := out["from"].(map[string]any)
	if !ok || out["subject"] != "Café at 8  x" || from["name"] != "Zoë" {
		t.Errorf("%s", n.JSON)
	}
}

func TestNoticesThatAreNone(t *testing.T) {
	w := start(t)
	for _, b := range [][]byte{nil, {1}, {2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1}, {1, 0, 0, 0, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}} {
		w.hear(b)
	}
	if len(w.waiting) != 0 {
		t.Error("a notice of another format is read")
	}
}
