package imap

import (
	"math"
	"strconv"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// messageLimitSyntax has the search keys with which a client goes through a large mailbox (RFC 9738 3.2).
func messageLimitSyntax() extension {
	return extension{searchKeys: map[string]func(*parser) SearchKey{
		"UIDAFTER": func(p *parser) SearchKey {
			p.sp()
			uid := p.nonZero("a UID")
			return someUIDs(uint64(uid)+1, math.MaxUint32)
		},
		"UIDBEFORE": func(p *parser) SearchKey {
			p.sp()
			uid := p.nonZero("a UID")
			return someUIDs(1, uint64(uid)-1)
		},
	}}
}

// someUIDs is the key of the messages with UIDs from first to last.
func someUIDs(first, last uint64) SearchKey {
	if first > last {
		return SearchNot{SearchAll{}}
	}
	return Numbers{UID: true, Set: Set{{uint32(first), uint32(last)}}}
}

// CodeMessageLimit says how many messages a command may be about, and the lowest UID of those that it was about; 0: none
// (RFC 9738 3.1).
func CodeMessageLimit(limit int, lowest mail.UID) Code {
	b := strconv.AppendInt([]byte("MESSAGELIMIT "), int64(limit), 10)
	if lowest != 0 {
		b = strconv.AppendUint(append(b, ' '), uint64(lowest), 10)
	}
	return Code(b)
}
