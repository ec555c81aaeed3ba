package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Annotation is something that programs keep with a mailbox, or with the server (RFC 5464). Names of entries are the same in
// capitals and small letters, and come back in small letters.
type Annotation struct {
	Mailbox mail.MailboxID // OfServer: none
	Entry   string
	Value   []byte      // nil: there is none
	ModSeq  mail.ModSeq // when it was set or removed; filled by AnnotationsSince
}

// OfServer stands in place of a mailbox for what is kept with the server.
const OfServer mail.MailboxID = 0

const (
	sharedEntry  = "/shared/"
	privateEntry = "/private/"
)

// The refusals of Annotate; IMAP has codes for them.
var (
	ErrAnnotationTooLarge = fmt.Errorf("the value of an annotation has at most %d bytes", MaxAnnotation)
	ErrTooManyAnnotations = fmt.Errorf("a mailbox has at most %d annotations of together %d bytes, an account %d of %d bytes",
		MaxAnnotations, MaxAnnotationsSize, MaxAnnotationsOfAccount, MaxAnnotationBytes)
	errEntry       = errors.New("the name of an entry begins with /private/ or /shared/")
	errEntryTooBig = fmt.Errorf("the name of an entry has at most %d bytes", MaxEntry)
	errServerEntry = errors.New("entries that the whole server shares are set by nobody")
)

// Annotations calls each with the annotations of mailboxes that a viewer sees, until it returns false: the shared ones, and the
// viewer's own private ones, in the order of the mailboxes' ids and of their entries. With entries it is those only.
func (s *Store) Annotations(t *tx.Tx, account, viewer mail.AccountID, ids []mail.MailboxID, entries []string, each func(Annotation) bool) error {
	query := `SELECT mailbox_id, entry, value FROM annotation WHERE account_id = $1 AND viewer_id IN (0, $2) AND gone = 0`
	args := []any{account, viewer}
	if len(entries) > 0 {
		query += ` AND entry IN (` + placeholders(&args, entries) + `)`
	}
	err := eachIn(t, query+` AND mailbox_id %s ORDER BY mailbox_id, entry`, args, slices.Sorted(slices.Values(ids)), func(r *db.Rows) error {
		a := Annotation{Value: []byte{}}
		err := r.Scan(&a.Mailbox, &a.Entry, &a.Value)
		if err == nil && !each(a) {
			err = errEnough
		}
		return err
	})
	if err == errEnough {
		err = nil
	}
	return err
}

var errEnough = errors.New("no more is wanted")

// AnnotationsSince returns the entries that a viewer sees and that were set or removed after a number, at most limit, by
// mailbox and entry. Values are not read. It reaches back as far as the change log.
func (s *Store) AnnotationsSince(t *tx.Tx, account, viewer mail.AccountID, since mail.ModSeq, limit int) ([]Annotation, error) {
	rows, err := t.SQL().Query(`SELECT mailbox_id, entry, modseq FROM annotation
		WHERE account_id = $1 AND modseq > $2 AND viewer_id IN (0, $3) ORDER BY mailbox_id, entry LIMIT $4`, account, since, viewer, limit)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r *db.Rows) (a Annotation, err error) { return a, r.Scan(&a.Mailbox, &a.Entry, &a.ModSeq) })
}

// placeholders adds entries, in small letters, to args and returns what stands for them in the query.
func placeholders(args *[]any, entries []string) string {
	names := make([]string, len(entries))
	for i, e := range entries {
		*args = append(*args, strings.ToLower(e))
		names[i] = fmt.Sprintf("$%d", len(*args))
	}
	return strings.Join(names, ", ")
}

// annotate is Acting.Annotate, for a viewer whose rights were looked at.
func (s *Store) annotate(t *tx.Tx, account, viewer mail.AccountID, id mail.MailboxID, list []Annotation) error {
	if id != OfServer {
		if _, err := s.ByID(t, account, id); err != nil {
			return err
		}
	}
	for _, a := range list {
		if err := a.check(id); err != nil {
			return err
		}
		if err := setAnnotation(t, account, viewer, id, a); err != nil {
			return err
		}
	}
	return checkAnnotations(t, account, id)
}

// checkAnnotations holds what is there now to the limits.
func checkAnnotations(t *tx.Tx, account mail.AccountID, id mail.MailboxID) error {
	var here, hereSize, all, allSize int
	err := t.SQL().QueryRow(`SELECT COALESCE(SUM(CASE WHEN mailbox_id = $2 THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE WHEN mailbox_id = $2 THEN LENGTH(value) ELSE 0 END), 0), COUNT(*), COALESCE(SUM(LENGTH(value)), 0)
		FROM annotation WHERE account_id = $1 AND gone = 0`, account, id).Scan(&here, &hereSize, &all, &allSize)
	if err != nil {
		return err
	}
	if here > MaxAnnotations || hereSize > MaxAnnotationsSize || all > MaxAnnotationsOfAccount || allSize > MaxAnnotationBytes {
		return mail.E("mailbox.Annotate", mail.Limit, ErrTooManyAnnotations)
	}
	return nil
}

func (a *Annotation) check(id mail.MailboxID) error {
	const op = "mailbox.Annotate"
	entry := strings.ToLower(a.Entry)
	shared := strings.HasPrefix(entry, sharedEntry)
	switch {
	case len(entry) > MaxEntry:
		return mail.E(op, mail.Limit, errEntryTooBig)
	case !shared && !strings.HasPrefix(entry, privateEntry):
		return mail.E(op, mail.Invalid, errEntry)
	case shared && id == OfServer:
		return mail.E(op, mail.Denied, errServerEntry)
	case len(a.Value) > MaxAnnotation:
		return mail.E(op, mail.TooLarge, ErrAnnotationTooLarge)
	}
	return nil
}

// setAnnotation sets or removes one. What is removed leaves its row for as long as the change log reaches back, so that others can
// be told.
func setAnnotation(t *tx.Tx, account, viewer mail.AccountID, id mail.MailboxID, a Annotation) error {
	entry := strings.ToLower(a.Entry)
	if strings.HasPrefix(entry, sharedEntry) {
		viewer = 0
	}
	if a.Value == nil {
		var there int
		err := t.SQL().QueryRow(`SELECT COUNT(*) FROM annotation
			WHERE account_id = $1 AND mailbox_id = $2 AND viewer_id = $3 AND entry = $4 AND gone = 0`, account, id, viewer, entry).Scan(&there)
		if err != nil || there == 0 {
			return err
		}
	}
	modseq := t.Changed(tx.Change{Account: account, Kind: tx.KindAnnotation, Op: tx.Updated, Object: int64(id)})
	if id != OfServer {
		touch(t, account, id, 0, counters{}, modseq) // RFC 7162 3.2
	}
	value, gone := a.Value, 0
	if value == nil {
		value, gone = []byte{}, 1
	}
	_, err := t.SQL().Exec(`INSERT INTO annotation (account_id, mailbox_id, viewer_id, entry, value, gone, modseq)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (account_id, mailbox_id, viewer_id, entry) DO UPDATE SET value = $5, gone = $6, modseq = $7`,
		account, id, viewer, entry, value, gone, modseq)
	return err
}

// annotationsPerStep is how many one commit removes, beside its other work.
const annotationsPerStep = 100

// removeAnnotations removes some annotations of a mailbox and says whether there may be more.
func removeAnnotations(t *tx.Tx, account mail.AccountID, id mail.MailboxID) (left bool, err error) {
	n, err := t.SQL().Exec(`DELETE FROM annotation WHERE account_id = $1 AND mailbox_id = $2 AND (viewer_id, entry) IN
		(SELECT viewer_id, entry FROM annotation WHERE account_id = $1 AND mailbox_id = $2 LIMIT $3)`, account, id, annotationsPerStep)
	return n == annotationsPerStep, err
}

// forgetAnnotations removes what is left of removed annotations up to a number, as much as one commit may.
func forgetAnnotations(t *tx.Tx, account mail.AccountID, upTo mail.ModSeq) error {
	_, err := t.SQL().Exec(`DELETE FROM annotation WHERE account_id = $1 AND (mailbox_id, viewer_id, entry) IN
		(SELECT mailbox_id, viewer_id, entry FROM annotation WHERE account_id = $1 AND gone = 1 AND modseq <= $2 LIMIT $3)`,
		account, upTo, annotationsPerStep)
	return err
}
