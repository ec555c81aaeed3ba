package webserver

import (
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// mobileconfig answers with a configuration profile (Apple's "Configuration Profile Reference"): one account, whose password
// the device asks for.
func (s *Server) mobileconfig(w http.ResponseWriter, r *http.Request) {
	a, err := s.addressOf(r, r.URL.Query().Get("address"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	incoming, hasIncoming := s.first("imap")
	outgoing, hasOutgoing := s.first("smtp")
	if !hasIncoming {
		incoming, hasIncoming = s.first("pop3")
	}
	if !hasIncoming {
		s.refuse(w, r, mail.E("webserver", mail.NotFound, fmt.Errorf("this server has no IMAP and no POP3")))
		return
	}
	account := append(s.account(a, incoming), payload("com.apple.mail.managed", a, "account")...)
	if hasOutgoing {
		account = append(account, s.sending(a, outgoing)...)
	}
	profile := append(payload("Configuration", a, "profile"),
		pair{"PayloadDisplayName", a.String()}, pair{"PayloadOrganization", a.Domain}, pair{"PayloadRemovalDisallowed", false},
		pair{"PayloadDescription", "The mail account " + a.String() + " on " + s.o.Hostname}, pair{"PayloadContent", [][]pair{account}})
	w.Header().Set("Content-Type", "application/x-apple-aspen-config; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="mail.mobileconfig"`)
	var b strings.Builder
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n<plist version=\"1.0\">")
	writePlist(&b, profile)
	b.WriteString("</plist>\n")
	fmt.Fprint(w, b.String())
}

// first is the service of a protocol that is to be preferred.
func (s *Server) first(protocol string) (Service, bool) {
	for _, service := range s.o.Services {
		if service.Protocol == protocol {
			return service, true
		}
	}
	return Service{}, false
}

func (s *Server) account(a mail.Address, in Service) []pair {
	kind := "EmailTypeIMAP"
	if in.Protocol == "pop3" {
		kind = "EmailTypePOP"
	}
	return []pair{
		{"EmailAccountType", kind}, {"EmailAddress", a.String()}, {"EmailAccountDescription", a.String()},
		{"IncomingMailServerHostName", s.o.Hostname}, {"IncomingMailServerPortNumber", in.Port}, {"IncomingMailServerUseSSL", true},
		{"IncomingMailServerUsername", a.String()}, {"IncomingMailServerAuthentication", "EmailAuthPassword"},
	}
}

func (s *Server) sending(a mail.Address, out Service) []pair {
	return []pair{
		{"OutgoingMailServerHostName", s.o.Hostname}, {"OutgoingMailServerPortNumber", out.Port}, {"OutgoingMailServerUseSSL", true},
		{"OutgoingMailServerUsername", a.String()}, {"OutgoingMailServerAuthentication", "EmailAuthPassword"}, {"OutgoingPasswordSameAsIncomingPassword", true},
	}
}

// payload are the fields that every part of a profile has. Its identity follows from the address: who installs the profile
// again replaces the first.
func payload(kind string, a mail.Address, part string) []pair {
	return []pair{{"PayloadType", kind}, {"PayloadVersion", 1}, {"PayloadIdentifier", "mailmesh." + part + "." + a.String()}, {"PayloadUUID", uuid(part + " " + a.String())}}
}

// uuid is one that belongs to a text (RFC 9562 5.8).
func uuid(text string) string {
	sum := sha256.Sum256([]byte("mailmesh " + text))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
}

// pair is an entry of a property list's dictionary. A value is a string, int, bool, or a list of dictionaries.
type pair struct {
	key   string
	value any
}

func writePlist(b *strings.Builder, dict []pair) {
	b.WriteString("<dict>\n")
	for _, p := range dict {
		fmt.Fprintf(b, "<key>%s</key>", p.key)
		switch v := p.value.(type) {
		case string:
			b.WriteString("<string>")
			xml.EscapeText(b, []byte(v)) // a strings.Builder cannot fail
			b.WriteString("</string>\n")
		case int:
			fmt.Fprintf(b, "<integer>%d</integer>\n", v)
		case bool:
			fmt.Fprintf(b, "<%t/>\n", v)
		case [][]pair:
			b.WriteString("<array>")
			for _, inner := range v {
				writePlist(b, inner)
			}
			b.WriteString("</array>\n")
		}
	}
	b.WriteString("</dict>")
}
