package imap

import "strconv"

// PartialRange names places in a result, of which the first is 1: of a search (RFC 5267 4.4), or of the messages that a UID
// FETCH names (RFC 9394 3.3). The zero range is none.
type PartialRange struct {
	First, Last uint32 // as written: either may be the larger
	FromEnd     bool   // counted from the end, and written with "-" (RFC 9394 3.1)
}

func partialSyntax() extension {
	return extension{
		searchReturns:  map[string]func(*parser, *SearchReturn){"PARTIAL": func(p *parser, r *SearchReturn) { p.partialRange(&r.Partial) }},
		fetchModifiers: map[string]func(*parser, *Fetch){"PARTIAL": func(p *parser, c *Fetch) { p.partialRange(&c.Partial) }},
	}
}

// partialRange takes a space and a range, which may stand once.
func (p *parser) partialRange(r *PartialRange) {
	if *r != (PartialRange{}) {
		p.bad("PARTIAL is given twice")
	}
	p.sp()
	r.FromEnd = p.accept('-')
	r.First = p.nonZero("the beginning of a range")
	p.expect(':')
	if r.FromEnd {
		p.expect('-')
	}
	r.Last = p.nonZero("the end of a range")
}

// Of returns what stands at these places of a set, in the set's order.
func (r PartialRange) Of(s Set) Set {
	first, last := uint64(min(r.First, r.Last)), uint64(max(r.First, r.Last))
	if r.FromEnd {
		all := s.Len()
		if first > all {
			return nil
		}
		first, last = all-min(last, all)+1, all-first+1
	}
	var out Set
	passed := uint64(0)
	for _, part := range s {
		n := uint64(part.Stop) - uint64(part.Start) + 1
		from, to := max(first, passed+1), min(last, passed+n)
		if from <= to {
			out = append(out, Range{part.Start + uint32(from-passed-1), part.Start + uint32(to-passed-1)})
		}
		passed += n
	}
	return out
}

// AppendTo appends the range as it was written.
func (r PartialRange) AppendTo(b []byte) []byte {
	sign := ""
	if r.FromEnd {
		sign = "-"
	}
	b = strconv.AppendUint(append(b, sign...), uint64(r.First), 10)
	b = append(append(b, ':'), sign...)
	return strconv.AppendUint(b, uint64(r.Last), 10)
}

// partial tells what stands at some places of a result.
func (e *Encoder) partial(r PartialRange, s Set) {
	e.buf = r.AppendTo(append(e.buf, " PARTIAL ("...))
	e.buf = append(e.buf, ' ')
	if part := r.Of(s); len(part) > 0 {
		e.set(part)
	} else {
		e.null()
	}
	e.buf = append(e.buf, ')')
}
