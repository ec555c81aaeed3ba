package search

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math/bits"

	"github.com/mailmesh/mailmesh/internal/infra/blob/sealed"
)

// grams are the groups of three bytes that a segment's texts hold, as bits: a filter that tells what is not there without
// opening the texts. Characters that only mark others are left out, so that it also serves where they do not count.
//
// It has a bit for every four to eight bytes of text. About half of them are set, and a string of n bytes that is not there
// passes if n-2 coins fall wrong.
type grams []uint64

const gram = 3

// newGrams is a filter for so much text.
func newGrams(size int) grams {
	return make(grams, 1<<bits.Len(uint(max(size/512, 1)-1)))
}

// bit is the place of a group of three bytes.
func (g grams) bit(group uint32) (word, mask uint64) {
	h := uint64(group) * 0x9e3779b97f4a7c15 >> 32
	return h & uint64(len(g)-1), 1 << (h >> 26)
}

// addAll takes the groups of a text.
func (g grams) addAll(text []byte) {
	var last uint32
	n := 0
	for i := 0; i < len(text); i++ {
		if isMark(text, i) {
			i++
			continue
		}
		last = last<<8&0xffffff | uint32(text[i])
		if n++; n >= gram {
			word, mask := g.bit(last)
			g[word] |= mask
		}
	}
}

// mayHold is false when a text of which this is the filter cannot hold s.
func (g grams) mayHold(s string) bool {
	var last uint32
	n := 0
	for i := 0; i < len(s); i++ {
		if isMark(s, i) {
			i++
			continue
		}
		last = last<<8&0xffffff | uint32(s[i])
		if n++; n >= gram {
			if word, mask := g.bit(last); g[word]&mask == 0 {
				return false
			}
		}
	}
	return true
}

// isMark reports whether a combining mark of two bytes is at i: U+0300 to U+036F, 0xcc 0x80 to 0xcd 0xaf.
func isMark[T string | []byte](text T, i int) bool {
	return text[i]&^1 == 0xcc && i+1 < len(text) && (text[i] == 0xcc || text[i+1] < 0xb0)
}

// seal returns the filter sealed under a key that seals nothing else, which is why the nonce may be zero.
func (g grams) seal(key sealed.Key) ([]byte, error) {
	aead, err := gcm(key)
	if err != nil {
		return nil, err
	}
	clear := make([]byte, 8*len(g), 8*len(g)+aead.Overhead())
	for i, word := range g {
		binary.LittleEndian.PutUint64(clear[8*i:], word)
	}
	return aead.Seal(clear[:0], make([]byte, aead.NonceSize()), clear, nil), nil
}

// openGrams reads what seal made. It overwrites b, and uses memory of g.
func openGrams(g grams, key sealed.Key, b []byte) (grams, error) {
	aead, err := gcm(key)
	if err != nil {
		return g, err
	}
	clear, err := aead.Open(b[:0], make([]byte, aead.NonceSize()), b, nil)
	if err != nil || len(clear) < 8 || len(clear)&(len(clear)-1) != 0 {
		return g, errSegment
	}
	g = g[:0]
	for ; len(clear) > 0; clear = clear[8:] {
		g = append(g, binary.LittleEndian.Uint64(clear))
	}
	return g, nil
}

func gcm(key sealed.Key) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
