package dns

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	wire "github.com/miekg/dns"
)

// finding is what came of a question.
type finding struct {
	records   []wire.RR // of the type, at name; none unless reason is 0
	name      string    // where the aliases led
	authentic bool
	reason    Reason
	cause     error // of Unavailable

	keep      time.Duration // in the cache
	wireBytes int           // of the answer
}

// err is the finding as an error, nil when there are records.
func (f *finding) err(q question) error {
	if f.reason == 0 {
		return nil
	}
	return &Error{Name: q.name, Type: wire.TypeToString[q.kind], Reason: f.reason, Authentic: f.authentic && f.reason != Unavailable, Err: f.cause}
}

// ask answers a question, aliases followed. A resolver puts a whole chain into its answer (RFC 1034 4.3.2); where one has
// left the end of it out, that is asked for.
func (r *Resolver) ask(ctx context.Context, q question) *finding {
	f := &finding{name: q.name, authentic: true, keep: maxKeep}
	seen := map[string]bool{q.name: true}
	for {
		reply, trusted, err := r.exchange(ctx, question{f.name, q.kind})
		if err == nil {
			err = f.take(reply, q.kind, seen)
		}
		if err != nil && !errors.Is(err, errMoved) {
			return &finding{name: q.name, reason: Unavailable, cause: err, keep: keepFailure}
		}
		f.authentic = f.authentic && trusted && reply.AuthenticatedData
		if err == nil {
			return f
		}
	}
}

// errMoved says that an answer ends in an alias without saying what is there.
var errMoved = errors.New("an alias leads to a name that the answer says nothing of")

// take adds a reply to what was found. Names that were met are in seen.
func (f *finding) take(reply *wire.Msg, kind uint16, seen map[string]bool) error {
	if len(reply.Answer) > MaxRecords {
		return fmt.Errorf("the answer has %d records, the limit is %d", len(reply.Answer), MaxRecords)
	}
	f.wireBytes += reply.Len()
	asked := f.name
	if err := f.follow(reply.Answer, kind, seen); err != nil {
		return err
	}
	for _, rr := range reply.Answer {
		if header := rr.Header(); header.Rrtype == kind && header.Class == wire.ClassINET && bare(header.Name) == f.name {
			f.records = append(f.records, rr)
			f.shorten(header.Ttl)
		}
	}
	switch {
	case len(f.records) > 0:
		return nil
	case reply.Rcode == wire.RcodeNameError: // of the last name in the chain (RFC 6604 3)
		f.reason = NoName
	case f.name != asked && soa(reply) == nil:
		return errMoved
	default:
		f.reason = NoData
	}
	f.keep = min(f.keep, keepNone(reply))
	return nil
}

// follow goes from alias to alias, as far as the records of an answer tell.
func (f *finding) follow(records []wire.RR, kind uint16, seen map[string]bool) error {
	if kind == wire.TypeCNAME {
		return nil // it is the alias that was asked for
	}
	aliases := map[string]*wire.CNAME{}
	for _, rr := range records {
		if alias, ok := rr.(*wire.CNAME); ok {
			aliases[bare(alias.Hdr.Name)] = alias
		}
	}
	for alias := aliases[f.name]; alias != nil; alias = aliases[f.name] {
		f.name = bare(alias.Target)
		f.shorten(alias.Hdr.Ttl)
		if seen[f.name] {
			return fmt.Errorf("the aliases lead back to %.255s", f.name)
		}
		if seen[f.name] = true; len(seen) > MaxAliases+1 {
			return fmt.Errorf("more than %d aliases (CNAME) one after another", MaxAliases)
		}
		if err := checkName(f.name); err != nil {
			return fmt.Errorf("an alias leads to a name that cannot be: %w", err)
		}
	}
	return nil
}

// shorten keeps the finding no longer than ttl seconds; one with the highest bit set is zero (RFC 2181 8).
func (f *finding) shorten(ttl uint32) {
	if ttl > 1<<31-1 {
		ttl = 0
	}
	f.keep = min(f.keep, time.Duration(ttl)*time.Second)
}

func soa(reply *wire.Msg) *wire.SOA {
	for _, rr := range reply.Ns {
		if soa, ok := rr.(*wire.SOA); ok {
			return soa
		}
	}
	return nil
}

// keepNone is how long it holds that there is nothing: what the zone's SOA says, and not at all without (RFC 2308 5).
func keepNone(reply *wire.Msg) time.Duration {
	if soa := soa(reply); soa != nil {
		return min(time.Duration(min(soa.Hdr.Ttl, soa.Minttl))*time.Second, maxKeepNone)
	}
	return 0
}

// unescape returns the bytes of a text, which the library gives with those escaped that do not print (RFC 1035 5.1).
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\' || i+1 == len(text):
			b.WriteByte(text[i])
		case i+3 < len(text) && isDigits(text[i+1:i+4]):
			b.WriteByte((text[i+1]-'0')*100 + (text[i+2]-'0')*10 + text[i+3] - '0')
			i += 3
		default:
			i++
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }
