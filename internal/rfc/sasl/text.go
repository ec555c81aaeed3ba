package sasl

import (
	"strings"
	"unicode/utf8"
)

// checkResponse holds what all messages have in common: RFC 4616 2 and RFC 5802 5.1 both want UTF-8.
func checkResponse(response []byte) error {
	if len(response) > MaxResponse {
		return malformed("a response has at most %d bytes, this one has %d", MaxResponse, len(response))
	}
	if !utf8.Valid(response) {
		return malformed("a response is UTF-8 text")
	}
	return nil
}

func splitNUL(s string) []string { return strings.SplitN(s, "\x00", 4) }
