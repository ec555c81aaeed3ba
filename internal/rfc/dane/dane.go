// Package dane decides by TLSA records whether a certificate is the one that a mail host is to have: RFC 6698 and 7671 as
// RFC 7672 wants them for SMTP. The records are handed in; that their answer was authenticated by DNSSEC is the caller's to
// have made sure, and so is what is sent when there are none.
//
// # What counts
//
//   - DANE-EE(3): the host's own certificate or key is in the record. Neither its names nor its dates matter (RFC 7672 3.1.1).
//   - DANE-TA(2): a certificate of the chain that the host presents, or the record itself, is the anchor; the chain leads to it,
//     is valid now, and is for one of the names (RFC 7672 3.1.2, 3.2.2).
//   - PKIX-TA(0) and PKIX-EE(1) are unusable in SMTP (RFC 7672 3.1.3), and so is what has an unknown number or a digest of
//     the wrong length.
//
// Records that are all unusable ask for TLS and authenticate nobody (RFC 7672 2.2): Usable is empty, and then the caller
// verifies nothing.
//
// # Limits
//
// At most MaxRecords of the usable records and MaxChain certificates of a chain are looked at.
package dane

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Limits of what is looked at.
const (
	MaxRecords = 100
	MaxChain   = 20
)

// Record is a TLSA record (RFC 6698 2.1).
type Record struct {
	Usage, Selector, Matching uint8
	Data                      []byte
}

// The registered numbers (RFC 7218) that can be used with SMTP.
const (
	TrustAnchor = 2 // usage DANE-TA
	EndEntity   = 3 // usage DANE-EE

	WholeCertificate = 0 // selector Cert
	PublicKey        = 1 // selector SPKI

	Full   = 0 // matching
	SHA256 = 1
	SHA512 = 2
)

// String is the record as a zone has it.
func (r Record) String() string {
	return fmt.Sprintf("%d %d %d %x", r.Usage, r.Selector, r.Matching, r.Data)
}

func (r Record) usable() bool {
	size := map[uint8]int{SHA256: sha256.Size, SHA512: sha512.Size, Full: len(r.Data)}
	want, known := size[r.Matching]
	return (r.Usage == TrustAnchor || r.Usage == EndEntity) && r.Selector <= PublicKey && known && len(r.Data) == want && want > 0
}

// Usable returns the records that can be used with SMTP.
func Usable(records []Record) (usable []Record) {
	for _, r := range records {
		if r.usable() && len(usable) < MaxRecords {
			usable = append(usable, r)
		}
	}
	return usable
}

// ErrNoMatch is matched by the error of a certificate that no record names.
var ErrNoMatch = errors.New("no TLSA record matches the certificate")

// Verify reports whether one of the usable records authenticates a host by the chain of certificates it presented, its own
// first. names are those under which the host is known (RFC 7672 3.2.2), in A-labels.
func Verify(usable []Record, chain []*x509.Certificate, names []string, now time.Time) error {
	if len(chain) == 0 {
		return errors.New("the host has presented no certificate")
	}
	chain = chain[:min(len(chain), MaxChain)]
	failure := ErrNoMatch
	for _, r := range usable {
		if r.Usage == EndEntity {
			if r.matches(chain[0]) {
				return nil
			}
			continue
		}
		err := r.verifyAnchor(chain, names, now)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrNoMatch) {
			failure = err // says more
		}
	}
	return failure
}

func (r Record) matches(c *x509.Certificate) bool {
	data := c.Raw
	if r.Selector == PublicKey {
		data = c.RawSubjectPublicKeyInfo
	}
	switch r.Matching {
	case SHA256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case SHA512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return bytes.Equal(data, r.Data)
}

// verifyAnchor builds the chain to the anchor that the record names.
func (r Record) verifyAnchor(chain []*x509.Certificate, names []string, now time.Time) error {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	found := false
	if r.Selector == WholeCertificate && r.Matching == Full { // RFC 7671 5.2.2: the host need not send it
		if anchor, err := x509.ParseCertificate(r.Data); err == nil {
			roots.AddCert(anchor)
			found = true
		}
	}
	for i, c := range chain {
		switch {
		case r.matches(c):
			roots.AddCert(c)
			found = true
		case i > 0:
			intermediates.AddCert(c)
		}
	}
	if !found {
		return ErrNoMatch
	}
	var failure error
	for _, name := range names {
		_, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: intermediates, CurrentTime: now})
		if err == nil {
			return nil
		}
		failure = err
	}
	return failure
}
