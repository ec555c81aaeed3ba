package dkim

import (
	"crypto"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Key is one that signs for a domain.
type Key struct {
	Domain   string // A-labels
	Selector string
	Private  crypto.Signer // of NewKey
}

// once are signed as often as they occur (RFC 6376 5.4.1; List-Unsubscribe-Post: RFC 8058 4; the rest as clients have it).
var once = []string{
	"Sender", "Resent-Date", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Message-ID", "In-Reply-To", "References",
	"Content-ID", "Content-Description", "Content-Language", "List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post",
	"List-Subscribe", "List-Post", "List-Owner", "List-Archive", "Auto-Submitted", "Disposition-Notification-To", "TLS-Required", "Autocrypt",
}

// sealed are signed once more than they occur.
var sealed = []string{"From", "To", "Cc", "Subject", "Date", "Reply-To", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}

// fields is the list of names to be signed of a header.
func fields(block []byte) []string {
	count := map[string]int{}
	for f := range header.Fields(block) {
		count[strings.ToLower(string(f.Name))]++
	}
	var names []string
	for _, name := range sealed {
		names = append(names, slices.Repeat([]string{name}, count[strings.ToLower(name)]+1)...)
	}
	for _, name := range once {
		names = append(names, slices.Repeat([]string{name}, count[strings.ToLower(name)])...)
	}
	return names
}

// Signer makes the signatures of one message by several keys.
type Signer struct{ each []*dkim.Signer }

// NewSigner begins with the header, the blank line behind it included; the body is written to the Signer. Close must be
// called.
func NewSigner(keys []Key, block []byte) (*Signer, error) {
	s := &Signer{}
	names := fields(block)
	for _, k := range keys {
		one, err := dkim.NewSigner(&dkim.SignOptions{Domain: k.Domain, Selector: k.Selector, Signer: k.Private, HeaderKeys: names,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed})
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.each = append(s.each, one)
	}
	if _, err := s.Write(block); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// Write takes the next piece of the body.
func (s *Signer) Write(p []byte) (int, error) {
	for _, one := range s.each {
		if _, err := one.Write(p); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func (s *Signer) close() error {
	var errs []error
	for _, one := range s.each {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// Close ends the message and returns the fields that belong above its header, one for each key, with their line ends.
func (s *Signer) Close() (fields string, err error) {
	if err := s.close(); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, one := range s.each {
		b.WriteString(one.Signature())
	}
	return b.String(), nil
}

// Sign returns the fields that belong above a whole message.
func Sign(keys []Key, block []byte, body io.Reader) (fields string, err error) {
	s, err := NewSigner(keys, block)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(s, body); err != nil {
		return "", errors.Join(err, s.close())
	}
	return s.Close()
}
