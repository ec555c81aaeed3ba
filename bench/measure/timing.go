package measure

import (
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/bench/histogram"
)

// Timing is how long one operation took in several rounds, in milliseconds.
type Timing struct {
	Name    string    `json:"name"`
	Median  float64   `json:"median_ms"`
	Min     float64   `json:"min_ms"`
	Max     float64   `json:"max_ms"`
	Samples []float64 `json:"samples_ms"`
}

// timings keeps the order in which operations were first timed.
type timings []Timing

// add takes the time of one round since begin.
func (t *timings) add(name string, begin time.Time) {
	sample := histogram.Millis(time.Since(begin))
	i := slices.IndexFunc(*t, func(x Timing) bool { return x.Name == name })
	if i < 0 {
		i = len(*t)
		*t = append(*t, Timing{Name: name})
	}
	(*t)[i].Samples = append((*t)[i].Samples, sample)
}

func (t timings) summarize() []Timing {
	for i := range t {
		sorted := slices.Sorted(slices.Values(t[i].Samples))
		t[i].Min, t[i].Max = sorted[0], sorted[len(sorted)-1]
		t[i].Median = Median(sorted)
	}
	return t
}

// Median of the samples, zero without any.
func Median(samples []float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
