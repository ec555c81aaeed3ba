package notify

import (
	"strings"
	"time"
	"unicode"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/notifications"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Type is the "@type" of a notification.
const Type = "Notification"

// Muted is the keyword of a message of a thread that nobody wants to be told of.
const Muted = "$muted"

// Notification is what clients are told.
type Notification struct {
	JSON   ijson.Value
	Email  mail.EmailID
	Urgent bool
	At     time.Time // when the mail was accepted
}

// shown is its form (docs/jmap-notifications.md).
type shown struct {
	Type      string  `json:"@type"`
	AccountID string  `json:"accountId"`
	EmailID   string  `json:"emailId"`
	ThreadID  string  `json:"threadId"`
	At        string  `json:"receivedAt"`
	Urgent    bool    `json:"isUrgent"`
	From      *person `json:"from,omitempty"`
	Subject   *string `json:"subject,omitempty"`
	Preview   *string `json:"preview,omitempty"`
}

type person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Characters of what is told.
const (
	maxName    = 100
	maxSubject = 200
	maxAddress = 320
)

// judge reads what a decision needs, and makes the notification if it is deserved. What decides most is asked first.
func (n *Notifier) judge(t *tx.Tx, a arrival) (told Notification, ok bool, err error) {
	rules, err := n.o.Rules.Rules(t, a.account)
	if err != nil || rules.About == notifications.None {
		return told, false, err
	}
	f := facts{at: n.o.Now()}
	if err := n.place(t, a, &f); err != nil || !f.inbox {
		return told, false, err
	}
	email, err := n.o.Mailbox.Email(t, a.account, a.email)
	if err != nil {
		return told, false, err
	}
	var s message.Summary
	if err := s.UnmarshalBinary(email.Summary); err != nil {
		return told, false, err
	}
	f.urgent = urgent(email.Summary)
	if err := n.sender(t, a.account, &s, &f); err != nil {
		return told, false, err
	}
	switch {
	case rules.About == notifications.Contacts && !f.known:
		f.answers, err = n.wroteIn(t, a.account, email.Thread)
	case rules.About == notifications.Mentions:
		var own []mail.Address
		own, err = n.o.Directory.OwnAddresses(t, a.account)
		f.mentioned = mentioned(&s, own)
	}
	if err != nil || !deserves(rules, f) {
		return told, false, err
	}
	told = Notification{Email: a.email, Urgent: f.urgent, At: a.at}
	told.JSON, err = show(a.account, &email, &s, rules.Content, f.urgent)
	return told, err == nil, err
}

// place finds where the mail lies, and its keywords.
func (n *Notifier) place(t *tx.Tx, a arrival, f *facts) error {
	inbox, err := n.o.Mailbox.ByRole(t, a.account, mailbox.RoleInbox)
	if err != nil {
		return err
	}
	places, err := n.o.Mailbox.Memberships(t, a.account, a.email)
	for _, p := range places {
		f.inbox = f.inbox || p.Mailbox == inbox.ID
		f.seen = f.seen || p.Flags.Has(`\Seen`)
		f.muted = f.muted || p.Flags.Has(Muted)
	}
	return err
}

// sender finds out who it is that has written.
func (n *Notifier) sender(t *tx.Tx, account mail.AccountID, s *message.Summary, f *facts) error {
	for _, from := range s.Envelope.From {
		if from.Kind != header.Mailbox {
			continue
		}
		c, err := n.o.Contacts.Of(t, account, mail.Address{Local: from.Local, Domain: from.Domain})
		if mail.Is(err, mail.NotFound) {
			return nil
		}
		f.known, f.pierces = c.Known(), c.Pierces && !c.Blocked
		return err
	}
	return nil
}

// wroteIn reports whether a thread has mail that the account has sent.
func (n *Notifier) wroteIn(t *tx.Tx, account mail.AccountID, thread mail.ThreadID) (wrote bool, err error) {
	sent, err := n.o.Mailbox.ByRole(t, account, mailbox.RoleSent)
	if mail.Is(err, mail.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = n.o.Mailbox.LocatedInThreads(t, account, []mail.ThreadID{thread}, func(l *mailbox.Located) { wrote = wrote || l.Mailbox == sent.ID })
	return wrote, err
}

func show(account mail.AccountID, email *mailbox.Email, s *message.Summary, content, urgent bool) (ijson.Value, error) {
	out := shown{Type: Type, AccountID: account.String(), EmailID: email.ID.String(), ThreadID: email.Thread.String(), Urgent: urgent,
		At: time.UnixMilli(email.Received).UTC().Truncate(time.Second).Format(time.RFC3339)}
	if content {
		for _, from := range s.Envelope.From {
			if from.Kind == header.Mailbox {
				out.From = &person{cut(decoded(from.Name), maxName), cut(from.Spec(), maxAddress)}
				break
			}
		}
		subject, preview := cut(decoded(s.Envelope.Subject), maxSubject), cut(s.Preview, message.MaxPreview)
		out.Subject, out.Preview = &subject, &preview
	}
	return ijson.Marshal(out)
}

// decoded is text of a header as people read it (RFC 2047), on one line whatever is encoded in it.
func decoded(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, header.DecodeWords(text))
}

// cut shortens a text, at a character.
func cut(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}
