package node

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/onboarding"
	"github.com/mailmesh/mailmesh/internal/protocol/adminserver"
)

// CheckReport is what Check found.
type CheckReport = onboarding.Report

// The levels of what Check finds.
const (
	CheckFine    = onboarding.Fine
	CheckNote    = onboarding.Note
	CheckWarning = onboarding.Warning
	CheckProblem = onboarding.Problem
)

// Check looks at the machine, the network, the DNS and the certificate of a server, which may run or not. become is called before
// the data folder is opened, and after the ports were tried, which may need other rights.
func Check(ctx context.Context, cfg config.Config, configFile string, become func() error, log *slog.Logger) (CheckReport, error) {
	resolver := dns.New(dns.Options{})
	ports := map[string]error{}
	for _, d := range doors(cfg.Listen) {
		ports[d.Endpoint] = tryListen(ctx, d.Endpoint)
	}
	if err := become(); err != nil {
		return CheckReport{}, err
	}
	e := onboarding.Environment{
		Hostname: cfg.Hostname, Data: cfg.Data, ConfigFile: configFile, Secrets: hasPassword(cfg.Database) || hasPassword(cfg.Bodies.Store) || hasPassword(cfg.Outbound.Smarthost),
		Doors: doors(cfg.Listen), Policy: stsPolicy(cfg), Certificate: certificateSource(cfg), Directory: cfg.ACME.Directory, Smarthost: cfg.Outbound.Smarthost != "",
		Resolver: resolver, Web: webClient(resolver), Dial: new(net.Dialer).DialContext, Now: time.Now,
		Listen:  func(_ context.Context, endpoint string) error { return ports[endpoint] },
		Machine: onboarding.Machine{Addresses: publicAddresses(), Synchronized: onboarding.Synchronized, Disk: onboarding.Disk},
	}
	if err := addDomains(ctx, cfg, log, &e); err != nil {
		return CheckReport{}, err
	}
	return onboarding.Check(ctx, e), nil
}

// addDomains asks the server, or the folder of a stopped one, which domains there are and what they need.
func addDomains(ctx context.Context, cfg config.Config, log *slog.Logger, e *onboarding.Environment) (err error) {
	if _, err := os.Stat(cfg.Data); errors.Is(err, fs.ErrNotExist) {
		return nil // to look makes none
	}
	socket := adminserver.Dial(filepath.Join(cfg.Data, adminserver.SocketName))
	e.Running = true
	for _, err := range socket.Domains(ctx) { // nothing when there are none
		e.Running = !errors.Is(err, adminserver.ErrNotRunning)
		break
	}
	socket.Close()
	admin, done, err := OpenAdmin(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	for d, err := range admin.Domains(ctx) {
		if err != nil {
			return err
		}
		if d.Disabled {
			continue
		}
		records, err := admin.DNS(ctx, d.Name)
		if err != nil {
			return err
		}
		e.Domains = append(e.Domains, onboarding.Domain{Name: d.Name, Records: records})
	}
	return nil
}

// doors are where the server listens, by the names of the configuration.
func doors(l config.Listen) (list []onboarding.Door) {
	for _, d := range []struct {
		name string
		at   config.Endpoints
	}{{"smtp", l.SMTP}, {"lmtp", l.LMTP}, {"submissions", l.Submissions}, {"submission", l.Submission}, {"imap", l.IMAP}, {"imaps", l.IMAPS}, {"pop3", l.POP3},
		{"pop3s", l.POP3S}, {"http", l.HTTP}, {"https", l.HTTPS}, {metricsDoor, l.Metrics}} {
		for _, endpoint := range d.at.Strings() {
			list = append(list, onboarding.Door{Name: d.name, Endpoint: endpoint})
		}
	}
	return list
}

func tryListen(ctx context.Context, endpoint string) error {
	l, err := listen.TCP(ctx, endpoint)
	if err != nil {
		return err
	}
	return l.Close()
}

func hasPassword(text string) bool {
	u, err := url.Parse(strings.TrimSpace(text))
	return err == nil && u.User != nil
}

func certificateSource(cfg config.Config) onboarding.Source {
	switch {
	case cfg.TLS.Certificate != "":
		return onboarding.FromFiles
	case cfg.ACME.Directory != "":
		return onboarding.Ordered
	}
	return onboarding.SelfSigned
}

// webClient fetches from our own doors, as others see them: each connection is new, goes where DNS says, and no cache stands between.
func webClient(resolver *dns.Resolver) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: resolver.DialContext, TLSHandshakeTimeout: 10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
}
