package search

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/blob/sealed"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
)

// What is in a text passes its filter, also when marks are left out of the one or the other.
func TestFilterHidesNothing(t *testing.T) {
	unmarked := strings.NewReplacer("\u0301", "", "\u0308", "")
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.SampledFrom([]rune("abcdeéöл日本\u0301\u0308 \n"))
		text := casemap.Fold(rapid.StringOfN(alphabet, 0, 3000, -1).Draw(t, "text"))
		g := newGrams(len(text))
		g.addAll([]byte(text))
		runes := []rune(text)
		if len(runes) == 0 {
			return
		}
		from := rapid.IntRange(0, len(runes)-1).Draw(t, "from")
		part := string(runes[from:min(len(runes), from+rapid.IntRange(0, 20).Draw(t, "length"))])
		if !g.mayHold(part) || !g.mayHold(unmarked.Replace(part)) {
			t.Fatalf("%q does not pass", part)
		}
		b, err := g.seal(sealed.Key{1})
		if err != nil {
			t.Fatal(err)
		}
		again, err := openGrams(nil, sealed.Key{1}, b)
		if err != nil || !again.mayHold(part) || len(again) != len(g) {
			t.Fatalf("opened: %v", err)
		}
	})
}

// A filter lets few strings pass that are not there, and opens under its key only.
func TestFilterRulesOut(t *testing.T) {
	var text strings.Builder
	for i := range 10_000 {
		text.WriteString(casemap.Fold(strings.Repeat(string(rune('a'+i%23)), i%3) + string(rune('a'+i*7%26)) + string(rune('a'+i/26%26)) + " "))
	}
	g := newGrams(text.Len())
	g.addAll([]byte(text.String()))
	if g.mayHold("QUARTZFJORD") || g.mayHold("ΣΙΣΥΦΟΣ") || !g.mayHold("") || !g.mayHold("QX") {
		t.Error("the filter is not one")
	}
	b, err := g.seal(sealed.Key{1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openGrams(nil, sealed.Key{2}, b); err == nil {
		t.Error("opened under another key")
	}
}
