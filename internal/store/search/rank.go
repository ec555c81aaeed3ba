package search

import (
	"math"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Ranking orders the messages that a query with Words finds, by how well they fit (Okapi BM25): a word counts the more the
// fewer messages have it, and the more often it is in a message of usual length. It takes every message that the query
// was asked of; the others say how common the words are.
type Ranking struct {
	asked  int
	length int   // of all
	having []int // messages, for each needle
	texts  map[mail.EmailID]Hits
}

// NewRanking begins one.
func (q *Query) NewRanking() *Ranking {
	return &Ranking{having: make([]int, len(q.needles)), texts: map[mail.EmailID]Hits{}}
}

// Ranked reports whether the query has words to rank by.
func (q *Query) Ranked() bool { return q.ranked }

// Add takes what is known of a message. It may be given again, knowing more.
func (r *Ranking) Add(id mail.EmailID, h Hits) {
	if _, there := r.texts[id]; there || h.weights == nil {
		return
	}
	r.asked++
	r.length += h.length
	any := false
	for i, w := range h.weights {
		if w > 0 {
			r.having[i]++
			any = true
		}
	}
	if any {
		r.texts[id] = Hits{weights: append([]uint16(nil), h.weights...), length: h.length}
	}
}

// BM25's constants, as everybody has them.
const (
	saturation = 1.2
	byLength   = 0.75
)

// Scores returns a score for each of some messages, of 1 to 100 (RFC 6203 4): 100 for the one that fits best.
func (r *Ranking) Scores(found []mail.EmailID) []int {
	scores := make([]float64, len(found))
	best := 0.0
	for i, id := range found {
		scores[i] = r.score(r.texts[id])
		best = max(best, scores[i])
	}
	out := make([]int, len(found))
	for i, s := range scores {
		out[i] = 1
		if best > 0 {
			out[i] = max(1, int(math.Round(100*s/best)))
		}
	}
	return out
}

func (r *Ranking) score(h Hits) (sum float64) {
	usual := float64(max(1, r.length)) / float64(max(1, r.asked))
	for i, w := range h.weights {
		if w == 0 {
			continue
		}
		n := float64(r.having[i])
		rare := math.Log(1 + (float64(r.asked)-n+0.5)/(n+0.5))
		often := float64(w)
		sum += rare * often * (saturation + 1) / (often + saturation*(1-byLength+byLength*float64(h.length)/usual))
	}
	return sum
}
