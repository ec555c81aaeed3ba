package header

import (
	"strings"
	"unicode"
)

// MaxBaseSubject bounds what BaseSubject returns, in bytes.
const MaxBaseSubject = 512

// BaseSubject extracts the base subject of a raw Subject (RFC 5256 2.1), by which messages are sorted and threaded, and
// whether the subject was that of a reply or forward. The result is valid UTF-8.
func BaseSubject(subject string) (base string, reply bool) {
	// (1) decode, and every run of white space becomes one space
	space := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	s := strings.Join(strings.FieldsFunc(DecodeWords(subject), space), " ")
	for {
		// (2) subj-trailer
		for {
			s = strings.TrimRight(s, " ")
			cut, ok := cutSuffixFold(s, "(fwd)")
			if !ok {
				break
			}
			s, reply = cut, true
		}
		// (3) to (5) subj-leader, and subj-blob where something remains without it
		for found := true; found; reply = reply || found {
			s, found = cutLeader(s)
		}
		// (6) "[fwd:" ... "]", then all over again
		rest, ok := cutPrefixFold(s, "[fwd:")
		if !ok || !strings.HasSuffix(rest, "]") {
			break
		}
		s, reply = strings.Trim(rest[:len(rest)-1], " "), true
	}
	return strings.TrimRight(truncate(s, MaxBaseSubject), " "), reply
}

// cutLeader removes subj-leader: *subj-blob ("re" / "fw" / "fwd") *WSP [subj-blob] ":". Where there is none it removes
// the blobs alone, but the last one if nothing else remains.
func cutLeader(s string) (rest string, found bool) {
	s = strings.TrimLeft(s, " ")
	last := s
	for {
		next, ok := cutBlob(s)
		if !ok {
			break
		}
		last, s = s, next
	}
	if s == "" {
		return last, false
	}
	rest, ok := cutPrefixFold(s, "re")
	if !ok {
		if rest, ok = cutPrefixFold(s, "fwd"); !ok {
			if rest, ok = cutPrefixFold(s, "fw"); !ok {
				return s, false
			}
		}
	}
	rest = strings.TrimLeft(rest, " ")
	if next, ok := cutBlob(rest); ok {
		rest = next
	}
	if !strings.HasPrefix(rest, ":") {
		return s, false
	}
	return strings.TrimLeft(rest[1:], " "), true
}

// cutBlob removes subj-blob: "[" *BLOBCHAR "]" *WSP, where BLOBCHAR is anything but brackets.
func cutBlob(s string) (string, bool) {
	if !strings.HasPrefix(s, "[") {
		return s, false
	}
	end := strings.IndexAny(s[1:], "[]")
	if end < 0 || s[1+end] != ']' {
		return s, false
	}
	return strings.TrimLeft(s[end+2:], " "), true
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if n := len(s) - len(suffix); n >= 0 && strings.EqualFold(s[n:], suffix) {
		return s[:n], true
	}
	return s, false
}

// truncate cuts s to at most n bytes without cutting a character.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
