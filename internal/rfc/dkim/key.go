package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
)

// Algorithm is that of a key, as its record names it (RFC 6376 3.6.1 k=).
type Algorithm string

const (
	Ed25519 Algorithm = "ed25519" // RFC 8463
	RSA     Algorithm = "rsa"
)

const rsaBits = 2048

// NewKey draws a key. For RSA this takes a good part of a second.
func NewKey(a Algorithm) (crypto.Signer, error) {
	switch a {
	case Ed25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case RSA:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, fmt.Errorf("dkim: %q is no algorithm: there are %s and %s", a, Ed25519, RSA)
}

// Marshal writes a private key as PKCS #8.
func Marshal(private crypto.Signer) ([]byte, error) { return x509.MarshalPKCS8PrivateKey(private) }

// Parse reads what Marshal wrote.
func Parse(der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("dkim: it is no key that signs")
	}
	return private, nil
}

// Record is the text of the TXT record that publishes a key (RFC 6376 3.6.1, RFC 8463 4).
func Record(public crypto.PublicKey) (string, error) {
	var algorithm Algorithm
	var key []byte
	switch p := public.(type) {
	case ed25519.PublicKey: // RFC 8463 4: the key itself, not its ASN.1
		algorithm, key = Ed25519, p
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(p)
		if err != nil {
			return "", err
		}
		algorithm, key = RSA, der
	default:
		return "", fmt.Errorf("dkim: %T is no key that a record has room for", public)
	}
	return "v=DKIM1; k=" + string(algorithm) + "; p=" + base64.StdEncoding.EncodeToString(key), nil
}

// RecordName is where the record of a selector is published.
func RecordName(selector, domain string) string { return selector + "._domainkey." + domain }
