package mail

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestJMAPKeywords(t *testing.T) {
	f, err := ParseJMAPKeywords([]string{"$SEEN", "$draft", "$Forwarded", "Custom", "$mdnsent", "custom"})
	if err != nil || f.Bits != Seen|Draft|Forwarded|MDNSent || !slices.Equal(f.Keywords, []string{"Custom"}) {
		t.Fatalf("%+v %v", f, err)
	}
	f.Bits |= Deleted
	if got := slices.Sorted(maps.Keys(JMAPKeywords(f))); !slices.Equal(got, []string{"$draft", "$forwarded", "$mdnsent", "$seen", "custom"}) {
		t.Errorf("%q", got)
	}
	for _, bad := range []string{"", `\Seen`, `\Deleted`, "a b", "a(", "ü", strings.Repeat("x", 256)} {
		if f, err := ParseJMAPKeywords([]string{bad}); err == nil {
			t.Errorf("%q: %+v", bad, f)
		}
	}
	// RFC 8621 4.1.1: 1 to 255 characters.
	for _, length := range []int{1, 255} {
		if _, err := ParseJMAPKeywords([]string{strings.Repeat("x", length)}); err != nil {
			t.Errorf("a keyword of %d characters: %v", length, err)
		}
	}
	many := make([]string, MaxKeywords+1)
	for i := range many {
		many[i] = "k" + strconv.Itoa(i)
	}
	if _, err := ParseJMAPKeywords(many); !Is(err, Limit) {
		t.Errorf("too many: %v", err)
	}
}
