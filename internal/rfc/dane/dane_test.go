package dane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// issue makes a certificate for names, signed by a parent or, without one, by itself: then it is an authority.
func issue(t *testing.T, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, expires time.Time, names ...string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, DNSNames: names,
		NotBefore: now.Add(-24 * time.Hour), NotAfter: expires}
	if parent == nil {
		template.Subject.CommonName, template.IsCA, template.BasicConstraintsValid, template.KeyUsage = "authority", true, true, x509.KeyUsageCertSign
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

func record(usage, selector, matching uint8, c *x509.Certificate) Record {
	data := c.Raw
	if selector == PublicKey {
		data = c.RawSubjectPublicKeyInfo
	}
	switch matching {
	case SHA256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case SHA512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return Record{usage, selector, matching, data}
}

func TestVerify(t *testing.T) {
	later := now.Add(time.Hour)
	ca, caKey := issue(t, nil, nil, later)
	other, _ := issue(t, nil, nil, later)
	host, _ := issue(t, ca, caKey, later, "mx.example.org", "example.org")
	expired, _ := issue(t, ca, caKey, now.Add(-time.Hour), "mx.example.org")
	whole := []*x509.Certificate{host, ca}
	tests := map[string]struct {
		records []Record
		chain   []*x509.Certificate
		name    string
		ok      bool
	}{
		"key of the host":                     {[]Record{record(3, 1, 1, host)}, whole, "mx.example.org", true},
		"certificate of the host":             {[]Record{record(3, 0, 2, host)}, whole, "mx.example.org", true},
		"whole key":                           {[]Record{record(3, 1, 0, host)}, whole, "mx.example.org", true},
		"another name, of the host":           {[]Record{record(3, 1, 1, host)}, whole, "other.example", true},
		"expired, of the host":                {[]Record{record(3, 1, 1, expired)}, []*x509.Certificate{expired}, "mx.example.org", true},
		"another key":                         {[]Record{record(3, 1, 1, other)}, whole, "mx.example.org", false},
		"key of the authority as the host's":  {[]Record{record(3, 1, 1, ca)}, whole, "mx.example.org", false},
		"the second record":                   {[]Record{record(3, 1, 1, other), record(3, 1, 1, host)}, whole, "mx.example.org", true},
		"authority":                           {[]Record{record(2, 0, 1, ca)}, whole, "mx.example.org", true},
		"key of the authority":                {[]Record{record(2, 1, 2, ca)}, whole, "mx.example.org", true},
		"authority, next-hop name":            {[]Record{record(2, 0, 1, ca)}, whole, "example.org", true},
		"authority, another name":             {[]Record{record(2, 0, 1, ca)}, whole, "other.example", false},
		"authority, expired":                  {[]Record{record(2, 0, 1, ca)}, []*x509.Certificate{expired, ca}, "mx.example.org", false},
		"authority that is not presented":     {[]Record{record(2, 0, 1, ca)}, whole[:1], "mx.example.org", false},
		"whole authority, not presented":      {[]Record{record(2, 0, 0, ca)}, whole[:1], "mx.example.org", true},
		"an authority that is only presented": {[]Record{record(2, 0, 1, other)}, []*x509.Certificate{host, other}, "mx.example.org", false},
		"another authority":                   {[]Record{record(2, 0, 1, other)}, whole, "mx.example.org", false},
		"no certificate":                      {[]Record{record(3, 1, 1, host)}, nil, "mx.example.org", false},
		"no records":                          {nil, whole, "mx.example.org", false},
		"rubbish for an authority":            {[]Record{{2, 0, 0, []byte("x")}}, whole, "mx.example.org", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := Verify(Usable(tt.records), tt.chain, []string{"first.example", tt.name}, now); (err == nil) != tt.ok {
				t.Error(err)
			}
		})
	}
	if err := Verify(Usable([]Record{record(3, 1, 1, other)}), whole, nil, now); !errors.Is(err, ErrNoMatch) {
		t.Error(err)
	}
}

func TestUsable(t *testing.T) {
	digest := []byte(strings.Repeat("x", 32))
	for _, r := range []Record{{0, 0, 1, digest}, {1, 1, 1, digest}, {4, 1, 1, digest}, {3, 2, 1, digest}, {3, 1, 3, digest}, {3, 1, 2, digest}, {3, 1, 1, digest[1:]}, {3, 1, 0, nil}} {
		if len(Usable([]Record{r})) != 0 {
			t.Errorf("%v is taken for usable", r)
		}
	}
	many := make([]Record, 2*MaxRecords)
	for i := range many {
		many[i] = Record{3, 1, 1, digest}
	}
	if n := len(Usable(many)); n != MaxRecords {
		t.Errorf("%d of %d records are used", n, len(many))
	}
	if s := (Record{3, 1, 1, []byte{1, 0xab}}).String(); s != "3 1 1 01ab" {
		t.Error(s)
	}
}
