package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// ErrFormat is matched (errors.Is) by the error of reading a message whose envelope a newer version wrote.
var ErrFormat = errors.New("the envelope is in a format that this version does not know")

// ErrUnreadable is matched by the error of reading a message whose envelope makes no sense.
var ErrUnreadable = errors.New("the envelope cannot be read")

// format1 is the kept form of an envelope. Its names and meanings never change; what comes new is left out when it is
// zero, and what changes meaning makes a format of its own.
const format1 = 1

type envelope1 struct {
	From       string       `json:"from"` // "" for the null reverse-path
	To         []recipient1 `json:"to"`
	Body       string       `json:"body,omitempty"`
	SMTPUTF8   bool         `json:"smtputf8,omitempty"`
	Size       int64        `json:"size,omitempty"`
	Ret        string       `json:"ret,omitempty"`
	EnvID      string       `json:"envid,omitempty"`
	RequireTLS bool         `json:"requireTLS,omitempty"`
	Priority   int          `json:"priority,omitempty"`
	HoldUntil  int64        `json:"holdUntil,omitempty"` // unix milliseconds
	By         int64        `json:"by,omitempty"`        // unix milliseconds
	ByReturn   bool         `json:"byReturn,omitempty"`
	ByTrace    bool         `json:"byTrace,omitempty"`
	Trace      string       `json:"trace,omitempty"`
	Skip       int64        `json:"skip,omitempty"`
}

type recipient1 struct {
	Address      string `json:"address"`
	OriginalType string `json:"originalType,omitempty"`
	Original     string `json:"original,omitempty"`
	Notify       uint8  `json:"notify,omitempty"` // mail.Notify
}

// encode writes the envelope of a message, and how its content differs from the body. The ID is kept beside it.
func encode(m Message) ([]byte, error) {
	e := m.Envelope
	kept := envelope1{
		From: e.ReversePath.String(), Body: string(e.Body), SMTPUTF8: e.SMTPUTF8, Size: e.Size, Ret: string(e.Ret), EnvID: e.EnvID,
		RequireTLS: e.RequireTLS, Priority: e.Priority, HoldUntil: millis(e.HoldUntil),
		By: millis(e.DeliverBy.Time), ByReturn: e.DeliverBy.Return, ByTrace: e.DeliverBy.Trace,
		Trace: m.Trace, Skip: m.Skip,
	}
	for _, r := range e.Recipients {
		kept.To = append(kept.To, recipient1{r.Address.String(), r.Original.Type, r.Original.Address, uint8(r.Notify)})
	}
	return json.Marshal(kept)
}

// decode reads what encode wrote, in any format that there was, into m.
func (m *Message) decode(format int64, raw []byte) error {
	if format != format1 {
		return mail.E("spool", mail.Unavailable, fmt.Errorf("%w: %d", ErrFormat, format))
	}
	var kept envelope1
	if err := json.Unmarshal(raw, &kept); err != nil {
		return unreadable(err)
	}
	e := mail.Envelope{
		Body: mail.BodyType(kept.Body), SMTPUTF8: kept.SMTPUTF8, Size: kept.Size, Ret: mail.Ret(kept.Ret), EnvID: kept.EnvID,
		RequireTLS: kept.RequireTLS, Priority: kept.Priority, HoldUntil: fromMillis(kept.HoldUntil),
		DeliverBy: mail.DeliverBy{Time: fromMillis(kept.By), Return: kept.ByReturn, Trace: kept.ByTrace},
	}
	var err error
	if kept.From != "" {
		if e.ReversePath, err = mail.ParseAddress(kept.From); err != nil {
			return unreadable(fmt.Errorf("the reverse-path: %w", err))
		}
	}
	for _, r := range kept.To {
		to, err := mail.ParseAddress(r.Address)
		if err != nil {
			return unreadable(fmt.Errorf("a recipient: %w", err))
		}
		e.Recipients = append(e.Recipients, mail.Recipient{
			Address: to, Original: mail.OriginalRecipient{Type: r.OriginalType, Address: r.Original}, Notify: mail.Notify(r.Notify),
		})
	}
	m.Envelope, m.Trace, m.Skip = e, kept.Trace, kept.Skip
	return nil
}

func unreadable(err error) error { return fmt.Errorf("spool: %w: %w", ErrUnreadable, err) }

// checkAddresses refuses what decode could not read again. A message like that would lie in the spool for good.
func checkAddresses(e *mail.Envelope) error {
	check := func(what string, a mail.Address) error {
		if _, err := mail.ParseAddress(a.String()); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	}
	if !e.ReversePath.IsNull() {
		if err := check("the reverse-path", e.ReversePath); err != nil {
			return err
		}
	}
	for _, r := range e.Recipients {
		if err := check("a recipient", r.Address); err != nil {
			return err
		}
	}
	return nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
