package sending

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/identities"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// envelope is an Envelope (RFC 8621 7).
type envelope struct {
	MailFrom envelopeAddress   `json:"mailFrom"`
	RcptTo   []envelopeAddress `json:"rcptTo"`
}

type envelopeAddress struct {
	Email      string             `json:"email"`
	Parameters map[string]*string `json:"parameters"`
}

// readEnvelope reads an envelope as a client gives it. What is missing or null is an error: without a sender the mail would go with the
// null reverse-path, and its bounces would be lost. Only an "email" that is "" says that it shall be so.
func readEnvelope(v ijson.Value) (*envelope, error) {
	type address struct {
		Email      *string             `json:"email"`
		Parameters *map[string]*string `json:"parameters"`
	}
	var given *struct {
		MailFrom *address   `json:"mailFrom"`
		RcptTo   *[]address `json:"rcptTo"`
	}
	if err := ijson.Strict(v, &given); err != nil || given == nil {
		return nil, err
	}
	if given.MailFrom == nil || given.RcptTo == nil {
		return nil, errEnvelope
	}
	out := &envelope{}
	for i, a := range append([]address{*given.MailFrom}, *given.RcptTo...) {
		if a.Email == nil {
			return nil, errEnvelope
		}
		one := envelopeAddress{Email: *a.Email}
		if a.Parameters != nil {
			one.Parameters = *a.Parameters
		}
		if i == 0 {
			out.MailFrom = one
		} else {
			out.RcptTo = append(out.RcptTo, one)
		}
	}
	return out, nil
}

var errEnvelope = errors.New("an envelope has a mailFrom and a rcptTo, and each address an email")

// MarshalJSON writes no parameters as null.
func (a envelopeAddress) MarshalJSON() ([]byte, error) {
	var parameters any
	if a.Parameters != nil {
		parameters = a.Parameters
	}
	return json.Marshal(map[string]any{"email": a.Email, "parameters": parameters})
}

// emailSubmission is an EmailSubmission (RFC 8621 7).
type emailSubmission struct {
	ID             string   `json:"id"`
	IdentityID     string   `json:"identityId"`
	EmailID        string   `json:"emailId"`
	ThreadID       string   `json:"threadId"`
	Envelope       envelope `json:"envelope"`
	SendAt         string   `json:"sendAt"`
	UndoStatus     string   `json:"undoStatus"`
	DeliveryStatus any      `json:"deliveryStatus"`
	DSNBlobIDs     []string `json:"dsnBlobIds"`
	MDNBlobIDs     []string `json:"mdnBlobIds"`

	Timeline map[string][]step `json:"timeline,omitempty"` // ours: only where it is named
}

var submissionProperties = method.Known("id", "identityId", "emailId", "threadId", "envelope", "sendAt", "undoStatus", "deliveryStatus", "dsnBlobIds", "mdnBlobIds", "timeline")

// The values of undoStatus.
const (
	pending  = "pending"
	final    = "final"
	canceled = "canceled"
)

func undoStatus(taken bool, due, now time.Time) string {
	switch {
	case taken:
		return canceled
	case due.After(now):
		return pending
	}
	return final
}

func utcDate(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.999Z") }

// getSubmissions is EmailSubmission/get (RFC 8621 7.1).
func (s *Sending) getSubmissions(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	properties, err := method.Select(args.Properties, submissionProperties)
	if err != nil {
		return nil, err
	}
	if args.IDs != nil {
		if err := method.CheckGet(len(method.Unique(*args.IDs))); err != nil {
			return nil, err
		}
	}
	own, _, err := s.identitiesOf(ctx, account)
	if err != nil {
		return nil, err
	}
	var found map[string]emailSubmission
	var ids []string
	var now states.State
	err = s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if now, err = states.Of(t, account, states.EmailSubmission); err != nil {
			return err
		}
		found, ids, err = s.readSubmissions(t, account, own, args.IDs, properties)
		return err
	})
	if err != nil {
		return nil, err
	}
	return getOf(args, ids, properties, now, func(id string) (any, bool) { one, ok := found[id]; return one, ok })
}

// readSubmissions reads those that are asked for, or all.
func (s *Sending) readSubmissions(t *tx.Tx, account mail.AccountID, own []identities.Identity, asked *[]string, properties method.Properties) (map[string]emailSubmission, []string, error) {
	found := map[string]emailSubmission{}
	var ids []string
	if asked == nil {
		all, err := s.o.Submissions.Shown(t, account)
		if err != nil {
			return nil, nil, err
		}
		if err := method.CheckGet(len(all)); err != nil {
			return nil, nil, err
		}
		for _, one := range all {
			ids = append(ids, one.ID.String())
		}
	} else {
		ids = method.Unique(*asked)
	}
	for _, name := range ids {
		id, err := mail.ParseSubmissionID(name)
		if err != nil {
			continue
		}
		sub, err := s.o.Submissions.Submission(t, account, id)
		if mail.Is(err, mail.NotFound) || err == nil && (sub.Email == 0 || sub.Hidden) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		one, err := s.shown(t, own, sub, properties)
		if err != nil {
			return nil, nil, err
		}
		found[name] = one
	}
	return found, ids, nil
}

// shown is a submission as JMAP has it.
func (s *Sending) shown(t *tx.Tx, own []identities.Identity, sub submissions.Submission, properties method.Properties) (emailSubmission, error) {
	out := emailSubmission{ID: sub.ID.String(), IdentityID: identityFor(own, sub).String(), EmailID: sub.Email.String(), ThreadID: sub.Thread.String(),
		SendAt: utcDate(sub.Due), UndoStatus: undoStatus(sub.Canceled, sub.Due, t.Now()), DSNBlobIDs: []string{}, MDNBlobIDs: []string{}}
	if len(sub.Envelope) == 0 || json.Unmarshal(sub.Envelope, &out.Envelope) != nil {
		out.Envelope = envelope{MailFrom: envelopeAddress{Email: sub.ReversePath.String()}}
		for _, r := range sub.Recipients {
			out.Envelope.RcptTo = append(out.Envelope.RcptTo, envelopeAddress{Email: r.Address.String()})
		}
	}
	if properties.Has("dsnBlobIds") || properties.Has("mdnBlobIds") {
		if err := s.reports(t, sub, &out); err != nil {
			return out, err
		}
	}
	told := !properties.All() && properties.Has("timeline")
	if !told && !properties.Has("deliveryStatus") {
		return out, nil
	}
	events, err := s.o.Submissions.Events(t, sub.Account, sub.ID)
	if err == nil {
		out.DeliveryStatus = deliveryStatus(sub, events)
	}
	if err == nil && told {
		out.Timeline = timeline(sub, events)
	}
	return out, err
}

// reports names the reports about a submission that are still there, the oldest first.
func (s *Sending) reports(t *tx.Tx, sub submissions.Submission, out *emailSubmission) error {
	list, err := s.o.Submissions.Returned(t, sub.Account, sub.ID)
	if err != nil {
		return err
	}
	for _, r := range list {
		email, err := s.o.Mailbox.Email(t, sub.Account, r.Email)
		switch {
		case mail.Is(err, mail.NotFound):
		case err != nil:
			return err
		case r.Receipt:
			out.MDNBlobIDs = append(out.MDNBlobIDs, email.Blob.String())
		default:
			out.DSNBlobIDs = append(out.DSNBlobIDs, email.Blob.String())
		}
	}
	return nil
}

// identityFor is the identity of a submission; where nobody said, the first of its reverse-path.
func identityFor(own []identities.Identity, sub submissions.Submission) mail.IdentityID {
	if sub.Identity != 0 {
		return sub.Identity
	}
	for _, i := range own {
		if sameAddress(i.Email, sub.ReversePath.String()) {
			return i.ID
		}
	}
	if len(own) > 0 {
		return own[0].ID
	}
	return 1 // of an account without addresses, which sends nothing
}

// submissionChanges is EmailSubmission/changes (RFC 8621 7.2).
func (s *Sending) submissionChanges(ctx context.Context, c *method.Call) (any, error) {
	return s.changes(ctx, c, states.EmailSubmission, tx.KindSubmission, func(id int64) string { return mail.SubmissionID(id).String() })
}
