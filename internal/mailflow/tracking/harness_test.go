package tracking_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// world is a server with ann and bob, and keys of other domains.
type world struct {
	*mailflowtest.Rooms
	t        *testing.T
	ann, bob mail.AccountID
	keys     map[string][]string // by name
	signing  map[string]dkim.Key // by domain
	noDNS    bool
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		w := &world{t: t, keys: map[string][]string{}, signing: map[string]dkim.Key{}}
		w.Rooms = mailflowtest.New(t, open(), mailflowtest.Options{Keys: func(_ context.Context, name string) ([]string, error) {
			if w.noDNS {
				return nil, errors.New("no answer")
			}
			return w.keys[name], nil
		}})
		w.ann, w.bob = w.Account("ann"), w.Account("bob")
		w.do(func(t *tx.Tx) error { return w.Submissions.SetSending(t, w.ann, submissions.Sending{SentCopy: true}) }, w.ann)
		test(t, w)
	})
}

func (w *world) do(fn func(*tx.Tx) error, accounts ...mail.AccountID) {
	w.t.Helper()
	w.Must(w.Tx.Write(w.t.Context(), accounts, fn))
}

// sign signs a message as a domain does.
func (w *world) sign(domain, header, body string) string {
	w.t.Helper()
	key, ok := w.signing[domain]
	if !ok {
		private, err := dkim.NewKey(dkim.Ed25519)
		w.Must(err)
		key = dkim.Key{Domain: domain, Selector: "s", Private: private}
		record, err := dkim.Record(private.(interface{ Public() crypto.PublicKey }).Public())
		w.Must(err)
		w.keys[dkim.RecordName("s", domain)] = []string{record}
		w.signing[domain] = key
	}
	fields, err := dkim.Sign([]dkim.Key{key}, []byte(header), strings.NewReader(body))
	w.Must(err)
	return fields + header + body
}

// submit has ann write, and returns the submission.
func (w *world) submit(to ...string) submissions.Submission {
	w.t.Helper()
	content := "From: ann@example.org\r\nTo: you\r\nSubject: hello\r\n\r\nhello\r\n"
	w.Must(w.Submit(w.ann, &mail.Envelope{ID: "t", ReversePath: mailflowtest.Address("ann")}, strings.NewReader(content), to...))
	list, _ := w.Submitted(w.ann)
	return list[0]
}

// record notes what the queue would, for a recipient of a submission.
func (w *world) record(sub submissions.Submission, n int, kinds ...mail.EventKind) {
	w.t.Helper()
	var steps []submissions.Step
	for _, k := range kinds {
		steps = append(steps, submissions.Step{Account: sub.Account, Submission: sub.ID, Recipient: n, Event: mail.Event{Kind: k, By: "mx.example.net",
			Reply: mail.Reply{Code: 250, Enhanced: mail.EnhancedCode{2, 0, 0}, Text: "ok"}}})
	}
	w.do(func(t *tx.Tx) error { return w.Submissions.Record(t, steps...) })
}

// fate is what became of the recipients of a submission.
func (w *world) fate(sub submissions.Submission) string {
	w.t.Helper()
	var out []string
	w.Must(w.Tx.Read(w.t.Context(), func(t *tx.Tx) error {
		events, err := w.Submissions.Events(t, sub.Account, sub.ID)
		out = nil
		for _, list := range events {
			s := submissions.StatusOf(list)
			out = append(out, s.Delivered+"/"+s.Displayed)
		}
		return err
	}))
	return strings.Join(out, " ")
}

// listed are the numbers in ann's INBOX of the reports that a submission lists, receipts with an R.
func (w *world) listed(sub submissions.Submission) string {
	w.t.Helper()
	var list []submissions.Returned
	w.Must(w.Tx.Read(w.t.Context(), func(t *tx.Tx) (err error) { list, err = w.Submissions.Returned(t, sub.Account, sub.ID); return err }))
	var out []string
	for _, r := range list {
		at := slices.IndexFunc(w.Inbox(w.ann), func(k mailflowtest.Kept) bool { return k.ID == r.Email })
		out = append(out, fmt.Sprint(at+1)+map[bool]string{true: "R"}[r.Receipt])
	}
	return strings.Join(out, " ")
}

// keywords are those of ann's copy.
func (w *world) keywords(sub submissions.Submission) (out string) {
	w.t.Helper()
	w.Must(w.Tx.Read(w.t.Context(), func(t *tx.Tx) error {
		return w.Mailbox.Located(t, w.ann, []mail.EmailID{sub.Email}, func(l *mailbox.Located) { out = strings.Join(l.Flags.Keywords, " ") })
	}))
	return out
}

// told counts the changes of submissions that ann's log has.
func (w *world) told() (n int) {
	w.t.Helper()
	w.Must(w.Tx.Read(w.t.Context(), func(t *tx.Tx) error {
		n = 0
		return t.ChangesOf(w.ann, 0, []tx.Kind{tx.KindSubmission}, func(tx.Change, int) bool { n++; return true })
	}))
	return n
}

// see has an account set \Seen on all that is in its INBOX.
func (w *world) see(account mail.AccountID) {
	w.t.Helper()
	var box mailbox.Mailbox
	w.Must(w.Tx.Read(w.t.Context(), func(t *tx.Tx) (err error) { box, err = w.Mailbox.ByRole(t, account, mailbox.RoleInbox); return err }))
	all := imap.Set{{Start: 1, Stop: 1000}}
	_, err := w.Mailbox.As(account).StoreFlags(w.t.Context(), account, box.ID, all, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: mail.Flags{Bits: mail.Seen}})
	w.Must(err)
}

// bounce is a delivery report.
func bounce(envID, action string, recipients ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "From: postmaster@example.net\r\nTo: ann@example.org\r\nSubject: report\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nIt is so.\r\n"+
		"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\nOriginal-Envelope-Id: %s\r\n\r\n", envID)
	for _, r := range recipients {
		status := map[string]string{"failed": "5.1.1", "delayed": "4.2.0", "delivered": "2.1.5", "expanded": "2.1.5"}[action]
		fmt.Fprintf(&b, "%s\r\nAction: %s\r\nStatus: %s\r\nDiagnostic-Code: smtp; 550 %s no such user\r\n\r\n", r, action, status, status)
	}
	return b.String() + "--b--\r\n"
}

// receipt is the header and the body of a read receipt.
func receipt(from, about, recipient, disposition string) (header, body string) {
	return "From: " + from + "\r\nTo: ann@example.org\r\nSubject: read\r\nMIME-Version: 1.0\r\n" +
			"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n",
		"--b\r\n\r\nIt was read.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822;" + recipient +
			"\r\nOriginal-Message-ID: <" + about + ">\r\nDisposition: manual-action/MDN-sent-manually; " + disposition + "\r\n\r\n--b--\r\n"
}

func sorted(s string) string {
	list := strings.Fields(s)
	slices.Sort(list)
	return strings.Join(list, " ")
}
