package queue

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/directory"
)

// relay notes what goes out: the envelope, and the content.
func (w *world) relay(out *[]string) {
	w.deliver = func(ctx context.Context, j mailflow.Job) []mailflow.Attempt {
		content, err := j.Open(ctx)
		w.Must(err)
		defer content.Close()
		text, err := io.ReadAll(content)
		w.Must(err)
		if int64(len(text)) != j.Size {
			w.t.Errorf("%d bytes are sent, %d were said", len(text), j.Size)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		*out = append(*out, j.Envelope.ReversePath.String()+" "+j.Envelope.Recipients[0].Address.String()+"\n"+string(text))
		return all(j, failed())
	}
}

// What a user sends to a group comes to its members here and elsewhere; that it fails for one of them is the owners' to know.
func TestSubmittedToAGroup(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		var out []string
		w.relay(&out)
		defer w.run()()
		ann, bob, op := w.Account("ann"), w.Account("bob"), w.Account("op")
		w.Group("team", directory.PostMembers, "*op", "ann", "bob", "x@elsewhere.example")
		w.Must(w.Submit(ann, &mail.Envelope{ID: "s1", ReversePath: mailflowtest.Address("ann")}, strings.NewReader("From: ann@example.org\r\nSubject: all\r\n\r\nall\r\n"), "team"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(w.left()) != 0 || len(out) != 1 || !strings.HasPrefix(out[0], "team+owner@example.org x@elsewhere.example\nDelivered-To: team@example.org\r\nList-Id: ") {
			t.Fatalf("left are %+v, out went %q", w.left(), out)
		}
		for account, n := range map[mail.AccountID]int{ann: 1, bob: 1, op: 2} {
			mails, reports := 0, 0
			for _, m := range w.Inbox(account) {
				switch {
				case strings.HasPrefix(m.Content, "Return-Path: <team+owner@example.org>\r\nDelivered-To: team@example.org\r\nList-Id: ") && strings.HasSuffix(m.Content, "\r\nall\r\n"):
					mails++
				case strings.Contains(m.Content, "Action: failed") && strings.Contains(m.Content, "x@elsewhere.example"):
					reports++
				default:
					t.Errorf("account %v has %s", account, m.Content)
				}
			}
			if mails != 1 || mails+reports != n {
				t.Errorf("account %v has the mail %d times, and %d reports", account, mails, reports)
			}
		}
		_, events := w.Submitted(ann)
		if last := events[0][0][len(events[0][0])-1]; last.Kind != mail.EventDelivered {
			t.Errorf("for ann it ended with %+v", last)
		}
		w.check()
	})
}

// RFC 3461 5.2.3, 5.2.7: a user who asks hears that his mail lies in a mailbox here, or has been sent on to several.
func TestSubmittedWithSuccess(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		var out []string
		w.relay(&out)
		defer w.run()()
		ann, bob := w.Account("ann"), w.Account("bob")
		w.Alias("both", "bob", "x@elsewhere.example")
		e := &mail.Envelope{ID: "s1", ReversePath: mailflowtest.Address("ann"), EnvID: "env1"}
		w.Must(w.Submission.Sender(context.Background(), w.SignedIn(ann), e))
		for _, to := range []string{"bob", "both"} {
			r := mail.Recipient{Address: mailflowtest.Address(to), Notify: mail.NotifySuccess}
			known, err := w.Submission.Recipient(context.Background(), w.SignedIn(ann), e, r)
			w.Must(err)
			e.Recipients = append(e.Recipients, known)
		}
		_, err := w.Submission.Receive(context.Background(), w.SignedIn(ann), e, strings.NewReader("From: ann@example.org\r\n\r\nx\r\n"))
		w.Must(err)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(w.left()) != 0 || len(out) != 1 || len(w.Inbox(bob)) != 1 { // one copy, by both addresses
			t.Errorf("left are %+v, out went %q, bob has %d", w.left(), out, len(w.Inbox(bob)))
		}
		var told strings.Builder
		for _, m := range w.Inbox(ann) {
			told.WriteString(m.Content)
		}
		for _, want := range []string{"Final-Recipient: rfc822; bob@example.org\r\nAction: delivered", "Final-Recipient: rfc822; both@example.org\r\nAction: expanded", "Original-Envelope-Id: env1"} {
			if !strings.Contains(told.String(), want) {
				t.Errorf("%q is not told: %s", want, told.String())
			}
		}
		if len(w.Inbox(ann)) != 2 || strings.Contains(told.String(), "Action: failed") { // he asked for success alone
			t.Errorf("told is %s", told.String())
		}
		w.check()
	})
}

// What cannot be forwarded is reported to who wrote it, by the way back, and says by which address it went.
func TestForwardThatFails(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		var out []string
		w.relay(&out)
		defer w.run()()
		w.Account("op")
		w.Alias("gone", "x@elsewhere.example")
		e := &mail.Envelope{ID: "id1", ReversePath: mailflowtest.Address("eve@client.example")}
		known, err := w.Recipient(context.Background(), w.Session(), e, mail.Recipient{Address: mailflowtest.Address("gone")})
		w.Must(err)
		e.Recipients = []mail.Recipient{known}
		_, err = w.Take(e, strings.NewReader("Subject: hello\r\n\r\nhello\r\n"))
		w.Must(err)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(w.left()) != 0 || len(out) != 2 || !strings.HasPrefix(out[0], "SRS0=") || !strings.HasPrefix(out[1], " eve@client.example\nDelivered-To: SRS0=") {
			t.Fatalf("left are %+v, out went %q", w.left(), out)
		}
		for _, want := range []string{"Original-Recipient: rfc822; gone@example.org", "Final-Recipient: rfc822; x@elsewhere.example", "Action: failed", "Subject: Not delivered: hello"} {
			if !strings.Contains(out[1], want) {
				t.Errorf("%q is not told: %s", want, out[1])
			}
		}
		w.check()
	})
}
