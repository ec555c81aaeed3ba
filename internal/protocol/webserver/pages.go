package webserver

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/directory"
)

// policy answers who asks how mail for a domain is to come (RFC 8461 3.2, 3.3).
func (s *Server) policy(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(hostOf(r), "mta-sts.")
	if !ok {
		http.NotFound(w, r)
		return
	}
	if _, err := s.domain(r.Context(), name); err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, s.o.STS.Text())
}

// about says what this is, and how mail programs are set up.
func (s *Server) about(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%s is a mail server (Mailmesh).\n\nMail programs find their settings here by themselves; type your address and password.\n", s.o.Hostname)
	fmt.Fprintf(w, "For iPhone, iPad and Mac open https://%s/mobileconfig?address=YOUR-ADDRESS\n\nOr set by hand, with your whole address as the user name:\n\n", s.secureHost(s.o.Hostname))
	for _, service := range s.o.Services {
		security := "STARTTLS"
		if service.TLS {
			security = "TLS"
		}
		fmt.Fprintf(w, "  %-5s %s port %d, %s\n", strings.ToUpper(service.Protocol), s.o.Hostname, service.Port, security)
	}
	if s.o.HTTPSPort != 0 {
		fmt.Fprintf(w, "  %-5s https://%s/.well-known/jmap\n", "JMAP", s.secureHost(s.o.Hostname))
	}
}

// addressOf reads the address that settings are wanted for. It need not exist: whether it does is not told.
func (s *Server) addressOf(r *http.Request, text string) (mail.Address, error) {
	a, err := directory.ParseAddress(text)
	if err != nil {
		return a, invalid("%.255q is no address: give one like you@example.org", text)
	}
	a.Domain, err = s.domain(r.Context(), a.Domain)
	return a, err
}
