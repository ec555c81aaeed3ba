package sending

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/identities"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/internal/store/vacation"
)

// Capabilities (RFC 8621 1.3).
const (
	Capability         = "urn:ietf:params:jmap:submission"
	VacationCapability = "urn:ietf:params:jmap:vacationresponse"
	MDNCapability      = "urn:ietf:params:jmap:mdn"

	mailCapability = "urn:ietf:params:jmap:mail"
)

// MaxDelayed is how long a message can be held, as at the submission port.
const MaxDelayed = 30 * 24 * time.Hour

// Options says what the methods stand on.
type Options struct {
	Tx          *tx.Store
	Directory   *directory.Store
	Mailbox     *mailbox.Store
	Bodies      *bodies.Store
	Identities  *identities.Store
	Submissions *submissions.Store
	Submission  *submission.Submission
	Responses   *vacation.Store
	Blobs       *blobs.Blobs
	MaxMessage  int64 // bytes of an email that is sent
	Log         *slog.Logger
	Now         func() time.Time // nil: time.Now
}

// Sending are the methods.
type Sending struct{ o Options }

// New makes them.
func New(o Options) *Sending {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Sending{o}
}

// Register adds the methods and their capabilities to those of a server.
func (s *Sending) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, s.capability)
	const change = method.Read | method.Write
	for name, m := range map[string]method.Method{
		"Identity/get":                 {Needs: method.Read, Run: s.getIdentities},
		"Identity/changes":             {Needs: method.Read, Run: s.identityChanges},
		"Identity/set":                 {Needs: change, Run: s.setIdentities},
		"EmailSubmission/get":          {Needs: method.Read, Run: s.getSubmissions},
		"EmailSubmission/changes":      {Needs: method.Read, Run: s.submissionChanges},
		"EmailSubmission/query":        {Needs: method.Read, Run: s.querySubmissions},
		"EmailSubmission/queryChanges": {Needs: method.Read, Run: s.submissionQueryChanges},
		"EmailSubmission/set":          {Needs: change | method.Send, Run: s.setSubmissions},
	} {
		m.Capability = Capability
		r.Add(name, m)
	}
	r.Capability(VacationCapability, struct{}{}, ofOwner)
	r.Capability(MDNCapability, struct{}{}, ofOwner)
	r.Add("MDN/send", method.Method{Capability: MDNCapability, Needs: change | method.Send, Run: s.sendMDN})
	r.Add("MDN/parse", method.Method{Capability: MDNCapability, Needs: method.Read, Run: s.parseMDN})
	r.Add("VacationResponse/get", method.Method{Capability: VacationCapability, Needs: method.Read, Run: s.getVacation})
	r.Add("VacationResponse/set", method.Method{Capability: VacationCapability, Needs: change, Run: s.setVacation})
}

// ofOwner is a capability without properties that the owner of an account has.
func ofOwner(_ context.Context, _ *method.User, a method.Access) any {
	if !a.Own() {
		return nil
	}
	return struct{}{}
}

// capability is what RFC 8621 1.3.2 wants to be told of an account. Only the owner sends.
func (s *Sending) capability(_ context.Context, _ *method.User, a method.Access) any {
	if !a.Own() {
		return nil
	}
	return struct {
		MaxDelayedSend       int                 `json:"maxDelayedSend"`
		SubmissionExtensions map[string][]string `json:"submissionExtensions"`
	}{int(MaxDelayed / time.Second), map[string][]string{
		"FUTURERELEASE": {}, "DSN": {}, "DELIVERBY": {}, "MT-PRIORITY": {}, "REQUIRETLS": {}, "SMTPUTF8": {}, "8BITMIME": {},
		"SIZE": {strconv.FormatInt(s.o.MaxMessage, 10)}, "LIMITS": {"RCPTMAX=" + strconv.Itoa(submission.MaxTargets)}}} // RFC 9422
}

// stateOf reads the state of a type, which must be one that a client names, if it does.
func stateOf(t *tx.Tx, account mail.AccountID, typ states.Type, ifInState *string) (states.State, error) {
	now, err := states.Of(t, account, typ)
	if err == nil && ifInState != nil && *ifInState != now.String() {
		err = method.Fail(method.StateMismatch, "the state is %s", now)
	}
	return now, err
}

// answered is what one commit of a /set answers.
type answered struct {
	From, To states.State
	Created  map[string]string // creation id to id
	Failed   map[string]*method.Error
}

// setOnce carries out all of a /set in one commit. fn says of each key what became of it.
func (s *Sending) setOnce(ctx context.Context, account mail.AccountID, typ states.Type, ifInState *string, fn func(t *tx.Tx, a *answered) error) (answered, error) {
	return tx.Once(ctx, s.o.Tx, tx.NewKey(), []mail.AccountID{account}, func(t *tx.Tx) (a answered, err error) {
		a.Created, a.Failed = map[string]string{}, map[string]*method.Error{}
		if a.From, err = stateOf(t, account, typ, ifInState); err != nil {
			return a, err
		}
		if err = fn(t, &a); err == nil {
			a.To, err = states.Of(t, account, typ)
		}
		return a, err
	})
}

// refused notes why one object was not changed. An error that is a fault of ours ends the commit.
func (a *answered) refused(key string, err error) error {
	if err == nil {
		return nil
	}
	switch mail.KindOf(err) {
	case mail.NotFound, mail.Denied, mail.Limit, mail.Invalid:
		a.Failed[key], _ = method.ErrorOf(err)
		return nil
	}
	return err
}
