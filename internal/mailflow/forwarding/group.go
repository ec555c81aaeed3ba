package forwarding

import (
	"fmt"
	"mime"
	"net/url"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

var (
	noMembers = refusal(550, 2, 4, "the group has no members")
	signIn    = refusal(550, 7, 2, "who sends to this group as an address of this server signs in to send")
	automatic = refusal(550, 7, 2, "automatic answers are not sent to a group")
)

// mayPost decides at RCPT who sends to a group. The reverse-path says who it is. A member whose address is ours sends his mail
// through this server: what comes from elsewhere and bears such an address is somebody else's.
func (f *Forwarding) mayPost(t *tx.Tx, g mail.Group, from mail.Address, known bool) error {
	if len(g.Members) == 0 {
		return noMembers
	}
	group, err := f.o.Directory.Group(t, g.Address)
	if err != nil {
		return err
	}
	if !known && !from.IsNull() && group.Policy != directory.PostAnyone {
		switch _, err := f.o.Directory.Domain(t, from.Domain); {
		case err == nil:
			return signIn
		case !mail.Is(err, mail.NotFound) && !mail.Is(err, mail.Invalid):
			return err
		}
	}
	err = f.o.Directory.MayPost(t, g.Address, from)
	if mail.Is(err, mail.Denied) {
		return refusal(550, 7, 2, mail.Explain(err))
	}
	return err
}

// refusePost says by the header what a group does not take: its own mail again, and what a program answers (RFC 3834 4).
func refusePost(head []byte, g mail.Group, passed map[string]bool) mail.Reply {
	if passed[mark(g.Address)] {
		return circles
	}
	for field := range header.Fields(head) {
		switch strings.ToLower(string(field.Name)) {
		case "list-id": // Delivered-To may be lost on the way; this is the group's own mark
			if strings.Contains(strings.ToLower(field.Value()), "<"+listID(g.Address)+">") {
				return circles
			}
		case "auto-submitted":
			if header.ParseToken(strings.ToLower(strings.TrimSpace(field.Value()))) == "auto-replied" {
				return automatic
			}
		}
	}
	return mail.Reply{}
}

// listID names a group by RFC 2919 2: the local part as a label, where it can be one.
func listID(a mail.Address) string {
	label := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, strings.ToLower(a.Local))
	return strings.Trim(label, ".") + "." + a.Domain
}

// groupFields stand above the mail of a group: RFC 2919 and RFC 2369, so that programs can sort it and answer to the right place.
// Precedence keeps programs that know nothing newer from answering (RFC 3834 2).
func groupFields(g mail.Group) string {
	name := ""
	if g.Name != "" {
		name = mime.QEncoding.Encode("utf-8", phrase(g.Name)) + " "
	}
	return deliveredToField(g.Address) +
		fmt.Sprintf("List-Id: %s<%s>\r\n", strings.ReplaceAll(name, "?= =?", "?=\r\n =?"), listID(g.Address)) +
		fmt.Sprintf("List-Post: <%s>\r\n", mailto(g.Address)) +
		fmt.Sprintf("List-Owner: <%s>\r\n", mailto(owners(g.Address))) +
		"Precedence: list\r\n"
}

// phrase leaves out what would have to be quoted in a phrase of RFC 5322.
func phrase(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`()<>[]:;@\,."`, r) {
			return -1
		}
		return r
	}, name)
}

// mailto is RFC 6068's: percent-encoded but for what may stand there.
func mailto(a mail.Address) string {
	return "mailto:" + url.PathEscape(strings.TrimSuffix(a.String(), "@"+a.Domain)) + "@" + a.Domain
}

// owners is where reports about members go, and what is for the owners.
func owners(group mail.Address) mail.Address {
	return mail.Address{Local: group.Local + "+" + directory.Owners, Domain: group.Domain}
}

// groupEnvelope is that of a group's mail. RFC 3461 5.2.7.1: nothing of what the sender asked for goes on. The owners are told of
// failures, and not of each server that is slow.
func groupEnvelope(e *mail.Envelope, g mail.Group) mail.Envelope {
	out := mail.Envelope{ID: e.ID, ReversePath: owners(g.Address), Body: e.Body, SMTPUTF8: e.SMTPUTF8, RequireTLS: e.RequireTLS, Priority: e.Priority}
	for _, a := range g.Members {
		out.Recipients = append(out.Recipients, mail.Recipient{Address: a, Notify: mail.NotifyFailure})
		out.SMTPUTF8 = out.SMTPUTF8 || !a.IsASCII()
	}
	return out
}
