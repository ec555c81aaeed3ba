package cert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// sharedTime is what finding or making the certificate of all nodes may take.
const sharedTime = 20 * time.Second

// sharedSelfSigned is a certificate that all nodes show: the first that needs it makes it. Certificate and key are one file, so that
// nobody finds the one without the other.
type sharedSelfSigned struct {
	storage  Storage
	hostname string
}

func (s sharedSelfSigned) name() string { return "self-signed/" + s.hostname + ".pem" }

func (s sharedSelfSigned) changed(shown tls.Certificate, now time.Time) (bool, error) {
	return selfSigned{}.changed(shown, now)
}

func (s sharedSelfSigned) load(now time.Time) (tls.Certificate, error) {
	ctx, cancel := context.WithTimeout(context.Background(), sharedTime)
	defer cancel()
	pair, err := s.find(ctx, now)
	if !errors.Is(err, fs.ErrNotExist) {
		return pair, err
	}
	if err := s.storage.Lock(ctx, s.name()); err != nil {
		return pair, fmt.Errorf("make the certificate of all nodes: %w", err)
	}
	defer s.storage.Unlock(context.WithoutCancel(ctx), s.name()) // a lock that is not given back ends by itself
	if pair, err = s.find(ctx, now); !errors.Is(err, fs.ErrNotExist) {
		return pair, err // another was first
	}
	certPEM, keyPEM, err := generate(s.hostname, now)
	if err != nil {
		return pair, fmt.Errorf("make a self-signed certificate: %w", err)
	}
	if err := s.storage.Store(ctx, s.name(), append(certPEM, keyPEM...)); err != nil {
		return pair, fmt.Errorf("keep the self-signed certificate: %w", err)
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

// find returns the one that is kept. An error matches fs.ErrNotExist where there is none, or its end is near.
func (s sharedSelfSigned) find(ctx context.Context, now time.Time) (pair tls.Certificate, err error) {
	text, err := s.storage.Load(ctx, s.name())
	if err != nil {
		return pair, fmt.Errorf("the certificate of all nodes: %w", err)
	}
	if pair, err = tls.X509KeyPair(text, text); err != nil {
		return pair, fmt.Errorf("the certificate of all nodes: %w", err)
	}
	if !now.Before(pair.Leaf.NotAfter.Add(-renewal)) {
		return pair, fs.ErrNotExist
	}
	return pair, nil
}
