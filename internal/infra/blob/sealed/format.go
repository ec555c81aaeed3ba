package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
)

const (
	format       = 1
	frameBits    = 16
	frameSize    = 1 << frameBits
	headerSize   = 16
	trailerSize  = 8
	tagSize      = 16
	markSize     = 1 // stored or compressed
	maxFrame     = markSize + frameSize + tagSize
	minFrame     = markSize + tagSize
	indexFixed   = 8 // the body's size, before the frames' sizes
	indexPerItem = 4

	maxFrames = 1 << 16

	// MaxSize is the size of the largest body.
	MaxSize = maxFrames * frameSize
)

// Marks of a frame's content.
const (
	stored     = 0
	compressed = 1
	quick      = 2
)

// Kinds of nonce.
const (
	nonceFrame = 0
	nonceLast  = 1
	nonceIndex = 2
)

const (
	headerMagic  = "MMob"
	trailerMagic = "MMix"
)

// ErrDamaged is matched (errors.Is) by the error of an object whose bytes are not those that were sealed, or not under
// this key.
var ErrDamaged = errors.New("the sealed object is damaged, or this is not its key")

func damaged(op, format string, args ...any) error {
	return mail.E(op, mail.Other, fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...)))
}

// Key opens one object.
type Key [32]byte

func (k Key) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

type header [headerSize]byte

func newHeader(id mail.ObjectID) (h header) {
	copy(h[:4], headerMagic)
	h[4], h[5] = format, frameBits
	binary.BigEndian.PutUint64(h[8:], uint64(id))
	return h
}

func nonce(kind uint32, number int) (n [12]byte) {
	binary.BigEndian.PutUint32(n[:4], kind)
	binary.BigEndian.PutUint64(n[4:], uint64(number))
	return n
}

// frameNonce is the nonce of frame i of n.
func frameNonce(i, n int) [12]byte {
	if i == n-1 {
		return nonce(nonceLast, i)
	}
	return nonce(nonceFrame, i)
}

func newTrailer(frames int) (t [trailerSize]byte) {
	binary.BigEndian.PutUint32(t[:4], uint32(frames))
	copy(t[4:], trailerMagic)
	return t
}

// indexSize is the bytes that the index of n frames has in the object.
func indexSize(n int) int { return indexFixed + n*indexPerItem + tagSize }
