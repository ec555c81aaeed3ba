package node

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/onboarding"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
)

// DNSRecord is a record that a domain needs.
type DNSRecord = onboarding.Record

// Zone writes records as lines of a zone file.
func Zone(list []DNSRecord) string { return onboarding.Zone(list) }

// records are the DNS records that a domain needs.
func (n *Node) records(ctx context.Context, domain string) ([]DNSRecord, error) {
	f := onboarding.Facts{Hostname: n.cfg.Hostname, Domain: domain, Policy: stsPolicy(n.cfg), Addresses: n.ownAddresses(ctx),
		Smarthost: n.cfg.Outbound.Smarthost != "", HTTPS: len(n.cfg.Listen.HTTPS) > 0}
	for _, s := range services(n.cfg) {
		f.Services = append(f.Services, onboarding.Service(s))
	}
	if p := httpsPort(n.cfg); p != 0 {
		f.Services = append(f.Services, onboarding.Service{Protocol: "jmap", Port: p, TLS: true})
	}
	keys, err := n.rooms.provision.Keys(ctx, domain)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		f.Keys = append(f.Keys, onboarding.Key{Name: k.RecordName(), Text: k.Record, Note: keyNotes[k.State]})
	}
	f.KeyHash, err = n.keyHash(ctx)
	return onboarding.Records(f), err
}

// keyNotes say why the record of a key that does not sign is needed.
var keyNotes = map[dkimkeys.State]string{dkimkeys.Next: "signs after the next rotation: set it now", dkimkeys.Retired: "mail that it signed may be under way"}

// ownAddresses are the addresses that the server's name has, or where it has none yet those of this machine that the internet may
// know.
func (n *Node) ownAddresses(ctx context.Context) (list []netip.Addr) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if known, err := n.rooms.resolver.Addresses(ctx, n.cfg.Hostname); err == nil || dns.Temporary(err) {
		return known.Records
	}
	return publicAddresses()
}

// publicAddresses are those of this machine that can be reached from anywhere.
func publicAddresses() (list []netip.Addr) {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, i := range interfaces {
		if p, err := netip.ParsePrefix(i.String()); err == nil {
			if a := p.Addr().Unmap(); a.IsGlobalUnicast() && !a.IsPrivate() {
				list = append(list, a)
			}
		}
	}
	return list
}

// keyHash is what a TLSA record says of the certificate's key (RFC 6698 2.1); "" for a self-signed certificate, whose key
// changes with it.
func (n *Node) keyHash(ctx context.Context) (string, error) {
	var key crypto.PublicKey
	switch {
	case n.cfg.TLS.Certificate != "":
		pair, err := tls.LoadX509KeyPair(n.cfg.TLS.Certificate, n.cfg.TLS.Key)
		if err != nil {
			return "", fmt.Errorf("tls.certificate: %w", err)
		}
		key = pair.Leaf.PublicKey
	case n.cfg.ACME.Directory != "":
		manager, err := n.newManager() // it makes the key where there is none yet
		if err != nil {
			return "", err
		}
		key, err = manager.Key(ctx, n.cfg.Hostname)
		if err = errors.Join(err, manager.Close()); err != nil {
			return "", err
		}
	default:
		return "", nil
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), err
}
