package client

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
)

// Auth signs in (RFC 4954) with the best mechanism that the server offers. The caller has seen to it that the server may know the
// password: PLAIN and LOGIN show it.
func (c *Conn) Auth(user, password string) error {
	var bindings []sasl.Binding
	if c.tls != nil {
		bindings = sasl.Bindings(c.tls, c.tls.PeerCertificates[0])
	}
	client, err := sasl.NewClient(strings.Fields(c.offered["AUTH"]), user, password, bindings)
	if err != nil {
		return fmt.Errorf("AUTH: %w", err)
	}
	initial, err := client.Next(nil)
	if err != nil {
		return fmt.Errorf("AUTH: %w", err)
	}
	line := "AUTH " + client.Mechanism()
	if initial != nil {
		line += " " + base64.StdEncoding.EncodeToString(initial)
	}
	for {
		r, err := c.command(line)
		switch {
		case err != nil:
			return fmt.Errorf("AUTH: %w", err)
		case r.code == 235:
			return client.Done()
		case r.code != 334:
			return &RefusedError{"AUTH", r.mail()}
		}
		challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(r.lines[0]))
		if err != nil {
			return fmt.Errorf("AUTH: %w: the challenge is not base64", ErrReply)
		}
		response, err := client.Next(challenge)
		if err != nil {
			return fmt.Errorf("AUTH: %w", err)
		}
		line = base64.StdEncoding.EncodeToString(response)
	}
}
