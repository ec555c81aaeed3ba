package imap

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestParseSet(t *testing.T) {
	for text, want := range map[string]Set{
		"1":              set(one(1)),
		"*":              set(one(Star)),
		"2,4:7,9,12:*":   set(one(2), Range{4, 7}, one(9), Range{12, Star}),
		"*:4,4294967295": set(Range{Star, 4}, one(math.MaxUint32)),
	} {
		got, err := ParseSet(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%s is written %s", text, got)
		}
	}
	for _, text := range []string{"", ",", "1,", ":", "1:", ":1", "1:2:3", "0", "01", "+1", "-1", "4294967296", "1 2", "a", "**", "$", "1_0"} {
		if got, err := ParseSet(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func TestSetResolve(t *testing.T) {
	tests := []struct {
		text    string
		largest uint32
		want    string
	}{
		{"2,4:7,9,12:*", 15, "2,4:7,9,12:15"},
		{"*:4,5:7", 10, "4:10"},
		{"559:*", 100, "100:559"}, // RFC 9051 6.4.9: includes the last message
		{"*", 0, ""},
		{"5:*,3", 0, "3"},
		{"7:4,1", 0, "1,4:7"},
		{"1:4294967295,5", 0, "1:4294967295"},
		{"4294967295,4294967294", 0, "4294967294:4294967295"},
	}
	for _, tt := range tests {
		s, err := ParseSet(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Resolve(tt.largest).String(); got != tt.want {
			t.Errorf("%s up to %d: %s, want %s", tt.text, tt.largest, got, tt.want)
		}
		if got := s.String(); got != tt.text {
			t.Errorf("Resolve changed its receiver from %s to %s", tt.text, got)
		}
	}
	if !set(Range{1, Star}).Dynamic() || set(Range{1, 2}).Dynamic() {
		t.Error("Dynamic is wrong")
	}
}

// The set operations agree with those on plain maps.
func TestSetModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOf(rapid.OneOf(rapid.Uint32Range(1, 40), rapid.Uint32Range(math.MaxUint32-3, math.MaxUint32)))
		a, b := numbers.Draw(t, "a"), numbers.Draw(t, "b")
		s, u := SetOf(a...), SetOf(b...)
		var added Set
		for _, n := range a {
			added.Add(n)
		}
		if !slices.Equal(s, added) {
			t.Fatalf("SetOf gives %v, Add gives %v", s, added)
		}
		check := func(name string, got Set, in func(n uint32) bool) {
			var want []uint32
			for _, n := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b)))) {
				if in(n) {
					want = append(want, n)
				}
				if got.Contains(n) != in(n) {
					t.Fatalf("%s: Contains(%d) is %v", name, n, !in(n))
				}
			}
			if all := slices.Collect(got.All()); !slices.Equal(all, want) || got.Len() != uint64(len(want)) {
				t.Fatalf("%s: %v of length %d, want %v", name, all, got.Len(), want)
			}
			if !slices.Equal(got.Resolve(0), got) {
				t.Fatalf("%s: %v is not normal", name, got)
			}
		}
		check("a", s, func(n uint32) bool { return slices.Contains(a, n) })
		check("intersect", s.Intersect(u), func(n uint32) bool { return slices.Contains(a, n) && slices.Contains(b, n) })
		check("subtract", s.Subtract(u), func(n uint32) bool { return slices.Contains(a, n) && !slices.Contains(b, n) })
	})
}
