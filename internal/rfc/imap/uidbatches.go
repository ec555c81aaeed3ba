package imap

import "strconv"

// UIDBatches asks for the ranges of UIDs that cut the mailbox into batches of Size messages, from the newest on (RFC 10022).
type UIDBatches struct {
	Size        uint32
	First, Last uint32 // the batches wanted, counted from 1, in order; 0: all
}

func (UIDBatches) command() {}

func uidBatchesSyntax() extension {
	return extension{verbs: map[string]verb{"UIDBATCHES": {Selected, parseUIDBatches}}}
}

func parseUIDBatches(p *parser) Command {
	p.sp()
	c := UIDBatches{Size: p.nonZero("a batch size")}
	if p.accept(' ') {
		c.First = p.nonZero("a batch number")
		p.expect(':')
		c.Last = p.nonZero("a batch number")
		c.First, c.Last = min(c.First, c.Last), max(c.First, c.Last)
	}
	return c
}

// UIDBatches answers a command. Each range has its higher UID as Start, and they are in descending order.
func (e *Encoder) UIDBatches(tag string, batches func(yield func(Range) bool)) {
	e.untagged("UIDBATCHES (TAG ")
	e.string(tag)
	e.buf = append(e.buf, ')')
	before := byte(' ')
	for r := range batches {
		e.buf = strconv.AppendUint(append(e.buf, before), uint64(r.Start), 10)
		e.buf = strconv.AppendUint(append(e.buf, ':'), uint64(r.Stop), 10) // RFC 10022 5: never a number alone
		if before = ','; len(e.buf) >= flushAt {
			e.Flush()
		}
	}
	e.end()
}
