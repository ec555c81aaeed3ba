// Package inflate reads raw DEFLATE data (RFC 1951) as it arrives.
//
// The inflaters of Go's standard library and of klauspost/compress are made for files: both hold back what they have
// decoded until a block ends in a certain way, and so keep a peer waiting that ended what it says with zlib's partial flush
// and now waits for the answer. This one hands out a byte as soon as the bits that stand for it are there, and asks its
// source for a byte only when it has nothing else to hand out.
//
// It is made for the commands of a mail client, not for speed: symbols are decoded bit by bit, some tens of MB a second. A
// Reader holds 34 KiB, nearly all of it the window that a peer may refer to; whatever it is sent, it does not grow.
package inflate

import (
	"bufio"
	"errors"
	"io"
)

// ErrCorrupt is returned for data that are not DEFLATE.
var ErrCorrupt = errors.New("the data are not DEFLATE")

const (
	windowSize = 32 << 10 // RFC 1951 2: how far back a reference may go
	windowMask = windowSize - 1
	enough     = windowSize / 2 // decoded before it is handed out, at most

	maxBits     = 15 // of a code
	maxLiterals = 286
	maxDistance = 30
	endOfBlock  = 256
)

// Reader is the decompressed stream.
type Reader struct {
	src *bufio.Reader
	err error // the first one; it stays

	bits  uint32 // read and not used yet, lowest first
	nbits uint

	window [windowSize]byte
	made   uint64 // bytes decoded in all
	given  uint64 // bytes handed out

	next      func(*Reader) error // what comes next in the data
	final     bool                // this block is the last
	stored    int                 // bytes of a stored block that are to come
	literals  huffman
	distances huffman
}

// NewReader reads from src, of which it may be given no more than a peer has sent.
func NewReader(src *bufio.Reader) *Reader { return &Reader{src: src, next: (*Reader).block} }

// Read returns what is decoded already and waits for src only when that is nothing. Its error is io.EOF behind the last
// block, io.ErrUnexpectedEOF before, ErrCorrupt, or another one of src. No reading is possible after an error.
func (r *Reader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.made == r.given {
		if r.err != nil {
			return 0, r.err
		}
		r.err = r.decode()
	}
	for n < len(p) && r.given < r.made {
		from := int(r.given & windowMask)
		to := min(windowSize, from+int(r.made-r.given))
		k := copy(p[n:], r.window[from:to])
		n, r.given = n+k, r.given+uint64(k)
	}
	return n, nil
}

// decode goes on until there is something to hand out and going on might mean to wait.
func (r *Reader) decode() error {
	for r.made == r.given || r.src.Buffered() > 0 && r.made-r.given < enough {
		if err := r.next(r); err != nil {
			return err
		}
	}
	return nil
}

// take reads n bits, lowest first, and not a byte more than they need.
func (r *Reader) take(n uint) (uint32, error) {
	for r.nbits < n {
		c, err := r.src.ReadByte()
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		r.bits |= uint32(c) << r.nbits
		r.nbits += 8
	}
	v := r.bits & (1<<n - 1)
	r.bits >>= n
	r.nbits -= n
	return v, nil
}

func (r *Reader) emit(b byte) {
	r.window[r.made&windowMask] = b
	r.made++
}

// block reads the head of a block (RFC 1951 3.2.3).
func (r *Reader) block() error {
	if r.final {
		return io.EOF
	}
	head, err := r.take(3)
	if err != nil {
		return err
	}
	r.final = head&1 == 1
	switch head >> 1 {
	case 0:
		return r.storedHead()
	case 1:
		r.literals, r.distances = fixedLiterals, fixedDistances
	case 2:
		if err := r.codes(); err != nil {
			return err
		}
	default:
		return ErrCorrupt
	}
	r.next = (*Reader).symbol
	return nil
}

// storedHead is RFC 1951 3.2.4.
func (r *Reader) storedHead() error {
	r.bits, r.nbits = 0, 0 // up to the next byte: there are less than eight
	n, err := r.take(16)
	if err != nil {
		return err
	}
	complement, err := r.take(16)
	if err != nil {
		return err
	}
	if n != ^complement&0xffff {
		return ErrCorrupt
	}
	r.stored, r.next = int(n), (*Reader).storedByte
	return nil
}

func (r *Reader) storedByte() error {
	if r.stored == 0 {
		r.next = (*Reader).block
		return nil
	}
	c, err := r.take(8)
	if err != nil {
		return err
	}
	r.emit(byte(c))
	r.stored--
	return nil
}

// symbol decodes a literal, a reference, or the end of the block (RFC 1951 3.2.5).
func (r *Reader) symbol() error {
	s, err := r.literals.decode(r)
	switch {
	case err != nil:
		return err
	case s < endOfBlock:
		r.emit(byte(s))
		return nil
	case s == endOfBlock:
		r.next = (*Reader).block
		return nil
	case s >= maxLiterals:
		return ErrCorrupt
	}
	length, err := r.extra(lengths[s-endOfBlock-1])
	if err != nil {
		return err
	}
	d, err := r.distances.decode(r)
	if err != nil {
		return err
	}
	if d >= maxDistance {
		return ErrCorrupt
	}
	distance, err := r.extra(distances[d])
	if err != nil {
		return err
	}
	if uint64(distance) > r.made {
		return ErrCorrupt // before the beginning
	}
	for range length {
		r.emit(r.window[(r.made-uint64(distance))&windowMask])
	}
	return nil
}

// span is a length or distance: its least value, and how many bits more say by how much it is larger.
type span struct {
	least uint16
	bits  uint8
}

func (r *Reader) extra(s span) (int, error) {
	more, err := r.take(uint(s.bits))
	return int(s.least) + int(more), err
}
