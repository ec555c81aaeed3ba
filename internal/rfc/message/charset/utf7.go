package charset

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// utf7 decodes UTF-7 (RFC 2152), which old mail programs wrote and golang.org/x/text does not know. Bad input becomes
// U+FFFD or is left out; raw 8-bit bytes are read as Windows-1252.
type utf7 struct {
	shifted bool   // between "+" and the end of its base64
	empty   bool   // nothing of it was read yet: "+-" is a plus sign
	bits    uint32 // bits read but not yet used, n of them
	n       uint
	high    rune // a high surrogate waiting for its other half
}

func (u *utf7) Reset() { *u = utf7{} }

func (u *utf7) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		// One input byte gives at most two runes: a lonely surrogate and a character.
		if nDst+2*utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += u.step(dst[nDst:], src[nSrc])
		nSrc++
	}
	return nDst, nSrc, nil
}

// step takes one byte and returns how much it wrote.
func (u *utf7) step(dst []byte, c byte) int {
	if !u.shifted {
		if c == '+' {
			u.shifted, u.empty, u.bits, u.n = true, true, 0, 0
			return 0
		}
		return encodeByte(dst, c)
	}
	if v := base64Value(c); v >= 0 {
		u.empty = false
		u.bits, u.n = u.bits<<6|uint32(v), u.n+6
		if u.n < 16 {
			return 0
		}
		u.n -= 16
		unit := rune(u.bits >> u.n & 0xffff)
		u.bits &= 1<<u.n - 1
		return u.unit(dst, unit)
	}
	u.shifted = false
	n := u.flush(dst)
	switch {
	case c == '-' && u.empty:
		return n + utf8.EncodeRune(dst[n:], '+')
	case c == '-':
		return n
	}
	return n + encodeByte(dst[n:], c)
}

// unit takes one UTF-16 code unit.
func (u *utf7) unit(dst []byte, r rune) int {
	if u.high != 0 {
		high := u.high
		u.high = 0
		if full := utf16.DecodeRune(high, r); full != utf8.RuneError {
			return utf8.EncodeRune(dst, full)
		}
		n := utf8.EncodeRune(dst, utf8.RuneError)
		return n + u.unit(dst[n:], r)
	}
	if utf16.IsSurrogate(r) && r < 0xdc00 {
		u.high = r
		return 0
	}
	return utf8.EncodeRune(dst, r) // a lonely low surrogate becomes U+FFFD
}

func (u *utf7) flush(dst []byte) int {
	if u.high == 0 {
		return 0
	}
	u.high = 0
	return utf8.EncodeRune(dst, utf8.RuneError)
}

func encodeByte(dst []byte, c byte) int {
	if c < utf8.RuneSelf {
		dst[0] = c
		return 1
	}
	n, _, _ := utf8OrLatin{}.Transform(dst, []byte{c}, true)
	return n
}

func base64Value(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}
