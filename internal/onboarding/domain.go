package onboarding

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
)

// domainCheck looks at one domain.
type domainCheck struct {
	list
	e      *Environment
	name   string
	here   []netip.Addr // of the server
	silent bool         // it was said that the DNS does not answer
}

// checkDomain holds the DNS of a domain to the records that it needs.
func checkDomain(ctx context.Context, e *Environment, d Domain) []Finding {
	c := &domainCheck{list: list{area: "dns " + d.Name}, e: e, name: d.Name}
	if found, err := e.Resolver.Addresses(ctx, e.Hostname); err == nil {
		c.here = found.Records
	}
	c.mx(ctx)
	for _, r := range d.Records {
		switch {
		case r.Type == "TXT" && r.Name == d.Name:
			c.spf(ctx, r)
		case r.Type == "TXT" && strings.Contains(r.Name, "._domainkey."):
			c.dkim(ctx, r)
		case r.Type == "TXT" && strings.HasPrefix(r.Name, "_dmarc."):
			c.dmarc(ctx, r)
		case r.Type == "TXT" && r.Name == mtasts.RecordName(d.Name):
			c.sts(ctx, r)
		case r.Type == "CNAME" && !strings.HasPrefix(r.Name, "mta-sts."):
			c.settings(ctx, r)
		case r.Type == "TLSA":
			c.tlsa(ctx, r)
		}
	}
	return c.findings
}

func set(r Record) string { return fmt.Sprintf("set %s %s %s", r.Name, r.Type, zoneValue(r)) }

// none reports whether there is no answer, and tells of one that cannot be had, once.
func (c *domainCheck) none(err error) bool {
	if err != nil && !dns.NotFound(err) && !c.silent {
		c.silent = true
		c.list.silent(err)
	}
	return err != nil
}

func (c *domainCheck) mx(ctx context.Context) {
	mend := fmt.Sprintf("set %s MX 10 %s.", c.name, c.e.Hostname)
	found, err := c.e.Resolver.MX(ctx, c.name)
	if c.none(err) {
		if dns.NotFound(err) {
			c.add(Problem, mend, "%s has no MX record: mail for it does not come here", c.name)
		}
		return
	}
	var others []string
	for _, mx := range found.Records {
		if !strings.EqualFold(mx.Host, c.e.Hostname) {
			others = append(others, mx.Host)
		}
	}
	switch {
	case len(others) == len(found.Records):
		c.add(Problem, mend, "mail for %s goes to %s and not to %s", c.name, strings.Join(others, ", "), c.e.Hostname)
	case len(others) > 0:
		c.add(Note, "", "mail for %s comes here, and goes also to %s", c.name, strings.Join(others, ", "))
	default:
		c.add(Fine, "", "mail for %s comes here", c.name)
	}
}

// texts are the TXT records of a name that begin in a certain way.
func (c *domainCheck) texts(ctx context.Context, name, prefix string) (list []string, known bool) {
	found, err := c.e.Resolver.TXT(ctx, name)
	if c.none(err) && !dns.NotFound(err) {
		return nil, false
	}
	for _, text := range found.Records {
		if strings.HasPrefix(strings.ToLower(text), strings.ToLower(prefix)) {
			list = append(list, text)
		}
	}
	return list, true
}

func (c *domainCheck) spf(ctx context.Context, r Record) {
	found, known := c.texts(ctx, r.Name, "v=spf1")
	switch {
	case !known:
	case len(found) == 0:
		c.add(Warning, set(r), "%s has no SPF record: others may take your mail for spam", c.name)
	case len(found) > 1:
		c.add(Problem, "leave one", "%s has %d SPF records, which counts as an error", c.name, len(found))
	case strings.HasSuffix(found[0], " +all") || strings.HasSuffix(found[0], " all"):
		c.add(Problem, "end it with -all", "the SPF record of %s lets everybody send in its name: %.200q", c.name, found[0])
	case !c.allowed(found[0]):
		c.add(Warning, "add mx to it, or the address of this server", "the SPF record of %s does not seem to allow this server: %.200q", c.name, found[0])
	default:
		c.add(Fine, "", "SPF of %s allows this server", c.name)
	}
}

// allowed looks for the mechanisms of RFC 7208 5 that commonly name a server; what an include brings it does not know.
func (c *domainCheck) allowed(record string) bool {
	for term := range strings.FieldsSeq(strings.ToLower(record)) {
		term = strings.TrimPrefix(term, "+")
		kind, value, _ := strings.Cut(term, ":")
		switch {
		case term == "mx" || term == "a:"+c.e.Hostname || term == "mx:"+c.name || term == "a" && c.name == c.e.Hostname:
			return true
		case kind == "ip4" || kind == "ip6":
			prefix, err := netip.ParsePrefix(value)
			if a, alone := netip.ParseAddr(value); alone == nil {
				prefix, err = a.Prefix(a.BitLen())
			}
			if err == nil && slices.ContainsFunc(c.here, prefix.Contains) {
				return true
			}
		case kind == "include" || kind == "redirect" || strings.HasPrefix(term, "redirect="):
			return true // as far as can be seen
		}
	}
	return false
}

func (c *domainCheck) dkim(ctx context.Context, r Record) {
	found, known := c.texts(ctx, r.Name, "v=DKIM1")
	level := Problem
	if r.Note != "" {
		level = Warning // it does not sign now
	}
	bare := func(s string) string { return strings.Join(strings.Fields(s), "") }
	switch {
	case !known:
	case len(found) == 0:
		c.add(level, set(r), "the DKIM key %s is not published: signatures with it count for nothing", r.Name)
	case bare(found[0]) != bare(r.Value):
		c.add(level, set(r), "the DKIM record %s is not that of the key: a part may have been lost when it was entered", r.Name)
	default:
		c.add(Fine, "", "the DKIM key %s is published", r.Name)
	}
}

func (c *domainCheck) dmarc(ctx context.Context, r Record) {
	found, known := c.texts(ctx, r.Name, "v=DMARC1")
	switch {
	case !known:
	case len(found) == 0:
		c.add(Warning, set(r), "%s has no DMARC record: large providers want one", c.name)
	case len(found) > 1:
		c.add(Problem, "leave one", "%s has %d DMARC records, and so none that counts", c.name, len(found))
	default:
		c.add(Fine, "", "%s has a DMARC record", c.name)
	}
}

// sts sees whether who believes the record finds the policy, and whether that names this server.
func (c *domainCheck) sts(ctx context.Context, r Record) {
	found, known := c.texts(ctx, r.Name, "v=STSv1")
	if !known {
		return
	}
	if len(found) == 0 {
		c.add(Note, set(r)+", when everything else is well", "%s has no MTA-STS record: others send to it without checking the certificate", c.name)
		return
	}
	const mend = "until it is mended, take the record away"
	if _, err := mtasts.ParseRecord(found); err != nil {
		c.add(Problem, set(r), "the MTA-STS record of %s: %v", c.name, err)
		return
	}
	policy, err := mtasts.Fetch(ctx, c.e.Web, c.name)
	switch {
	case err != nil:
		c.add(Problem, mend, "the MTA-STS record of %s promises a policy that cannot be fetched: %v", c.name, err)
	case !policy.Matches(c.e.Hostname):
		c.add(Problem, mend, "the MTA-STS policy of %s names %s and not %s: mail to it may be lost", c.name, strings.Join(policy.Hosts, ", "), c.e.Hostname)
	case !slices.Contains(found, r.Value):
		c.add(Warning, set(r), "the MTA-STS record of %s has another id: others may not notice that the policy has changed", c.name)
	default:
		c.add(Fine, "", "the MTA-STS policy of %s can be fetched and names this server", c.name)
	}
}

// settings sees whether mail programs find their settings under a name.
func (c *domainCheck) settings(ctx context.Context, r Record) {
	found, err := c.e.Resolver.Addresses(ctx, r.Name)
	switch {
	case dns.NotFound(err):
		c.add(Note, set(r), "%s does not exist: some mail programs will ask for settings", r.Name)
	case c.none(err):
	case !slices.ContainsFunc(found.Records, func(a netip.Addr) bool { return slices.Contains(c.here, a) }):
		c.add(Note, set(r), "%s leads elsewhere", r.Name)
	default:
		c.add(Fine, "", "%s leads here", r.Name)
	}
}

// tlsa sees that a published key is the one in use: senders who trust it refuse any other. None is fine.
func (c *domainCheck) tlsa(ctx context.Context, r Record) {
	found, err := c.e.Resolver.TLSA(ctx, r.Name)
	if c.none(err) {
		return
	}
	for _, t := range found.Records {
		if fmt.Sprintf("%d %d %d %s", t.Usage, t.Selector, t.Matching, hex.EncodeToString(t.Data)) == r.Value {
			c.add(Fine, "", "the TLSA record %s is that of the server's key", r.Name)
			return
		}
	}
	c.add(Problem, set(r)+", or take the others away", "the TLSA records %s do not name the server's key: who checks them cannot send mail here", r.Name)
}
