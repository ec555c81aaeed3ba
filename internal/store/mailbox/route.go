package mailbox

import (
	"context"
	"errors"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Route is from where to where messages are copied or moved: mailboxes, with whose they are.
type Route struct {
	From   mail.AccountID
	Source mail.MailboxID
	To     mail.AccountID
	Target mail.MailboxID
}

func (r *Route) accounts() []mail.AccountID {
	return slices.Compact([]mail.AccountID{r.From, r.To})
}

// Rights to the source that is open. RFC 6851 3.3: MOVE needs what COPY, STORE \Deleted and EXPUNGE need.
const (
	rightsToCopy = mail.RightRead
	rightsToMove = mail.RightRead | mail.RightDeleteMessages | mail.RightExpunge
)

// Copy copies the messages of a mailbox that have UIDs of a normal set to another mailbox, or the same, in order of UID:
// all or, when an error is returned, none. UIDs that no message has are passed over.
//
// On a route to another account, or where the rights do not let all flags be changed, each copy becomes an email of its own, with
// the flags that may be set there. It is refused then where the target's account has no room.
func (a Acting) Copy(ctx context.Context, r Route, uids imap.Set) (Copied, error) {
	within, err := a.sharesEmails(ctx, r)
	switch {
	case err != nil:
		return Copied{}, err
	case within:
		return a.copyWithin(ctx, r, uids)
	}
	return a.copyAcross(ctx, r, uids)
}

// Move moves messages as Copy copies them. Each keeps its flags and date and, where Copy would make no email of its own, its
// email; and is moved or left: after a failure the result says which were moved.
func (a Acting) Move(ctx context.Context, r Route, uids imap.Set) (Copied, error) {
	within, err := a.sharesEmails(ctx, r)
	switch {
	case err != nil:
		return Copied{}, err
	case within:
		return a.moveWithin(ctx, r, uids)
	}
	return a.moveAcross(ctx, r, uids)
}

func (a Acting) sharesEmails(ctx context.Context, r Route) (within bool, err error) {
	if a.who == r.From && a.who == r.To {
		return true, nil
	}
	err = a.s.tx.Read(ctx, func(t *tx.Tx) error {
		_, within, err = a.rightsOn(t, r, 0)
		return err
	})
	return within, err
}

// rightsOn returns the rights to the target, and whether what is copied may be the same email there, with all its flags: in the
// same account, where the rights to the target let all flags be set, and those to the source let them be changed. The flags of
// an email are the same wherever it is, but for \Deleted: who may not change them here must not be able to do so there.
func (a Acting) rightsOn(t *tx.Tx, r Route, need mail.Rights) (target mail.Rights, within bool, err error) {
	const ofEmails = mail.RightSeen | mail.RightWrite
	source, err := a.s.RightsOf(t, r.From, r.Source, a.who)
	if err != nil {
		return 0, false, err
	}
	if !source.Has(need) {
		return 0, false, MissingRights(source, need)
	}
	target, err = a.check(t, r.To, r.Target, mail.RightInsert)
	return target, r.From == r.To && target.Has(ofEmails|mail.RightDeleteMessages) && source.Has(ofEmails), err
}

// stillWithin checks in a commit that the rights are there which were found before it.
func (a Acting) stillWithin(t *tx.Tx, r Route, need mail.Rights) error {
	_, within, err := a.rightsOn(t, r, need)
	if err == nil && !within {
		err = mail.E("mailbox.Copy", mail.Denied, errFewerRights)
	}
	return err
}

var errFewerRights = errors.New("some of your rights to these mailboxes were taken away meanwhile: try again")
