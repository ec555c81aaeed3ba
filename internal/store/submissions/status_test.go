package submissions

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func events(kinds ...mail.EventKind) (out []mail.Event) {
	out = []mail.Event{{Kind: mail.EventQueued}}
	for _, k := range kinds {
		e := mail.Event{Kind: k}
		switch k {
		case mail.EventRelayed, mail.EventDelivered:
			e.Reply = mail.Reply{Code: 250, Enhanced: mail.EnhancedCode{2, 1, 5}, Text: " it is\tthere "}
		case mail.EventDeferred:
			e.Reply = mail.Reply{Code: 451, Text: "later"}
		case mail.EventFailed, mail.EventExpired:
			e.Reply = mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 1, 1}}
		}
		out = append(out, e)
	}
	return out
}

func TestStatusOf(t *testing.T) {
	const queued, there = "250 2.0.0 queued", "250 2.1.5 it is there"
	for _, c := range []struct {
		events []mail.Event
		want   Status
	}{
		{events(), Status{Queued, Unknown, queued, false}},
		{events(mail.EventAttempted), Status{Queued, Unknown, queued, false}},
		{events(mail.EventAttempted, mail.EventDeferred), Status{Queued, Unknown, "451 later", true}},
		{events(mail.EventDeferred, mail.EventAttempted), Status{Queued, Unknown, "451 later", true}},
		{events(mail.EventDeferred, mail.EventAttempted, mail.EventRelayed), Status{Unknown, Unknown, there, false}},
		{events(mail.EventRelayed, mail.EventDeferred), Status{Unknown, Unknown, "451 later", true}},
		{events(mail.EventRelayed, mail.EventDelivered), Status{Yes, Unknown, there, false}},
		{events(mail.EventRelayed, mail.EventFailed), Status{No, Unknown, "550 5.1.1", false}},
		{events(mail.EventExpired), Status{No, Unknown, "550 5.1.1", false}},
		{events(mail.EventCanceled), Status{No, Unknown, "550 5.7.0 taken back by its sender", false}},
		{events(mail.EventRelayed, mail.EventDisplayed), Status{Yes, Yes, there, false}},
		{events(mail.EventDelivered, mail.EventDisplayed), Status{Yes, Yes, there, false}},
	} {
		if got := StatusOf(c.events); got != c.want {
			t.Errorf("%v is %+v, want %+v", c.events, got, c.want)
		}
	}
}

// An envelope id leads to one submission of its own account, and to no other.
func TestByEnvelope(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sub := submission("bob")
		w.do(func(t *tx.Tx) error {
			n, err := t.NewID()
			sub.ID = mail.SubmissionID(n)
			sub.EnvID = EnvelopeID(sub.ID)
			return err
		})
		w.add(sub)
		own := submission("bob")
		own.EnvID, own.MessageID = "", ""
		chosen := w.add(own)
		find := func(account mail.AccountID, envID string) (id mail.SubmissionID, err error) {
			w.do(func(t *tx.Tx) error {
				s, e := w.ByEnvelope(t, account, envID)
				id, err = s.ID, e
				return nil
			})
			return id, err
		}
		if got, err := find(7, sub.EnvID); err != nil || got != sub.ID {
			t.Errorf("it leads to %v, %v", got, err)
		}
		for account, id := range map[string]mail.AccountID{sub.EnvID: 8, sub.EnvID + "x": 7, sub.EnvID[:len(sub.EnvID)-1]: 7, "": 7, ".": 7, "-1.x": 7,
			EnvelopeID(chosen): 7, EnvelopeID(sub.ID): 7} {
			if got, err := find(id, account); !mail.Is(err, mail.NotFound) {
				t.Errorf("%q of %v leads to %v, %v", account, id, got, err)
			}
		}
		w.do(func(t *tx.Tx) error {
			for _, c := range []struct {
				account mail.AccountID
				id      string
				want    int
			}{{7, "1@example.org", 1}, {8, "1@example.org", 0}, {7, "", 0}, {7, "2@example.org", 0}} {
				if list, err := w.ByMessage(t, c.account, c.id); err != nil || len(list) != c.want {
					w.t.Errorf("%q of %v: %+v, %v", c.id, c.account, list, err)
				}
			}
			return nil
		})
	})
}

// Reports say something of mail that has left, once, and never against what is known.
func TestReport(t *testing.T) {
	const (
		queued, relayed, delivered, failed = mail.EventQueued, mail.EventRelayed, mail.EventDelivered, mail.EventFailed
		displayed, canceled, deferred      = mail.EventDisplayed, mail.EventCanceled, mail.EventDeferred
	)
	for _, c := range []struct {
		before []mail.Event
		report mail.EventKind
		want   bool
	}{
		{events(), delivered, false}, {events(), failed, false}, {events(), displayed, false}, {events(deferred), delivered, false},
		{events(relayed), delivered, true}, {events(relayed), failed, true}, {events(relayed), displayed, true}, {events(relayed), deferred, true},
		{events(relayed), relayed, true}, {events(relayed, relayed), relayed, false}, {events(relayed, deferred), deferred, true},
		{events(delivered), failed, false}, {events(delivered), delivered, false}, {events(delivered), displayed, true},
		{events(failed), delivered, false}, {events(relayed, failed), delivered, false}, {events(relayed, failed), displayed, false},
		{events(relayed, displayed), displayed, false}, {events(relayed, displayed), failed, false}, {events(canceled), delivered, false},
	} {
		e := mail.Event{Kind: c.report, By: "mx.example.net"}
		if c.report == relayed && len(c.before) > 2 {
			e.By = ""
		}
		if got := follows(c.before, e); got != c.want {
			t.Errorf("%s after %v: %v", c.report, c.before, got)
		}
	}
	each(t, func(t *testing.T, w *world) {
		id := w.add(submission("bob"))
		report := func(n int, kind mail.EventKind) bool {
			before := len(w.events(7, id)[0])
			w.do(func(t *tx.Tx) error { _, err := w.Report(t, Step{7, id, n, mail.Event{Kind: kind}}); return err })
			return len(w.events(7, id)[0]) > before
		}
		w.do(func(t *tx.Tx) error { return w.Record(t, Step{7, id, 0, mail.Event{Kind: relayed}}) })
		if report(1, failed) || report(-1, failed) || !report(0, delivered) || report(0, delivered) || report(0, failed) {
			t.Error("a report counts that does not, or does not count")
		}
		if got := w.events(7, id)[0]; len(got) != 3 || got[2].Kind != delivered {
			t.Errorf("events are %+v", got)
		}
	})
}
