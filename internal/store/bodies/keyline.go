package bodies

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// The key file is 16 bytes of header and then lines of one size, so that a torn end is seen from the file's size and
// cut off by the next line. Integers are big endian.
//
//	header   0  4  "MMkf"
//	         4 12  format, 1; zero bytes
//	line     0  1  1: the key of an account, 2: the key of an object, 3: the file was closed in order, all else is zero
//	         1  8  account
//	         9  8  object, or 0
//	        17 20  blob id, or zero
//	        37  8  clear bytes of the body, or 0
//	        45 61  the wrapped key
//	       106  2  zero
//	       108  4  CRC-32C of 0 to 107
//
// Lines may be repeated, and may be of objects that are gone. Of several lines for an account the last holds. Several for
// (account, blob) are the same content, put several times: the row names one of the objects, the others go, so any line
// will do whose object is there.
const (
	keyFileHeader = "MMkf\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	keyLineSize   = 112

	accountLine = 1
	objectLine  = 2
	endLine     = 3
)

// KeyLine is a line of the key file.
type KeyLine struct {
	Account mail.AccountID
	Object  mail.ObjectID // 0 in the line of an account's own key
	Blob    mail.BlobID
	Size    int64
	Wrapped []byte
}

func (l KeyLine) append(b []byte) []byte {
	start := len(b)
	kind := byte(objectLine)
	if l.Object == 0 {
		kind = accountLine
	}
	b = append(b, kind)
	b = binary.BigEndian.AppendUint64(b, uint64(l.Account))
	b = binary.BigEndian.AppendUint64(b, uint64(l.Object))
	b = append(b, l.Blob[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(l.Size))
	b = append(b, l.Wrapped...)
	return finishLine(b, start)
}

// finishLine fills up the line that begins at start.
func finishLine(b []byte, start int) []byte {
	b = append(b, make([]byte, start+keyLineSize-4-len(b))...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

func endOfLines() []byte { return finishLine([]byte{endLine}, 0) }

func isEndLine(b []byte) bool { return b[0] == endLine && bytes.Equal(b, endOfLines()) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func parseKeyLine(b []byte) (l KeyLine, ok bool) {
	sum := len(b) - 4
	if len(b) != keyLineSize || crc32.Checksum(b[:sum], castagnoli) != binary.BigEndian.Uint32(b[sum:]) {
		return l, false
	}
	l.Account = mail.AccountID(binary.BigEndian.Uint64(b[1:]))
	l.Object = mail.ObjectID(binary.BigEndian.Uint64(b[9:]))
	copy(l.Blob[:], b[17:])
	l.Size = int64(binary.BigEndian.Uint64(b[37:]))
	l.Wrapped = append([]byte(nil), b[45:45+wrappedSize]...)
	return l, b[0] == accountLine && l.Object == 0 || b[0] == objectLine && l.Object != 0
}

// ReadKeyFile calls each with the lines of a key file in order. Damaged lines are passed over and counted.
func ReadKeyFile(path string, each func(KeyLine) error) (damaged int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := io.NewSectionReader(f, int64(len(keyFileHeader)), 1<<62)
	b := make([]byte, 512*keyLineSize)
	for {
		n, err := io.ReadFull(r, b)
		for i := 0; i+keyLineSize <= n; i += keyLineSize {
			line := b[i : i+keyLineSize]
			if isEndLine(line) {
				continue
			}
			if l, ok := parseKeyLine(line); !ok {
				damaged++
			} else if err := each(l); err != nil {
				return damaged, err
			}
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return damaged, nil
		default:
			return damaged, err
		}
	}
}
