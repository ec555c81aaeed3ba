package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// tokenKind is what a token is good for, and its first letters.
type tokenKind string

const (
	ticketToken  tokenKind = "mmt_" // to answer what the sign-in page asks
	codeToken    tokenKind = "mmc_" // to be exchanged for tokens (RFC 6749 4.1.2)
	refreshToken tokenKind = "mmr_" // to get the next tokens (RFC 6749 6)
	accessToken  tokenKind = "mma_" // to sign in with (RFC 6750)
	browserToken tokenKind = "mmw_" // the cookie of a browser
	keptToken    tokenKind = "mmk_" // that of one which keeps it when it is closed
)

// token names a session and proves that the server has made it. Its form on the wire is the kind and then, in base64url, a format
// number, the fields, and an HMAC over all of it under a key of the server's.
type token struct {
	kind    tokenKind
	account mail.AccountID
	session int64
	turn    int64
	issued  time.Time // to the millisecond
}

const (
	tokenFormat = 1
	tokenFields = 1 + 4*8
	tokenSize   = tokenFields + sha256.Size
)

// ErrToken is the cause of every refusal of a token, and does not say what is wrong with it.
var ErrToken = errors.New("the token is not valid, or no longer")

func refusedToken() error { return mail.E("auth.Bearer", mail.Denied, ErrToken) }

// text is the token's form on the wire.
func (s *Store) text(t token) string {
	raw := append(make([]byte, 0, tokenSize), tokenFormat)
	for _, field := range []int64{int64(t.account), t.session, t.turn, t.issued.UnixMilli()} {
		raw = binary.BigEndian.AppendUint64(raw, uint64(field))
	}
	return string(t.kind) + base64.RawURLEncoding.EncodeToString(s.seal(t.kind, raw))
}

// seal appends the proof to the fields of a token.
func (s *Store) seal(kind tokenKind, fields []byte) []byte {
	h := hmac.New(sha256.New, s.tokenKey)
	h.Write([]byte(kind))
	h.Write(fields)
	return h.Sum(fields)
}

// parseToken reads a token of one of some kinds. Without the server's key nobody makes one that it takes, so what comes after
// concerns a session that there is, or was.
func (s *Store) parseToken(text string, kinds ...tokenKind) (token, error) {
	for _, kind := range kinds {
		rest, is := strings.CutPrefix(text, string(kind))
		if !is || len(rest) != base64.RawURLEncoding.EncodedLen(tokenSize) {
			continue
		}
		raw, err := base64.RawURLEncoding.Strict().DecodeString(rest)
		if err != nil || raw[0] != tokenFormat || !hmac.Equal(s.seal(kind, raw[:tokenFields:tokenFields]), raw) {
			continue
		}
		field := func(i int) int64 { return int64(binary.BigEndian.Uint64(raw[1+8*i:])) }
		return token{kind, mail.AccountID(field(0)), field(1), field(2), time.UnixMilli(field(3)).UTC()}, nil
	}
	return token{}, refusedToken()
}
