package queries

import (
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// Whatever a client sends for a filter is read as one of bounded size, or refused; what is read can be planned.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{`null`, `{}`, `{"text":"one 'two three' \"x"}`, `{"operator":"NOT","conditions":[{"inMailbox":"F1"},{"before":"2024-01-01T00:00:00Z"}]}`,
		`{"header":["X","y"],"minSize":1,"hasKeyword":"$seen","allInThreadHaveKeyword":"a"}`, `{"operator":1}`, `[`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := parseFilter(ijson.Value(text))
		if err != nil {
			return
		}
		if filter.parts > MaxFilter || len(filter.texts) > MaxFilter {
			t.Fatalf("%d parts", filter.parts)
		}
		if filter.key != nil {
			search.Plan(filter.key, search.Scope{})
		}
	})
}

// A filter nested as deep as JSON may be, and deeper.
func TestDeepFilter(t *testing.T) {
	deep := func(n int) ijson.Value {
		return ijson.Value(strings.Repeat(`{"operator":"NOT","conditions":[`, n) + `{}` + strings.Repeat(`]}`, n))
	}
	if _, err := parseFilter(deep(40)); err != nil {
		t.Error(err)
	}
	if _, err := parseFilter(deep(100)); err == nil {
		t.Error("too deep a filter was taken")
	}
}
