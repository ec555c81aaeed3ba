package dnstest

import (
	"crypto"
	"slices"
	"strings"
	"time"

	wire "github.com/miekg/dns"
)

// Option of a zone.
type Option int

// Signed gives the zone a key and signs it.
const Signed Option = 1

// zone is what the server knows of one.
type zone struct {
	origin  string
	names   map[string]map[uint16][]wire.RR // by absolute name and type
	sorted  []string                        // the names that have an NSEC record, in their order (RFC 4034 6.1)
	key     *wire.DNSKEY                    // nil: not signed
	private crypto.Signer
}

const ttl = 60

// Zone serves a zone, in place of what was served of that name. Its key stays the same.
func (s *Server) Zone(origin, text string, options ...Option) {
	s.t.Helper()
	origin = absolute(origin)
	z := &zone{origin: origin, names: map[string]map[uint16][]wire.RR{}}
	parser := wire.NewZoneParser(strings.NewReader(text), origin, "")
	parser.SetDefaultTTL(ttl)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if !wire.IsSubDomain(origin, absolute(rr.Header().Name)) {
			s.t.Fatalf("%s does not lie in the zone %s", rr.Header().Name, origin)
		}
		z.add(rr)
	}
	if err := parser.Err(); err != nil {
		s.t.Fatalf("the zone %s: %v", origin, err)
	}
	apex := z.names[origin]
	if apex[wire.TypeNS] == nil {
		z.add(s.record(origin + " 60 IN NS ns." + strings.TrimPrefix(origin, ".")))
	}
	if apex[wire.TypeSOA] == nil {
		z.add(s.record(origin + " 60 IN SOA ns." + strings.TrimPrefix(origin, ".") + " postmaster. 1 7200 3600 1209600 30"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(options, Signed) {
		s.sign(z)
	}
	s.zones[origin] = z
	s.delegate()
}

func (s *Server) record(line string) wire.RR {
	rr, err := wire.NewRR(line)
	if err != nil {
		s.t.Fatal(err)
	}
	return rr
}

func (z *zone) add(rr wire.RR) {
	name := absolute(rr.Header().Name)
	if z.names[name] == nil {
		z.names[name] = map[uint16][]wire.RR{}
	}
	kind := rr.Header().Rrtype
	for _, other := range z.names[name][kind] {
		if wire.IsDuplicate(rr, other) {
			return
		}
	}
	z.names[name][kind] = append(z.names[name][kind], rr)
}

// sign gives the zone its key: that of the zone that was served before, if any.
func (s *Server) sign(z *zone) {
	if old := s.zones[z.origin]; old != nil && old.key != nil {
		z.key, z.private = old.key, old.private
	} else {
		z.key = &wire.DNSKEY{Hdr: wire.RR_Header{Name: z.origin, Rrtype: wire.TypeDNSKEY, Class: wire.ClassINET, Ttl: ttl},
			Flags: wire.ZONE | wire.SEP, Protocol: 3, Algorithm: wire.ECDSAP256SHA256}
		private, err := z.key.Generate(256)
		if err != nil {
			s.t.Fatal(err)
		}
		z.private = private.(crypto.Signer)
	}
	z.add(z.key)
}

// delegate writes into each zone where those below it begin (RFC 1034 4.2.1, RFC 4035 2.4).
func (s *Server) delegate() {
	for origin, child := range s.zones {
		parent := s.zoneAbove(origin)
		if parent == nil {
			continue
		}
		cut := map[uint16][]wire.RR{wire.TypeNS: child.names[origin][wire.TypeNS]}
		if child.key != nil {
			cut[wire.TypeDS] = []wire.RR{child.key.ToDS(wire.SHA256)}
		}
		parent.names[origin] = cut
	}
	for _, z := range s.zones {
		z.order()
	}
}

// order makes the chain of NSEC records.
func (z *zone) order() {
	z.sorted = z.sorted[:0]
	for name := range z.names {
		if cut := z.cut(name); cut == "" || cut == name {
			z.sorted = append(z.sorted, name)
		}
	}
	slices.SortFunc(z.sorted, compareNames)
}

// compareNames orders names by their labels, the last one first (RFC 4034 6.1).
func compareNames(a, b string) int {
	x, y := wire.SplitDomainName(a), wire.SplitDomainName(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.Compare(x, y)
}

// cut is the name at or above name where another zone begins, "" when there is none.
func (z *zone) cut(name string) string {
	for _, above := range ancestors(name) {
		if above != z.origin && wire.IsSubDomain(z.origin, above) && z.names[above][wire.TypeNS] != nil {
			return above
		}
	}
	return ""
}

// ancestors are a name and all above it, the top first.
func ancestors(name string) (all []string) {
	for _, at := range wire.Split(name) {
		all = append(all, name[at:])
	}
	slices.Reverse(all)
	return append([]string{"."}, all...)
}

// exists reports whether a name has records, or others below it have (an empty non-terminal, RFC 8020).
func (z *zone) exists(name string) bool {
	if z.names[name] != nil {
		return true
	}
	for other := range z.names {
		if wire.IsSubDomain(name, other) {
			return true
		}
	}
	return false
}

// signature is over the records of one name and type, which may be those of a wildcard. spoilt ones are of something else.
func (z *zone) signature(records []wire.RR, spoilt bool) (*wire.RRSIG, error) {
	now := time.Now()
	sig := &wire.RRSIG{Hdr: wire.RR_Header{Ttl: records[0].Header().Ttl, Class: wire.ClassINET}, Algorithm: z.key.Algorithm, KeyTag: z.key.KeyTag(),
		SignerName: z.origin, Inception: uint32(now.Add(-time.Hour).Unix()), Expiration: uint32(now.Add(24 * time.Hour).Unix())}
	if err := sig.Sign(z.private, records); err != nil {
		return nil, err
	}
	if spoilt {
		sig.Inception++
	}
	return sig, nil
}

// nsec is the record of a name in the chain: the next name, and the types that this one has (RFC 4034 4).
func (z *zone) nsec(at int) *wire.NSEC {
	name := z.sorted[at]
	types := []uint16{wire.TypeRRSIG, wire.TypeNSEC}
	for kind := range z.names[name] {
		types = append(types, kind)
	}
	slices.Sort(types)
	return &wire.NSEC{Hdr: wire.RR_Header{Name: name, Rrtype: wire.TypeNSEC, Class: wire.ClassINET, Ttl: 30},
		NextDomain: z.sorted[(at+1)%len(z.sorted)], TypeBitMap: types}
}

// covering is the NSEC record of a name, or of the last one before it.
func (z *zone) covering(name string) *wire.NSEC {
	at, found := slices.BinarySearchFunc(z.sorted, name, compareNames)
	if !found {
		at--
	}
	return z.nsec((at + len(z.sorted)) % len(z.sorted))
}
