package tlspolicy

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/dane"
	"github.com/mailmesh/mailmesh/internal/rfc/tlsrpt"
)

// byDANE is the requirement of a host that has TLSA records; found is false where it has none.
func (p *Policies) byDANE(ctx context.Context, h mailflow.Host) (r mailflow.TLSRequirement, found bool) {
	if !h.Named || !h.Resolved { // RFC 7672 2.2.1, 2.2.2: what is not proved up to here cannot be helped by records
		return r, false
	}
	for _, base := range unique(h.Canonical, h.Name) { // RFC 7672 2.2.2: first where the aliases end, then the name itself
		records, err := p.tlsa(ctx, base)
		switch {
		case err != nil:
			return p.unknown(h, base, err), true
		case len(records) > 0:
			return p.matching(h, base, records), true
		}
	}
	return r, false
}

// tlsa returns the records of a host that are proved: none where it is not proved that there are any.
func (p *Policies) tlsa(ctx context.Context, host string) (records []dane.Record, err error) {
	answer, err := p.o.Resolver.TLSA(ctx, fmt.Sprintf("_%d._tcp.%s", p.o.Port, host))
	switch {
	case dns.NotFound(err), err == nil && !answer.Authentic:
		return nil, nil
	case err != nil:
		return nil, err
	}
	for _, r := range answer.Records {
		records = append(records, dane.Record(r))
	}
	return records, nil
}

// unknown is the requirement of a host that may have records.
func (p *Policies) unknown(h mailflow.Host, base string, err error) mailflow.TLSRequirement {
	return mailflow.TLSRequirement{Level: mailflow.TLSRefused,
		Refusal: mail.Reply{Code: 451, Enhanced: mail.EnhancedCode{4, 7, 5}, Text: fmt.Sprintf("whether %s has TLSA records cannot be found out: %v", base, err)},
		Of:      applied{policy: tlsrpt.Applied{Type: tlsrpt.TLSA, Domain: base}, unable: tlsrpt.DNSSECInvalid}}
}

// matching is the requirement of a host with records.
func (p *Policies) matching(h mailflow.Host, base string, records []dane.Record) mailflow.TLSRequirement {
	texts := make([]string, 0, len(records))
	for _, r := range records[:min(len(records), dane.MaxRecords)] {
		texts = append(texts, r.String())
	}
	slices.Sort(texts)
	id := sha256.Sum256([]byte(strings.Join(texts, "\n")))
	r := mailflow.TLSRequirement{Level: mailflow.TLSEncrypted, ServerName: base, ID: fmt.Sprintf("dane %s %x", base, id[:16]),
		Of: applied{policy: tlsrpt.Applied{Type: tlsrpt.TLSA, Domain: base, String: texts}}}
	usable := dane.Usable(records)
	switch {
	case len(usable) > 0:
		names := unique(base, h.Name, h.Domain) // RFC 7672 3.2.2
		r.Level, r.ID = mailflow.TLSVerified, r.ID+" "+strings.Join(names, " ")
		r.Verify = func(s tls.ConnectionState) error { return dane.Verify(usable, s.PeerCertificates, names, p.o.Now()) }
	case h.RequireTLS: // RFC 8689 4.2.1 wants a certificate that is verified, and the name is proved
		r.Level, r.ID, r.Verify = mailflow.TLSVerified, "webpki "+h.Name, p.webPKI(h.Name)
	}
	return r
}
