package tlspolicy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
	"github.com/mailmesh/mailmesh/internal/rfc/tlsrpt"
	"github.com/mailmesh/mailmesh/internal/store/policies"
	"github.com/mailmesh/mailmesh/internal/store/reports"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Resolver asks DNS; *dns.Resolver is one.
type Resolver interface {
	TXT(ctx context.Context, name string) (dns.Answer[string], error)
	TLSA(ctx context.Context, name string) (dns.Answer[dns.TLSA], error)
}

// Options are what Policies stand on.
type Options struct {
	Tx       *tx.Store
	Policies *policies.Store
	Reports  *reports.Store
	Resolver Resolver
	Client   *http.Client   // for the texts of MTA-STS policies
	Roots    *x509.CertPool // of the hosts' certificates; nil: the system's
	Port     uint16         // that hosts are asked at, in the names of TLSA records; 0: 25
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now
}

// Policies knows what TLS hosts need. It is safe for concurrent use.
type Policies struct {
	o      Options
	held   held
	asking singleflight.Group
	counts counts
}

// New makes Policies. They look nothing up yet.
func New(o Options) *Policies {
	if o.Port == 0 {
		o.Port = 25
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Policies{o: o}
}

// applied is what a requirement came from: the policy that the report names, and why one that should have been could not.
type applied struct {
	policy tlsrpt.Applied
	unable tlsrpt.ResultType // a policy's text could not be had or used; "" where nothing of that kind was wrong
	reason string
}

// TLS says what a host needs.
func (p *Policies) TLS(ctx context.Context, h mailflow.Host) mailflow.TLSRequirement {
	requirement, found := p.byDANE(ctx, h)
	if !found {
		requirement = p.bySTS(ctx, h)
	}
	if requirement.Level == mailflow.TLSRefused {
		p.refused(h, requirement)
	}
	return requirement
}

// bySTS is the requirement where there are no TLSA records.
func (p *Policies) bySTS(ctx context.Context, h mailflow.Host) mailflow.TLSRequirement {
	f := p.policyOf(ctx, h.Domain)
	if f.unknown != nil {
		return mailflow.TLSRequirement{Level: mailflow.TLSRefused, Refusal: mail.Reply{Code: 451, Enhanced: mail.EnhancedCode{4, 3, 0},
			Text: "whether there is an MTA-STS policy for " + h.Domain + " cannot be found out now"}}
	}
	sts, why := f.policy, f.problem
	of := applied{policy: tlsrpt.Applied{Type: tlsrpt.NoPolicy, Domain: h.Domain}}
	switch {
	case sts.Mode == "" && why.result != "":
		of.policy.Type, of.unable, of.reason = tlsrpt.STS, why.result, why.text
	case sts.Mode == mtasts.Enforce, sts.Mode == mtasts.Testing:
		of.policy = tlsrpt.Applied{Type: tlsrpt.STS, Domain: h.Domain, Hosts: sts.Hosts, String: strings.Split(strings.TrimSuffix(sts.Text(), "\r\n"), "\r\n")}
	}
	named := of.policy.Type == tlsrpt.STS && sts.Matches(h.Name)
	r := mailflow.TLSRequirement{Of: of, ServerName: h.Name}
	switch {
	case sts.Mode == mtasts.Enforce && !named:
		r.Level, r.Refusal = mailflow.TLSRefused, mail.Reply{Code: 451, Enhanced: mail.EnhancedCode{4, 7, 5},
			Text: fmt.Sprintf("the MTA-STS policy of %s does not name the host %s", h.Domain, h.Name)}
	case h.RequireTLS && !h.Named && !named:
		r.Level, r.Refusal = mailflow.TLSRefused, mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 7, 30},
			Text: fmt.Sprintf("the sender demands TLS (REQUIRETLS), and neither DNSSEC nor MTA-STS vouches for %s as a host of %s", h.Name, h.Domain)}
	case h.RequireTLS, sts.Mode == mtasts.Enforce:
		r.Level, r.ID, r.Verify = mailflow.TLSVerified, "webpki "+h.Name, p.webPKI(h.Name)
	case sts.Mode == mtasts.Testing && named:
		r.ID, r.Verify = "testing", p.webPKI(h.Name)
	case sts.Mode == mtasts.Testing:
		r.ID, r.Verify = "testing unnamed", func(tls.ConnectionState) error { return errUnnamed }
	}
	return r
}

// errUnnamed is what is wrong with a host that a policy in testing does not name.
var errUnnamed = errors.New("the MTA-STS policy does not name the host")

// webPKI verifies a certificate as browsers do, for one name (RFC 8461 4.2).
func (p *Policies) webPKI(name string) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("the host has presented no certificate")
		}
		o := x509.VerifyOptions{DNSName: name, Roots: p.o.Roots, Intermediates: x509.NewCertPool(), CurrentTime: p.o.Now()}
		for _, c := range s.PeerCertificates[1:] {
			o.Intermediates.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(o)
		return err
	}
}

// unique returns the names that are not empty, each once.
func unique(names ...string) (out []string) {
	for _, name := range names {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
