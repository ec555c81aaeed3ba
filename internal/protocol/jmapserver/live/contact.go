package live

import (
	"context"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// contact is a Contact. The client sets the first block and, when it makes one, the address; all else is the server's.
type contact struct {
	Name             string  `json:"name"`
	IsAccepted       bool    `json:"isAccepted"`
	IsBlocked        bool    `json:"isBlocked"`
	PiercesQuiet     bool    `json:"piercesQuietHours"`
	LearnsOfDisplays *string `json:"learnsOfDisplays"` // "never", "always"; null: as the account has it

	Email string `json:"email"`

	ID          string  `json:"id"`
	IsKnown     bool    `json:"isKnown"`
	DaysWritten int     `json:"daysWritten"`
	LastWritten *string `json:"lastWritten"`
	Created     string  `json:"created"`
}

var contactProperties = method.Known("name", "isAccepted", "isBlocked", "piercesQuietHours", "learnsOfDisplays", "email", "id", "isKnown",
	"daysWritten", "lastWritten", "created")

func contactOf(c *contacts.Contact) contact {
	o := contact{ID: c.ID.String(), Email: c.Address.String(), Name: c.Name, IsAccepted: c.Accepted, IsBlocked: c.Blocked,
		PiercesQuiet: c.Pierces, IsKnown: c.Known(), DaysWritten: c.Days, Created: utc(c.Created)}
	if c.Shown != contacts.AsAccount {
		word := consents[c.Shown]
		o.LearnsOfDisplays = &word
	}
	if !c.Wrote.IsZero() {
		day := utc(c.Wrote.Truncate(time.Second))
		o.LastWritten = &day
	}
	return o
}

// consents are the words for those who learn that mail was displayed.
var consents = map[contacts.Consent]string{contacts.Never: "never", contacts.Known: "contacts", contacts.Always: "always"}

// consent reads such a word.
func consent(word string, allowed ...contacts.Consent) (contacts.Consent, bool) {
	for _, c := range allowed {
		if consents[c] == word {
			return c, true
		}
	}
	return 0, false
}

// getContacts is Contact/get.
func (l *Live) getContacts(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	properties, err := method.Select(args.Properties, contactProperties)
	if err != nil {
		return nil, err
	}
	r := method.GetResponse{AccountID: args.AccountID, NotFound: []string{}}
	var found []contacts.Contact
	err = l.o.Tx.Read(ctx, func(t *tx.Tx) error {
		r.NotFound = r.NotFound[:0]
		state, err := states.Of(t, account, states.Contact)
		if err != nil {
			return err
		}
		r.State = state.String()
		if args.IDs == nil {
			n, err := l.o.Contacts.Count(t, account)
			if err == nil {
				err = method.CheckGet(n)
			}
			if err != nil {
				return err
			}
			found, err = l.o.Contacts.List(t, account, 0, method.MaxObjectsInGet)
			return err
		}
		found, err = l.some(t, account, method.Unique(*args.IDs), &r.NotFound)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := make([]ijson.Value, len(found))
	for i := range found {
		if list[i], err = properties.Of(contactOf(&found[i])); err != nil {
			return nil, err
		}
	}
	r.List = list
	return r, nil
}

// contactChanges is Contact/changes.
func (l *Live) contactChanges(ctx context.Context, c *method.Call) (any, error) {
	var args method.ChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	var r method.ChangesResponse
	err = l.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		r, err = method.Changes(t, account, states.Contact, args, func(c tx.Change) (string, tx.Op, bool) {
			return contacts.ID(c.Object).String(), c.Op, c.Kind == tx.KindContact
		})
		return err
	})
	return r, err
}
