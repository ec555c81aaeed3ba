package mailboxes

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// object is a Mailbox (RFC 8621 2).
type object struct {
	ID            string  `json:"id"`
	Name          string  `json:"name"`
	ParentID      *string `json:"parentId"`
	Role          *string `json:"role"`
	SortOrder     uint32  `json:"sortOrder"`
	TotalEmails   int64   `json:"totalEmails"`
	UnreadEmails  int64   `json:"unreadEmails"`
	TotalThreads  int64   `json:"totalThreads"`
	UnreadThreads int64   `json:"unreadThreads"`
	MyRights      Rights  `json:"myRights"`
	IsSubscribed  bool    `json:"isSubscribed"`

	ShareWith ijson.Value `json:"shareWith,omitzero"` // see sharing
}

// counts are the properties that mail changes.
var counts = []string{"totalEmails", "unreadEmails", "totalThreads", "unreadThreads"}

var known = method.Known("id", "name", "parentId", "role", "sortOrder", "totalEmails", "unreadEmails", "totalThreads", "unreadThreads",
	"myRights", "isSubscribed")

// Rights are MailboxRights.
type Rights struct {
	MayReadItems   bool `json:"mayReadItems"`
	MayAddItems    bool `json:"mayAddItems"`
	MayRemoveItems bool `json:"mayRemoveItems"`
	MaySetSeen     bool `json:"maySetSeen"`
	MaySetKeywords bool `json:"maySetKeywords"`
	MayCreateChild bool `json:"mayCreateChild"`
	MayRename      bool `json:"mayRename"`
	MayDelete      bool `json:"mayDelete"`
	MaySubmit      bool `json:"maySubmit"`
}

// RightsOf says what RFC 4314's rights are in JMAP.
func RightsOf(r mail.Rights, role mailbox.Role) Rights {
	stays := role == mailbox.RoleInbox
	return Rights{
		MayReadItems:   r.Has(mail.RightLookup | mail.RightRead),
		MayAddItems:    r.Has(mail.RightInsert),
		MayRemoveItems: r.Has(mail.RightDeleteMessages | mail.RightExpunge),
		MaySetSeen:     r.Has(mail.RightSeen),
		MaySetKeywords: r.Has(mail.RightWrite),
		MayCreateChild: r.Has(mail.RightCreate),
		MayRename:      r.Has(mail.RightDelete) && !stays,
		MayDelete:      r.Has(mail.RightDelete) && !stays,
		MaySubmit:      r.Has(mail.RightPost),
	}
}

// inboxName is what INBOX is called here.
const inboxName = "Inbox"

func nameOf(m *mailbox.Mailbox) string {
	if m.Role == mailbox.RoleInbox {
		return inboxName
	}
	return m.Name
}

// seen are the mailboxes of an account that a user sees, by path.
type seen struct {
	access method.Access
	list   []mailbox.Shared
	at     map[mail.MailboxID]int
	shared map[mail.MailboxID]ijson.Value // see sharing
}

// see reads them.
func (m *Mailboxes) see(t *tx.Tx, a method.Access) (seen, error) {
	s := seen{access: a}
	if a.Own() {
		all, err := m.o.Mailbox.List(t, a.Owner)
		if err != nil {
			return s, err
		}
		for _, one := range all {
			s.list = append(s.list, mailbox.Shared{Mailbox: one, Rights: mail.AllRights})
		}
	} else {
		shared, err := m.o.Mailbox.SharedBy(t, a.Owner, a.Who)
		if err != nil {
			return s, err
		}
		subscribed, err := m.subscribedByOther(t, a)
		if err != nil {
			return s, err
		}
		for _, one := range shared {
			if one.Rights.Has(mail.RightLookup) {
				one.Subscribed = subscribed[one.Path]
				s.list = append(s.list, one)
			}
		}
	}
	s.at = make(map[mail.MailboxID]int, len(s.list))
	for i := range s.list {
		s.at[s.list[i].ID] = i
	}
	return s, nil
}

// find returns a mailbox, nil for one that the user does not see.
func (s *seen) find(id mail.MailboxID) *mailbox.Shared {
	if i, there := s.at[id]; there {
		return &s.list[i]
	}
	return nil
}

// parent is the id of the mailbox above, 0 where the user sees none.
func (s *seen) parent(one *mailbox.Shared) mail.MailboxID {
	if _, there := s.at[one.Parent]; there {
		return one.Parent
	}
	return 0
}

// object is a mailbox as the user sees it, but for its threads.
func (s *seen) object(one *mailbox.Shared) object {
	o := object{ID: one.ID.String(), Name: nameOf(&one.Mailbox), SortOrder: one.SortOrder, MyRights: RightsOf(one.Rights, one.Role), IsSubscribed: one.Subscribed}
	if id := s.parent(one); id != 0 {
		text := id.String()
		o.ParentID = &text
	}
	if one.Role != "" {
		text := string(one.Role)
		o.Role = &text
	}
	if one.Rights.Has(mail.RightRead) {
		o.TotalEmails, o.UnreadEmails = one.Messages-one.Deleted, one.Unread
	}
	return o
}

// subscribedByOther lists the paths of an owner's mailboxes to which another account has subscribed.
func (m *Mailboxes) subscribedByOther(t *tx.Tx, a method.Access) (map[string]bool, error) {
	prefix, err := m.prefix(t, a)
	if err != nil {
		return nil, err
	}
	all, err := m.o.Mailbox.Subscriptions(t, a.Who)
	out := make(map[string]bool)
	for _, path := range all {
		if len(path) > len(prefix) && path[:len(prefix)] == prefix {
			out[path[len(prefix):]] = true
		}
	}
	return out, err
}

// prefix is what stands before the paths of an owner's mailboxes where another account sees them.
func (m *Mailboxes) prefix(t *tx.Tx, a method.Access) (string, error) {
	owner, err := m.o.Directory.Account(t, a.Owner)
	return mailbox.ForeignPrefix(owner.Address, owner.Shared), err
}
