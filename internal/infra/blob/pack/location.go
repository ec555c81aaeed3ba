package pack

import (
	"encoding/binary"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// place is what a blob.Location of this store says.
type place struct {
	large  bool // a file of its own
	file   uint32
	offset uint32
	id     mail.ObjectID
	size   int64
}

const (
	locationFormat = 1
	inPack         = 0
	inOwnFile      = 1
)

func placeOf(r record, large bool) place {
	return place{large: large, file: r.file, offset: r.offset, id: r.id, size: r.size}
}

func (p place) location() blob.Location {
	b := make([]byte, 2, 40)
	b[0], b[1] = locationFormat, inPack
	if p.large {
		b[1] = inOwnFile
	}
	b = binary.AppendUvarint(b, uint64(p.file))
	b = binary.AppendUvarint(b, uint64(p.offset))
	b = binary.AppendUvarint(b, uint64(p.id))
	b = binary.AppendUvarint(b, uint64(p.size))
	return binary.BigEndian.AppendUint32(b, checksum(b))
}

func parseLocation(op string, l blob.Location) (place, error) {
	p, ok := decodeLocation(l)
	if !ok {
		return place{}, mail.E(op, mail.Invalid, fmt.Errorf("%.80x is not a location of this store", []byte(l)))
	}
	return p, nil
}

func decodeLocation(l blob.Location) (place, bool) {
	if len(l) < 6 || len(l) > blob.MaxLocation || l[0] != locationFormat || l[1] > inOwnFile ||
		binary.BigEndian.Uint32(l[len(l)-4:]) != checksum(l[:len(l)-4]) {
		return place{}, false
	}
	var v [4]uint64
	rest := l[2 : len(l)-4]
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(rest); n <= 0 {
			return place{}, false
		}
		rest = rest[n:]
	}
	p := place{large: l[1] == inOwnFile, file: uint32(v[0]), offset: uint32(v[1]), id: mail.ObjectID(v[2]), size: int64(v[3])}
	if len(rest) > 0 || v[0] > 1<<32-1 || v[1] > 1<<32-1 || p.size < 0 {
		return place{}, false
	}
	return p, true
}
