package node

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cert/acme"
	"github.com/mailmesh/mailmesh/internal/infra/dns"
)

// zoneTexts puts the proofs for a certificate authority into the DNS (dns-01).
type zoneTexts struct {
	updater  dns.Updater
	resolver *dns.Resolver
}

var _ acme.Records = (*zoneTexts)(nil)

const (
	proofTTL = time.Minute
	// spread is how long a zone's other servers may take to have what the first one has. What they have not by then the
	// authority may still find.
	spread     = time.Minute
	spreadPoll = time.Second
)

func newZoneTexts(server, keyFile string, resolver *dns.Resolver) (*zoneTexts, error) {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("acme.dns_key: %w", err)
	}
	z := &zoneTexts{updater: dns.Updater{Server: server}, resolver: resolver}
	if z.updater.KeyName, z.updater.Secret, err = parseKey(string(text)); err != nil {
		return nil, fmt.Errorf("acme.dns_key %s: %w", keyFile, err)
	}
	return z, nil
}

var (
	keyName   = regexp.MustCompile(`\bkey\s+"?([^\s"{;]+)"?\s*\{`)
	algorithm = regexp.MustCompile(`\balgorithm\s+"?([^\s";]+)"?\s*;`)
	secret    = regexp.MustCompile(`\bsecret\s+"?([^\s";]+)"?\s*;`)
)

// parseKey reads a key as BIND's tsig-keygen writes it: key "name" { algorithm hmac-sha256; secret "..."; };
func parseKey(text string) (name string, raw []byte, err error) {
	found := map[string]string{}
	for what, pattern := range map[string]*regexp.Regexp{"key": keyName, "algorithm": algorithm, "secret": secret} {
		all := pattern.FindAllStringSubmatch(text, 2)
		if len(all) != 1 {
			return "", nil, fmt.Errorf(`it has %d of %q; one key is wanted, as tsig-keygen writes it: key "name" { algorithm hmac-sha256; secret "..."; };`, len(all), what)
		}
		found[what] = all[0][1]
	}
	if a := strings.ToLower(strings.TrimSuffix(found["algorithm"], ".")); a != "hmac-sha256" {
		return "", nil, fmt.Errorf("its algorithm is %s: make one with tsig-keygen -a hmac-sha256", a)
	}
	if raw, err = base64.StdEncoding.DecodeString(found["secret"]); err != nil || len(raw) == 0 {
		return "", nil, fmt.Errorf("its secret is not base64")
	}
	return found["key"], raw, nil
}

// AddText adds a text and waits until the zone's servers have it.
func (z *zoneTexts) AddText(ctx context.Context, name, text string) error {
	if err := z.updater.AddTXT(ctx, name, text, proofTTL); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, spread)
	defer cancel()
	for _, server := range z.servers(limited, name) {
		one := dns.New(dns.Options{Servers: []netip.AddrPort{server}, Attempts: 1})
		for !has(limited, one, name, text) {
			select {
			case <-limited.Done():
				return ctx.Err()
			case <-time.After(spreadPoll):
			}
			one = dns.New(dns.Options{Servers: []netip.AddrPort{server}, Attempts: 1}) // without what was remembered
		}
	}
	return nil
}

func has(ctx context.Context, server *dns.Resolver, name, text string) bool {
	found, err := server.TXT(ctx, name)
	return err == nil && slices.Contains(found.Records, text)
}

// servers are those of the zone that a name lies in, as far as they can be found.
func (z *zoneTexts) servers(ctx context.Context, name string) (list []netip.AddrPort) {
	for zone := name; strings.Contains(zone, "."); _, zone, _ = strings.Cut(zone, ".") {
		found, err := z.resolver.NS(ctx, zone)
		if err != nil {
			continue
		}
		for _, host := range found.Records {
			if at, err := z.resolver.Addresses(ctx, host); err == nil {
				list = append(list, netip.AddrPortFrom(at.Records[0], 53))
			}
		}
		break
	}
	return list
}

// RemoveText removes a text.
func (z *zoneTexts) RemoveText(ctx context.Context, name, text string) error {
	return z.updater.RemoveTXT(ctx, name, text)
}
