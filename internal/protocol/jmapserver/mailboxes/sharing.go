package mailboxes

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// sharingCapability is RFC 9670's. Who uses it is told with whom mailboxes are shared, as section 4 there has it for types of data that
// can be shared.
const sharingCapability = "urn:ietf:params:jmap:principals"

// sharing is the property shareWith of the mailboxes that a user sees: the rights of others by their principals, null where nobody
// else has any, and for users who may not see them. What a mailbox gives to everybody belongs to no principal.
func (m *Mailboxes) sharing(t *tx.Tx, s *seen) (map[mail.MailboxID]ijson.Value, error) {
	grants, err := m.o.Mailbox.AllGrants(t, s.access.Owner)
	if err != nil {
		return nil, err
	}
	out := make(map[mail.MailboxID]ijson.Value, len(s.list))
	for i := range s.list {
		one := &s.list[i]
		out[one.ID] = ijson.Value("null")
		if !one.Rights.Has(mail.RightAdminister) {
			continue
		}
		with := map[string]Rights{}
		for account, rights := range given(grants[one.ID]) {
			with[m.o.PrincipalID(account)] = RightsOf(rights, one.Role)
		}
		if len(with) > 0 {
			if out[one.ID], err = ijson.Marshal(with); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// given are the rights of each account by grants to it.
func given(grants []mailbox.Grant) map[mail.AccountID]mail.Rights {
	rights := map[mail.AccountID]mail.Rights{}
	for _, g := range grants { // what is taken stands behind what is given
		switch {
		case g.Grantee == mailbox.Anyone:
		case g.Negative:
			rights[g.Grantee] &^= g.Rights
		default:
			rights[g.Grantee] |= g.Rights
		}
	}
	for account, r := range rights {
		if r == 0 {
			delete(rights, account)
		}
	}
	return rights
}
