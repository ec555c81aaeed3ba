package sending

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/identities"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

type submissionSetArgs struct {
	method.SetArgs
	OnSuccessUpdateEmail  map[string]map[string]ijson.Value `json:"onSuccessUpdateEmail"`
	OnSuccessDestroyEmail []string                          `json:"onSuccessDestroyEmail"`
}

// submitting is one EmailSubmission/set.
type submitting struct {
	*Sending
	call    *method.Call
	account mail.AccountID
	own     []identities.Identity
	args    submissionSetArgs
	emails  map[string]mail.EmailID // of what was created, changed and destroyed, as the client names it

	response method.SetResponse
	from     states.State
	numbers  tx.Numbers // of our commits, one after the other
}

// setSubmissions is EmailSubmission/set (RFC 8621 7.5).
func (s *Sending) setSubmissions(ctx context.Context, c *method.Call) (any, error) {
	w := &submitting{Sending: s, call: c, emails: map[string]mail.EmailID{}}
	if err := c.Decode(&w.args); err != nil {
		return nil, err
	}
	if err := w.args.Check(); err != nil {
		return nil, err
	}
	var err error
	if w.account, err = c.OwnAccount(ctx, w.args.AccountID); err != nil {
		return nil, err
	}
	if w.own, _, err = s.identitiesOf(ctx, w.account); err != nil {
		return nil, err
	}
	w.response = method.SetResponse{AccountID: w.args.AccountID, Created: map[string]any{}, Updated: map[string]any{},
		NotCreated: map[string]*method.Error{}, NotUpdated: map[string]*method.Error{}, NotDestroyed: map[string]*method.Error{}}
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	if err := w.carryOut(tx.WithNote(ctx, w.note)); err != nil {
		return nil, err
	}
	w.followUp()
	return w.response, w.end(ctx)
}

// begin reads the state before, which must be the one that the client names.
func (w *submitting) begin(ctx context.Context) error {
	return w.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if w.from, err = stateOf(t, w.account, states.EmailSubmission, w.args.IfInState); err != nil {
			return err
		}
		w.numbers.Last, _, err = t.State(w.account)
		return err
	})
}

// note hears of our commits. Where somebody else's lies between two of them the old state is that before the later one: a
// client that has an older state asks for the changes.
func (w *submitting) note(n tx.Numbers) {
	if n.Account != w.account {
		return
	}
	if n.First != w.numbers.Last+1 {
		w.from.ModSeq = n.First - 1
	}
	w.numbers.Last = n.Last
}

// end says the state after our last commit. What others have changed since is not among it.
func (w *submitting) end(ctx context.Context) error {
	return w.o.Tx.Read(ctx, func(t *tx.Tx) error {
		now, err := states.Of(t, w.account, states.EmailSubmission)
		now.ModSeq = min(now.ModSeq, w.numbers.Last)
		w.response.OldState, w.response.NewState = w.from.String(), now.String()
		return err
	})
}

func (w *submitting) carryOut(ctx context.Context) error {
	for _, key := range slices.Sorted(maps.Keys(w.args.Create)) {
		created, err := w.create(ctx, key, w.args.Create[key])
		if refused, ok := sendError(err); err != nil && ok {
			w.response.NotCreated[key] = refused
		} else if err != nil {
			return err
		} else {
			w.response.Created[key] = created
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.args.Update)) {
		var err error
		if slices.Contains(w.args.Destroy, name) {
			err = method.Fail(method.WillDestroy, "the same call destroys it")
		} else {
			err = w.update(ctx, name, w.args.Update[name])
		}
		if refused, ok := sendError(err); err != nil && ok {
			w.response.NotUpdated[name] = refused
		} else if err != nil {
			return err
		}
	}
	for _, name := range method.Unique(w.args.Destroy) {
		err := w.destroy(ctx, name)
		if refused, ok := sendError(err); err != nil && ok {
			w.response.NotDestroyed[name] = refused
		} else if err != nil {
			return err
		}
	}
	return nil
}

// shown reads a submission that a client names.
func (w *submitting) shown(t *tx.Tx, name string) (submissions.Submission, error) {
	given, known := w.call.Resolve(name)
	id, err := mail.ParseSubmissionID(given)
	none := method.Fail(method.NotFound, "there is no submission %.40q", name)
	if !known || err != nil {
		return submissions.Submission{}, none
	}
	sub, err := w.o.Submissions.Submission(t, w.account, id)
	if mail.Is(err, mail.NotFound) || err == nil && (sub.Email == 0 || sub.Hidden) {
		err = none
	}
	return sub, err
}

// update takes a submission back: nothing else of it can be changed. What is there already may be said again (RFC 8620 5.3).
func (w *submitting) update(ctx context.Context, name string, patch map[string]ijson.Value) error {
	var sub submissions.Submission
	var is emailSubmission
	var now bool
	err := w.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if sub, err = w.shown(t, name); err != nil {
			return err
		}
		now = undoStatus(sub.Canceled, sub.Due, t.Now()) != pending
		is, err = w.Sending.shown(t, w.own, sub, method.Properties{})
		return err
	})
	if err != nil {
		return err
	}
	if patch, err = method.Changed(is, patch); err != nil {
		return err
	}
	for property, v := range patch {
		if property != "undoStatus" || string(v) != `"canceled"` {
			return method.Bad("of a submission only undoStatus can be changed, to \"canceled\"", property)
		}
	}
	w.emails[name] = sub.Email
	if len(patch) == 0 || sub.Canceled {
		w.response.Updated[sub.ID.String()] = nil
		return nil
	}
	if now {
		delete(w.emails, name)
		return method.Fail(cannotUnsend, "it was due at %s and cannot be taken back any more", utcDate(sub.Due))
	}
	done, err := w.o.Submission.Cancel(ctx, w.account, sub.ID)
	if mail.Is(err, mail.Conflict) || err == nil && len(done.Late) > 0 {
		err = method.Fail(cannotUnsend, "it is on its way to some recipients, or there")
	}
	if err != nil {
		delete(w.emails, name)
		return err
	}
	w.response.Updated[sub.ID.String()] = nil
	return nil
}

// destroy puts the record of a submission away.
func (w *submitting) destroy(ctx context.Context, name string) error {
	sub, err := tx.Once(ctx, w.o.Tx, tx.NewKey(), []mail.AccountID{w.account}, func(t *tx.Tx) (submissions.Submission, error) {
		sub, err := w.shown(t, name)
		if err == nil {
			err = w.o.Submissions.Hide(t, w.account, sub.ID)
		}
		return sub, err
	})
	if err != nil {
		return err
	}
	w.emails[name] = sub.Email
	w.response.Destroyed = append(w.response.Destroyed, sub.ID.String())
	return nil
}

// followUp makes the call of Email/set that onSuccessUpdateEmail and onSuccessDestroyEmail ask for.
func (w *submitting) followUp() {
	type emailSet struct {
		AccountID string                            `json:"accountId"`
		Update    map[string]map[string]ijson.Value `json:"update"`
		Destroy   []string                          `json:"destroy"`
	}
	set := emailSet{AccountID: w.args.AccountID, Update: map[string]map[string]ijson.Value{}}
	for name, patch := range w.args.OnSuccessUpdateEmail {
		if id, done := w.emails[name]; done {
			set.Update[id.String()] = patch
		}
	}
	for _, name := range w.args.OnSuccessDestroyEmail {
		if id, done := w.emails[name]; done && !slices.Contains(set.Destroy, id.String()) {
			set.Destroy = append(set.Destroy, id.String())
		}
	}
	if len(set.Update)+len(set.Destroy) > 0 {
		w.call.Follow("Email/set", set)
	}
}

// create sends an email.
func (w *submitting) create(ctx context.Context, key string, object ijson.Value) (map[string]any, error) {
	l, err := w.read(object)
	if err != nil {
		return nil, err
	}
	if err := w.load(ctx, l); err != nil {
		return nil, err
	}
	if err := w.check(ctx, l); err != nil {
		return nil, err
	}
	kept, err := json.Marshal(l.shown)
	if err != nil {
		return nil, err
	}
	body, err := w.o.Bodies.Open(ctx, w.account, l.email.Blob)
	if err != nil {
		return nil, err
	}
	defer body.Close() // it was read to its end, or the error is told
	id, err := w.o.Submission.Submit(ctx, l.session, &l.envelope, reader(body), submission.Kept{
		Email: l.email.ID, Thread: l.email.Thread, Identity: l.identity.ID, Envelope: kept})
	if err != nil {
		return nil, err
	}
	w.emails["#"+key] = l.email.ID
	w.emails[id.String()] = l.email.ID
	w.call.Created(key, id.String())
	return w.created(ctx, id, object)
}

// created is what a client is told of a submission that was made: all but what it has said.
func (w *submitting) created(ctx context.Context, id mail.SubmissionID, given ijson.Value) (map[string]any, error) {
	var one emailSubmission
	err := w.o.Tx.Read(ctx, func(t *tx.Tx) error {
		sub, err := w.o.Submissions.Submission(t, w.account, id)
		if err == nil {
			one, err = w.Sending.shown(t, w.own, sub, method.Properties{})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := map[string]any{"id": one.ID, "threadId": one.ThreadID, "sendAt": one.SendAt, "undoStatus": one.UndoStatus,
		"deliveryStatus": one.DeliveryStatus, "dsnBlobIds": one.DSNBlobIDs, "mdnBlobIds": one.MDNBlobIDs}
	out["envelope"] = one.Envelope
	ijson.Members(given, func(name string, v ijson.Value) error { // it was read before
		if !ijson.IsNull(v) {
			delete(out, name)
		}
		return nil
	})
	return out, nil
}

// load finds the email and the identity.
func (w *submitting) load(ctx context.Context, l *letter) error {
	at := slices.IndexFunc(w.own, func(i identities.Identity) bool { return i.ID.String() == l.identityID })
	if at < 0 {
		return method.Bad("there is no such identity", "identityId")
	}
	l.identity = w.own[at]
	err := w.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		id, wrong := mail.ParseEmailID(l.emailID)
		if wrong != nil {
			return wrong
		}
		list, err := w.o.Mailbox.Memberships(t, w.account, id)
		if err == nil && !slices.ContainsFunc(list, func(m mailbox.Membership) bool { return m.Flags.Bits&mail.Deleted == 0 }) {
			return mail.E("sending", mail.NotFound, errors.New("the email is not there"))
		}
		if err == nil {
			l.email, err = w.o.Mailbox.Email(t, w.account, id)
		}
		return err
	})
	switch mail.KindOf(err) {
	case mail.NotFound, mail.Invalid:
		return method.Bad("there is no such email", "emailId")
	}
	return err
}

// read takes an EmailSubmission apart that is to be created.
func (w *submitting) read(object ijson.Value) (*letter, error) {
	if !ijson.IsObject(object) {
		return nil, method.Bad("an EmailSubmission is an object")
	}
	l := &letter{}
	var bad []string
	err := ijson.Members(object, func(name string, v ijson.Value) error {
		var err error
		switch name {
		case "identityId":
			err = ijson.Strict(v, &l.identityID)
		case "emailId":
			err = ijson.Strict(v, &l.emailID)
		case "envelope":
			l.given, err = readEnvelope(v)
		default:
			bad = append(bad, name)
		}
		if err != nil {
			bad = append(bad, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for name, id := range map[string]*string{"identityId": &l.identityID, "emailId": &l.emailID} {
		if given, known := w.call.Resolve(*id); known && given != "" {
			*id = given
		} else if !slices.Contains(bad, name) {
			bad = append(bad, name)
		}
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return nil, method.Bad("a property is missing, has the wrong type, or is not the client's to set: "+strings.Join(bad, ", "), bad...)
	}
	return l, nil
}
