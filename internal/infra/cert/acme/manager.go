package acme

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/mailmesh/mailmesh/internal/infra/cert"
)

// Options say what a Manager works with.
type Options struct {
	Storage   cert.Storage
	Directory string         // URL of the authority's directory
	Roots     *x509.CertPool // that the authority's own certificate is checked with; nil: the system's
	HTTP      string         // host:port where Answer is served, for http-01
	Records   Records        // not nil: dns-01 instead
	// Names says which names are to have a certificate now. An error changes nothing until it is asked again.
	Names  func(context.Context) ([]string, error)
	Logger *slog.Logger // nil discards

	pace pace // zero: defaultPace
}

// pace is how often things happen.
type pace struct {
	names  time.Duration // Names is asked
	renew  time.Duration // certificates are looked at
	window float64       // of a certificate's time is left when it is renewed
	order  time.Duration // an order may take, with the library's own repetitions
	pause  time.Duration // after an order that failed; doubled each time, up to maxPause
}

var defaultPace = pace{names: time.Minute, renew: 10 * time.Minute, window: 1.0 / 3, order: 10 * time.Minute, pause: time.Minute}

const (
	maxPause  = time.Hour
	maxOrders = 4 // at a time
)

// Manager gets and renews certificates while Run runs. It is safe for concurrent use.
type Manager struct {
	o      Options
	log    *slog.Logger
	cache  *certmagic.Cache
	config *certmagic.Config
	issuer *certmagic.ACMEIssuer
	orders chan struct{} // one in it for each order under way

	mu      sync.Mutex
	managed map[string]context.CancelFunc // names, until they are no longer wanted
	working sync.WaitGroup
}

// New makes a Manager. Close ends it.
func New(o Options) (*Manager, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.pace == (pace{}) {
		o.pace = defaultPace
	}
	m := &Manager{o: o, log: o.Logger, managed: map[string]context.CancelFunc{}, orders: make(chan struct{}, maxOrders)}
	logger := zap.New(&core{handler: o.Logger.Handler()})
	template := certmagic.ACMEIssuer{
		CA: o.Directory, TestCA: testDirectory(o.Directory), TrustedRoots: o.Roots,
		Agreed:                  true, // who configures a directory agrees; docs/operations/certificates.md says so
		DisableTLSALPNChallenge: true, Logger: logger, CertObtainTimeout: 90 * time.Second,
	}
	if o.Records != nil {
		template.DNS01Solver = solver{o.Records}
	} else {
		// The library would listen itself where nobody does: it must know where we do.
		host, port, err := net.SplitHostPort(o.HTTP)
		if err != nil {
			return nil, fmt.Errorf("the door for http-01: %w", err)
		}
		if template.AltHTTPPort, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("the door for http-01: %w", err)
		}
		template.ListenHost = host
	}
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil },
		RenewCheckInterval: o.pace.renew, Logger: logger,
	})
	m.config = certmagic.New(m.cache, certmagic.Config{
		Storage: storage{o.Storage}, Logger: logger, OnEvent: m.event, ReusePrivateKeys: true, RenewalWindowRatio: o.pace.window,
		Issuers: []certmagic.Issuer{}, // else it makes one of its own
	})
	m.issuer = certmagic.NewACMEIssuer(m.config, template)
	m.config.Issuers = []certmagic.Issuer{m.issuer}
	return m, nil
}

// testDirectory is where failed orders are repeated, so that they do not count against the server.
func testDirectory(directory string) string {
	if directory == certmagic.LetsEncryptProductionCA {
		return certmagic.LetsEncryptStagingCA
	}
	return directory
}

// Close ends all work. Run must have ended.
func (m *Manager) Close() error {
	m.cache.Stop()
	return nil
}

// Run gets what Names names, and renews it, until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	defer m.working.Wait()
	for {
		names, err := m.o.Names(ctx)
		switch {
		case err == nil:
			m.manage(ctx, names)
		case ctx.Err() == nil:
			m.log.Warn("acme: cannot tell which certificates there should be", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(m.o.pace.names):
		}
	}
}

// manage begins with names that are new and leaves those that are not wanted any more.
func (m *Manager) manage(ctx context.Context, names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
		if m.managed[name] == nil {
			work, stop := context.WithCancel(ctx)
			m.managed[name] = stop
			m.working.Go(func() { m.obtain(work, name) })
		}
	}
	for name, stop := range m.managed {
		if !wanted[name] {
			stop()
			delete(m.managed, name)
			m.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: name}})
		}
	}
}

// obtain has a certificate for a name at its end, unless ctx ends before.
func (m *Manager) obtain(ctx context.Context, name string) {
	for pause := m.o.pace.pause; ; pause = min(2*pause, maxPause) {
		err := m.load(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			if err = m.order(ctx, name); err == nil {
				err = m.load(ctx, name)
			}
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		m.log.Error("acme: there is no certificate, it will be tried again", "name", name, "in", pause, "err", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Load has Certificate return what the storage has for a name, before Run does so. That there is none is no error.
func (m *Manager) Load(ctx context.Context, name string) error {
	_, err := m.config.CacheManagedCertificate(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// load shows what the storage has, and looks at once whether it is to be renewed.
func (m *Manager) load(ctx context.Context, name string) error {
	if _, err := m.config.CacheManagedCertificate(ctx, name); err != nil {
		return err
	}
	return m.cache.RenewManagedCertificates(ctx)
}

// order orders a certificate, for a while: the lock is given back between the tries, so that a node that has no way to the
// authority does not keep others from theirs.
func (m *Manager) order(ctx context.Context, name string) error {
	select {
	case m.orders <- struct{}{}:
		defer func() { <-m.orders }()
	case <-ctx.Done():
		return ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, m.o.pace.order)
	defer cancel()
	if _, err := m.Key(limited, name); err != nil { // the library takes the one that is there
		return err
	}
	err := m.config.ObtainCertAsync(limited, name)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("none of the tries of the last %v came to a certificate", m.o.pace.order)
	}
	return err
}

// Certificate is what to show to those who ask for a name; nil: there is none, or none yet.
func (m *Manager) Certificate(name string) (newest *tls.Certificate) {
	for _, c := range m.cache.AllMatchingCertificates(name) {
		if c.Leaf != nil && (newest == nil || c.Leaf.NotAfter.After(newest.Leaf.NotAfter)) {
			newest = &c.Certificate
		}
	}
	return newest
}

// Answer answers a question of the authority (http-01), and reports whether the request was one.
func (m *Manager) Answer(w http.ResponseWriter, r *http.Request) bool {
	return m.issuer.HandleHTTPChallenge(w, r)
}

// Key is the public key of a name's certificate, the present one and those to come. It is made when there is none.
func (m *Manager) Key(ctx context.Context, name string) (key crypto.PublicKey, err error) {
	const lock = "mailmesh_key"
	if err := m.o.Storage.Lock(ctx, lock); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.o.Storage.Unlock(context.WithoutCancel(ctx), lock)) }()
	file := certmagic.StorageKeys.SitePrivateKey(m.issuer.IssuerKey(), name)
	text, err := m.o.Storage.Load(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		made, err := certmagic.DefaultKeyGenerator.GenerateKey()
		if err != nil {
			return nil, err
		}
		if text, err = certmagic.PEMEncodePrivateKey(made); err == nil {
			err = m.o.Storage.Store(ctx, file, text)
		}
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	private, err := certmagic.PEMDecodePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("the key of %s: %w", name, err)
	}
	return private.Public(), nil
}

// event says in the log what the operator wants to know.
func (m *Manager) event(_ context.Context, event string, data map[string]any) error {
	switch event {
	case "cert_obtained":
		m.log.Info("acme: certificate obtained", "name", data["identifier"], "renewal", data["renewal"])
	case "cert_failed":
		m.log.Warn("acme: the authority gave no certificate", "name", data["identifier"], "renewal", data["renewal"], "err", data["error"])
	}
	return nil
}
