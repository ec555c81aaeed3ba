package sasl

import (
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Names of the mechanisms, as they are announced.
const (
	Plain           = "PLAIN"
	Login           = "LOGIN"
	SCRAMSHA256     = "SCRAM-SHA-256"
	SCRAMSHA256Plus = "SCRAM-SHA-256-PLUS"
)

// Limits.
const (
	MaxResponse = 4096 // bytes of one decoded response; the mechanisms here need less than 2,000
	maxNonce    = 512
)

// LOGIN was never more than a draft; its prompts are what every client expects.
const (
	promptUser     = "Username:"
	promptPassword = "Password:"
)

// Mechanism is one exchange. See the package's doc for its contract. It belongs to one goroutine.
type Mechanism interface {
	Next(response []byte) (challenge []byte, done bool, err error)
}

// CheckPassword decides about a user's password. authzid is who the user wants to act as, "" for himself.
type CheckPassword func(authzid, user, password string) error

var errEnded = malformed("the exchange is over")

func malformed(format string, args ...any) error {
	return mail.E("sasl", mail.Invalid, fmt.Errorf(format, args...))
}

// plain is RFC 4616: one message, [authzid] NUL authcid NUL passwd.
type plain struct {
	check CheckPassword
	ended bool
}

// NewPlain begins an exchange of PLAIN.
func NewPlain(check CheckPassword) Mechanism { return &plain{check: check} }

func (m *plain) Next(response []byte) ([]byte, bool, error) {
	if m.ended {
		return nil, false, errEnded
	}
	if response == nil {
		return nil, false, nil // RFC 4616 2: the client speaks first, so an empty challenge asks it to
	}
	m.ended = true
	authzid, user, password, err := parsePlain(response)
	if err == nil {
		err = m.check(authzid, user, password)
	}
	return nil, err == nil, err
}

func parsePlain(response []byte) (authzid, user, password string, err error) {
	if err := checkResponse(response); err != nil {
		return "", "", "", err
	}
	parts := splitNUL(string(response))
	if len(parts) != 3 {
		return "", "", "", malformed("a PLAIN message is authorization identity, NUL, user, NUL, password; this one has %d NUL", len(parts)-1)
	}
	authzid, user, password = parts[0], parts[1], parts[2]
	if user == "" || password == "" { // RFC 4616 2: authcid and passwd are 1*SAFE
		return "", "", "", malformed("a PLAIN message needs a user and a password")
	}
	return authzid, user, password, nil
}

// login is the LOGIN mechanism, which old clients still choose: two prompts, two answers.
type login struct {
	check CheckPassword
	user  string
	state int
}

const (
	loginUser = iota
	loginPassword
	loginEnded
)

// NewLogin begins an exchange of LOGIN. An initial response is the user's name.
func NewLogin(check CheckPassword) Mechanism { return &login{check: check} }

func (m *login) Next(response []byte) ([]byte, bool, error) {
	if m.state == loginUser && response == nil {
		return []byte(promptUser), false, nil
	}
	if m.state == loginEnded {
		return nil, false, errEnded
	}
	err := checkResponse(response)
	if err == nil && (len(response) == 0 || len(splitNUL(string(response))) != 1) {
		err = malformed("LOGIN wants a user and a password, neither empty nor with NUL in it")
	}
	if err != nil {
		m.state = loginEnded
		return nil, false, err
	}
	if m.state == loginUser {
		m.user, m.state = string(response), loginPassword
		return []byte(promptPassword), false, nil
	}
	m.state = loginEnded
	err = m.check("", m.user, string(response))
	return nil, err == nil, err
}
