package presence

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
)

// subject is where nodes tell each other.
const subject = "presence"

// kind is what a notice is for.
type kind byte

const (
	kindSignal  kind = iota + 1 // to hand to the clients of an account
	kindHere                    // presence of an account, to one of its circle
	kindBeat                    // the node lives
	kindRevoked                 // an account shows less to some than it did
)

// notice is what one node tells all.
type notice struct {
	kind     kind
	node     uint64 // where the sender is
	from, to mail.AccountID
	as       Name // what from is to to
	theirs   Name // what to is to from; with kindHere
	state    State
	answer   bool // with kindHere: who has the recipient here says so
	thread   mail.ThreadID
	at       time.Time
}

// The format: a number, by which a node of another release is told apart, and the fields in their order.
const format1 = 1

func (n *notice) append(b []byte) []byte {
	b = append(b, format1, byte(n.kind), byte(slices.Index(wire, n.state)+1), 0)
	if n.answer {
		b[len(b)-1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, n.node)
	for _, v := range []int64{int64(n.from), int64(n.to), int64(n.as.Contact), int64(n.theirs.Contact), int64(n.thread), n.at.UnixMicro()} {
		b = binary.AppendVarint(b, v)
	}
	return appendText(appendText(b, n.as.Address), n.theirs.Address)
}

func appendText(b []byte, a mail.Address) []byte {
	if a.Domain == "" {
		return append(b, 0)
	}
	s := a.String()
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func parseNotice(b []byte) (n notice, ok bool) {
	if len(b) < 12 || b[0] != format1 || int(b[2]) > len(wire) || b[3] > 1 {
		return n, false
	}
	n.kind, n.answer, n.node = kind(b[1]), b[3] == 1, binary.BigEndian.Uint64(b[4:])
	if b[2] > 0 {
		n.state = wire[b[2]-1]
	}
	b = b[12:]
	var at int64
	for _, to := range []*int64{(*int64)(&n.from), (*int64)(&n.to), (*int64)(&n.as.Contact), (*int64)(&n.theirs.Contact), (*int64)(&n.thread), &at} {
		v, size := binary.Varint(b)
		if size <= 0 {
			return n, false
		}
		*to, b = v, b[size:]
	}
	n.at = time.UnixMicro(at)
	for _, to := range []*mail.Address{&n.as.Address, &n.theirs.Address} {
		size, used := binary.Uvarint(b)
		if used <= 0 || size > mail.MaxAddressLength || uint64(len(b)-used) < size {
			return n, false
		}
		text := string(b[used : used+int(size)])
		b = b[used+int(size):]
		if text == "" {
			continue
		}
		var err error
		if *to, err = mail.ParseAddress(text); err != nil {
			return n, false
		}
	}
	return n, len(b) == 0
}

// nameOf is how an account knows a contact of its own.
func nameOf(c contacts.Contact) Name { return Name{c.ID, c.Address} }
