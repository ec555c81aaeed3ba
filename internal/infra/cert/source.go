package cert

import (
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often a source looks whether its certificate should be another by now, at most: it looks when a client
// comes.
const lookEvery = 10 * time.Second

// Source holds the certificate of a server, and another when that was renewed. It is safe for concurrent use.
type Source struct {
	origin
	log   *slog.Logger
	now   func() time.Time
	every time.Duration // it looks at most

	mu      sync.Mutex
	config  *tls.Config // with the certificate that clients are shown
	looked  time.Time
	failure string // of the last renewal, which is tried again
}

// origin is where a certificate comes from.
type origin interface {
	// changed reports whether load would give another certificate than the last time.
	changed(shown tls.Certificate, now time.Time) (bool, error)
	load(now time.Time) (tls.Certificate, error)
}

// Options say what a Source works with.
type Options struct {
	Logger *slog.Logger     // nil discards
	Now    func() time.Time // nil: time.Now

	// Shared is where a self-signed certificate is kept instead of a folder: all nodes show the same. nil: the folder.
	Shared Storage
}

// Files is the source of a certificate chain and its key in two PEM files. When they have changed and belong together, new
// connections get what is in them then; until that, and when they are damaged, what was in them before.
func Files(certificate, key string, o Options) (*Source, error) {
	return newSource(&pemFiles{certificate: certificate, key: key}, o)
}

// SelfSigned is the source of the self-signed certificate kept in dir for hostname, localhost and the loopback addresses. It
// is made when there is none, when the one there is for another name, and when its end is near.
func SelfSigned(dir, hostname string, o Options) (*Source, error) {
	return newSource(newSelfSigned(dir, hostname, o), o)
}

func newSource(from origin, o Options) (*Source, error) {
	s := &Source{origin: from, log: o.Logger, now: o.Now, every: lookEvery}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	pair, err := s.load(s.now())
	if err != nil {
		return nil, err
	}
	s.show(pair)
	return s, nil
}

// Config is a configuration that shows every new connection the certificate of its time.
func (s *Source) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.current(), nil },
	}
}

// Certificate is what a new connection is shown now.
func (s *Source) Certificate() *tls.Certificate { return &s.current().Certificates[0] }

// current is the configuration with the certificate of now.
func (s *Source) current() *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.looked) < s.every {
		return s.config
	}
	s.looked = now
	pair, err := s.renewed(now)
	switch {
	case err != nil && err.Error() != s.failure:
		s.failure = err.Error()
		s.log.Error("the renewed certificate cannot be used, the one before stays", "err", err, "ends", s.shown().Leaf.NotAfter)
	case err == nil && pair != nil:
		s.show(*pair)
	}
	return s.config
}

func (s *Source) shown() tls.Certificate { return s.config.Certificates[0] }

// renewed returns the certificate that is to be shown from now on, nil for the same.
func (s *Source) renewed(now time.Time) (*tls.Certificate, error) {
	changed, err := s.changed(s.shown(), now)
	if err != nil || !changed {
		return nil, err
	}
	pair, err := s.load(now)
	if err == nil && now.After(pair.Leaf.NotAfter) {
		err = fmt.Errorf("the certificate ended at %v", pair.Leaf.NotAfter)
	}
	return &pair, err
}

// show makes a certificate the one of new connections. Each has a configuration of its own, and so its own keys of session
// tickets: no session of one certificate is resumed under another.
func (s *Source) show(pair tls.Certificate) {
	s.config = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	s.looked, s.failure = s.now(), ""
	level, text := slog.LevelInfo, "certificate loaded"
	if s.looked.After(pair.Leaf.NotAfter) {
		level, text = slog.LevelWarn, "the certificate has ended: clients will refuse it"
	}
	s.log.Log(context.Background(), level, text, "names", pair.Leaf.DNSNames, "ends", pair.Leaf.NotAfter)
}

// pemFiles are a certificate and its key, as they were when they were read.
type pemFiles struct {
	certificate, key string
	seen             [2]fs.FileInfo
}

func (f *pemFiles) load(time.Time) (tls.Certificate, error) {
	seen, err := f.look() // before: what changes while it is read is read again
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return pair, fmt.Errorf("certificate %s with key %s: %w", f.certificate, f.key, err)
	}
	f.seen = seen
	return pair, nil
}

func (f *pemFiles) changed(tls.Certificate, time.Time) (bool, error) {
	seen, err := f.look()
	if err != nil {
		return false, err
	}
	for i, is := range seen {
		was := f.seen[i]
		if !os.SameFile(is, was) || is.Size() != was.Size() || !is.ModTime().Equal(was.ModTime()) {
			return true, nil
		}
	}
	return false, nil
}

func (f *pemFiles) look() (seen [2]fs.FileInfo, err error) {
	for i, name := range []string{f.certificate, f.key} {
		if seen[i], err = os.Stat(name); err != nil {
			return seen, fmt.Errorf("certificate %s with key %s: %w", f.certificate, f.key, err)
		}
	}
	return seen, nil
}
