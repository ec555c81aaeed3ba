package pack

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Sizes of the format, see doc.go.
const (
	format         = 1
	packHeaderSize = 16
	headerSize     = 40
	alignment      = 8
)

const (
	packMagic   = "MMpk"
	recordMagic = "MMre"
)

// Kinds of record.
const kindBody = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// record is the header of a record.
type record struct {
	file     uint32 // number of the file it is in
	offset   uint32 // of the record in its file
	id       mail.ObjectID
	size     int64 // of the body
	checksum uint32
}

// stored is the room that the record takes in a pack.
func (r record) stored() int64 { return storedSize(r.size) }

func storedSize(body int64) int64 { return (headerSize + body + alignment - 1) &^ (alignment - 1) }

func (r record) encode(b []byte) {
	copy(b[:4], recordMagic)
	b[4], b[5], b[6], b[7] = format, kindBody, 0, 0
	binary.BigEndian.PutUint32(b[8:], r.file)
	binary.BigEndian.PutUint32(b[12:], r.offset)
	binary.BigEndian.PutUint64(b[16:], uint64(r.id))
	binary.BigEndian.PutUint64(b[24:], uint64(r.size))
	binary.BigEndian.PutUint32(b[32:], r.checksum)
	binary.BigEndian.PutUint32(b[36:], checksum(b[:36]))
}

// parseRecord reads a header and reports whether it is one.
func parseRecord(b []byte) (r record, ok bool) {
	if len(b) < headerSize || string(b[:4]) != recordMagic || b[4] != format || b[5] != kindBody ||
		binary.BigEndian.Uint32(b[36:]) != checksum(b[:36]) {
		return record{}, false
	}
	r = record{
		file:     binary.BigEndian.Uint32(b[8:]),
		offset:   binary.BigEndian.Uint32(b[12:]),
		id:       mail.ObjectID(binary.BigEndian.Uint64(b[16:])),
		size:     int64(binary.BigEndian.Uint64(b[24:])),
		checksum: binary.BigEndian.Uint32(b[32:]),
	}
	return r, r.size >= 0
}

func packHeader(file uint32) []byte {
	b := make([]byte, packHeaderSize)
	copy(b, packMagic)
	b[4] = format
	binary.BigEndian.PutUint32(b[8:], file)
	binary.BigEndian.PutUint32(b[12:], checksum(b[:12]))
	return b
}
