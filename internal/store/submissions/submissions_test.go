package submissions

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// accounts are those of each test's world.
var accounts = []mail.AccountID{7, 8}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		d := open()
		x, err := tx.New(t.Context(), tx.Options{DB: d})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Write(t.Context(), 0, func(d *db.Tx) error {
			for _, id := range accounts {
				d.Queue(`INSERT INTO account (id, state, epoch, modseq, log_floor, last_uidvalidity, quota_bytes, quota_messages,
					used_bytes, used_messages, wrapped_key) VALUES ($1, 'here', 1, 0, 0, 0, 0, 0, 0, 0, $2)`, id, []byte{1})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		test(t, &world{t, New(), x})
	})
}

type world struct {
	t *testing.T
	*Store
	tx *tx.Store
}

func (w *world) do(fn func(*tx.Tx) error) {
	w.t.Helper()
	if err := w.tx.Write(w.t.Context(), accounts, fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) add(sub Submission) (id mail.SubmissionID) {
	w.t.Helper()
	w.do(func(t *tx.Tx) (err error) { id, err = w.Add(t, sub); return err })
	return id
}

func (w *world) events(account mail.AccountID, id mail.SubmissionID) (out [][]mail.Event) {
	w.t.Helper()
	w.do(func(t *tx.Tx) (err error) { out, err = w.Events(t, account, id); return err })
	return out
}

func address(local string) mail.Address { return mail.Address{Local: local, Domain: "example.org"} }

func submission(to ...string) Submission {
	sub := Submission{Account: 7, Trace: "t1", ReversePath: address("ann"), MessageID: "1@example.org", EnvID: "e", Email: 5, Size: 99}
	for _, local := range to {
		sub.Recipients = append(sub.Recipients, Recipient{address(local)})
	}
	return sub
}

func TestAdd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sub := submission("bob", "b b")
		sub.Due = time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
		id := w.add(sub)
		now := w.add(Submission{Account: 7, Recipients: sub.Recipients})
		w.do(func(t *tx.Tx) error {
			got, err := w.Submission(t, 7, id)
			sub.ID, sub.Created = id, got.Created
			if err != nil || !reflect.DeepEqual(got, sub) || t.Now().Sub(got.Created) > time.Minute {
				w.t.Errorf("kept is %+v, %v, want %+v", got, err, sub)
			}
			if got, err := w.Submission(t, 7, now); err != nil || got.Due != got.Created || !got.ReversePath.IsNull() {
				w.t.Errorf("one that is due now is %+v, %v", got, err)
			}
			if _, err := w.Submission(t, 8, id); !mail.Is(err, mail.NotFound) {
				w.t.Errorf("another account finds it: %v", err)
			}
			return nil
		})
		for _, n := range []int{0, MaxRecipients + 1} {
			err := w.tx.Write(t.Context(), accounts, func(t *tx.Tx) error {
				_, err := w.Add(t, submission(slices.Repeat([]string{"x"}, n)...))
				return err
			})
			if !mail.Is(err, mail.Limit) {
				t.Errorf("%d recipients: %v", n, err)
			}
		}
	})
}

// Mail that nobody here has handed in has a history as well, which no account lists; ids find it, and what it came from.
func TestBegin(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		own := w.add(submission("team"))
		e := mail.Envelope{ID: "t1", ReversePath: address("owner"), Recipients: []mail.Recipient{{Address: address("bob")}, {Address: address("carol")}}}
		var part mail.SpoolID
		w.do(func(t *tx.Tx) error {
			n, err := t.NewID()
			if err != nil {
				return err
			}
			part = mail.SpoolID(n)
			account, id, err := w.Begin(t, part, &e, 12)
			if err == nil && (account != mail.SpoolAccount || int64(id) != n) {
				w.t.Errorf("it is %v of account %v, want %d of the spool's", id, account, n)
			}
			return err
		})
		w.do(func(t *tx.Tx) error {
			list, err := w.ByTrace(t, "t1")
			if err != nil || len(list) != 2 || list[0].ID != own || list[1].ID != mail.SubmissionID(part) || len(list[1].Recipients) != 2 || list[1].Size != 12 {
				w.t.Errorf("the id in logs finds %+v, %v", list, err)
			}
			for _, id := range []mail.SpoolID{mail.SpoolID(own), part} {
				if sub, err := w.BySpool(t, id); err != nil || sub.ID != mail.SubmissionID(id) {
					w.t.Errorf("%v is %+v, %v", id, sub, err)
				}
			}
			if _, err := w.BySpool(t, part+1); !mail.Is(err, mail.NotFound) {
				w.t.Errorf("an id that was never given: %v", err)
			}
			if _, err := w.ByTrace(t, "t2"); !mail.Is(err, mail.NotFound) {
				w.t.Errorf("an id that was never logged: %v", err)
			}
			if list, err := w.List(t, 7, Submission{}, 0); err != nil || len(list) != 1 || list[0].ID != own {
				w.t.Errorf("the account's own are %+v, %v", list, err)
			}
			return nil
		})
	})
}

// A recipient's steps come back in their order, each with all that it says, and those of nobody are dropped.
func TestRecord(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.add(submission("bob", "carol"))
		at := time.UnixMilli(1_700_000_000_000).UTC()
		relayed := mail.Event{Kind: mail.EventRelayed, At: at, By: "mx [192.0.2.1]",
			Reply: mail.Reply{Code: 250, Enhanced: mail.EnhancedCode{2, 17, 999}, Text: "ok ü"}}
		w.do(func(t *tx.Tx) error {
			return w.Record(t, Step{7, id, 1, mail.Event{Kind: mail.EventAttempted, At: at}}, Step{7, id, 1, relayed}, Step{7, id, 0, mail.Event{Kind: mail.EventDeferred}},
				Step{8, id, 0, relayed}, Step{7, id + 1, 0, relayed})
		})
		w.do(func(t *tx.Tx) error {
			return w.Record(t, Step{7, id, 0, mail.Event{Kind: mail.EventFailed, Reply: mail.Reply{Code: 550, Text: "no\xff\x00" + strings.Repeat("é", MaxText)}}})
		})
		got := w.events(7, id)
		if len(got) != 2 || len(got[0]) != 3 || len(got[1]) != 3 || got[1][2] != relayed {
			t.Fatalf("events are %+v", got)
		}
		for i, want := range [][]mail.EventKind{{mail.EventQueued, mail.EventDeferred, mail.EventFailed}, {mail.EventQueued, mail.EventAttempted, mail.EventRelayed}} {
			for j, kind := range want {
				if e := got[i][j]; e.Kind != kind || e.At.IsZero() {
					t.Errorf("step %d of recipient %d is %+v, want %s", j, i, e, kind)
				}
			}
		}
		if text := got[0][2].Reply.Text; len(text) > MaxText || !strings.HasPrefix(text, "no??é") || strings.HasSuffix(text, "\xc3") {
			t.Errorf("a bad text is kept as %q", text)
		}
		if err := w.tx.Read(t.Context(), func(t *tx.Tx) error { _, err := w.Events(t, 8, id); return err }); !mail.Is(err, mail.NotFound) {
			t.Errorf("another account's events: %v", err)
		}
	})
}

// A recipient that is tried for ever fills no table, and its end is kept.
func TestMaxEvents(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.add(submission("bob"))
		w.do(func(t *tx.Tx) error {
			for range MaxEvents + 5 {
				if err := w.Record(t, Step{7, id, 0, mail.Event{Kind: mail.EventDeferred}}); err != nil {
					return err
				}
			}
			return w.Record(t, Step{7, id, 0, mail.Event{Kind: mail.EventExpired}})
		})
		if got := w.events(7, id)[0]; len(got) != 1+MaxEvents+1 || got[len(got)-1].Kind != mail.EventExpired {
			t.Errorf("%d events are kept, the last is %+v", len(got), got[len(got)-1])
		}
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var want []mail.SubmissionID
		for i := range 7 {
			want = append(want, w.add(submission(fmt.Sprint("to", i))))
			if i%3 == 0 {
				other := submission("x")
				other.Account = 8
				w.add(other)
			}
		}
		slices.Reverse(want)
		w.do(func(t *tx.Tx) error {
			var got []mail.SubmissionID
			for last := (Submission{}); ; {
				page, err := w.List(t, 7, last, 2)
				if err != nil {
					return err
				}
				if len(page) == 0 {
					break
				}
				for _, last = range page {
					got = append(got, last.ID)
				}
			}
			if !slices.Equal(got, want) {
				w.t.Errorf("listed are %v, want %v", got, want)
			}
			return nil
		})
	})
}

// Forget takes what is old, however many events it has, and nothing else; Purge takes all of an account's.
func TestForgetAndPurge(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old, fresh := w.add(submission("a", "b", "c")), w.add(submission("d"))
		w.do(func(t *tx.Tx) error {
			t.SQL().Queue(`UPDATE submission SET due = $2 WHERE id = $1`, old, t.Now().Add(-Kept-time.Hour))
			var steps []Step
			for i := range 1400 {
				steps = append(steps, Step{7, old, i % 3, mail.Event{Kind: mail.EventDeferred}})
			}
			for _, id := range []mail.SubmissionID{old, fresh} {
				if err := w.AddReturned(t, 7, id, Returned{Email: 1}); err != nil {
					return err
				}
			}
			return w.Record(t, append(steps, Step{7, fresh, 0, mail.Event{Kind: mail.EventDeferred}})...)
		})
		rounds := 0
		for more := true; more; rounds++ {
			w.do(func(t *tx.Tx) (err error) { more, err = w.Forget(t); return err })
		}
		if got := w.rows(); rounds != 3 || got != "1 1 1" {
			t.Errorf("after %d rounds of forgetting, rows are %s", rounds, got)
		}
		w.do(func(t *tx.Tx) error { _, err := w.Purge(t, 8); return err })
		if got := w.rows(); got != "1 1 1" {
			t.Errorf("after purging another account, rows are %s", got)
		}
		w.do(func(t *tx.Tx) error { _, err := w.Purge(t, 7); return err })
		if got := w.rows(); got != "0 0 0" {
			t.Errorf("after purging, rows are %s", got)
		}
	})
}

func (w *world) rows() string {
	var submissions, events, reports int
	w.do(func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT (SELECT COUNT(*) FROM submission), (SELECT COUNT(*) FROM submission_event), (SELECT COUNT(*) FROM submission_report)`).Scan(&submissions, &events, &reports)
	})
	return fmt.Sprint(submissions, " ", events, " ", reports)
}

// Reports are listed as they came, and no more than MaxReports of a submission.
func TestReturned(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id, other := w.add(submission("a")), w.add(submission("b"))
		for n := range MaxReports + 2 {
			w.do(func(t *tx.Tx) error {
				return w.AddReturned(t, 7, id, Returned{Email: mail.EmailID(n + 1), Receipt: n == 1})
			})
		}
		w.do(func(t *tx.Tx) error { return w.AddReturned(t, 8, other, Returned{Email: 1}) }) // not the account's
		w.do(func(t *tx.Tx) error {
			list, err := w.Returned(t, 7, id)
			if len(list) != MaxReports || list[0] != (Returned{Email: 1}) || list[1] != (Returned{Email: 2, Receipt: true}) {
				w.t.Errorf("listed are %v", list)
			}
			if err == nil {
				list, err = w.Returned(t, 7, other)
			}
			if len(list) > 0 {
				w.t.Errorf("of another submission are listed %v", list)
			}
			return err
		})
	})
}
