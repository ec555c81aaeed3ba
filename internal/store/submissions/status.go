package submissions

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// EnvelopeID makes an envelope id (RFC 3461 4.4) that nobody can guess: reports that bear it are about the submission.
func EnvelopeID(id mail.SubmissionID) string {
	return strconv.FormatInt(int64(id), 36) + "." + strings.ToLower(rand.Text())
}

// ByEnvelope returns the submission of an account that an envelope id was made for, mail.NotFound where it was made for none of its.
func (s *Store) ByEnvelope(t *tx.Tx, account mail.AccountID, envID string) (Submission, error) {
	const op = "submissions.ByEnvelope"
	number, _, _ := strings.Cut(envID, ".")
	n, err := strconv.ParseInt(number, 36, 64)
	if err != nil || n <= 0 {
		return Submission{}, mail.E(op, mail.NotFound, nil)
	}
	sub, err := s.Submission(t, account, mail.SubmissionID(n))
	if err == nil && (sub.EnvID == "" || sub.EnvID != envID) {
		return Submission{}, mail.E(op, mail.NotFound, nil)
	}
	return sub, err
}

// maxSame is how many submissions of one message ByMessage returns: it may have been sent again, to others.
const maxSame = 20

// ByMessage returns the submissions of an account that had a Message-ID (without angle brackets), the newest of them.
func (s *Store) ByMessage(t *tx.Tx, account mail.AccountID, messageID string) ([]Submission, error) {
	if messageID == "" {
		return nil, nil
	}
	rows, err := t.SQL().Query(selectSubmission+`WHERE account_id = $1 AND message_id = $2 AND message_id <> '' ORDER BY id DESC LIMIT $3`,
		account, cut(messageID), maxSame)
	if err != nil {
		return nil, err
	}
	return scanAll(rows)
}

// Report records what others have told about a recipient of a submission, whose account is locked, if that is news.
// What happened here is known better here, and what is at its end stays so: a report says something of mail that another host has
// taken, once. recorded says that it was.
func (s *Store) Report(t *tx.Tx, step Step) (recorded bool, err error) {
	events, err := s.Events(t, step.Account, step.Submission)
	if err != nil {
		return false, err
	}
	if step.Recipient < 0 || step.Recipient >= len(events) || !follows(events[step.Recipient], step.Event) {
		return false, nil
	}
	return true, s.Record(t, step)
}

// follows reports whether an event that others report can come after others.
func follows(before []mail.Event, e mail.Event) bool {
	relayed := false
	for _, b := range before {
		switch b.Kind {
		case mail.EventRelayed:
			relayed = true
		case mail.EventFailed, mail.EventExpired, mail.EventCanceled, mail.EventDisplayed:
			return false
		case mail.EventDelivered:
			if e.Kind != mail.EventDisplayed {
				return false
			}
			relayed = true
		}
		if b.Kind == e.Kind && b.By == e.By {
			return false
		}
	}
	return relayed
}

// Status is what is known of one recipient, in the words of RFC 8621 7 (DeliveryStatus).
type Status struct {
	Delivered string // queued, yes, no, unknown
	Displayed string // unknown, yes
	Reply     string // smtpReply
	Delayed   bool   // it is tried again
}

// The values of Status.
const (
	Queued  = "queued"
	Yes     = "yes"
	No      = "no"
	Unknown = "unknown"
)

// StatusOf sums up the events of a recipient.
func StatusOf(events []mail.Event) Status {
	s := Status{Delivered: Queued, Displayed: Unknown, Reply: "250 2.0.0 queued"}
	for _, e := range events {
		s.Delayed = e.Kind == mail.EventDeferred || s.Delayed && e.Kind == mail.EventAttempted
		switch e.Kind {
		case mail.EventRelayed:
			s.Delivered = Unknown // RFC 8621 7: no further information
		case mail.EventDelivered:
			s.Delivered = Yes
		case mail.EventDisplayed:
			s.Delivered, s.Displayed = Yes, Yes // who has seen it has it
			continue
		case mail.EventFailed, mail.EventExpired, mail.EventCanceled:
			s.Delivered = No
		}
		if reply := ReplyOf(e); reply != "" {
			s.Reply = reply
		}
	}
	return s
}

// ReplyOf is the reply of an event in one line, as RFC 8621 7 wants it; "" where nobody spoke.
func ReplyOf(e mail.Event) string {
	r := e.Reply
	switch {
	case r.Code == 0 && e.Kind == mail.EventCanceled:
		return "550 5.7.0 taken back by its sender"
	case r.Code == 0:
		return ""
	}
	line := strings.Join(strings.Fields(r.Text), " ")
	if r.Enhanced != (mail.EnhancedCode{}) {
		line = r.Enhanced.String() + " " + line
	}
	return fmt.Sprintf("%d %s", r.Code, strings.TrimSpace(line))
}
