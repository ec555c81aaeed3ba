package onboarding

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
)

// Record is a DNS record to be set.
type Record struct {
	Name  string `json:"name"`  // without the final dot
	Type  string `json:"type"`  // A, AAAA, MX, TXT, CNAME, PTR, SRV, TLSA
	Value string `json:"value"` // as in a zone file, names with their final dot; of TXT the text itself
	Group Group  `json:"group"`
	Note  string `json:"note,omitempty"`
}

// Group is what a record is for.
type Group string

// The groups, in the order in which people should set them.
const (
	ToReceive  Group = "so that mail finds you"
	ToBeTaken  Group = "so that others take your mail"
	ToBeSafe   Group = "so that mail to you comes encrypted"
	ToBeFound  Group = "so that mail programs find their settings"
	AtProvider Group = "at whoever gave you the address, so that others take your mail"
	WithDNSSEC Group = "only if your zone is signed with DNSSEC"
)

var groups = []Group{ToReceive, ToBeTaken, AtProvider, ToBeSafe, ToBeFound, WithDNSSEC}

// Service is a way in for mail programs.
type Service struct {
	Protocol string // imap, pop3, smtp
	Port     int
	TLS      bool // from the start
}

// Key is a DKIM key of a domain.
type Key struct {
	Name, Text string // of its record
	Note       string // "" for one that signs
}

// Facts are what the records of a domain follow from.
type Facts struct {
	Hostname  string
	Domain    string
	Addresses []netip.Addr // of the host, as far as they are known or guessed
	Services  []Service
	Keys      []Key
	Policy    mtasts.Policy
	Smarthost bool   // mail goes out by way of one
	HTTPS     bool   // the server has that door
	KeyHash   string // SHA-256 of the certificate's public key, in hex; "": it is not known or will change
}

// Records are the records of a domain and of the host that takes its mail.
func Records(f Facts) (list []Record) {
	add := func(g Group, name, kind, value, note string) {
		list = append(list, Record{Name: name, Type: kind, Value: value, Group: g, Note: note})
	}
	host := f.Hostname + "."
	for _, a := range f.Addresses {
		kind := "A"
		if a.Is6() {
			kind = "AAAA"
		}
		add(ToReceive, f.Hostname, kind, a.String(), "")
	}
	if len(f.Addresses) == 0 {
		add(ToReceive, f.Hostname, "A", "ADDRESS", "ADDRESS is the one under which the internet reaches this machine; AAAA for IPv6")
	}
	add(ToReceive, f.Domain, "MX", "10 "+host, "")

	// RFC 7208 2.3: receivers also check the name that a server greets with, which is all there is on mail without a sender.
	note := "if others send for this domain, too, name them before -all"
	if f.Smarthost {
		note = "before -all name the smarthost, as it says itself: most want an include:"
	}
	add(ToBeTaken, f.Domain, "TXT", "v=spf1 mx -all", note)
	if f.Hostname != f.Domain {
		add(ToBeTaken, f.Hostname, "TXT", "v=spf1 a -all", "")
	}
	for _, k := range f.Keys {
		add(ToBeTaken, k.Name, "TXT", k.Text, k.Note)
	}
	for _, a := range f.Addresses {
		add(AtProvider, reverse(a), "PTR", host, "")
	}
	add(ToBeTaken, "_dmarc."+f.Domain, "TXT", "v=DMARC1; p=quarantine", "p=none while others still send for this domain")

	if f.HTTPS {
		add(ToBeSafe, mtasts.Host(f.Domain), "CNAME", host, "")
		add(ToBeSafe, mtasts.RecordName(f.Domain), "TXT", "v=STSv1; id="+PolicyID(f.Policy), "set it last: from then on others insist on a valid certificate")
	}
	add(ToBeSafe, "_smtp._tls."+f.Domain, "TXT", "v=TLSRPTv1; rua=mailto:postmaster@"+f.Domain, "")

	if f.HTTPS {
		add(ToBeFound, "autoconfig."+f.Domain, "CNAME", host, "")
		add(ToBeFound, "autodiscover."+f.Domain, "CNAME", host, "")
	}
	list = append(list, serviceRecords(f)...)
	if f.KeyHash != "" {
		add(WithDNSSEC, "_25._tcp."+f.Hostname, "TLSA", "3 1 1 "+f.KeyHash, "set it when the server has its certificate")
	}
	return list
}

// serviceRecords say where the services are (RFC 6186, RFC 8314 5.1), or that there are none, and where JMAP is (RFC 8620 2.2).
func serviceRecords(f Facts) (list []Record) {
	names := map[Service]string{{"imap", 0, true}: "_imaps", {"imap", 0, false}: "_imap", {"pop3", 0, true}: "_pop3s", {"pop3", 0, false}: "_pop3",
		{"smtp", 0, true}: "_submissions", {"smtp", 0, false}: "_submission"}
	for _, s := range []Service{{"imap", 0, true}, {"imap", 0, false}, {"pop3", 0, true}, {"pop3", 0, false}, {"smtp", 0, true}, {"smtp", 0, false}} {
		value := "0 0 0 ." // RFC 6186 3.4: there is none
		for _, has := range f.Services {
			if has.Protocol == s.Protocol && has.TLS == s.TLS {
				priority := 0
				switch { // RFC 8314 3: TLS from the start first; RFC 6186 3.3: IMAP before POP3
				case s.Protocol == "pop3" && !s.TLS:
					priority = 30
				case s.Protocol == "pop3":
					priority = 20
				case !s.TLS:
					priority = 10
				}
				value = fmt.Sprintf("%d 1 %d %s.", priority, has.Port, f.Hostname)
				break
			}
		}
		list = append(list, Record{Name: names[s] + "._tcp." + f.Domain, Type: "SRV", Value: value, Group: ToBeFound})
	}
	for _, has := range f.Services {
		if has.Protocol == "jmap" {
			list = append(list, Record{Name: "_jmap._tcp." + f.Domain, Type: "SRV", Value: fmt.Sprintf("0 1 %d %s.", has.Port, f.Hostname), Group: ToBeFound})
		}
	}
	return list
}

// reverse is the name that an address has in the DNS (RFC 1035 3.5, RFC 3596 2.5).
func reverse(a netip.Addr) string {
	var b strings.Builder
	for _, octet := range slices.Backward(a.AsSlice()) {
		if a.Is4() {
			fmt.Fprintf(&b, "%d.", octet)
		} else {
			fmt.Fprintf(&b, "%x.%x.", octet&0xf, octet>>4)
		}
	}
	if a.Is4() {
		return b.String() + "in-addr.arpa"
	}
	return b.String() + "ip6.arpa"
}

// PolicyID names a policy in the DNS: another policy has another (RFC 8461 3.1).
func PolicyID(p mtasts.Policy) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(p.Text())))[:16] }

// Zone writes records as lines of a zone file, which also name servers' web pages understand.
func Zone(list []Record) string {
	var b strings.Builder
	for _, g := range groups {
		heading := "; " + string(g) + "\n"
		width := 0
		for _, r := range list {
			if r.Group == g {
				width = max(width, len(r.Name)+1)
			}
		}
		for _, r := range list {
			if r.Group != g {
				continue
			}
			b.WriteString(heading)
			heading = ""
			fmt.Fprintf(&b, "%-*s  %-5s  %s", width, r.Name+".", r.Type, zoneValue(r))
			if r.Note != "" {
				b.WriteString("   ; " + r.Note)
			}
			b.WriteByte('\n')
		}
		if heading == "" {
			b.WriteByte('\n')
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// zoneValue writes a text as strings of at most 255 bytes in quotes (RFC 1035 5.1).
func zoneValue(r Record) string {
	if r.Type != "TXT" {
		return r.Value
	}
	var parts []string
	for text := r.Value; ; text = text[255:] {
		part := text[:min(len(text), 255)]
		parts = append(parts, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(part)+`"`)
		if len(text) <= 255 {
			return strings.Join(parts, " ")
		}
	}
}
