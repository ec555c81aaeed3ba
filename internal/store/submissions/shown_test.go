package submissions

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// JMAP is shown what has an email, until it is put away; the history stays.
func TestShown(t *testing.T) {
	each(t, func(t *testing.T, r *world) {
		const ann = mail.AccountID(7)
		write := func(fn func(*tx.Tx) error) error { return r.tx.Write(t.Context(), []mail.AccountID{ann}, fn) }
		var with, without mail.SubmissionID
		sub := Submission{Account: ann, Recipients: []Recipient{{mail.Address{Local: "x", Domain: "example.net"}}}}
		must(t, write(func(t *tx.Tx) (err error) {
			if without, err = r.Add(t, sub); err != nil {
				return err
			}
			sub.Email, sub.Thread, sub.Identity, sub.Envelope = 5, 6, 7, []byte("{}")
			with, err = r.Add(t, sub)
			return err
		}))
		shown := func() (list []Shown) {
			must(t, r.tx.Read(t.Context(), func(t *tx.Tx) (err error) { list, err = r.Shown(t, ann); return err }))
			return list
		}
		if list := shown(); len(list) != 1 || list[0].ID != with || list[0].Email != 5 || list[0].Thread != 6 || list[0].Identity != 7 || list[0].Canceled {
			t.Fatalf("%+v", list)
		}
		must(t, write(func(t *tx.Tx) error {
			if err := r.MarkCanceled(t, ann, without); err != nil {
				return err
			}
			return r.MarkCanceled(t, ann, with)
		}))
		if list := shown(); !list[0].Canceled {
			t.Errorf("%+v", list)
		}
		must(t, write(func(t *tx.Tx) error { return r.Hide(t, ann, with) }))
		if err := write(func(t *tx.Tx) error { return r.Hide(t, ann, with) }); !mail.Is(err, mail.NotFound) || len(shown()) != 0 {
			t.Errorf("put away twice: %v, %+v", err, shown())
		}
		must(t, r.tx.Read(t.Context(), func(t *tx.Tx) error {
			sub, err := r.Submission(t, ann, with)
			if err == nil && (!sub.Hidden || !sub.Canceled || string(sub.Envelope) != "{}") {
				r.t.Errorf("%+v", sub)
			}
			return err
		}))
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
