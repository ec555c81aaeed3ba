package writing

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sight"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

type copyArgs struct {
	FromAccountID            string                 `json:"fromAccountId"`
	IfFromInState            *string                `json:"ifFromInState"`
	AccountID                string                 `json:"accountId"`
	IfInState                *string                `json:"ifInState"`
	Create                   map[string]ijson.Value `json:"create"`
	OnSuccessDestroyOriginal bool                   `json:"onSuccessDestroyOriginal"`
	DestroyFromIfInState     *string                `json:"destroyFromIfInState"`
}

// copying is one Email/copy.
type copying struct {
	*setting
	from  method.Access
	state *string // that the other account must be in, until the first commit
}

// copy is Email/copy (RFC 8621 4.7).
func (w *Writing) copy(ctx context.Context, call *method.Call) (any, error) {
	var args copyArgs
	if err := call.Decode(&args); err != nil {
		return nil, err
	}
	if err := (&method.SetArgs{Create: args.Create}).Check(); err != nil {
		return nil, err
	}
	access, err := call.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	from, err := call.Account(ctx, args.FromAccountID)
	var told *method.Error
	switch {
	case errors.As(err, &told) && told.Type == method.AccountNotFound:
		return nil, method.Fail(method.FromAccountNotFound, "%s", told.Description)
	case err != nil:
		return nil, err
	case from.Owner == access.Owner: // RFC 8620 5.4
		return nil, method.Fail(method.InvalidArguments, "fromAccountId and accountId are the same: an email is put into further mailboxes by Email/set")
	}
	c := &copying{setting: w.setting(call, access, args.AccountID, args.IfInState), from: from, state: args.IfFromInState}
	c.setting.from = from.Owner
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	if err := c.createEach(ctx, args.Create, c.copied); err != nil {
		return nil, err
	}
	if args.OnSuccessDestroyOriginal {
		c.destroyOriginals(args)
	}
	r := c.added()
	r.FromAccountID = args.FromAccountID
	return r, nil
}

// destroyOriginals makes a call that destroys what was copied (RFC 8620 5.4).
func (c *copying) destroyOriginals(args copyArgs) {
	copied := make([]string, 0, len(c.originals))
	for _, id := range slices.Sorted(maps.Keys(c.originals)) {
		copied = append(copied, id.String())
	}
	if len(copied) > 0 {
		c.call.Follow("Email/set", method.SetArgs{AccountID: args.FromAccountID, IfInState: args.DestroyFromIfInState, Destroy: copied})
	}
}

// begin looks at the states before anything is read.
func (c *copying) begin(ctx context.Context) error {
	if err := c.setting.begin(ctx); err != nil || c.state == nil {
		return err
	}
	return c.o.Tx.Read(ctx, func(t *tx.Tx) error {
		_, err := stateOf(t, c.from.Owner, c.state)
		return err
	})
}

// copied reads an EmailCopy, and the email that it names.
func (c *copying) copied(ctx context.Context, object ijson.Value) (a arrival, err error) {
	var wrong wrongs
	name, flagged := "", false
	if !ijson.IsObject(object) {
		return a, method.Bad("an EmailCopy is an object")
	}
	err = ijson.Members(object, func(property string, v ijson.Value) error {
		flagged = flagged || property == "keywords"
		if property != "id" {
			c.placed(&a, property, v, &wrong)
		} else if ijson.Strict(v, &name) != nil {
			wrong.add("id is a string", "id")
		}
		return nil
	})
	if err != nil {
		return a, err
	}
	if a.places == nil {
		wrong.add(mailbox.ErrNowhere.Error(), "mailboxIds")
	}
	if e := wrong.err(); e != nil {
		return a, e
	}
	id, ok := c.emailID(name)
	if !ok {
		return a, noEmail(name)
	}
	a.original = id
	return a, c.original(ctx, &a, id, flagged)
}

// original makes the body of an email ready for the other account. That it is still there is asked again in the commit.
func (c *copying) original(ctx context.Context, a *arrival, id mail.EmailID, flagged bool) error {
	var email mailbox.Email
	var flags mail.Flags
	err := c.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if flags, err = c.see(t, id); err == nil {
			email, err = c.o.Mailbox.Email(t, c.from.Owner, id)
		}
		return err
	})
	if err != nil {
		return err
	}
	hold, err := c.o.Bodies.Borrow(ctx, c.from.Owner, email.Blob)
	if err != nil {
		return err
	}
	given := a.message
	if a.message, err = email.Message(); err != nil {
		return err
	}
	a.message.Flags, a.message.Received = given.Flags, given.Received
	if !flagged {
		a.message.Flags = flags
	}
	if given.Received.IsZero() {
		a.message.Received = time.UnixMilli(email.Received)
	}
	a.size = email.Size
	a.hold = func(t *tx.Tx) (mail.BlobID, error) {
		if _, err := stateOf(t, c.from.Owner, c.state); err != nil {
			return mail.BlobID{}, err
		}
		if _, err := c.see(t, id); err != nil {
			return mail.BlobID{}, err
		}
		return hold(t, c.access.Owner)
	}
	return nil
}

// see returns the keywords of an email of the other account that the user may read there.
func (c *copying) see(t *tx.Tx, id mail.EmailID) (flags mail.Flags, err error) {
	seen, err := sight.Of(t, c.o.Mailbox, c.from)
	if err != nil {
		return flags, err
	}
	list, err := c.o.Mailbox.Memberships(t, c.from.Owner, id)
	for _, m := range list {
		if seen.Sees(m.Mailbox, m.Flags.Bits) {
			return m.Flags, err
		}
	}
	if err == nil {
		err = noEmail(id.String())
	}
	return flags, err
}
