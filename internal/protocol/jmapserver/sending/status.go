package sending

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
)

// recipientStatus is a DeliveryStatus (RFC 8621 7).
type recipientStatus struct {
	SMTPReply string `json:"smtpReply"`
	Delivered string `json:"delivered"`
	Displayed string `json:"displayed"`
}

// deliveryStatus says what has become of a submission, by recipient.
func deliveryStatus(sub submissions.Submission, events [][]mail.Event) map[string]recipientStatus {
	out := make(map[string]recipientStatus, len(sub.Recipients))
	for n, r := range sub.Recipients {
		if n < len(events) {
			s := submissions.StatusOf(events[n])
			out[r.Address.String()] = recipientStatus{s.Reply, s.Delivered, s.Displayed}
		}
	}
	return out
}

// step is one of the property timeline (docs/message-status.md).
type step struct {
	At    string  `json:"at"`
	State string  `json:"state"` // mail.EventKind
	By    *string `json:"by"`
	Reply *string `json:"reply"`
}

// timeline is all that has happened to a submission, by recipient, in order.
func timeline(sub submissions.Submission, events [][]mail.Event) map[string][]step {
	out := make(map[string][]step, len(sub.Recipients))
	for n, r := range sub.Recipients {
		if n >= len(events) {
			continue
		}
		steps := make([]step, 0, len(events[n]))
		for _, e := range events[n] {
			s := step{At: utcDate(e.At), State: string(e.Kind)}
			if e.By != "" {
				s.By = &e.By
			}
			if reply := submissions.ReplyOf(e); reply != "" {
				s.Reply = &reply
			}
			steps = append(steps, s)
		}
		out[r.Address.String()] = steps
	}
	return out
}
