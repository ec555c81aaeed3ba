package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Key is what a server keeps of a password to check it by SCRAM-SHA-256: it cannot sign in with that.
type Key struct {
	Stored [sha256.Size]byte // H(ClientKey)
	Server [sha256.Size]byte
}

// Verifier is a Key with what it was made with.
type Verifier struct {
	Salt       []byte
	Iterations int
	Key        Key
}

// Limits of a verifier that is read back.
const (
	MinIterations = 4096    // RFC 7677 4
	maxIterations = 1 << 24 // the client does the work
	maxSalt       = 64
)

// NewVerifier derives the verifier of a password (RFC 5802 3), which costs iterations times two hashes. The password must
// be in the form that clients will prepare it into (SASLprep); for printable ASCII that is the password itself.
func NewVerifier(password string, salt []byte, iterations int) (Verifier, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return Verifier{}, fmt.Errorf("derive a SCRAM-SHA-256 key: %w", err)
	}
	v := Verifier{Salt: salt, Iterations: iterations}
	v.Key.Stored = sha256.Sum256(mac(salted, "Client Key"))
	v.Key.Server = [sha256.Size]byte(mac(salted, "Server Key"))
	return v, nil
}

// String writes the verifier in the form of RFC 5803 3.
func (v Verifier) String() string {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("%s$%d:%s$%s:%s", SCRAMSHA256, v.Iterations, b64(v.Salt), b64(v.Key.Stored[:]), b64(v.Key.Server[:]))
}

// ParseVerifier reads what String wrote.
func ParseVerifier(s string) (Verifier, error) {
	name, rest, _ := strings.Cut(s, "$")
	made, keys, _ := strings.Cut(rest, "$")
	fields := append(strings.Split(made, ":"), strings.Split(keys, ":")...)
	if len(fields) != 4 || name != SCRAMSHA256 {
		return Verifier{}, malformed("a SCRAM verifier has the form %s$iterations:salt$key:key", SCRAMSHA256)
	}
	var v Verifier
	var err error
	if v.Iterations, err = strconv.Atoi(fields[0]); err != nil || v.Iterations < MinIterations || v.Iterations > maxIterations {
		return Verifier{}, malformed("a SCRAM verifier has %d to %d iterations, not %.20q", MinIterations, maxIterations, fields[0])
	}
	salt, err1 := base64.StdEncoding.DecodeString(fields[1])
	stored, err2 := base64.StdEncoding.DecodeString(fields[2])
	server, err3 := base64.StdEncoding.DecodeString(fields[3])
	if err1 != nil || err2 != nil || err3 != nil || len(salt) > maxSalt || len(stored) != sha256.Size || len(server) != sha256.Size {
		return Verifier{}, malformed("a SCRAM verifier holds base64: a salt of at most %d bytes and two keys of %d", maxSalt, sha256.Size)
	}
	v.Salt, v.Key = salt, Key{[sha256.Size]byte(stored), [sha256.Size]byte(server)}
	return v, nil
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}
