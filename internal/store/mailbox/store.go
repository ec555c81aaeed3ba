package mailbox

import (
	"context"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits; see the package comment for the replies.
const (
	MaxMailboxes         = 10_000 // an account
	MaxDepth             = 20     // levels of a path
	MaxName              = 255    // bytes of one level
	MaxSubscriptions     = 10_000 // subscribed names of an account that no mailbox bears
	MaxMailboxesPerEmail = 100

	MaxAnnotation           = 32 << 10  // bytes of a value
	MaxEntry                = 500       // bytes of an entry's name
	MaxAnnotations          = 200       // of one mailbox, or of the server
	MaxAnnotationsSize      = 256 << 10 // bytes of their values
	MaxAnnotationsOfAccount = 50_000    // of all mailboxes of an account
	MaxAnnotationBytes      = 16 << 20  // of the values of an account

	MaxGrants  = 1000 // of a mailbox
	MaxSharers = 1000 // accounts whose mailboxes one account is shown

	maxUID = 1<<32 - 1
)

// How far the change log of an account reaches back: whichever is more.
const (
	LogKept = 30 * 24 * time.Hour
	LogRows = 100_000
)

// stepRows is how many rows one commit of longer work changes, below the bound of the database with room for the rows
// of mailboxes, account and journal.
const stepRows = 900

// DefaultViewBytes is the memory for views that sessions share, when Options names none.
const DefaultViewBytes = 128 << 20

// Bodies is what this room needs of the room that keeps them.
type Bodies interface {
	// HoldAgain notes that one more email of the account has this body.
	HoldAgain(t *tx.Tx, account mail.AccountID, blob mail.BlobID) error
	// Borrow makes a body of an account ready for others, and returns what holds it for one of them.
	Borrow(ctx context.Context, account mail.AccountID, blob mail.BlobID) (hold func(*tx.Tx, mail.AccountID) (mail.BlobID, error), err error)
	// Release takes back one hold.
	Release(t *tx.Tx, account mail.AccountID, blob mail.BlobID) error
}

// Options says what a Store stands on.
type Options struct {
	Tx        *tx.Store
	Bodies    Bodies
	ViewBytes int64 // memory for cached views; 0: DefaultViewBytes

	// Seen is told of emails that get \Seen, in the commit that sets it. nil: nobody is.
	Seen func(t *tx.Tx, account mail.AccountID, emails []mail.EmailID) error

	// Sent is told of a message that is kept in the mailbox Sent, by the first of its MessageIDs, in the commit that does. nil: nobody is.
	Sent func(t *tx.Tx, account mail.AccountID, messageID string, at Appended) error
}

// Store is the room. It is safe for concurrent use.
type Store struct {
	tx     *tx.Store
	bodies Bodies
	views  *viewCache
	seen   func(t *tx.Tx, account mail.AccountID, emails []mail.EmailID) error
	sent   func(t *tx.Tx, account mail.AccountID, messageID string, at Appended) error

	// What tests make small, so that few messages take many steps.
	rowsPerStep int
	logRows     int
}

// New returns a Store.
func New(o Options) *Store {
	if o.ViewBytes == 0 {
		o.ViewBytes = DefaultViewBytes
	}
	if o.Seen == nil {
		o.Seen = func(*tx.Tx, mail.AccountID, []mail.EmailID) error { return nil }
	}
	if o.Sent == nil {
		o.Sent = func(*tx.Tx, mail.AccountID, string, Appended) error { return nil }
	}
	s := &Store{tx: o.Tx, bodies: o.Bodies, seen: o.Seen, sent: o.Sent, rowsPerStep: stepRows, logRows: LogRows}
	s.views = newViewCache(o.ViewBytes, s.refresh)
	return s
}
