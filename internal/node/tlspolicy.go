package node

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/infra/fetch"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/reporting"
	"github.com/mailmesh/mailmesh/internal/mailflow/tlspolicy"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/store/policies"
	"github.com/mailmesh/mailmesh/internal/store/reports"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// openPolicies makes what is known of other domains: DNS, the way to their web servers, what TLS their hosts need, and the reports to
// them.
func (r *rooms) openPolicies(cfg config.Config, log *slog.Logger) error {
	r.resolver = dns.New(dns.Options{})
	var err error
	if r.private, err = cfg.Outbound.Private(); err != nil {
		return err
	}
	r.fetch = r.outside(0)
	client := r.fetch.HTTP()
	counted := reports.New()
	r.tlsPolicies = tlspolicy.New(tlspolicy.Options{Tx: r.tx, Policies: policies.New(), Reports: counted, Resolver: r.resolver, Client: client, Log: log})
	r.closers = append(r.closers, func() error { // what was counted since the chore last ran
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return r.tlsPolicies.Flush(ctx)
	})
	r.reporting = reporting.New(reporting.Options{Tx: r.tx, Reports: counted, Spool: r.spool, Bodies: r.bodies, Resolver: r.resolver, Client: client,
		Sender: r.reportSender, Sign: r.sign, Log: log})
	return nil
}

// outside makes a client that fetches so much at a time (0: as much as usual) from web servers of others.
func (r *rooms) outside(parallel int) *fetch.Client {
	addresses := func(ctx context.Context, host string) ([]netip.Addr, error) {
		answer, err := r.resolver.Addresses(ctx, host)
		return answer.Records, err
	}
	c := fetch.New(fetch.Options{Addresses: addresses, Allow: r.private, Parallel: parallel})
	r.closers = append(r.closers, func() error { c.Close(); return nil })
	return c
}

// sign adds the signatures of the domain of from, as far as it has keys.
func (r *rooms) sign(ctx context.Context, from mail.Address, content []byte) ([]byte, error) {
	var keys []dkim.Key
	err := r.tx.Read(ctx, func(t *tx.Tx) (err error) { keys, err = r.keys.Signing(t, from.Domain); return err })
	if err != nil {
		return nil, err
	}
	end := bytes.Index(content, []byte("\r\n\r\n")) + len("\r\n\r\n")
	fields, err := dkim.Sign(keys, content[:end], bytes.NewReader(content[end:]))
	return append([]byte(fields), content...), err
}

// reportSender is the address that reports come from: the postmaster of our oldest domain that is not switched off.
func (r *rooms) reportSender(ctx context.Context) (from mail.Address, ok bool, err error) {
	var oldest time.Time
	for after := ""; ; {
		page, err := r.provision.Domains(ctx, after, 100)
		if err != nil || len(page) == 0 {
			return from, ok, err
		}
		for _, d := range page {
			if after = d.Name; !d.Disabled && (!ok || d.Created.Before(oldest)) {
				from, ok, oldest = mail.Address{Local: "postmaster", Domain: d.Name}, true, d.Created
			}
		}
	}
}

// counting writes down what this node has counted.
func (n *Node) counting() chore {
	return chore{"count how TLS to other hosts went", time.Minute, n.rooms.tlsPolicies.Flush}
}

// policyChores are the chores of what openPolicies has made.
func (n *Node) policyChores() []chore {
	return []chore{
		{"renew policies of other domains", time.Hour, n.rooms.tlsPolicies.Renew},
		{"report to other domains how TLS went", 10 * time.Minute, n.rooms.reporting.Run},
	}
}
