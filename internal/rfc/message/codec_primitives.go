package message

import (
	"encoding/binary"
	"math"
)

// dictionary holds the words that most summaries contain; their index is stored: never reorder, only append.
var dictionary = []string{"", "text", "plain", "html", "multipart", "alternative", "mixed", "related", "signed", "report",
	"message", "rfc822", "application", "octet-stream", "pdf", "zip", "image", "jpeg", "png", "gif", "charset", "utf-8",
	"us-ascii", "iso-8859-1", "windows-1252", "UTF-8", "US-ASCII", "ISO-8859-1", "boundary", "name", "filename", "format",
	"flowed", "delsp", "yes", "7bit", "8bit", "binary", "base64", "quoted-printable", "inline", "attachment", "type",
	"protocol", "micalg", "size", "name*", "filename*", "encrypted", "pgp-signature", "pkcs7-signature", "delivery-status",
	"calendar", "method", "text/html", "multipart/alternative", "gmail.com", "outlook.com", "hotmail.com", "yahoo.com",
	"report-type", "creation-date", "modification-date", "digest", "msword", "utf8", "iso-8859-15", "gb2312", "iso-2022-jp"}

// maxWord is the length of the longest word.
const maxWord = 21

var dictionaryIndex = func() map[string]uint64 {
	m := make(map[string]uint64, len(dictionary))
	for i, word := range dictionary {
		m[word] = uint64(i)
	}
	return m
}()

// encoder appends to b.
type encoder struct{ b []byte }

// section writes what f writes, with its length before it.
func (e *encoder) section(f func()) {
	// Room for the longest length is left, and taken back after.
	start := len(e.b)
	e.b = append(e.b, make([]byte, binary.MaxVarintLen32)...)
	f()
	length := len(e.b) - start - binary.MaxVarintLen32
	n := binary.PutUvarint(e.b[start:], uint64(length))
	copy(e.b[start+n:], e.b[start+binary.MaxVarintLen32:])
	e.b = e.b[:start+n+length]
}

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }

func (e *encoder) int(v int64) { e.b = binary.AppendVarint(e.b, v) }

func (e *encoder) string(s string) {
	if len(s) <= maxWord {
		if i, ok := dictionaryIndex[s]; ok {
			e.uint(i<<1 | 1)
			return
		}
	}
	e.uint(uint64(len(s)) << 1)
	e.b = append(e.b, s...)
}

func (e *encoder) strings(list []string) {
	e.uint(uint64(len(list)))
	for _, s := range list {
		e.string(s)
	}
}

// decoder takes from s. After a fault it is bad and gives zeros.
type decoder struct {
	s   string
	bad bool
}

func (d *decoder) fail() { d.bad, d.s = true, "" }

func (d *decoder) uint() uint64 {
	var v uint64
	for i := 0; i < len(d.s) && i < binary.MaxVarintLen64; i++ {
		c := d.s[i]
		if c < 0x80 {
			d.s = d.s[i+1:]
			return v | uint64(c)<<(7*i)
		}
		v |= uint64(c&0x7f) << (7 * i)
	}
	d.fail()
	return 0
}

func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

// length is a number of bytes or lines: small enough that sums of a few do not overflow.
func (d *decoder) length() int64 {
	v := d.uint()
	if v > math.MaxInt64/8 {
		d.fail()
		return 0
	}
	return int64(v)
}

// count is the number of things that follow, each at least min bytes long.
func (d *decoder) count(min int) int {
	v := d.uint()
	if v > uint64(len(d.s)/min) {
		d.fail()
		return 0
	}
	return int(v)
}

func (d *decoder) string() string {
	h := d.uint()
	n := h >> 1
	if h&1 == 1 {
		if n >= uint64(len(dictionary)) {
			d.fail()
			return ""
		}
		return dictionary[n]
	}
	if n > uint64(len(d.s)) {
		d.fail()
		return ""
	}
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}

func (d *decoder) strings() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = d.string()
	}
	return list
}
