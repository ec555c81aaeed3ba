package writing

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// span is from which state to which the commits of a call have led. Where others changed something between two of them, it begins
// after that: a client that has an older state asks for the changes.
type span struct {
	From, To states.State
	begun    bool
}

// add notes a commit.
func (s *span) add(c step) {
	if !s.begun || c.From != s.To {
		s.From = c.From
	}
	s.To, s.begun = c.To, true
}

// step is what one commit has led from and to.
type step struct{ From, To states.State }

// stateOf reads the state of an account's emails, which must be one that a client names, if it does.
func stateOf(t *tx.Tx, account mail.AccountID, ifInState *string) (states.State, error) {
	now, err := states.Of(t, account, states.Email)
	if err == nil && ifInState != nil && *ifInState != now.String() {
		err = method.Fail(method.StateMismatch, "the state is %s", now)
	}
	return now, err
}

// ended is the step of a commit whose last change of an email had a number, 0 for none.
func (s step) ended(last mail.ModSeq) step {
	s.To = s.From
	if last > s.To.ModSeq {
		s.To.ModSeq = last
	}
	return s
}
