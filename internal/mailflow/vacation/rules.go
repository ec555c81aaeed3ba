package vacation

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// programs are local parts that nobody reads (RFC 3834 2, RFC 5230 4.6).
var programs = []string{"mailer-daemon", "mailerdaemon", "listserv", "majordomo", "postmaster", "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply",
	"bounce", "bounces", "root", "daemon", "nobody"}

// mayAnswer reports whether a person has written the message, who may be answered.
func mayAnswer(from mail.Address, head []byte) bool {
	local := strings.ToLower(from.Local)
	switch {
	case slices.Contains(programs, local), strings.HasPrefix(local, "owner-"), strings.HasSuffix(local, "-request"), strings.HasSuffix(local, "-owner"),
		strings.HasPrefix(local, "bounce-"), strings.HasPrefix(local, "bounces-"), strings.HasPrefix(local, "bounces+"), strings.HasPrefix(local, "srs0"), strings.HasPrefix(local, "srs1"),
		strings.Contains(local, "-bounces"):
		return false
	}
	for f := range header.Fields(head) {
		if byProgram(strings.ToLower(string(f.Name)), strings.ToLower(f.Value())) {
			return false
		}
	}
	return true
}

// byProgram reports whether a field says that no person has written the message, or that nobody wants an answer.
func byProgram(name, value string) bool {
	switch name {
	case "auto-submitted": // RFC 3834 5
		word, _, _ := strings.Cut(value, ";")
		return strings.TrimSpace(word) != "no"
	case "precedence":
		return value == "bulk" || value == "list" || value == "junk"
	case "x-auto-response-suppress":
		return slices.ContainsFunc(strings.Split(value, ","), func(s string) bool {
			return slices.Contains([]string{"all", "oof", "autoreply"}, strings.TrimSpace(s))
		})
	case "x-autoreply", "x-autorespond", "feedback-id":
		return true
	case "x-loop":
		return true
	case "content-type":
		main, sub, _, _ := header.ParseMediaType(value)
		return main == "multipart" && sub == "report"
	}
	return strings.HasPrefix(name, "list-")
}

// maxNamed bounds how many addresses of a message are looked at.
const maxNamed = 1000

// named reports whether the message is addressed to one of the account's own addresses (RFC 3834 2).
func named(head []byte, own []mail.Address) bool {
	for f := range header.Fields(head) {
		switch strings.ToLower(string(f.Name)) {
		case "to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc":
			for _, a := range header.ParseAddresses(f.Value(), maxNamed) {
				domain, err := smtp.ASCIIDomain(a.Domain)
				if a.Kind == header.Mailbox && err == nil && isAny(own, mail.Address{Local: a.Local, Domain: domain}) {
					return true
				}
			}
		}
	}
	return false
}
