// Package states tells an account's state the way JMAP does: a string for each type of object (RFC 8620 1.5, 5.1).
//
// A state is the epoch of the account and the number of the last change to an object of the type. It is read from the change
// log, so that every node says the same, and never goes backward within an epoch; after a restore the epoch is another, and no
// older state compares.
//
// A Feed tells many listeners of the states of accounts: a change of an account is read once on a node, by what has changed since
// the last reading, and shared by all that listen. Listeners hear of the types they asked for only, are woken without being waited
// for, and begin where a client has stopped (PushState).
//
// # Limits
//
// A feed reads 8 accounts at a time; the notices of a burst are one reading. A listener costs about 300 bytes and no goroutine.
package states

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Type is a type of JMAP objects, by its name there.
type Type string

const (
	Mailbox          Type = "Mailbox"
	Email            Type = "Email"
	Thread           Type = "Thread"
	EmailDelivery    Type = "EmailDelivery" // RFC 8621 1.5: for push only; changes when an email is added, and then alone
	Identity         Type = "Identity"
	EmailSubmission  Type = "EmailSubmission"
	VacationResponse Type = "VacationResponse"
	Quota            Type = "Quota"
	Contact          Type = "Contact"      // docs/jmap-live.md
	LiveSettings     Type = "LiveSettings" // likewise

	ShareNotification Type = "ShareNotification" // RFC 9670 3
	Notifications     Type = "NotificationRules" // docs/jmap-notifications.md
	SignIn            Type = "SignIn"            // docs/jmap-sessions.md
)

// kinds are the changes that make another state of a type. A membership changes the counters of mailboxes, and has the keywords of
// an email. A thread is logged where an email was destroyed; whoever does not own the account hears of its threads by the state of
// emails, and what is unread in a mailbox depends on
// mail in others, that in the trash counting for the trash alone.
var kinds = map[Type][]tx.Kind{
	Mailbox:          {tx.KindMailbox, tx.KindRights, tx.KindMembership, tx.KindThread, tx.KindTrash},
	Email:            {tx.KindEmail, tx.KindRights, tx.KindMembership, tx.KindShown, tx.KindThread},
	Thread:           {tx.KindThread, tx.KindRights, tx.KindEmail, tx.KindShown},
	EmailDelivery:    {tx.KindArrival},
	Identity:         {tx.KindIdentity},
	EmailSubmission:  {tx.KindSubmission},
	VacationResponse: {tx.KindVacation},
	Quota:            {tx.KindEmail, tx.KindMailbox, tx.KindQuota},
	Contact:          {tx.KindContact},
	LiveSettings:     {tx.KindRules},

	ShareNotification: {tx.KindShareNotice},
	Notifications:     {tx.KindNotify},
	SignIn:            {tx.KindSignIn},
}

// KindsOf are the changes that make another state of a type.
func KindsOf(t Type) []tx.Kind { return kinds[t] }

// State is one state of the objects of one type.
type State struct {
	Epoch  int64
	ModSeq mail.ModSeq
	Part   int // above 0: a state on the way, with so many of the changes that bear the number

	// After is not empty in a state within a change that is to several objects: with those whose ids are up to this one.
	After string
}

// Begin is the number with which, and with all below, a state has every change.
func (s State) Begin() mail.ModSeq {
	if s.Part > 0 || s.After != "" {
		return s.ModSeq - 1
	}
	return s.ModSeq
}

func (s State) String() string {
	text := strconv.FormatInt(s.Epoch, 36) + "-" + strconv.FormatInt(int64(s.ModSeq), 36)
	if s.Part > 0 || s.After != "" {
		text += "-" + strconv.Itoa(s.Part)
	}
	if s.After != "" {
		text += "-" + s.After
	}
	return text
}

var errState = errors.New("a state is what the server has said before, such as \"1-4k\"")

// Parse reads what State.String wrote.
func Parse(text string) (State, error) {
	epoch, number, ok := strings.Cut(text, "-")
	number, part, _ := strings.Cut(number, "-")
	part, after, _ := strings.Cut(part, "-")
	e, err1 := strconv.ParseInt(epoch, 36, 64)
	n, err2 := strconv.ParseInt(number, 36, 64)
	p, _ := strconv.Atoi(part)
	s := State{e, mail.ModSeq(n), p, after}
	if !ok || err1 != nil || err2 != nil || s.String() != text {
		return State{}, mail.E("states.Parse", mail.Invalid, fmt.Errorf("%.40q: %w", text, errState))
	}
	return s, nil
}

// Of returns the state of a type in a view of an account. In a write it is the one that the write will have made.
func Of(t *tx.Tx, account mail.AccountID, typ Type) (State, error) {
	last, epoch, err := t.StateOf(account, kinds[typ]...)
	return State{Epoch: epoch, ModSeq: last}, err
}
