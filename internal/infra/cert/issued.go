package cert

import (
	"bytes"
	"crypto/tls"
	"time"
)

// issued is a certificate that somebody gets and renews, and a self-signed one until it is there.
type issued struct {
	get  func() *tls.Certificate
	self origin
}

// Issued is the source of the certificate that get returns, and as long as it returns nil of the self-signed one that
// SelfSigned has.
func Issued(get func() *tls.Certificate, dir, hostname string, o Options) (*Source, error) {
	s, err := newSource(issued{get, newSelfSigned(dir, hostname, o)}, o)
	if err == nil {
		s.every = time.Second // costs nothing: no file is looked at
	}
	return s, err
}

func (i issued) changed(shown tls.Certificate, now time.Time) (bool, error) {
	if pair := i.get(); pair != nil {
		return !bytes.Equal(pair.Certificate[0], shown.Certificate[0]), nil
	}
	return i.self.changed(shown, now)
}

func (i issued) load(now time.Time) (tls.Certificate, error) {
	if pair := i.get(); pair != nil {
		return *pair, nil
	}
	return i.self.load(now)
}
