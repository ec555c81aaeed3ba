package sasl

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// clientFirst is the client-first-message of RFC 5802 7.
type clientFirst struct {
	gs2         string // header with both commas, repeated in the client's final message
	bindingFlag byte   // n: none, y: the client could but thinks we cannot, p: with a binding
	bindingType string
	authzid     string
	bare        string // from the user on, part of what is signed
	user        string
	nonce       string
}

func parseClientFirst(s string) (clientFirst, error) {
	var f clientFirst
	flag, rest, ok1 := strings.Cut(s, ",")
	authzid, bare, ok2 := strings.Cut(rest, ",")
	if !ok1 || !ok2 {
		return f, malformed("a client's first SCRAM message begins with n,, or y,, or p=type,,")
	}
	f.gs2, f.bare = s[:len(s)-len(bare)], bare
	switch {
	case flag == "n" || flag == "y":
		f.bindingFlag = flag[0]
	case strings.HasPrefix(flag, "p=") && isBindingName(flag[2:]):
		f.bindingFlag, f.bindingType = 'p', flag[2:]
	default:
		return f, malformed("a SCRAM message begins with n, y or p=type, not %.20q", flag)
	}
	var err error
	if authzid != "" {
		if !strings.HasPrefix(authzid, "a=") {
			return f, malformed("the second part of a SCRAM message is empty or a=identity")
		}
		if f.authzid, err = saslName(authzid[2:]); err != nil {
			return f, err
		}
	}
	user, rest, ok1 := strings.Cut(bare, ",")
	nonce, _, _ := strings.Cut(rest, ",") // further attributes are extensions to ignore
	// RFC 5802 5.1, m: an extension that we do not know and must refuse takes the place of n=.
	if !ok1 || !strings.HasPrefix(user, "n=") || !strings.HasPrefix(nonce, "r=") {
		return f, malformed("a client's first SCRAM message holds n=user,r=nonce")
	}
	if f.user, err = saslName(user[2:]); err != nil {
		return f, err
	}
	f.nonce = nonce[2:]
	return f, checkNonce(f.nonce)
}

// clientFinal is the client-final-message of RFC 5802 7.
type clientFinal struct {
	binding      []byte
	nonce        string
	proof        [sha256.Size]byte
	withoutProof string
}

func parseClientFinal(s string) (clientFinal, error) {
	var f clientFinal
	at := strings.LastIndex(s, ",p=")
	if at < 0 {
		return f, malformed("a client's final SCRAM message ends with p=proof")
	}
	f.withoutProof = s[:at]
	proof, err := base64.StdEncoding.DecodeString(s[at+3:])
	if err != nil || len(proof) != sha256.Size {
		return f, malformed("a SCRAM-SHA-256 proof is %d bytes in base64", sha256.Size)
	}
	copy(f.proof[:], proof)
	binding, rest, _ := strings.Cut(f.withoutProof, ",")
	nonce, _, _ := strings.Cut(rest, ",")
	if !strings.HasPrefix(binding, "c=") || !strings.HasPrefix(nonce, "r=") {
		return f, malformed("a client's final SCRAM message holds c=binding,r=nonce,p=proof")
	}
	if f.binding, err = base64.StdEncoding.DecodeString(binding[2:]); err != nil {
		return f, malformed("the channel binding of a SCRAM message is base64")
	}
	f.nonce = nonce[2:]
	return f, checkNonce(f.nonce)
}

// saslName decodes a saslname: "=2C" is a comma, "=3D" an equals sign, any other "=" is wrong (RFC 5802 5.1).
func saslName(s string) (string, error) {
	out := strings.NewReplacer("=2C", ",", "=3D", "=").Replace(s)
	if s == "" || strings.Count(s, "=") != strings.Count(s, "=2C")+strings.Count(s, "=3D") || strings.ContainsRune(s, 0) {
		return "", malformed("a SCRAM name is not empty, has no NUL, and writes a comma as =2C and an equals sign as =3D")
	}
	return out, nil
}

// checkNonce: printable ASCII except the comma (RFC 5802 7).
func checkNonce(s string) error {
	if s == "" || len(s) > maxNonce {
		return malformed("a SCRAM nonce has 1 to %d bytes", maxNonce)
	}
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' || s[i] == ',' {
			return malformed("a SCRAM nonce is printable ASCII without commas")
		}
	}
	return nil
}

// isBindingName: cb-name = 1*(ALPHA / DIGIT / "." / "-").
func isBindingName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-') {
			return false
		}
	}
	return s != ""
}
