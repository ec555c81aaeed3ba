package notify

import (
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/store/notifications"
)

// facts are what a decision is made by.
type facts struct {
	inbox, seen, muted bool
	known              bool // the sender is a contact that the account knows
	pierces            bool // and may break through quiet hours
	answers            bool // the account has written in the thread
	mentioned          bool
	urgent             bool
	at                 time.Time
}

// deserves decides.
func deserves(r notifications.Rules, f facts) bool {
	if !f.inbox || f.seen || f.muted {
		return false
	}
	switch r.About {
	case notifications.None:
		return false
	case notifications.Contacts:
		if !f.known && !f.answers {
			return false
		}
	case notifications.Mentions:
		if !f.mentioned {
			return false
		}
	}
	return !r.Quiet.Holds(f.at) || f.pierces || r.Urgent && f.urgent
}

// mentioned reports whether a message is to one of the addresses, or its text begins by naming one.
func mentioned(s *message.Summary, own []mail.Address) bool {
	preview := strings.ToLower(s.Preview)
	for _, a := range own {
		local := strings.ToLower(a.Local)
		for _, to := range s.Envelope.To {
			if to.Kind == header.Mailbox && strings.EqualFold(to.Domain, a.Domain) && strings.EqualFold(to.Local, local) {
				return true
			}
		}
		if names(preview, "@"+local) || names(preview, local+"@"+strings.ToLower(a.Domain)) {
			return true
		}
	}
	return false
}

// names reports whether a text has a name that is a word of its own there.
func names(text, name string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		end := from + i + len(name)
		if (from+i == 0 || !wordByte(text[from+i-1])) && (end == len(text) || !wordByte(text[end])) {
			return true
		}
		from = end
	}
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '@' || c >= 0x80
}

var urgency = message.NewFieldSelection([]string{"priority", "x-priority", "importance"})

// urgent reports whether the sender has marked a message as such: Importance: high, Priority: urgent (RFC 2156 5.3.4, 5.3.6), X-Priority: 1.
func urgent(summary []byte) bool {
	fields, ok := urgency.Append(nil, summary)
	if !ok {
		return false
	}
	for line := range strings.Lines(string(fields)) {
		name, value, _ := strings.Cut(strings.ToLower(line), ":")
		switch value = strings.TrimSpace(value); name {
		case "importance":
			if value == "high" {
				return true
			}
		case "priority":
			if value == "urgent" {
				return true
			}
		case "x-priority":
			if strings.HasPrefix(value, "1") {
				return true
			}
		}
	}
	return false
}
