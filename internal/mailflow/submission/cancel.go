package submission

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Canceled is what became of the wish to take a submission back.
type Canceled struct {
	Taken []int // numbers of the recipients who will not get it
	Late  []int // and of those of whom that cannot be said: it is on its way to them, or there
}

// Cancel takes back a submission that is not due yet. mail.Conflict when it is, mail.NotFound when it is not there. Taking it
// back again changes nothing.
func (sub *Submission) Cancel(ctx context.Context, account mail.AccountID, id mail.SubmissionID) (Canceled, error) {
	return tx.Once(ctx, sub.o.Tx, tx.NewKey(), []mail.AccountID{account}, func(t *tx.Tx) (Canceled, error) {
		s, err := sub.o.Submissions.Submission(t, account, id)
		if err != nil {
			return Canceled{}, err
		}
		if !s.Due.After(t.Now()) {
			return Canceled{}, mail.E("submission.Cancel", mail.Conflict,
				fmt.Errorf("it was due at %s and cannot be taken back any more", s.Due.Format(time.RFC3339)))
		}
		events, err := sub.o.Submissions.Events(t, account, id)
		if err != nil {
			return Canceled{}, err
		}
		taken, err := sub.takeBack(t, account, id)
		if err != nil {
			return Canceled{}, err
		}
		out, err := sub.tell(t, s, events, taken)
		if err == nil && len(out.Taken) == len(s.Recipients) {
			err = sub.o.Submissions.MarkCanceled(t, account, id)
		}
		return out, err
	})
}

// takeBack takes a submission out of the spool.
func (sub *Submission) takeBack(t *tx.Tx, account mail.AccountID, id mail.SubmissionID) ([]int, error) {
	taken, err := sub.o.Spool.TakeBack(t, account, id)
	if err != nil {
		return nil, err
	}
	for _, blob := range taken.Blobs {
		if err := sub.o.Bodies.Release(t, mail.SpoolAccount, blob); err != nil {
			return nil, err
		}
	}
	return taken.Recipients, nil
}

// tell records who will not get the message.
func (sub *Submission) tell(t *tx.Tx, s submissions.Submission, events [][]mail.Event, taken []int) (out Canceled, err error) {
	canceled := mail.Event{Kind: mail.EventCanceled, By: sub.o.Hostname}
	for i, before := range events {
		switch {
		case slices.Contains(taken, i):
			out.Taken = append(out.Taken, i)
			err = sub.o.Submissions.Record(t, submissions.Step{Account: s.Account, Submission: s.ID, Recipient: i, Event: canceled})
		case before[len(before)-1].Kind != mail.EventCanceled:
			out.Late = append(out.Late, i)
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}
