package imap

import "strings"

// appendQuoted appends a quoted string. The caller has made sure that s can be one.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(append(b, s[start:i]...), '\\')
			start = i
		}
	}
	return append(append(b, s[start:]...), '"')
}

// appendAString appends printable ASCII as an atom if it can be one, quoted otherwise.
func appendAString(b []byte, s string) []byte {
	if s == "" || strings.EqualFold(s, "NIL") {
		return appendQuoted(b, s)
	}
	for i := range len(s) {
		if !isAtom(s[i]) {
			return appendQuoted(b, s)
		}
	}
	return append(b, s...)
}
