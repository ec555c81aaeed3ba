package dns

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	wire "github.com/miekg/dns"
	"golang.org/x/sync/singleflight"
)

const (
	MaxRecords = 200 // in one answer
	MaxAliases = 10  // CNAMEs that are followed
	MaxStray   = 16  // packets that do not fit, passed over while waiting for the one that does
)

// Answer is what was found, at least one record.
type Answer[T any] struct {
	Records   []T
	Name      string // where the aliases led: the name that has the records, lower case, without a final dot
	Authentic bool   // everything was validated, each alias too
}

// MX says that Host takes mail (RFC 5321 5.1). A domain whose only one has the empty Host takes none (RFC 7505).
type MX struct {
	Host       string
	Preference uint16
}

// TLSA says what a certificate must be like (RFC 6698 2.1).
type TLSA struct {
	Usage, Selector, Matching uint8
	Data                      []byte
}

// Options of a Resolver; their zero values serve.
type Options struct {
	Servers  []netip.AddrPort // nil: those of ResolvConf, read again when it changes
	Timeout  time.Duration    // for one server to answer; 0: 5 s, or as ResolvConf says
	Attempts int              // for each server; 0: 2, or as ResolvConf says
	TrustAD  bool             // trust the AD bit of Servers that are not on a loopback address, too

	ResolvConf string // "": /etc/resolv.conf
	Dial       func(ctx context.Context, network, address string) (net.Conn, error)
	Now        func() time.Time
}

// Resolver asks. It is safe for concurrent use.
type Resolver struct {
	servers *servers
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	now     func() time.Time
	cache   *cache
	flight  singleflight.Group
}

// New makes a Resolver. It asks nobody yet.
func New(o Options) *Resolver {
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Resolver{servers: newServers(o), dial: o.Dial, now: o.Now, cache: newCache(cacheBytes)}
}

// MX returns the hosts that take a domain's mail, the preferred ones first.
func (r *Resolver) MX(ctx context.Context, domain string) (Answer[MX], error) {
	answer, err := lookup(ctx, r, domain, wire.TypeMX, func(rr *wire.MX) (MX, bool) {
		return MX{Host: bare(rr.Mx), Preference: rr.Preference}, true
	})
	slices.SortStableFunc(answer.Records, func(a, b MX) int { return cmp.Compare(a.Preference, b.Preference) })
	return answer, err
}

// TXT returns texts, each with its strings put together (RFC 7208 3.3).
func (r *Resolver) TXT(ctx context.Context, name string) (Answer[string], error) {
	return lookup(ctx, r, name, wire.TypeTXT, func(rr *wire.TXT) (string, bool) {
		return unescape(strings.Join(rr.Txt, "")), true
	})
}

// TLSA returns what is said about the certificate of a service, such as that of _25._tcp.mx.example.org.
func (r *Resolver) TLSA(ctx context.Context, name string) (Answer[TLSA], error) {
	return lookup(ctx, r, name, wire.TypeTLSA, func(rr *wire.TLSA) (TLSA, bool) {
		data, err := hex.DecodeString(rr.Certificate)
		return TLSA{Usage: rr.Usage, Selector: rr.Selector, Matching: rr.MatchingType, Data: data}, err == nil
	})
}

// PTR returns the names that an address is said to have.
func (r *Resolver) PTR(ctx context.Context, addr netip.Addr) (Answer[string], error) {
	name, err := wire.ReverseAddr(addr.Unmap().WithZone("").String())
	if err != nil {
		return Answer[string]{}, &Error{Name: addr.String(), Type: "PTR", Reason: NoName, Err: err}
	}
	return lookup(ctx, r, name, wire.TypePTR, func(rr *wire.PTR) (string, bool) { return bare(rr.Ptr), true })
}

// CNAME returns the alias itself: what name stands for, not followed further. Whether it is Authentic is said of this
// one step, which RFC 7672 2.2.2 asks about.
func (r *Resolver) CNAME(ctx context.Context, name string) (Answer[string], error) {
	return lookup(ctx, r, name, wire.TypeCNAME, func(rr *wire.CNAME) (string, bool) { return bare(rr.Target), true })
}

// NS returns the names of the servers of a zone.
func (r *Resolver) NS(ctx context.Context, zone string) (Answer[string], error) {
	return lookup(ctx, r, zone, wire.TypeNS, func(rr *wire.NS) (string, bool) { return bare(rr.Ns), true })
}

// Addresses returns the IPv4 and IPv6 addresses of a host, IPv6 first, both asked for at once. Where one of the two kinds
// could not be had for now, the other is the answer. It is Authentic when each kind is that was had, also as being none.
func (r *Resolver) Addresses(ctx context.Context, host string) (Answer[netip.Addr], error) {
	type result struct {
		answer Answer[netip.Addr]
		err    error
	}
	v6 := make(chan result, 1)
	go func() {
		a, err := lookup(ctx, r, host, wire.TypeAAAA, func(rr *wire.AAAA) (netip.Addr, bool) {
			addr, ok := netip.AddrFromSlice(rr.AAAA)
			return addr, ok && addr.Is6() && !addr.Is4In6()
		})
		v6 <- result{a, err}
	}()
	four, err4 := lookup(ctx, r, host, wire.TypeA, func(rr *wire.A) (netip.Addr, bool) { return netip.AddrFromSlice(rr.A.To4()) })
	six := <-v6
	switch {
	case err4 != nil && six.err != nil:
		if NotFound(err4) && !NotFound(six.err) {
			err4 = six.err // one of them unknown: the host may have addresses
		}
		return Answer[netip.Addr]{}, renamed(err4, "address")
	case err4 != nil:
		six.answer.Authentic = six.answer.Authentic && (!NotFound(err4) || authenticError(err4))
		return six.answer, nil
	case six.err != nil:
		four.Authentic = four.Authentic && (!NotFound(six.err) || authenticError(six.err))
		return four, nil
	}
	six.answer.Records = append(six.answer.Records, four.Records...)
	six.answer.Authentic = six.answer.Authentic && four.Authentic
	return six.answer, nil
}

func renamed(err error, kind string) error {
	var e *Error
	if errors.As(err, &e) {
		named := *e
		named.Type = kind
		return &named
	}
	return err
}

func authenticError(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Authentic
}

// lookup is the way of all questions: the cache, a question that is under way, or one of its own.
func lookup[R wire.RR, T any](ctx context.Context, r *Resolver, name string, kind uint16, convert func(R) (T, bool)) (Answer[T], error) {
	found, err := r.find(ctx, question{name: strings.ToLower(bare(name)), kind: kind})
	if err != nil {
		return Answer[T]{}, err
	}
	answer := Answer[T]{Name: found.name, Authentic: found.authentic}
	for _, rr := range found.records {
		if record, ok := rr.(R); ok {
			if value, fits := convert(record); fits {
				answer.Records = append(answer.Records, value)
			}
		}
	}
	if len(answer.Records) == 0 {
		return Answer[T]{}, &Error{Name: name, Type: wire.TypeToString[kind], Reason: NoData, Authentic: found.authentic}
	}
	return answer, nil
}

// question is also the key of the cache.
type question struct {
	name string // lower case, without the final dot
	kind uint16
}

func (q question) String() string { return wire.TypeToString[q.kind] + " " + q.name }

// find returns what is known about a question; an error is always an *Error or the context's.
func (r *Resolver) find(ctx context.Context, q question) (*finding, error) {
	if err := checkName(q.name); err != nil {
		return nil, &Error{Name: q.name, Type: wire.TypeToString[q.kind], Reason: NoName, Err: err}
	}
	if f := r.cache.get(q, r.now()); f != nil {
		return f, f.err(q)
	}
	// Those who wait share one question, which goes on when some of them leave.
	shared := r.flight.DoChan(q.String(), func() (any, error) {
		f := r.ask(context.WithoutCancel(ctx), q)
		r.cache.put(q, f, r.now())
		return f, nil
	})
	select {
	case result := <-shared:
		f := result.Val.(*finding)
		return f, f.err(q)
	case <-ctx.Done():
		return nil, &Error{Name: q.name, Type: wire.TypeToString[q.kind], Reason: Unavailable, Err: ctx.Err()}
	}
}

// checkName tells what cannot be a name in the DNS: it is asked about in A-labels.
func checkName(name string) error {
	if len(name) > 253 { // RFC 1035 2.3.4: 255 bytes on the wire
		return fmt.Errorf("a name has at most 253 bytes, not %d", len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return fmt.Errorf("a label has 1 to 63 bytes, not %d", len(label))
		}
		for i := range len(label) {
			// Whatever is between blank and delete may stand in a name (RFC 2181 11), save what the text form escapes.
			if c := label[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`\"();@$`, c) >= 0 {
				return fmt.Errorf("a name may not hold %q (U-labels are asked about as A-labels)", label[i:i+1])
			}
		}
	}
	return nil
}

// bare is a name without its final dot.
func bare(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
