package sasl

import (
	"crypto"
	_ "crypto/sha256" // linked in for certificateHash
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
)

// Binding ties an exchange to the TLS connection it runs over (RFC 5056): who sits in the middle of two TLS connections
// cannot pass on a proof that was made for one of them.
type Binding struct {
	Type string // as registered with IANA
	Data []byte
}

// Types of channel bindings.
const (
	TLSExporter       = "tls-exporter"         // RFC 9266
	TLSServerEndPoint = "tls-server-end-point" // RFC 5929 4
)

// Bindings returns what a TLS connection can be bound by. certificate is the one the server showed to this client; nil
// when it is not known. tls-unique is not offered: it is undefined in TLS 1.3 (RFC 9266 3) and unsafe in much of what is before.
func Bindings(state *tls.ConnectionState, certificate *x509.Certificate) []Binding {
	var out []Binding
	// Before TLS 1.3 implementations differ in whether "zero-length context" (RFC 9266 2) means RFC 5705's empty context
	// or none, and the value is unique to the connection only with the extended master secret.
	if state.Version >= tls.VersionTLS13 {
		if data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); err == nil {
			out = append(out, Binding{TLSExporter, data})
		}
	}
	if certificate != nil {
		if h := certificateHash(certificate.SignatureAlgorithm); h.Available() {
			sum := h.New()
			sum.Write(certificate.Raw)
			out = append(out, Binding{TLSServerEndPoint, sum.Sum(nil)})
		}
	}
	return out
}

// certificateHash is the hash of the certificate's signature, MD5 and SHA-1 replaced by SHA-256 (RFC 5929 4.1). An
// algorithm that has no hash of its own (Ed25519), for which that section leaves the binding undefined, gives none.
func certificateHash(a x509.SignatureAlgorithm) crypto.Hash {
	switch a {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256:
		return crypto.SHA256
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		return crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		return crypto.SHA512
	}
	return 0
}
