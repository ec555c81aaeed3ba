package webserver

import (
	"encoding/xml"
	"net/http"
	"strings"
)

// The settings file of Thunderbird, version 1.1 (draft-ietf-mailmaint-autoconfig). The user name is a place that the program fills in.
type clientConfig struct {
	XMLName  xml.Name      `xml:"clientConfig"`
	Version  string        `xml:"version,attr"`
	Provider emailProvider `xml:"emailProvider"`
}

type emailProvider struct {
	ID        string       `xml:"id,attr"`
	Domain    string       `xml:"domain"`
	Name      string       `xml:"displayName"`
	ShortName string       `xml:"displayShortName"`
	Incoming  []mailServer `xml:"incomingServer"`
	Outgoing  []mailServer `xml:"outgoingServer"`
}

type mailServer struct {
	Type           string `xml:"type,attr"`
	Hostname       string `xml:"hostname"`
	Port           int    `xml:"port"`
	SocketType     string `xml:"socketType"`
	Username       string `xml:"username"`
	Authentication string `xml:"authentication"`
}

func (s *Server) autoconfig(w http.ResponseWriter, r *http.Request) {
	domain, err := s.configuredDomain(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	p := emailProvider{ID: domain, Domain: domain, Name: domain, ShortName: domain}
	for _, service := range s.o.Services {
		m := mailServer{Type: service.Protocol, Hostname: s.o.Hostname, Port: service.Port, SocketType: "STARTTLS",
			Username: "%EMAILADDRESS%", Authentication: "password-cleartext"} // inside TLS
		if service.TLS {
			m.SocketType = "SSL"
		}
		if service.Protocol == "smtp" {
			p.Outgoing = append(p.Outgoing, m)
		} else {
			p.Incoming = append(p.Incoming, m)
		}
	}
	s.writeXML(w, r, "text/xml; charset=utf-8", clientConfig{Version: "1.1", Provider: p})
}

// configuredDomain is the domain of the address that is asked for, without one that of the host.
func (s *Server) configuredDomain(r *http.Request) (string, error) {
	if text := r.URL.Query().Get("emailaddress"); text != "" {
		a, err := s.addressOf(r, text)
		return a.Domain, err
	}
	return s.domain(r.Context(), strings.TrimPrefix(hostOf(r), "autoconfig."))
}

func (s *Server) writeXML(w http.ResponseWriter, r *http.Request, contentType string, value any) {
	text, err := xml.MarshalIndent(value, "", "  ")
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Write([]byte(xml.Header))
	w.Write(append(text, '\n')) // an error means that the client has gone
}
