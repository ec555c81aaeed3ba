package webserver

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Namespaces of Autodiscover ([MS-OXDSCLI] 2.2.4).
const (
	autodiscoverSchema = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	outlookSchema      = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)

type autodiscoverAnswer struct {
	XMLName  xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006 Autodiscover"`
	Settings *outlookSettings
	Failure  *outlookFailure
}

type outlookSettings struct {
	XMLName xml.Name       `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a Response"`
	Name    string         `xml:"User>DisplayName"`
	Account outlookAccount `xml:"Account"`
}

type outlookAccount struct {
	Type      string            `xml:"AccountType"`
	Action    string            `xml:"Action"`
	Protocols []outlookProtocol `xml:"Protocol"`
}

type outlookProtocol struct {
	Type       string `xml:"Type"`
	Server     string `xml:"Server"`
	Port       int    `xml:"Port"`
	Domain     string `xml:"DomainRequired"`
	Login      string `xml:"LoginName"`
	SPA        string `xml:"SPA"`
	SSL        string `xml:"SSL"`
	Encryption string `xml:"Encryption"`
	Auth       string `xml:"AuthRequired"`
}

type outlookFailure struct {
	XMLName xml.Name `xml:"Response"`
	Error   struct {
		Code    int    `xml:"ErrorCode"`
		Message string `xml:"Message"`
	} `xml:"Error"`
}

func (s *Server) autodiscover(w http.ResponseWriter, r *http.Request) {
	const contentType = "text/xml; charset=utf-8"
	asked, err := readAutodiscover(r.Body)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if asked.schema != "" && asked.schema != outlookSchema {
		s.writeXML(w, r, contentType, autodiscoverFailure(601, "only settings for IMAP, POP3 and SMTP are provided"))
		return
	}
	a, err := s.addressOf(r, asked.address)
	switch {
	case mail.Is(err, mail.NotFound):
		s.writeXML(w, r, contentType, autodiscoverFailure(500, mail.Explain(err)))
		return
	case err != nil:
		s.refuse(w, r, err)
		return
	}
	account := outlookAccount{Type: "email", Action: "settings"}
	for _, service := range s.o.Services {
		p := outlookProtocol{Type: strings.ToUpper(service.Protocol), Server: s.o.Hostname, Port: service.Port, Domain: "off",
			Login: a.String(), SPA: "off", SSL: "on", Encryption: "TLS", Auth: "on"} // TLS: by STARTTLS, SSL: from the start
		if service.TLS {
			p.Encryption = "SSL"
		}
		account.Protocols = append(account.Protocols, p)
	}
	s.writeXML(w, r, contentType, autodiscoverAnswer{Settings: &outlookSettings{Name: a.String(), Account: account}})
}

func autodiscoverFailure(code int, text string) autodiscoverAnswer {
	f := &outlookFailure{}
	f.Error.Code, f.Error.Message = code, text
	return autodiscoverAnswer{Failure: f}
}

// autodiscoverRequest is what Outlook asks.
type autodiscoverRequest struct{ address, schema string }

// maxDepth bounds how deep the elements of a request lie. Those that exist are three deep.
const maxDepth = 20

// readAutodiscover reads a request, a token at a time: strangers wrote it.
func readAutodiscover(body io.Reader) (asked autodiscoverRequest, err error) {
	d := xml.NewDecoder(body) // knows no entities but XML's own, fetches nothing, and refuses what is not UTF-8
	var open []string
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			if asked.address == "" {
				return asked, invalid("the request names no EMailAddress")
			}
			return asked, nil
		case err != nil:
			return asked, badXML(err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return asked, invalid("a request has no document type")
		case xml.StartElement:
			if open = append(open, t.Name.Local); len(open) > maxDepth {
				return asked, invalid("the elements of a request are at most %d deep", maxDepth)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			switch strings.Join(open, "/") {
			case "Autodiscover/Request/EMailAddress":
				asked.address += strings.TrimSpace(string(t))
			case "Autodiscover/Request/AcceptableResponseSchema":
				asked.schema += strings.TrimSpace(string(t))
			}
		}
	}
}

func badXML(err error) error {
	var tooLarge *http.MaxBytesError
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &tooLarge):
		return mail.E("webserver", mail.TooLarge, fmt.Errorf("a request has at most %d bytes", maxBody))
	case errors.As(err, &syntax):
		return invalid("the request is not XML: %s", syntax.Msg)
	}
	return invalid("the request cannot be read: %v", err)
}
