package imap

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Places are those of a list, counted from either end.
func TestPartialRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.Permutation([]uint32{1, 2, 3, 4, 5, 6, 7, 4294967295}).Draw(t, "order")[:rapid.IntRange(0, 8).Draw(t, "length")]
		if rapid.Bool().Draw(t, "sorted") {
			slices.Sort(list)
		}
		place := rapid.OneOf(rapid.Uint32Range(1, 9), rapid.Just(uint32(4294967295)))
		r := PartialRange{place.Draw(t, "first"), place.Draw(t, "last"), rapid.Bool().Draw(t, "from the end")}
		var want []uint32
		for i, n := range list {
			at := uint32(i + 1)
			if r.FromEnd {
				at = uint32(len(list) - i)
			}
			if at >= min(r.First, r.Last) && at <= max(r.First, r.Last) {
				want = append(want, n)
			}
		}
		if got := slices.Collect(r.Of(ordered(list...)).All()); !slices.Equal(got, want) {
			t.Fatalf("%s of %v: %v, want %v", r.AppendTo(nil), list, got, want)
		}
	})
}

func TestEncodePartial(t *testing.T) {
	for _, tt := range []struct {
		r    PartialRange
		want string
	}{
		{PartialRange{1, 2, false}, `* ESEARCH (TAG "a") MIN 9 PARTIAL (1:2 9,8) COUNT 6`},
		{PartialRange{4, 3, true}, `* ESEARCH (TAG "a") MIN 9 PARTIAL (-4:-3 3:4) COUNT 6`},
		{PartialRange{7, 4294967295, false}, `* ESEARCH (TAG "a") MIN 9 PARTIAL (7:4294967295 NIL) COUNT 6`},
	} {
		got := encoded(t, Dialect{}, func(e *Encoder) {
			e.ESearch(SearchResult{Tag: "a", Return: SearchReturn{Extended: true, Min: true, Count: true, Partial: tt.r}, Matches: ordered(9, 8, 3, 4, 5, 7)})
		})
		if got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}
