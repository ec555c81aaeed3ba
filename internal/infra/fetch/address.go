package fetch

import (
	"net/netip"
	"slices"
)

// inward are the networks whose addresses are not those of a host on the internet: the registries of RFC 6890, and what is
// refused because it stands for other addresses.
var inward = prefixes(
	"0.0.0.0/8",       // this host (RFC 1122 3.2.1.3): many systems connect it to loopback
	"10.0.0.0/8",      // RFC 1918
	"100.64.0.0/10",   // shared, behind a provider's NAT (RFC 6598)
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local (RFC 3927); clouds answer there with a machine's secrets
	"172.16.0.0/12",   // RFC 1918
	"192.0.0.0/24",    // protocol assignments (RFC 6890 2.1)
	"192.0.2.0/24",    // documentation (RFC 5737)
	"192.88.99.0/24",  // relays of 6to4 (RFC 7526)
	"192.168.0.0/16",  // RFC 1918
	"198.18.0.0/15",   // benchmarks (RFC 2544)
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and broadcast

	"2001::/23",     // protocol assignments, Teredo among them (RFC 4380)
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4: an IPv4 address inside, by a way that is no longer used (RFC 7526)
	"3fff::/20",     // documentation (RFC 9637)
)

var (
	// global is all of IPv6 that is given to hosts on the internet (RFC 4291 2.4); what lies outside is loopback, unique local,
	// link-local, site-local, multicast, and forms that hold an IPv4 address.
	global = netip.MustParsePrefix("2000::/3")
	// nat64 is how hosts without IPv4 reach those with nothing else (RFC 6052 2.1).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, text := range list {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// Public reports whether an address is that of a host on the internet.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if a.Zone() != "" || !a.IsValid() {
		return false
	}
	if nat64.Contains(a) {
		bytes := a.As16()
		a = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if a.Is6() && !global.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(inward, func(p netip.Prefix) bool { return p.Contains(a) })
}
