package webpush

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"
)

// Server is who a push service knows the sender as (RFC 8292).
type Server struct {
	key     *ecdsa.PrivateKey
	public  string
	subject string
}

// tokenLife is how long a token is good: RFC 8292 2 allows 24 hours, and clocks differ.
const tokenLife = 12 * time.Hour

// NewServer makes a Server whose key comes from a secret, so that every node with the secret is the same server. contact is where
// who runs a push service can complain: a mailto or https URL.
func NewServer(secret []byte, contact string) (*Server, error) {
	for n := range 100 { // one of four billion draws is out of range
		seed, err := hkdf.Key(sha256.New, secret, nil, fmt.Sprintf("web push key %d", n), 32)
		if err != nil {
			return nil, err
		}
		if _, err := ecdh.P256().NewPrivateKey(seed); err != nil {
			continue
		}
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed)
		if err != nil {
			return nil, err
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		return &Server{key, base64.RawURLEncoding.EncodeToString(point), contact}, nil
	}
	return nil, errors.New("webpush: no key can be made of the secret")
}

// PublicKey is the key as user agents want it, for applicationServerKey (RFC 9749 3): base64url of the uncompressed point.
func (s *Server) PublicKey() string { return s.public }

// Authorization is the field for a request to an endpoint (RFC 8292 3).
func (s *Server) Authorization(endpoint string, now time.Time) (string, error) {
	at, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{"aud": at.Scheme + "://" + at.Host, "exp": now.Add(tokenLife).Unix(), "sub": s.subject})
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	hash := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, hash[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte // RFC 7518 3.4
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return "vapid t=" + signed + "." + base64.RawURLEncoding.EncodeToString(signature[:]) + ", k=" + s.public, nil
}

// Claims are what a token says.
type Claims struct {
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	Subject  string `json:"sub"`
}

var errToken = errors.New("not an Authorization field of VAPID with a good signature")

// Verify is the push service's end: it reads an Authorization field, and returns what its token says and the key it is signed with.
func Verify(field string) (c Claims, key string, err error) {
	rest, ok := strings.CutPrefix(field, "vapid ")
	var token string
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			token = value
		case "k":
			key = value
		}
	}
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		return c, "", errToken
	}
	point, err1 := decode(key)
	signature, err2 := decode(parts[2])
	claims, err3 := decode(parts[1])
	public, err4 := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || len(signature) != 64 {
		return c, "", errToken
	}
	hash := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(public, hash[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return c, "", errToken
	}
	return c, key, json.Unmarshal(claims, &c)
}
