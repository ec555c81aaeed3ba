package submission_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// kinds are the last events of a submission's recipients.
func kinds(events [][]mail.Event) (out []mail.EventKind) {
	for _, e := range events {
		out = append(out, e[len(e)-1].Kind)
	}
	return out
}

// One commit: who has a mailbox here has it there, the others are owed it, and the submission says both.
func TestAccept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.envelope("ann")
		e.Ret, e.EnvID, e.RequireTLS, e.Priority, e.Body = mail.RetHeaders, "env", true, 3, mail.Body8BitMIME
		w.Must(w.Submit(w.ann, e, strings.NewReader(plain), "bob", "carl@elsewhere.example", "team", "away", "both+x", "Dora@other.example"))
		for _, account := range []mail.AccountID{w.ann, w.bob} {
			inbox := w.Inbox(account)
			if len(inbox) != 1 || !strings.HasPrefix(inbox[0].Content, "Return-Path: <ann@example.org>\r\nReceived: ") || !strings.HasSuffix(inbox[0].Content, plain) {
				t.Errorf("delivered is %+v", inbox)
			}
		}
		owed := w.Owing()
		if len(owed) != 1 {
			t.Fatalf("%d messages are owed", len(owed))
		}
		m := owed[0]
		if "Return-Path: <ann@example.org>\r\n"+m.Content != w.Inbox(w.bob)[0].Content || m.Size != int64(len(m.Content)) || m.Account != w.ann || m.First != 0 {
			t.Errorf("owed is %+v", m)
		}
		var to []string
		for _, r := range m.Envelope.Recipients {
			to = append(to, r.Address.String()+" "+r.Original.Address)
		}
		want := []string{"carl@elsewhere.example ", "away@example.org ", "both+x@example.org ", "Dora@other.example "}
		if !reflect.DeepEqual(to, want) {
			t.Errorf("owed to %q", to)
		}
		if got := m.Envelope; got.Ret != e.Ret || got.EnvID != e.EnvID || !got.RequireTLS || got.Priority != 3 || got.Body != e.Body || got.ID != e.ID || got.ReversePath != e.ReversePath {
			t.Errorf("the envelope is %+v", got)
		}
		list, events := w.Submitted(w.ann)
		if len(list) != 1 || list[0].ID != m.Submission || list[0].MessageID != "1@example.org" || list[0].Size != m.Size || len(list[0].Recipients) != 6 || list[0].Trace != e.ID {
			t.Fatalf("submitted is %+v", list)
		}
		q, d := mail.EventQueued, mail.EventDelivered
		if got := kinds(events[0]); !reflect.DeepEqual(got, []mail.EventKind{q, q, q, q, d, d}) {
			t.Errorf("it has become %v of them", got)
		}
		if r := list[0].Recipients[4:]; r[0].Address.String() != "bob@example.org" || r[1].Address.String() != "team@example.org" {
			t.Errorf("the last recipients are %+v", r)
		}
		if w.Objects() != 1 {
			t.Errorf("%d objects are stored", w.Objects())
		}
	})
}

// What more is to be done for than to put it into a mailbox is the queue's: groups, and deliveries to be reported.
func TestWhatTheQueueBrings(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.Provision.AddGroup(t.Context(), directory.Group{Address: mailflowtest.Address("all"), Policy: directory.PostMembers})
		w.Must(err)
		w.wantReply("a group that ann is not in", w.submit(plain, "all"), "550 5.2.4")
		w.Must(w.Provision.AddMember(t.Context(), directory.Member{Group: mailflowtest.Address("all"), Address: mailflowtest.Address("bob")}))
		w.wantReply("a group that ann is not in", w.submit(plain, "all"), "550 5.7.2")
		w.Must(w.Provision.AddMember(t.Context(), directory.Member{Group: mailflowtest.Address("all"), Address: mailflowtest.Address("ann")}))
		w.Must(w.submit(plain, "all"))
		e := w.envelope("ann")
		r, err := w.Submission.Recipient(t.Context(), w.SignedIn(w.ann), e, mail.Recipient{Address: mailflowtest.Address("bob"), Notify: mail.NotifySuccess})
		w.Must(err)
		e.Recipients = append(e.Recipients, r)
		_, err = w.Submission.Receive(t.Context(), w.SignedIn(w.ann), e, strings.NewReader(plain))
		w.Must(err)
		owed := w.Owing()
		if len(owed) != 2 || owed[0].Envelope.Recipients[0].Address.Local != "all" || owed[1].Envelope.Recipients[0].Notify != mail.NotifySuccess || len(w.Inbox(w.bob)) != 0 {
			t.Errorf("owed is %+v, and bob has %d messages", owed, len(w.Inbox(w.bob)))
		}
	})
}

// What is held is in no mailbox before its time, and is taken back as a whole.
func TestHeldAndCanceled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.envelope("ann")
		e.HoldUntil = soon
		w.Must(w.Submit(w.ann, e, strings.NewReader(plain), "carl@elsewhere.example", "bob+x", "team"))
		owed := w.Owing()
		var to []string
		for _, r := range owed[0].Envelope.Recipients {
			to = append(to, r.Address.String())
		}
		if got, want := fmt.Sprint(to), "[carl@elsewhere.example bob+x@example.org team@example.org]"; got != want || len(w.Inbox(w.bob)) > 0 || !owed[0].Envelope.HoldUntil.Equal(soon) {
			t.Errorf("owed to %v until %v, and bob has %d messages", got, owed[0].Envelope.HoldUntil, len(w.Inbox(w.bob)))
		}
		list, _ := w.Submitted(w.ann)
		if !list[0].Due.Equal(soon) || len(list[0].Recipients) != 3 {
			t.Errorf("submitted is %+v", list[0])
		}
		if _, err := w.Submission.Cancel(t.Context(), w.bob, list[0].ID); !mail.Is(err, mail.NotFound) {
			t.Errorf("taken back by another account: %v", err)
		}
		for i, want := range []submission.Canceled{{Taken: []int{0, 1, 2}}, {}} {
			got, err := w.Submission.Cancel(t.Context(), w.ann, list[0].ID)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("taking back %d: %+v, %v", i, got, err)
			}
		}
		_, events := w.Submitted(w.ann)
		if got := kinds(events[0]); fmt.Sprint(got) != "[canceled canceled canceled]" || len(w.Owing()) != 0 {
			t.Errorf("it has become %v of them, and %d are owed", got, len(w.Owing()))
		}
	})
}

// Who is being sent to at this moment is too late; after its time nothing can be taken back.
func TestCancelTooLate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.envelope("ann")
		e.HoldUntil = soon
		w.Must(w.Submit(w.ann, e, strings.NewReader(plain), "carl@elsewhere.example", "dora@elsewhere.example"))
		w.Must(w.submit(plain, "carl@elsewhere.example"))
		w.write(func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE spool_recipient SET owner = 'n1' WHERE recipient = 1`)
			return err
		})
		list, _ := w.Submitted(w.ann)
		got, err := w.Submission.Cancel(t.Context(), w.ann, list[1].ID)
		if err != nil || !reflect.DeepEqual(got, submission.Canceled{Taken: []int{0}, Late: []int{1}}) {
			t.Errorf("taken back is %+v, %v", got, err)
		}
		if _, err := w.Submission.Cancel(t.Context(), w.ann, list[0].ID); !mail.Is(err, mail.Conflict) {
			t.Errorf("one that was due: %v", err)
		}
		if owed := w.Owing(); len(owed) != 2 {
			t.Errorf("%d messages are owed", len(owed))
		}
	})
}

func TestUndo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.like(submissions.Sending{Undo: 10 * time.Minute})
		w.Must(w.submit(plain, "bob"))
		list, _ := w.Submitted(w.ann)
		if wait := list[0].Due.Sub(list[0].Created); wait != 10*time.Minute || len(w.Inbox(w.bob)) != 0 || len(w.Owing()) != 1 {
			t.Errorf("it waits for %v, bob has %d messages", wait, len(w.Inbox(w.bob)))
		}
	})
}

// The sender's copy is in Sent, read, with the Bcc that nobody else sees.
func TestSentCopy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Must(w.submit(plain, "bob"))
		if n := len(w.Sent(w.ann)); n != 0 {
			t.Errorf("%d copies that nobody asked for", n)
		}
		w.like(submissions.Sending{SentCopy: true})
		w.Must(w.submit(plain, "bob"))
		w.Must(w.submit("Bcc: carl@elsewhere.example\r\n"+plain, "bob", "carl@elsewhere.example", "ann"))
		sent := w.Sent(w.ann)
		if len(sent) != 2 || sent[0].Flags != mail.Seen || !strings.HasSuffix(sent[0].Content, plain) || !strings.Contains(sent[1].Content, "\r\nBcc: carl@elsewhere.example\r\n"+plain) {
			t.Errorf("copies are %+v", sent)
		}
		for _, content := range []string{w.Owing()[0].Content, w.Inbox(w.bob)[2].Content, w.Inbox(w.ann)[0].Content} {
			if strings.Contains(content, "Bcc") {
				t.Errorf("a recipient sees %s", content)
			}
		}
		if n := w.Objects(); n != 4 {
			t.Errorf("%d objects are stored", n)
		}
	})
}

// As many recipients as a message may have are one commit, and more mailboxes than it has room for are reached by the spool.
func TestManyRecipients(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var out []string
		for i := range submission.MaxTargets - 50 {
			out = append(out, fmt.Sprintf("to%d@elsewhere%d.example", i, i%7))
		}
		here := w.Accounts(91)
		var local []string
		for i := range here {
			local = append(local, fmt.Sprintf("u%d", i))
		}
		for _, c := range []struct {
			to                    []string
			messages, owed, boxes int
		}{
			{append(out[:110:110], local[:20]...), 2, 110, 20},
			{append(out[:len(out):len(out)], local[:50]...), 5, 500, 0},
			{local[:90], 0, 0, 90},
			{local[:91], 1, 91, 0},
		} {
			before := len(w.Owing())
			w.Must(w.submit(plain, c.to...))
			messages, owed := w.Owing()[before:], 0
			for _, m := range messages {
				if m.First != owed {
					t.Errorf("a message begins with recipient %d, not %d", m.First, owed)
				}
				owed += len(m.Envelope.Recipients)
			}
			list, events := w.Submitted(w.ann)
			boxes := 0
			for _, k := range kinds(events[0]) {
				if k == mail.EventDelivered {
					boxes++
				}
			}
			if len(messages) != c.messages || owed != c.owed || boxes != c.boxes || len(list[0].Recipients) != len(c.to) {
				t.Errorf("%d recipients: %d messages owed to %d, %d delivered, %d in the submission", len(c.to), len(messages), owed, boxes, len(list[0].Recipients))
			}
			w.write(func(t *tx.Tx) error {
				return w.Submissions.SetSending(t, w.ann, submissions.Sending{MaxRecipients: -1, MaxStrangers: -1})
			})
		}
	})
}

// zeros is a body that would not fit into memory with many others.
type zeros struct {
	left int
	end  error
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, z.end
	}
	n := min(len(p), z.left)
	for i := range n {
		p[i] = "0123456789abcde\n"[(z.left-i)%16]
	}
	z.left -= n
	return n, nil
}

// A large body is stored once when all is done, whole, and nothing of it when it does not come to its end.
func TestLargeBody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const size = 5 << 20
		body, err := io.ReadAll(&zeros{size, io.EOF})
		w.Must(err)
		w.Must(w.Submit(w.ann, w.envelope("ann"), io.MultiReader(strings.NewReader("Subject: x\r\n\r\n"), &zeros{size, io.EOF}), "carl@elsewhere.example", "bob"))
		for _, content := range []string{w.Owing()[0].Content, w.Inbox(w.bob)[0].Content} {
			if !strings.HasSuffix(content, "\r\n\r\n"+string(body)) {
				t.Errorf("%d bytes are not those that came", len(content))
			}
		}
		if n := w.Objects(); n != 1 {
			t.Errorf("%d objects are stored", n)
		}
		gone := errors.New("the client is gone")
		for _, size := range []int{0, 100, submission.Spill, submission.Spill + 1, 1 << 20} {
			err := w.Submit(w.ann, w.envelope("ann"), io.MultiReader(strings.NewReader("Subject: x\r\n\r\n"), &zeros{size, gone}), "bob")
			if !errors.Is(err, gone) || w.Objects() != 1 || len(w.Inbox(w.bob)) != 1 {
				t.Errorf("after %d bytes: %v, %d objects, bob has %d messages", size, err, w.Objects(), len(w.Inbox(w.bob)))
			}
		}
	})
}

// A store that fails refuses for now, and leaves nothing behind.
func TestStoreFails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, size := range []int{10, submission.Spill + 10} {
			for fails := range 3 {
				calls := 0
				w.Blobs.Fail = func(op string) error {
					if calls++; calls > fails {
						return errors.New("on purpose")
					}
					return nil
				}
				err := w.Submit(w.ann, w.envelope("ann"), io.MultiReader(strings.NewReader("Subject: x\r\n\r\n"), &zeros{size, io.EOF}), "bob")
				w.Blobs.Fail = nil
				if calls > fails && !mail.Is(err, mail.Unavailable) {
					t.Errorf("%d bytes, failing after %d calls: %v", size, fails, err)
				}
				if calls <= fails {
					w.Must(err)
				}
			}
		}
		if n := len(w.Inbox(w.bob)); n != w.delivered(w.bob) {
			t.Errorf("%d messages", n)
		}
	})
}

func (w *world) delivered(mail.AccountID) (n int) {
	_, events := w.Submitted(w.ann)
	return len(events)
}

// Those to whom the spool brings it do not count among the accounts that a commit can lock.
func TestMoreAccountsThanOneCommitLocks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.envelope("ann")
		for i := range w.Accounts(120) {
			name := fmt.Sprint("u", i)
			r := mail.Recipient{Address: mailflowtest.Address(name)}
			if i%2 == 0 {
				r.Notify = mail.NotifySuccess
			}
			known, err := w.Submission.Recipient(t.Context(), w.SignedIn(w.ann), e, r)
			w.Must(err)
			e.Recipients = append(e.Recipients, known)
		}
		_, err := w.Submission.Receive(t.Context(), w.SignedIn(w.ann), e, strings.NewReader(plain))
		w.Must(err)
		_, events := w.Submitted(w.ann)
		got := map[mail.EventKind]int{}
		for _, k := range kinds(events[0]) {
			got[k]++
		}
		if got[mail.EventDelivered] != 60 || got[mail.EventQueued] != 60 {
			t.Errorf("the recipients are %v, want 60 delivered and 60 queued", got)
		}
	})
}
