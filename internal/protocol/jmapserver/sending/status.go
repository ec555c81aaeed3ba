package sending

import (
	"fmt"

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
			out[r.Address.String()] = statusOf(events[n])
		}
	}
	return out
}

func statusOf(events []mail.Event) recipientStatus {
	s := recipientStatus{SMTPReply: "250 2.0.0 queued", Delivered: "queued", Displayed: "unknown"}
	for _, e := range events {
		if e.Reply.Code != 0 {
			s.SMTPReply = fmt.Sprintf("%d %v %s", e.Reply.Code, e.Reply.Enhanced, e.Reply.Text)
		}
		switch e.Kind {
		case mail.EventDelivered:
			s.Delivered = "yes"
		case mail.EventRelayed:
			s.Delivered = "unknown"
		case mail.EventFailed, mail.EventExpired, mail.EventCanceled:
			s.Delivered = "no"
		}
	}
	return s
}
