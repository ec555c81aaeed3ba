package compose

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

const tspecials = `()<>@,;:\"/[]?=`

func isToken(s string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(tspecials, r)
	})
}

// maxValue is the longest value of a parameter that is written in one piece.
const maxValue = 52

// parameter writes a parameter: as it is, or extended and in pieces (RFC 2231 3 and 4), each of whole characters.
func parameter(p header.Param) []string {
	if len(p.Value) <= maxValue && isASCII(p.Value) && !hasControl(p.Value) && !strings.Contains(p.Value, "=?") {
		if isToken(p.Value) {
			return []string{p.Name + "=" + p.Value}
		}
		return []string{p.Name + "=" + quoted(p.Value)}
	}
	var pieces []string
	var piece strings.Builder
	for _, r := range p.Value {
		c := percent(string(r))
		if piece.Len()+len(c) > maxValue {
			pieces = append(pieces, piece.String())
			piece.Reset()
		}
		piece.WriteString(c)
	}
	pieces = append(pieces, piece.String())
	if len(pieces) == 1 {
		return []string{p.Name + "*=utf-8''" + pieces[0]}
	}
	for i, v := range pieces {
		begin := p.Name + "*" + strconv.Itoa(i) + "*="
		if i == 0 {
			begin += "utf-8''"
		}
		pieces[i] = begin + v
	}
	return pieces
}

// percent writes a character of an extended value (RFC 2231 7, attribute-char).
func percent(char string) string {
	if len(char) == 1 && char[0] > ' ' && char[0] < 0x7f && !strings.ContainsAny(char, "*'%"+tspecials) {
		return char
	}
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, 3*utf8.UTFMax)
	for i := range len(char) {
		b = append(b, '%', hex[char[i]>>4], hex[char[i]&15])
	}
	return string(b)
}
