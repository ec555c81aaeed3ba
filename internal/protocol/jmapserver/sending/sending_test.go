package sending_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/delivery"
	"github.com/mailmesh/mailmesh/internal/mailflow/forwarding"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/emails"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sending"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/writing"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
	"github.com/mailmesh/mailmesh/internal/store/identities"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/internal/store/vacation"
)

var engines = map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres}

// world is a server with what sends.
type world struct {
	*jmapservertest.Server
	submissions *submissions.Store
	spool       *spool.Store
	vars        map[string]string
}

const maxMessage = 50_000

func open(t testing.TB, on doortest.Engine) *world {
	w := &world{vars: map[string]string{}}
	w.Server = jmapservertest.Open(t, on, func(r *method.Registry, rooms *doortest.Rooms) {
		log := slog.New(slog.DiscardHandler)
		e := emails.New(emails.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies})
		e.Register(r)
		b := blobs.New(blobs.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies})
		writing.New(writing.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies, Blobs: b, Emails: e, Hostname: doortest.Hostname, MaxMessage: 2 * maxMessage}).Register(r)
		w.submissions = submissions.New()
		w.spool = spool.New(spool.Options{Bodies: rooms.Bodies, Histories: w.submissions})
		keys, err := dkimkeys.New(bytes.Repeat([]byte{7}, bodies.MasterKeySize))
		rooms.Must(err)
		rooms.Must(provision.New(provision.Options{Tx: rooms.Tx, Directory: rooms.Directory, Auth: rooms.Auth, Bodies: rooms.Bodies, Mailboxes: rooms.Mailbox}).Bootstrap(t.Context()))
		people := contacts.New()
		onward := forwarding.New(forwarding.Options{Directory: rooms.Directory, Bodies: rooms.Bodies, Spool: w.spool})
		sends := submission.New(submission.Options{Hostname: doortest.Hostname, Tx: rooms.Tx, Directory: rooms.Directory, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies,
			Spool: w.spool, Submissions: w.submissions, Contacts: people, Keys: keys, Forwarding: onward, Log: log,
			Delivery: delivery.New(delivery.Options{Bodies: rooms.Bodies, Mailbox: rooms.Mailbox, Contacts: people})})
		sending.New(sending.Options{Tx: rooms.Tx, Directory: rooms.Directory, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies, Identities: identities.New(),
			Submissions: w.submissions, Submission: sends, Responses: vacation.New(), Blobs: b, MaxMessage: maxMessage}).Register(r)
	})
	w.Must(w.Tx.Write(t.Context(), nil, func(t *tx.Tx) error {
		if err := w.Directory.AddAlias(t, address("sales@example.org"), address("ann@example.org")); err != nil {
			return err
		}
		if err := w.Directory.AddAlias(t, address("team@example.org"), address("ann@example.org")); err != nil {
			return err
		}
		return w.Directory.AddAlias(t, address("team@example.org"), address("bob@example.org"))
	}))
	for _, path := range []string{"Drafts", "Sent", "Archive"} {
		w.vars[strings.ToLower(path)] = w.Path(doortest.Ann, path).ID.String()
	}
	_, r := w.Call("Identity/get", map[string]any{"accountId": doortest.Ann.String()})
	for _, i := range r["list"].([]any) {
		one := i.(map[string]any)
		name, _, _ := strings.Cut(one["email"].(string), "@")
		w.vars[name+"id"] = one["id"].(string)
	}
	return w
}

func address(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// draft puts a message into Ann's Drafts and names it.
func (w *world) draft(name, content string) string {
	w.T.Helper()
	w.Deliver(doortest.Ann, "Drafts", strings.ReplaceAll(content, "\n", "\r\n"))
	w.Read(func(t *tx.Tx) error {
		ids, err := w.Mailbox.EmailIDs(t, doortest.Ann, 1000)
		w.vars[name] = ids[len(ids)-1].String()
		return err
	})
	return w.vars[name]
}

// content is the newest message of an account's INBOX.
func (w *world) content(account mail.AccountID) (text string) {
	w.T.Helper()
	w.Read(func(t *tx.Tx) error {
		ids, err := w.Mailbox.EmailIDs(t, account, 1000)
		if err != nil || len(ids) == 0 {
			return err
		}
		e, err := w.Mailbox.Email(t, account, ids[len(ids)-1])
		w.Must(err)
		body, err := w.Bodies.Open(context.WithoutCancel(w.T.Context()), account, e.Blob)
		w.Must(err)
		defer body.Close()
		b, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
		text = string(b)
		return err
	})
	return text
}

const good = "From: Ann <ann@example.org>\nTo: bob@example.org, Bob <BOB@example.org>\nCc: far@elsewhere.example\nBcc: secret@elsewhere.example\nSubject: plan\nMessage-ID: <1@example.org>\n\nText.\n"

const received = "From: john@example.com\r\nSubject: Read receipt for: World domination\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n" +
	"--b\r\n\r\nThis receipt shows that the email has been displayed.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n" +
	"Reporting-UA: joes-pc.cs.example.com; Foomail 97.1\r\nFinal-Recipient: rfc822; john@example.com\r\nOriginal-Message-ID: <199509192301.23456@example.org>\r\n" +
	"Disposition: Manual-Action/MDN-sent-manually; Displayed\r\nEXTENSION-EXAMPLE: example.com\r\n--b--\r\n"

func TestGolden(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			jmapservertest.Golden(t, "testdata/golden/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) {
				w := open(t, engine)
				w.draft("good", good)
				w.draft("asks", "Return-Path: <bob@example.org>\nFrom: bob@example.org\nTo: ann@example.org\nDisposition-Notification-To: Bob <bob@example.org>\n"+
					"Original-Recipient: rfc822;Ann@example.org\nMessage-ID: <199509192301.23456@example.org>\nSubject: World domination\n\nNow.\n")
				w.draft("elsewhere", "Return-Path: <x@elsewhere.example>\nFrom: x@elsewhere.example\nTo: ann@example.org\nDisposition-Notification-To: y@elsewhere.example\n\nNow.\n")
				w.draft("receipt", "From: x@elsewhere.example\nDisposition-Notification-To: x@elsewhere.example\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n")
				w.draft("far", "From: ann@example.org\nTo: far@elsewhere.example\nSubject: x\n\n")
				w.Deliver(doortest.Ann, "Archive", received)
				w.Read(func(t *tx.Tx) error {
					return w.Mailbox.Holds(t, doortest.Ann, func(b mail.BlobID, _ int64) error {
						body, err := w.Bodies.Open(context.WithoutCancel(w.T.Context()), doortest.Ann, b)
						w.Must(err)
						if body.Size() == int64(len(received)) {
							w.vars["mdnblob"] = b.String()
						} else {
							w.vars["otherblob"] = b.String()
						}
						return body.Close()
					})
				})
				return w.Server, w.vars
			})
		})
	}
}

// A receipt is in the sender's mailbox when it is answered as sent, with a null reverse-path; none lies in Sent.
func TestReceipt(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			w := open(t, engine)
			w.Write(doortest.Ann, func(t *tx.Tx) error {
				return w.submissions.SetSending(t, doortest.Ann, submissions.Sending{SentCopy: true})
			})
			id := w.draft("asks", "From: bob@example.org\nDisposition-Notification-To: bob@example.org\nMessage-ID: <1@example.org>\nSubject: Hi\n\nText.\n")
			_, r := w.Call("MDN/send", fmt.Sprintf(`{"accountId":%q,"identityId":%q,"send":{"k":{"forEmailId":%q,"includeOriginalMessage":true,"disposition":{"actionMode":"manual-action","sendingMode":"mdn-sent-manually","type":"displayed"}}},
				"onSuccessUpdateEmail":{"#k":{"keywords/$mdnsent":true}}}`, doortest.Ann, w.vars["annid"], id))
			if r["sent"] == nil {
				t.Fatalf("%v", r)
			}
			got := w.content(doortest.Bob)
			for _, want := range []string{"Return-Path: <>\r\n", "From: ann@example.org\r\n", "To: bob@example.org\r\n", "Subject: Read: Hi\r\n", "In-Reply-To: <1@example.org>\r\n",
				"report-type=disposition-notification", "Final-Recipient: rfc822; ann@example.org\r\n", "Original-Message-ID: <1@example.org>\r\n",
				"Disposition: manual-action/mdn-sent-manually; displayed\r\n", "Content-Type: message/rfc822\r\n"} {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			if n := w.Path(doortest.Ann, "Sent").Messages; n != 0 {
				t.Errorf("%d copies are in Sent", n)
			}
		})
	}
}

// submit sends an email, and returns what was answered for it.
func (w *world) submit(members string) (created, refused map[string]any) {
	w.T.Helper()
	for name, value := range w.vars {
		members = strings.ReplaceAll(members, `"$`+name+`"`, `"`+value+`"`)
	}
	name, r := w.Call("EmailSubmission/set", fmt.Sprintf(`{"accountId":%q,"create":{"k":{%s}}}`, doortest.Ann, members))
	if name == "error" {
		w.T.Fatalf("%s: %v", members, r)
	}
	one := func(key string) map[string]any {
		all, _ := r[key].(map[string]any)
		k, _ := all["k"].(map[string]any)
		return k
	}
	return one("created"), one("notCreated")
}

// What was answered as created is where it goes: in the mailbox here, in the spool for elsewhere, without Bcc.
func TestSent(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			w := open(t, engine)
			w.draft("good", good)
			created, refused := w.submit(`"identityId":"$annid","emailId":"$good"`)
			if created == nil {
				t.Fatal(refused)
			}
			got := w.content(doortest.Bob)
			if !strings.Contains(got, "Subject: plan\r\n") || strings.Contains(got, "Bcc") || !strings.Contains(got, "\r\nDate: ") || !strings.HasPrefix(got, "Return-Path: <ann@example.org>") {
				t.Errorf("bob has %q", got)
			}
			if n := w.Path(doortest.Ann, "Sent").Messages; n != 0 {
				t.Errorf("the server has put %d copies into Sent", n)
			}
			var owed []string
			w.Read(func(t *tx.Tx) error {
				ids, err := w.spool.Messages(t, 0, 0)
				for _, id := range ids {
					m, err := w.spool.Message(t, id)
					w.Must(err)
					for _, r := range m.Envelope.Recipients {
						owed = append(owed, r.Address.String())
					}
				}
				return err
			})
			if strings.Join(owed, " ") != "far@elsewhere.example secret@elsewhere.example" {
				t.Errorf("owed are %q", owed)
			}
			status := created["deliveryStatus"].(map[string]any)
			here, far := status["bob@example.org"].(map[string]any), status["far@elsewhere.example"].(map[string]any)
			if len(status) != 3 || here["delivered"] != "yes" || far["delivered"] != "queued" || here["displayed"] != "unknown" || !strings.HasPrefix(here["smtpReply"].(string), "250 2.1.5 ") {
				t.Errorf("%v", status)
			}
		})
	}
}

func TestRefusedSubmissions(t *testing.T) {
	w := open(t, dbtest.OnSQLite)
	for name, content := range map[string]string{
		"good": good, "nobody": "Subject: x\n\n", "noone": "From: ann@example.org\n\n", "bobs": "From: bob@example.org\nTo: bob@example.org\n\n",
		"halfdone": "From: ann@example.org\nTo: bob\nCc: joe@\n\n", "two": "From: ann@example.org, sales@example.org\nTo: bob@example.org\n\n",
		"unknown": "From: ann@example.org\nTo: nobody@example.org, bob@example.org\n\n", "large": "From: ann@example.org\nTo: bob@example.org\n\n" + strings.Repeat("x\n", maxMessage),
		"nul": "From: ann@example.org\nTo: bob@example.org\n\n\x00\n", "twice": "From: ann@example.org\nTo: bob@example.org\nSubject: a\nSubject: b\n\n",
		"group": "From: ann@example.org\nSender: us:;\nTo: bob@example.org\n\n"} {
		w.draft(name, content)
	}
	var many []string
	for i := range submission.MaxTargets + 1 {
		many = append(many, fmt.Sprintf(`{"email":"r%d@elsewhere.example"}`, i))
	}
	for _, tt := range []struct{ members, kind, more string }{
		{`"emailId":"$good"`, "invalidProperties", "properties=[identityId]"},
		{`"identityId":"$annid"`, "invalidProperties", "properties=[emailId]"},
		{`"identityId":"I9","emailId":"$good"`, "invalidProperties", "properties=[identityId]"},
		{`"identityId":"$annid","emailId":"M9"`, "invalidProperties", "properties=[emailId]"},
		{`"identityId":"$annid","emailId":"#none"`, "invalidProperties", "properties=[emailId]"},
		{`"identityId":1,"emailId":"$good","undoStatus":"pending"`, "invalidProperties", "properties=[identityId undoStatus]"},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":"ann@example.org"}`, "invalidProperties", "properties=[envelope]"},
		{`"identityId":"$annid","emailId":"$nobody"`, "invalidEmail", "properties=[from]"},
		{`"identityId":"$annid","emailId":"$halfdone"`, "invalidEmail", "properties=[to cc]"},
		{`"identityId":"$annid","emailId":"$two"`, "invalidEmail", "properties=[sender]"},
		{`"identityId":"$annid","emailId":"$twice"`, "invalidEmail", ""},
		{`"identityId":"$annid","emailId":"$group"`, "invalidEmail", "properties=[sender]"},
		{`"identityId":"$annid","emailId":"$group","envelope":{"mailFrom":{"email":"ann@example.org"},"rcptTo":[{"email":"bob@example.org"}]}`, "invalidEmail", "properties=[sender]"},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":null,"rcptTo":[{"email":"bob@example.org"}]}`, "invalidProperties", "properties=[envelope]"},
		{`"identityId":"$annid","emailId":"$good","envelope":{"rcptTo":[{"email":"bob@example.org"}]}`, "invalidProperties", "properties=[envelope]"},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":{},"rcptTo":[{"email":"bob@example.org"}]}`, "invalidProperties", "properties=[envelope]"},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":{"email":"ann@example.org"},"rcptTo":[{"parameters":{}}]}`, "invalidProperties", "properties=[envelope]"},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":{"email":"ann@example.org"}}`, "invalidProperties", "properties=[envelope]"},
		{`"identityId":"$annid","emailId":"$nul"`, "invalidEmail", ""},
		{`"identityId":"$annid","emailId":"$noone"`, "noRecipients", ""},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":{"email":"ann@example.org"},"rcptTo":[]}`, "noRecipients", ""},
		{`"identityId":"$annid","emailId":"$bobs"`, "forbiddenFrom", ""},
		{`"identityId":"$annid","emailId":"$unknown"`, "invalidRecipients", "invalidRecipients=[nobody@example.org]"},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":{"email":"ann@example.org"},"rcptTo":[{"email":"a b"},{"email":""},{"email":"bob@example.org"},{"email":"x@y> NOTIFY=NEVER"}]}`, "invalidRecipients", "invalidRecipients=[a b  x@y> NOTIFY=NEVER]"},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":{"email":"bob@example.org"},"rcptTo":[{"email":"bob@example.org"}]}`, "forbiddenMailFrom", ""},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":{"email":"ann@example.org","parameters":{"NEW":"1"}},"rcptTo":[{"email":"bob@example.org"}]}`, "invalidProperties", "properties=[envelope]"},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":{"email":"ann@example.org","parameters":{"RET":"FULL BODY=8BITMIME"}},"rcptTo":[{"email":"bob@example.org"}]}`, "invalidProperties", "properties=[envelope]"},
		{`"identityId":"$annid","emailId":"$good","envelope":{"mailFrom":{"email":"ann@example.org"},"rcptTo":[` + strings.Join(many, ",") + `]}`, "tooManyRecipients", "maxRecipients=500"},
		{`"identityId":"$annid","emailId":"$large"`, "tooLarge", "maxSize=50000"},
	} {
		created, refused := w.submit(tt.members)
		key, want, _ := strings.Cut(tt.more, "=")
		if created != nil || refused["type"] != tt.kind || tt.more != "" && fmt.Sprint(refused[key]) != want {
			t.Errorf("%.200s: created %v, refused %v", tt.members, created, refused)
		}
	}
	if w.Path(doortest.Bob, mailbox.Inbox).Messages != 0 {
		t.Error("something was sent")
	}
	w.Must(w.Tx.Write(t.Context(), nil, func(t *tx.Tx) error { return w.Directory.SetDisabled(t, doortest.Ann, true) }))
	if _, refused := w.submit(`"identityId":"$annid","emailId":"$good"`); refused["type"] != "forbiddenToSend" && refused["type"] != "invalidProperties" {
		t.Errorf("who was switched off: %v", refused)
	}
}

// The budgets are those of the submission port.
func TestBudget(t *testing.T) {
	w := open(t, dbtest.OnSQLite)
	w.draft("good", good)
	w.Write(doortest.Ann, func(t *tx.Tx) error {
		return w.submissions.SetSending(t, doortest.Ann, submissions.Sending{MaxRecipients: 2})
	})
	if _, refused := w.submit(`"identityId":"$annid","emailId":"$good"`); refused["type"] != "rateLimit" {
		t.Errorf("%v", refused)
	}
}

// A receipt that comes back is known to be for the email that was sent.
func TestReceiptForEmail(t *testing.T) {
	w := open(t, dbtest.OnSQLite)
	id := w.draft("sent", strings.Replace(good, "<1@example.org>", "<199509192301.23456@example.org>", 1))
	if created, refused := w.submit(`"identityId":"$annid","emailId":"$sent"`); created == nil {
		t.Fatal(refused)
	}
	w.Deliver(doortest.Ann, "Archive", received)
	var blob string
	w.Read(func(t *tx.Tx) error {
		ids, err := w.Mailbox.EmailIDs(t, doortest.Ann, 1000)
		w.Must(err)
		e, err := w.Mailbox.Email(t, doortest.Ann, ids[len(ids)-1])
		blob = e.Blob.String()
		return err
	})
	_, r := w.Call("MDN/parse", fmt.Sprintf(`{"accountId":%q,"blobIds":[%q]}`, doortest.Ann, blob))
	if got := w.CallTired("MDN/parse", map[string]any{"accountId": doortest.Ann.String(), "blobIds": []string{blob}}); got != "requestTooLarge" {
		t.Errorf("reading is not counted: %q", got)
	}
	parsed, _ := r["parsed"].(map[string]any)
	if one, _ := parsed[blob].(map[string]any); one["forEmailId"] != id {
		t.Errorf("%v, want for %s", r, id)
	}
}

func TestReceiptNeedsMail(t *testing.T) {
	w := open(t, dbtest.OnSQLite)
	resp := w.Request(doortest.Ann, fmt.Sprintf(`{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mdn"],"methodCalls":[["MDN/send",{"accountId":%q,"identityId":"I1","send":{}},"0"]]}`, doortest.Ann))
	if !strings.Contains(resp, "unknownMethod") {
		t.Error(resp)
	}
}

// The owner has the capabilities, whom mail is shared with has not.
func TestCapabilities(t *testing.T) {
	w := open(t, dbtest.OnSQLite)
	for _, uri := range []string{sending.Capability, sending.VacationCapability, sending.MDNCapability} {
		c, there := w.Registry.Capabilities()[uri]
		if !there || c.Session == nil {
			t.Errorf("%s is not among the capabilities", uri)
			continue
		}
		own := c.Account(t.Context(), w.User(doortest.Ann), method.Access{Owner: doortest.Ann, Who: doortest.Ann})
		other := c.Account(t.Context(), w.User(doortest.Bob), method.Access{Owner: doortest.Ann, Who: doortest.Bob})
		if own == nil || other != nil {
			t.Errorf("%s: the owner has %v, another %v", uri, own, other)
		}
	}
}

// An email from an address that the identity does not have goes out under the identity's (RFC 8621 7).
func TestIdentityDecides(t *testing.T) {
	w := open(t, dbtest.OnSQLite)
	w.draft("sales", "From: sales@example.org\nTo: bob@example.org\n\n")
	for _, tt := range []struct{ identity, want string }{{"annid", "ann@example.org"}, {"salesid", "sales@example.org"}} {
		if created, refused := w.submit(`"identityId":"$` + tt.identity + `","emailId":"$sales"`); created == nil {
			t.Fatal(refused)
		}
		if got := w.content(doortest.Bob); !strings.HasPrefix(got, "Return-Path: <"+tt.want+">") {
			t.Errorf("%s: %.100q", tt.identity, got)
		}
	}
}

// What is held is sent though email and record are gone; the time that an account has for undoing holds, too.
func TestDelayed(t *testing.T) {
	w := open(t, dbtest.OnSQLite)
	id := w.draft("good", good)
	w.Write(doortest.Ann, func(t *tx.Tx) error {
		return w.submissions.SetSending(t, doortest.Ann, submissions.Sending{Undo: time.Hour})
	})
	created, refused := w.submit(`"identityId":"$annid","emailId":"$good"`)
	if created == nil {
		t.Fatal(refused)
	}
	at, err := time.Parse(time.RFC3339, created["sendAt"].(string))
	if left := time.Until(at); err != nil || created["undoStatus"] != "pending" || left < 50*time.Minute || left > time.Hour {
		t.Errorf("%v", created)
	}
	_, r := w.Call("EmailSubmission/set", fmt.Sprintf(`{"accountId":%q,"destroy":[%q]}`, doortest.Ann, created["id"]))
	if r["destroyed"] == nil {
		t.Fatal(r)
	}
	w.Call("Email/set", fmt.Sprintf(`{"accountId":%q,"destroy":[%q]}`, doortest.Ann, id))
	w.Read(func(t *tx.Tx) error {
		ids, err := w.spool.Messages(t, 0, 0)
		if len(ids) != 1 {
			w.T.Errorf("%d messages are in the spool", len(ids))
		}
		return err
	})
}

// A submission names the reports about it that are still there, by blobs that can be read.
func TestReportsAreListed(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			w := open(t, engine)
			w.draft("good", good)
			created, refused := w.submit(`"identityId":"$annid","emailId":"$good"`)
			if created == nil {
				t.Fatal(refused)
			}
			id, err := mail.ParseSubmissionID(created["id"].(string))
			w.Must(err)
			var came []mailbox.Email
			for n, subject := range []string{"failed", "destroyed", "displayed", "delayed"} {
				w.Deliver(doortest.Ann, "INBOX", "Subject: "+subject+"\r\n\r\n")
				w.Write(doortest.Ann, func(t *tx.Tx) error {
					ids, err := w.Mailbox.EmailIDs(t, doortest.Ann, 1000)
					w.Must(err)
					e, err := w.Mailbox.Email(t, doortest.Ann, ids[len(ids)-1])
					w.Must(err)
					came = append(came, e)
					return w.submissions.AddReturned(t, doortest.Ann, id, submissions.Returned{Email: e.ID, Receipt: n == 2})
				})
			}
			w.Call("Email/set", fmt.Sprintf(`{"accountId":%q,"destroy":[%q]}`, doortest.Ann, came[1].ID))
			_, r := w.Call("EmailSubmission/get", fmt.Sprintf(`{"accountId":%q,"ids":[%q],"properties":["dsnBlobIds","mdnBlobIds"]}`, doortest.Ann, id))
			want := fmt.Sprint(map[string]any{"id": id.String(), "dsnBlobIds": []any{came[0].Blob.String(), came[3].Blob.String()}, "mdnBlobIds": []any{came[2].Blob.String()}})
			if got := fmt.Sprint(r["list"].([]any)[0]); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			_, r = w.Call("Email/parse", fmt.Sprintf(`{"accountId":%q,"blobIds":[%q],"properties":["subject"]}`, doortest.Ann, came[2].Blob))
			if got := fmt.Sprint(r["parsed"]); got != fmt.Sprintf("map[%v:map[subject:displayed]]", came[2].Blob) {
				t.Error(got)
			}
		})
	}
}
