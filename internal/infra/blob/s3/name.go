package s3

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// place is what a name in the bucket and its size say, and what a Location says.
type place struct {
	at   int64 // milliseconds since 1970, by the database's clock
	id   mail.ObjectID
	size int64
	crc  uint32 // of the bytes, 0 where it is not known
}

const locationFormat = 2

// IsLocation reports whether a Location is one of this store, by its format number.
func IsLocation(at blob.Location) bool { return len(at) > 0 && at[0] == locationFormat }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (p place) location() blob.Location {
	b := append(make([]byte, 0, 40), locationFormat)
	for _, n := range []uint64{uint64(p.at), uint64(p.id), uint64(p.size), uint64(p.crc)} {
		b = binary.AppendUvarint(b, n)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func parseLocation(op string, at blob.Location) (p place, err error) {
	bad := mail.E(op, mail.Invalid, fmt.Errorf("%.80x is not a location of this store", []byte(at)))
	end := len(at) - 4
	if end < 5 || !IsLocation(at) || crc32.Checksum(at[:end], castagnoli) != binary.BigEndian.Uint32(at[end:]) {
		return p, bad
	}
	var fields [4]uint64
	rest := at[1:end]
	for i := range fields {
		n, used := binary.Uvarint(rest)
		if used <= 0 || int64(n) < 0 {
			return p, bad
		}
		fields[i], rest = n, rest[used:]
	}
	if len(rest) > 0 || fields[0] > maxTime || fields[3] > 1<<32-1 {
		return p, bad
	}
	return place{int64(fields[0]), mail.ObjectID(fields[1]), int64(fields[2]), uint32(fields[3])}, nil
}

const (
	timeLayout = "2006/01/02/150405.000"
	maxTime    = 253402300799999 // the end of the year 9999: a year has four digits
)

// name is the name below the prefix.
func (p place) name() string {
	return fmt.Sprintf("%s-%016x-%08x", time.UnixMilli(p.at).UTC().Format(timeLayout), uint64(p.id), p.crc)
}

// parseName reads a name below the prefix, and reports whether it is that of a body.
func parseName(name string, size int64) (place, bool) {
	when, rest, _ := strings.Cut(name, "-")
	id, crc, _ := strings.Cut(rest, "-")
	at, err := time.Parse(timeLayout, when)
	if err != nil || size < 0 {
		return place{}, false
	}
	n, err := strconv.ParseUint(id, 16, 63)
	if err != nil {
		return place{}, false
	}
	sum, err := strconv.ParseUint(crc, 16, 32)
	p := place{at.UnixMilli(), mail.ObjectID(n), size, uint32(sum)}
	return p, err == nil && p.name() == name // one spelling only
}
