package dnstest

import (
	"strings"

	wire "github.com/miekg/dns"
)

// maxAliases is how long a chain may be that the server follows.
const maxAliases = 20

// answering is one reply in the making.
type answering struct {
	*Server
	reply  *wire.Msg
	kind   uint16
	do     bool // signatures are wanted
	secure bool // all that it says lies in signed zones
	bogus  bool
	fault  Fault
}

func (s *Server) answer(query *wire.Msg, fault Fault) *wire.Msg {
	q := query.Question[0]
	a := &answering{Server: s, reply: new(wire.Msg).SetReply(query), kind: q.Qtype, secure: true, fault: fault}
	wantsAD := query.AuthenticatedData
	if opt := query.IsEdns0(); opt != nil {
		a.do = opt.Do()
		a.reply.SetEdns0(4096, a.do)
		wantsAD = wantsAD || a.do
	}
	a.reply.RecursionAvailable = s.Recursive
	for name, aliases := absolute(q.Name), 0; name != "" && aliases < maxAliases; aliases++ {
		name = a.step(name)
	}
	a.reply.AuthenticatedData = s.Recursive && a.secure && wantsAD && a.reply.Rcode != wire.RcodeRefused
	if s.Recursive && a.bogus {
		return new(wire.Msg).SetRcode(query, wire.RcodeServerFailure)
	}
	return a.reply
}

// step answers for one name, and returns the next when this one is an alias.
func (a *answering) step(name string) (next string) {
	z := a.zoneOf(name)
	if a.kind == wire.TypeDS && z != nil && z.origin == name {
		if above := a.zoneAbove(name); above != nil {
			z = above // RFC 4035 3.1.4.1: the parent answers for DS
		}
	}
	if z == nil {
		if len(a.reply.Answer) == 0 {
			a.reply.Rcode = wire.RcodeRefused
		}
		return ""
	}
	a.secure = a.secure && a.signed(z)
	if cut := z.cut(name); cut != "" && !(cut == name && a.kind == wire.TypeDS) {
		a.refer(z, cut)
		return ""
	}
	a.reply.Authoritative = !a.Recursive
	owner, found := name, z.names[name]
	if found == nil && !z.exists(name) {
		owner = z.wildcard(name)
		found = z.names[owner]
		if found == nil {
			a.deny(z, name, wire.RcodeNameError)
			return ""
		}
		a.prove(z, name) // RFC 4035 3.1.3.3: nothing closer is there
	}
	return a.give(z, name, owner, found)
}

// give puts records of a name into the answer, as those of owner, which may be a wildcard.
func (a *answering) give(z *zone, name, owner string, found map[uint16][]wire.RR) (next string) {
	if alias := found[wire.TypeCNAME]; alias != nil && a.kind != wire.TypeCNAME {
		a.put(z, &a.reply.Answer, alias, name)
		next = absolute(alias[0].(*wire.CNAME).Target)
		if !a.Recursive && a.zoneOf(next) != z {
			return ""
		}
		return next
	}
	if records := found[a.kind]; records != nil {
		a.put(z, &a.reply.Answer, records, name)
		return ""
	}
	a.deny(z, owner, wire.RcodeSuccess)
	return ""
}

// wildcard is the name that stands for name if it has records (RFC 4592 3.3.1).
func (z *zone) wildcard(name string) string {
	closest := z.origin
	for _, above := range ancestors(name) {
		if wire.IsSubDomain(z.origin, above) && z.exists(above) {
			closest = above
		}
	}
	return "*." + strings.TrimPrefix(closest, ".")
}

// put adds records and their signature to a section, under the name that was asked for.
func (a *answering) put(z *zone, section *[]wire.RR, records []wire.RR, name string) {
	spoilt := a.fault == Bogus
	a.bogus = a.bogus || spoilt && z.key != nil
	for _, rr := range records {
		renamed := wire.Copy(rr)
		renamed.Header().Name = name
		*section = append(*section, renamed)
	}
	if z.key == nil || !a.do {
		return
	}
	sig, err := z.signature(records, spoilt)
	if err != nil {
		a.t.Errorf("dnstest: signing %s: %v", name, err)
		return
	}
	sig.Hdr.Name = name
	*section = append(*section, sig)
}

// deny says that there is nothing, and proves it.
func (a *answering) deny(z *zone, name string, rcode int) {
	a.reply.Rcode = rcode
	a.put(z, &a.reply.Ns, z.names[z.origin][wire.TypeSOA], z.origin)
	a.prove(z, name)
	if rcode == wire.RcodeNameError {
		a.prove(z, z.wildcard(name)) // RFC 4035 3.1.3.2
	}
}

// prove adds the NSEC record that covers a name, once.
func (a *answering) prove(z *zone, name string) {
	if z.key == nil || !a.do {
		return
	}
	nsec := z.covering(name)
	for _, rr := range a.reply.Ns {
		if rr.Header().Rrtype == wire.TypeNSEC && rr.Header().Name == nsec.Hdr.Name {
			return
		}
	}
	a.put(z, &a.reply.Ns, []wire.RR{nsec}, nsec.Hdr.Name)
}

// refer names the servers of the zone below (RFC 4035 3.1.4).
func (a *answering) refer(z *zone, cut string) {
	a.reply.Ns = append(a.reply.Ns, z.names[cut][wire.TypeNS]...) // not signed here
	if ds := z.names[cut][wire.TypeDS]; ds != nil {
		a.put(z, &a.reply.Ns, ds, cut)
	} else {
		a.prove(z, cut)
	}
	for _, ns := range z.names[cut][wire.TypeNS] {
		host := absolute(ns.(*wire.NS).Ns)
		a.reply.Extra = append(append(a.reply.Extra, z.names[host][wire.TypeA]...), z.names[host][wire.TypeAAAA]...)
	}
}

// zoneOf is the zone that a name lies in, the smallest of those here; nil when there is none.
func (s *Server) zoneOf(name string) (found *zone) {
	for _, above := range ancestors(name) {
		if z := s.zones[above]; z != nil {
			found = z
		}
	}
	return found
}

func (s *Server) zoneAbove(origin string) *zone {
	if origin == "." {
		return nil
	}
	next, end := wire.NextLabel(origin, 0)
	if end {
		return s.zones["."]
	}
	return s.zoneOf(origin[next:])
}

// signed reports whether a zone and all above it here are.
func (s *Server) signed(z *zone) bool {
	for ; z != nil; z = s.zoneAbove(z.origin) {
		if z.key == nil {
			return false
		}
	}
	return true
}

// Anchor is what a validating resolver must be given to trust a signed zone: its DS record as text.
func (s *Server) Anchor(origin string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.zones[absolute(origin)]
	if z == nil || z.key == nil {
		s.t.Fatalf("the zone %s is not signed", origin)
	}
	return z.key.ToDS(wire.SHA256).String()
}
