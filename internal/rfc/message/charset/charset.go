// Package charset turns the character sets of mail into UTF-8. It is the one place that imports golang.org/x/text.
//
// Decoding never fails and its output is always valid UTF-8: an unknown charset, a lie (8-bit in "us-ascii") or none is
// read as UTF-8, and what is not valid UTF-8 as Windows-1252, byte by byte. That shows readable text for nearly all
// mail that says nothing or the wrong thing about its charset.
package charset

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// Decode converts b from the named charset.
func Decode(label string, b []byte) string {
	if ascii(b) && asciiCompatible(label) {
		return string(b)
	}
	out, _, err := transform.Bytes(decoder(label), b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	if !utf8.Valid(out) {
		return strings.ToValidUTF8(string(out), "\uFFFD")
	}
	return string(out)
}

// Known reports whether the label names a charset this package can decode.
func Known(label string) bool {
	label = normal(label)
	if _, ok := guessed[label]; ok {
		return label != ""
	}
	return label == "utf-7" || lookup(label) != nil
}

// Guessed reports whether the label, or its absence, says so little that the text is read as UTF-8 or else Windows-1252.
func Guessed(label string) bool {
	_, ok := guessed[normal(label)]
	return ok
}

func ascii(b []byte) bool { return asciiPrefix(b) == len(b) }

// guessed are the labels that say nothing reliable: they are decoded as UTF-8 or else Windows-1252.
var guessed = map[string]struct{}{
	"": {}, "us-ascii": {}, "ascii": {}, "ansi_x3.4-1968": {}, "utf-8": {}, "utf8": {}, "unicode-1-1-utf-8": {},
	"unknown-8bit": {}, "x-unknown": {}, "unknown": {}, "default": {}, "binary": {},
}

// aliases are labels of mail that the WHATWG list lacks, or for which a superset reads more.
var aliases = map[string]encoding.Encoding{
	"gb2312":                    simplifiedchinese.GB18030,
	"gb_2312-80":                simplifiedchinese.GB18030,
	"gbk":                       simplifiedchinese.GB18030,
	"cp936":                     simplifiedchinese.GB18030,
	"x-gbk":                     simplifiedchinese.GB18030,
	"hz-gb-2312":                simplifiedchinese.HZGB2312,
	"cp437":                     charmap.CodePage437,
	"ibm437":                    charmap.CodePage437,
	"cp850":                     charmap.CodePage850,
	"ibm850":                    charmap.CodePage850,
	"cp1252":                    charmap.Windows1252,
	"iso-8859-8-i":              charmap.ISO8859_8,
	"utf-32":                    utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
	"utf-32be":                  utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
	"utf-32le":                  utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
	"iso-2022-jp-1":             mustIndex("iso-2022-jp"),
	"iso-2022-jp-2":             mustIndex("iso-2022-jp"),
	"iso-2022-jp-ms":            mustIndex("iso-2022-jp"),
	"cp50220":                   mustIndex("iso-2022-jp"),
	"cp50221":                   mustIndex("iso-2022-jp"),
	"cp932":                     mustIndex("shift_jis"),
	"windows-932":               mustIndex("shift_jis"),
	"cp949":                     mustIndex("euc-kr"),
	"cp950":                     mustIndex("big5"),
	"koi8":                      charmap.KOI8R,
	"cp1251":                    charmap.Windows1251,
	"extended_unix_code_packed": mustIndex("euc-jp"),
}

func mustIndex(label string) encoding.Encoding {
	e, err := htmlindex.Get(label)
	if err != nil {
		return encoding.Replacement
	}
	return e
}

// normal brings a label into lower case without quotes, spaces and an RFC 2231 language suffix. A label longer than
// any real one is not looked at.
func normal(label string) string {
	if len(label) > 64 {
		return "x-too-long"
	}
	label, _, _ = strings.Cut(label, "*")
	return strings.ToLower(strings.Trim(label, " \t\"'"))
}

func lookup(label string) encoding.Encoding {
	if e, ok := aliases[label]; ok {
		return e
	}
	if e, err := htmlindex.Get(label); err == nil && e != encoding.Replacement {
		return e
	}
	if e, err := ianaindex.MIME.Encoding(label); err == nil && e != nil {
		return e
	}
	return nil
}

// Wide reports whether the characters are units of two or four octets: then an octet 10 need not be a line feed.
func Wide(label string) bool {
	label = normal(label)
	return strings.HasPrefix(label, "utf-16") || strings.HasPrefix(label, "utf-32") || strings.Contains(label, "ucs-2") ||
		strings.Contains(label, "ucs-4") || strings.Contains(label, "unicode") && !strings.Contains(label, "utf-")
}

// asciiCompatible reports whether the charset is one of the common ones in which bytes below 0x80 mean themselves.
func asciiCompatible(label string) bool {
	label = normal(label)
	_, ok := guessed[label]
	return ok || strings.HasPrefix(label, "iso-8859-") || strings.HasPrefix(label, "windows-125")
}

func decoder(label string) transform.Transformer {
	label = normal(label)
	if _, ok := guessed[label]; ok {
		return utf8OrLatin{}
	}
	if label == "utf-7" || label == "unicode-1-1-utf-7" {
		return &utf7{}
	}
	if e := lookup(label); e != nil {
		return e.NewDecoder().Transformer
	}
	return utf8OrLatin{}
}

// utf8OrLatin copies valid UTF-8 and reads every byte that is not part of it as Windows-1252.
type utf8OrLatin struct{ transform.NopResetter }

func (utf8OrLatin) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		n := plain(dst[nDst:], src[nSrc:])
		nDst, nSrc = nDst+n, nSrc+n
		if nSrc == len(src) {
			break
		}
		r, size := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && size == 1 {
			if !atEOF && !utf8.FullRune(src[nSrc:]) {
				return nDst, nSrc, transform.ErrShortSrc
			}
			r = charmap.Windows1252.DecodeByte(src[nSrc])
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
	return nDst, nSrc, nil
}

// plain copies the ASCII that src begins with, as far as dst has room, eight bytes at a time: nearly all text is made of it.
func plain(dst, src []byte) int {
	n := 0
	for ; len(src)-n >= 8 && len(dst)-n >= 8; n += 8 {
		word := binary.NativeEndian.Uint64(src[n:])
		if word&0x8080808080808080 != 0 {
			break
		}
		binary.NativeEndian.PutUint64(dst[n:], word)
	}
	return n
}
