package tlspolicy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/tlsrpt"
	"github.com/mailmesh/mailmesh/internal/store/reports"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	maxCounts  = 10_000
	flushAtOne = 200 // results in one commit
	maxReason  = 200 // bytes
)

// counts are sessions that no row counts yet.
type counts struct {
	mu      sync.Mutex
	results map[string]reports.Result // by their form in JSON, which holds all that tells them apart
	lost    int64                     // there was no room for
}

func (c *counts) add(r reports.Result) {
	key, err := json.Marshal([]any{r.Domain, r.Policy, r.Failure})
	if err != nil {
		return // strings always have a form
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.results == nil {
		c.results = make(map[string]reports.Result)
	}
	known, ok := c.results[string(key)]
	if !ok && len(c.results) >= maxCounts {
		c.lost += r.Sessions
		return
	}
	r.Sessions += known.Sessions
	c.results[string(key)] = r
}

func (c *counts) take() ([]reports.Result, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken, lost := slices.Collect(maps.Values(c.results)), c.lost
	c.results, c.lost = nil, 0
	return taken, lost
}

// Record counts a session.
func (p *Policies) Record(s mailflow.TLSSession) {
	of, ok := s.Requirement.Of.(applied)
	if !ok {
		return
	}
	failure := &tlsrpt.Failure{SendingIP: ip(s.Local), Host: s.Host.Name, ReceivingIP: ip(s.Remote)}
	switch {
	case s.Err != nil:
		failure.Result, failure.Reason = resultOf(s.Err), cut(s.Err.Error())
	case of.unable != "":
		failure.Result, failure.Reason = of.unable, cut(of.reason)
	default:
		failure = nil
	}
	p.counts.add(reports.Result{Domain: s.Host.Domain, Policy: of.policy, Failure: failure, Sessions: 1})
}

// refused counts a host that gets nothing, which is a session that failed.
func (p *Policies) refused(h mailflow.Host, r mailflow.TLSRequirement) {
	of, ok := r.Of.(applied)
	if !ok || h.RequireTLS && of.policy.Type == tlsrpt.NoPolicy { // not the domain's doing
		return
	}
	failure := &tlsrpt.Failure{Result: of.unable, Host: h.Name, Reason: cut(r.Refusal.Text)}
	if failure.Result == "" {
		failure.Result = tlsrpt.ValidationFailure
	}
	p.counts.add(reports.Result{Domain: h.Domain, Policy: of.policy, Failure: failure, Sessions: 1})
}

func ip(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().WithZone("").String()
}

func cut(s string) string { return s[:min(len(s), maxReason)] }

// resultOf names why a session failed (RFC 8460 4.3).
func resultOf(err error) tlsrpt.ResultType {
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		err = verification.Err
	}
	switch {
	case errors.Is(err, mailflow.ErrNoSTARTTLS):
		return tlsrpt.NoSTARTTLS
	case errors.As(err, &name):
		return tlsrpt.WrongName
	case errors.As(err, &unknown):
		return tlsrpt.NotTrusted
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return tlsrpt.Expired
	case errors.As(err, &invalid):
		return tlsrpt.NotTrusted
	}
	return tlsrpt.ValidationFailure
}

// Flush adds what was counted to the counts of all nodes. What could not be added is kept for the next time.
func (p *Policies) Flush(ctx context.Context) error {
	results, lost := p.counts.take()
	if lost > 0 {
		p.o.Log.WarnContext(ctx, "tlspolicy: sessions are missing from TLS reports: they went in too many ways", "sessions", lost)
	}
	for len(results) > 0 {
		part := results[:min(len(results), flushAtOne)]
		if err := p.o.Tx.Write(ctx, nil, func(t *tx.Tx) error { return p.o.Reports.Count(t, part) }); err != nil {
			for _, r := range results {
				p.counts.add(r)
			}
			return err
		}
		results = results[len(part):]
	}
	return nil
}
