package nats

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// nodeName is in the certificate of every node: to know the secret is to be one.
const nodeName = "node.cluster.mailmesh.internal"

// All certificates hold from before any clock to after all of them (RFC 5280 4.1.2.5: 99991231235959Z is no end).
var (
	always  = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	forever = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// tlsConfig is what a node shows to the others, and asks of them.
func tlsConfig(secret []byte) (*tls.Config, error) {
	authority, key, err := newAuthority(secret)
	if err != nil {
		return nil, fmt.Errorf("the authority of the cluster: %w", err)
	}
	own, err := newCertificate(authority, key)
	if err != nil {
		return nil, fmt.Errorf("the certificate of this node: %w", err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(authority)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own}, ServerName: nodeName,
		RootCAs: trusted, ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert,
	}, nil
}

// newAuthority derives the authority that all nodes have in common.
func newAuthority(secret []byte) (*x509.Certificate, ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, secret, nil, "mailmesh cluster authority 1", ed25519.SeedSize)
	if err != nil {
		return nil, nil, err
	}
	key := ed25519.NewKeyFromSeed(seed)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Mailmesh cluster"}, NotBefore: always, NotAfter: forever,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	authority, err := x509.ParseCertificate(der)
	return authority, key, err
}

// newCertificate draws the key of this process and certifies it.
func newCertificate(authority *x509.Certificate, signer ed25519.PrivateKey) (c tls.Certificate, err error) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return c, err
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(bytes.Clone(public[:16])), Subject: pkix.Name{CommonName: "Mailmesh node"}, NotBefore: always, NotAfter: forever,
		DNSNames: []string{nodeName}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, public, signer)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
