package histogram

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestEmpty(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Mean() != 0 || h.Max() != 0 || h.Count() != 0 {
		t.Errorf("an empty histogram answers %+v, want zeros", h.Summary())
	}
}

func TestBucketsAreContiguous(t *testing.T) {
	for i := range buckets - 1 {
		if got := bucket(upper(i)); got != i {
			t.Fatalf("bucket(upper(%d)) = %d", i, got)
		}
		if got := bucket(upper(i) + 1); got != i+1 {
			t.Fatalf("bucket(upper(%d)+1) = %d, want %d", i, got, i+1)
		}
	}
	if got := bucket(math.MaxInt64); got != buckets-1 {
		t.Errorf("the largest duration falls into bucket %d of %d", got, buckets)
	}
}

// The model is the sorted list of samples: a quantile is at least the true
// sample of that rank and at most 1/64 more.
func TestQuantilesAgainstSortedSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour)), 1, 300).Draw(t, "samples")
		split := rapid.IntRange(0, len(samples)).Draw(t, "split")
		var h, other Histogram
		for i, s := range samples {
			if i < split {
				h.Record(time.Duration(s))
			} else {
				other.Record(time.Duration(s))
			}
		}
		h.Merge(&other)
		slices.Sort(samples)
		if h.Count() != uint64(len(samples)) || int64(h.Min()) != samples[0] || int64(h.Max()) != samples[len(samples)-1] {
			t.Fatalf("count %d min %d max %d of %v", h.Count(), h.Min(), h.Max(), samples)
		}
		for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
			want := samples[max(int(math.Ceil(q*float64(len(samples)))), 1)-1]
			got := int64(h.Quantile(q))
			if got < want || got > want+want/sub+1 {
				t.Fatalf("quantile %v is %d, true sample %d", q, got, want)
			}
		}
	})
}

func TestNegativeCountsAsZero(t *testing.T) {
	var h Histogram
	h.Record(-time.Second)
	if h.Max() != 0 || h.Count() != 1 {
		t.Errorf("max %v count %d, want 0 and 1", h.Max(), h.Count())
	}
}

func TestSummaryInMilliseconds(t *testing.T) {
	var h Histogram
	for i := 1; i <= 100; i++ {
		h.Record(time.Duration(i) * time.Millisecond)
	}
	s := h.Summary()
	if s.Count != 100 || s.Min != 1 || s.Max != 100 || s.Mean != 50.5 || s.P50 < 50 || s.P50 > 51 || s.P99 < 99 || s.P99 > 100 {
		t.Errorf("summary %+v", s)
	}
}

func BenchmarkRecord(b *testing.B) {
	var h Histogram
	for i := range b.N {
		h.Record(time.Duration(i) * 7919)
	}
}
