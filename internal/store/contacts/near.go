package contacts

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
)

// Near sorts contacts by how near they are: whom the account writes to often, and has written to lately, comes first.
func Near(list []Contact, now time.Time) {
	slices.SortFunc(list, func(a, b Contact) int {
		return cmp.Or(cmp.Compare(b.rank(now), a.rank(now)), cmp.Compare(a.Address.String(), b.Address.String()))
	})
}

// Words are the words of a text in the form in which they are compared.
func Words(text string) []string { return strings.Fields(plain(text)) }

// plain is a text without its case and its accents, which people leave out when they look for somebody.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, casemap.Fold(text))
}

// rank weighs how often by how long ago: who was written to on ten days, the last of them a month ago, is as near as who was
// written to on two days this week.
func (c *Contact) rank(now time.Time) float64 {
	weeks := now.Sub(c.Wrote).Hours() / (24 * 7)
	return float64(c.Days) / (1 + max(0, weeks))
}

// Matches reports whether each of some words (Words) begins a word of the name or of the address.
func (c *Contact) Matches(words []string) bool {
	text := plain(c.Name + " " + c.Address.String())
	for _, w := range words {
		if !begins(text, w) {
			return false
		}
	}
	return true
}

func begins(text, word string) bool {
	for at := 0; ; at++ {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		if at += i; at == 0 || strings.IndexByte(" .-_+@'\"(", text[at-1]) >= 0 {
			return true
		}
	}
}
