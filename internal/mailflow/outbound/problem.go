package outbound

import (
	"errors"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp/client"
)

// problem is why a host, or a whole domain, was of no use.
type problem struct {
	reply       mail.Reply // 4yz: it may help to try later
	by          string     // who said it; "": we did
	destination bool       // no other message to the domain would have fared better
}

func (p problem) temporary() bool { return p.reply.Code/100 == 4 }

// attempt is the problem as the end of the attempt for a recipient.
func (p problem) attempt() mailflow.Attempt {
	kind := mail.EventFailed
	if p.temporary() {
		kind = mail.EventDeferred
	}
	return mailflow.Attempt{Event: mail.Event{Kind: kind, By: p.by, Reply: p.reply}, Destination: p.destination && p.temporary()}
}

// Problems with the domain. The codes are those that RFC 3463 and its registry have for them.
func noDomain(domain string) *problem {
	return ours(550, 5, 1, 2, "there is no domain %s", domain)
}

func nullMX(domain string) *problem { // RFC 7505 4.1
	return ours(556, 5, 1, 10, "the domain %s takes no mail (null MX)", domain)
}

func loop(domain string) *problem { // RFC 5321 5.1
	return ours(554, 5, 4, 6, "mail for %s would come back to this server: its MX or address records lead here, and it is no domain of ours", domain)
}

func noAddress(host string) *problem {
	return ours(550, 5, 4, 4, "the mail host %s has no address that mail can be sent to", host)
}

func noAnswer(err error) *problem {
	p := ours(451, 4, 4, 3, "%v", err)
	p.destination = true
	return p
}

func unreachable(host string, err error) *problem {
	p := ours(451, 4, 4, 1, "%s cannot be reached: %v", host, err)
	p.destination = true
	return p
}

func ours(code, class, subject, detail int, format string, args ...any) *problem {
	return &problem{reply: mail.Reply{Code: code, Enhanced: mail.EnhancedCode{class, subject, detail}, Text: fmt.Sprintf(format, args...)}}
}

// broken is a connection that was lost, too slow, or did not speak SMTP.
func broken(by string, err error) *problem {
	var refused *client.RefusedError
	switch {
	case errors.As(err, &refused):
		return &problem{reply: refused.Reply, by: by, destination: true}
	case errors.Is(err, client.ErrReply):
		p := ours(451, 4, 5, 0, "%s: %v", by, err)
		p.destination = true
		return p
	}
	p := ours(451, 4, 4, 2, "the connection to %s was lost: %v", by, err)
	p.destination = true
	return p
}

// insecure is a host that does not have the TLS that is needed. RFC 8689 4.2.1: for a message with REQUIRETLS it is for good.
func insecure(by string, err error, requireTLS bool) *problem {
	if requireTLS {
		return ours(550, 5, 7, 10, "the message asks for REQUIRETLS, and with %s there is no TLS that can be trusted: %v", by, err)
	}
	p := ours(451, 4, 7, 5, "there is no TLS with %s that the policy of the domain allows: %v", by, err)
	p.destination = true
	return p
}
