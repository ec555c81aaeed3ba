package submissions

import (
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// changes are the submissions of an account that its log names after a number, and the last one.
func (w *world) changes(account mail.AccountID, since mail.ModSeq) (ids []mail.SubmissionID, last mail.ModSeq) {
	w.t.Helper()
	err := w.tx.Read(w.t.Context(), func(t *tx.Tx) error {
		ids, last = nil, since
		return t.ChangesOf(account, since, []tx.Kind{tx.KindSubmission}, func(c tx.Change, _ int) bool {
			ids, last = append(ids, mail.SubmissionID(c.Object)), c.ModSeq
			return true
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ids, last
}

func (w *world) takeNews(account mail.AccountID) (ids []mail.SubmissionID, more bool) {
	w.t.Helper()
	err := w.tx.Write(w.t.Context(), []mail.AccountID{account}, func(t *tx.Tx) (err error) { ids, more, err = w.TakeNews(t, account); return err })
	if err != nil {
		w.t.Fatal(err)
	}
	return ids, more
}

// What happens to a submission is in the account's log once it is told, if the account may know the submission.
func TestNews(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		one, two := w.add(submission("bob", "carol")), w.add(submission("bob"))
		unknown, hidden := submission("bob"), w.add(submission("bob"))
		unknown.Email = 0
		secret := w.add(unknown)
		w.do(func(t *tx.Tx) error { return w.Hide(t, 7, hidden) })
		ids, last := w.changes(7, 0)
		if !slices.Equal(ids, []mail.SubmissionID{one, two, hidden, hidden}) {
			t.Fatalf("made are %v", ids)
		}
		w.do(func(t *tx.Tx) error { return w.Begun(t, Step{7, one, 0, mail.Event{Kind: mail.EventAttempted}}) })
		if ids, _ = w.changes(7, last); len(ids) > 0 {
			t.Errorf("what the commit of the submission begins with is news: %v", ids)
		}
		var woken []mail.AccountID
		w.SetWake(func(a mail.AccountID) { woken = append(woken, a) })
		err := w.tx.Write(t.Context(), nil, func(t *tx.Tx) error {
			relayed := mail.Event{Kind: mail.EventRelayed}
			if err := w.Record(t, Step{mail.SpoolAccount, one, 0, relayed}, Step{7, two + 1000, 0, relayed}, Step{7, secret, 0, relayed}, Step{7, hidden, 0, relayed}); err != nil { // nobody's, and gone
				return err
			}
			return w.Record(t, Step{7, two, 0, mail.Event{Kind: mail.EventAttempted}}, Step{7, two, 0, relayed}, Step{7, one, 1, relayed}, Step{7, two, 0, relayed})
		})
		if err != nil || !slices.Contains(woken, 7) {
			t.Fatalf("woken are %v, %v", woken, err)
		}
		if ids, _ = w.changes(7, last); len(ids) > 0 {
			t.Errorf("before it is told the log of an account that is not locked says %v", ids)
		}
		var with []mail.AccountID
		w.do(func(t *tx.Tx) (err error) { with, err = w.WithNews(t, 0); return err })
		if !slices.Equal(with, []mail.AccountID{7}) {
			t.Errorf("news are there for %v", with)
		}
		want := []mail.SubmissionID{two, one} // as it happened
		if ids, more := w.takeNews(7); !slices.Equal(ids, append([]mail.SubmissionID{hidden}, want...)) || more {
			t.Errorf("taken are %v, more: %v", ids, more)
		}
		if ids, _ := w.changes(7, last); !slices.Equal(ids, want) {
			t.Errorf("told is %v", ids)
		}
		if ids, _ := w.takeNews(7); len(ids) > 0 {
			t.Errorf("told twice is %v", ids)
		}
		if n := len(w.events(7, two)[0]); n != 4 {
			t.Errorf("%d events", n)
		}
	})
}

func TestReceipts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.add(submission("bob", "carol"))
		want := Receipt{Account: 8, Email: 5, Sender: 7, Submission: id, Recipient: 1, Author: address("ann")}
		w.do(func(t *tx.Tx) error { w.Expect(t, want); return nil })
		displayed := func(account mail.AccountID, emails ...mail.EmailID) (got []Receipt) {
			w.do(func(t *tx.Tx) (err error) { got, err = w.Displayed(t, account, emails); return err })
			return got
		}
		many := make([]mail.EmailID, 2*receiptPage+2)
		for i := range many {
			many[i] = mail.EmailID(1000 + i)
		}
		if got := append(displayed(7, 5), displayed(8, many...)...); len(got) > 0 {
			t.Errorf("other mail is expected: %+v", got)
		}
		if got := displayed(8, append(many, 5)...); !slices.Equal(got, []Receipt{want}) {
			t.Errorf("displayed is %+v", got)
		}
		if got := displayed(8, 5); len(got) > 0 {
			t.Errorf("displayed twice: %+v", got)
		}
		w.do(func(t *tx.Tx) error {
			w.Expect(t, want)
			t.SQL().Queue(`UPDATE submission SET due = 0`)
			return nil
		})
		for more := true; more; {
			w.do(func(t *tx.Tx) (err error) { more, err = w.Forget(t); return err })
		}
		if got := displayed(8, 5); len(got) > 0 {
			t.Errorf("a forgotten submission is expected to be displayed: %+v", got)
		}
	})
}
