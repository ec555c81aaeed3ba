package tx

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Numbers are those that a commit has given in one account, from First to Last.
type Numbers struct {
	Account     mail.AccountID
	First, Last mail.ModSeq
}

type noteKey struct{}

// WithNote returns a context whose writes call note after their commit, for each account whose log grew, before they return
// and before the bell: who hears the bell can tell its own changes from those of others. After a commit whose answer was
// lost note may not be called.
func WithNote(ctx context.Context, note func(Numbers)) context.Context {
	return context.WithValue(ctx, noteKey{}, note)
}

func (t *Tx) numbers() (given []Numbers) {
	for i := range t.accounts {
		if a := &t.accounts[i]; len(a.changes) > 0 {
			given = append(given, Numbers{a.id, a.changes[0].ModSeq, a.lastGiven()})
		}
	}
	return given
}

func noteNumbers(ctx context.Context, given []Numbers) {
	note, _ := ctx.Value(noteKey{}).(func(Numbers))
	for _, n := range given {
		if note != nil {
			note(n)
		}
	}
}
