package auth

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Credential names what was signed in with, to be kept beside what is to end with it. CredentialHolds reads it.
func (s SignIn) Credential() string {
	if s.session != 0 {
		return "session " + strconv.FormatInt(s.session, 10)
	}
	return fmt.Sprintf("secret %d %x %s", s.AppPassword, s.secret[:8], s.login)
}

// Credential is that of who signs in with the session.
func (v Session) Credential() string { return SignIn{session: v.ID}.Credential() }

// CredentialHolds reports whether what was signed in with is still good: the session stands, or the secret is the same, and the
// account is not switched off.
func (s *Store) CredentialHolds(t *tx.Tx, account mail.AccountID, credential string) (bool, error) {
	parts := strings.SplitN(credential, " ", 4)
	if len(parts) < 2 {
		return false, nil
	}
	id, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return false, nil
	}
	switch {
	case parts[0] == "session":
		_, _, err = s.standing(t, account, id)
	case len(parts) == 4:
		var k known
		if k, err = s.knowIn(t, strings.TrimSpace(parts[3])); err == nil {
			m := k.mark(id)
			return k.account == account && !k.disabled && hex.EncodeToString(m[:8]) == parts[2], nil
		}
	default:
		return false, nil
	}
	if mail.Is(err, mail.Denied) || mail.Is(err, mail.Disabled) || mail.Is(err, mail.NotFound) || mail.Is(err, mail.Invalid) {
		return false, nil
	}
	return err == nil, err
}
