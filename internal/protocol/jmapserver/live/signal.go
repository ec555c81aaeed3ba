package live

import (
	"context"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/pushing"
	"github.com/mailmesh/mailmesh/internal/realtime/presence"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// SignalType is the "@type" of what clients are told.
const SignalType = "Signal"

// send is Signal/send.
func (l *Live) send(ctx context.Context, c *method.Call) (any, error) {
	var args struct {
		AccountID string   `json:"accountId"`
		To        []string `json:"to"`
		State     string   `json:"state"`
		EmailID   *string  `json:"emailId"`
	}
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	d := presence.Draft{From: account, State: presence.State(args.State)}
	if len(args.To) > presence.MaxRecipients { // before they are read
		return nil, method.Fail(method.InvalidArguments, "to: a signal is for 1 to %d recipients, not %d", presence.MaxRecipients, len(args.To))
	}
	for i, text := range args.To {
		a, err := address(text)
		if err != nil {
			return nil, method.Fail(method.InvalidArguments, "to/%d: %s", i, mail.Explain(err))
		}
		d.To = append(d.To, a)
	}
	if args.EmailID != nil {
		if d.Email, err = mail.ParseEmailID(*args.EmailID); err != nil {
			return nil, method.Fail(method.InvalidArguments, "emailId: %s", mail.Explain(err))
		}
	}
	if err := l.o.Presence.Send(d); err != nil {
		return nil, err
	}
	return map[string]string{"accountId": args.AccountID}, nil
}

// address reads an address as a person writes it.
func address(text string) (mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err == nil {
		a.Domain, err = smtp.ASCIIDomain(a.Domain)
	}
	return a, err
}

// signal is what a client is told.
type signal struct {
	Type      string  `json:"@type"`
	AccountID string  `json:"accountId"`
	From      from    `json:"from"`
	State     string  `json:"state"`
	ThreadID  *string `json:"threadId"`
	SentAt    string  `json:"sentAt"`
	Until     *string `json:"until"`
}

type from struct {
	ContactID string `json:"contactId"`
	Email     string `json:"email"`
}

// Source hands signals to connected clients. An account is there while one of its clients has attached.
func (l *Live) Source() pushing.Source { return source{l.o.Presence} }

type source struct{ presence *presence.Presence }

// Type implements pushing.Source.
func (source) Type() string { return SignalType }

// Attach implements pushing.Source.
func (s source) Attach(u *method.User, send func(pushing.Object)) (detach func()) {
	return s.presence.Watch(u.Account, func(v presence.Signal) {
		if o, err := object(u.Account, v); err == nil {
			send(o)
		}
	})
}

// object makes what is pushed. A newer state of the same conversation, or of the same person's presence, takes the place of one that
// still waits for a slow client.
func object(account mail.AccountID, v presence.Signal) (pushing.Object, error) {
	s := signal{Type: SignalType, AccountID: account.String(), From: from{v.From.Contact.String(), v.From.Address.String()},
		State: string(v.State), SentAt: utc(v.At)}
	o := pushing.Object{Key: fmt.Sprintf("signal %v", v.From.Contact), At: v.At, Until: v.Until}
	switch v.State {
	case presence.Online, presence.SeenToday, presence.Unknown:
		o.At = time.Time{} // when somebody came is nothing that can be late
	default:
		o.Key += " " + v.Thread.String()
		o.Until = v.At.Add(presence.MaxAge)
	}
	if v.Thread != 0 {
		text := v.Thread.String()
		s.ThreadID = &text
	}
	if !v.Until.IsZero() {
		text := utc(v.Until)
		s.Until = &text
	}
	var err error
	o.JSON, err = ijson.Marshal(s)
	return o, err
}

// utc writes a UTCDate (RFC 8620 1.4), to the millisecond.
func utc(t time.Time) string {
	return t.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.999Z")
}
