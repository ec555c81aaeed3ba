package page

import (
	"regexp"

	"github.com/mailmesh/mailmesh/bench/result"
)

// goal is what the first server should reach in figures of a name. Ratios compare with
// the second server of the run; limits are figures by themselves.
type goal struct {
	figure *regexp.Regexp
	ratio  float64 // 0: none
	limit  float64 // 0: none
}

var goals = []goal{
	{figure: regexp.MustCompile(`^smtp accepted$`), ratio: 2.5},
	{figure: regexp.MustCompile(`^visible over IMAP$`), ratio: 8},
	{figure: regexp.MustCompile(`^lmtp accepted$`), ratio: 5},
	{figure: regexp.MustCompile(`^(outbound|queue) handed on$`), ratio: 1},
	{figure: regexp.MustCompile(`^MAIL FROM to IDLE EXISTS, p50$`), limit: 3},
	{figure: regexp.MustCompile(`^MAIL FROM to IDLE EXISTS, p99$`), limit: 15},
	{figure: regexp.MustCompile(`^250 to WebSocket push, p50$`), limit: 3},
	{figure: regexp.MustCompile(`^250 to WebSocket push, p99$`), limit: 15},
	{figure: regexp.MustCompile(`^typing from client to client, p99$`), limit: 10},
	{figure: regexp.MustCompile(`^memory of a WebSocket`), limit: 40},
	{figure: regexp.MustCompile(`^jmap of \d+, first page`), limit: 15},
	{figure: regexp.MustCompile(`^jmap at \d+/s, p99$`), limit: 100},
	{figure: regexp.MustCompile(`^jmap requests$`), limit: 1000},
	{figure: regexp.MustCompile(`^idle server, PSS$`), limit: 60},
	{figure: regexp.MustCompile(`^imap of \d+, (select|fetch flags|fetch envelope|fetch header fields|search unseen|store)$`), ratio: 1},
	// Bodies are sealed: opening them may cost half as much again.
	{figure: regexp.MustCompile(`^imap of \d+, fetch bodies$`), ratio: 1 / 1.5},
	{figure: regexp.MustCompile(`^imap of \d+, search (text|body)$`), ratio: 5},
	{figure: regexp.MustCompile(`^memory of an idle session`), limit: 40},
	{figure: regexp.MustCompile(`^import, highest RSS$`), limit: 256},
}

// goalOf a figure, nil when there is none.
func goalOf(name string) *goal {
	for i := range goals {
		if goals[i].figure.MatchString(name) {
			return &goals[i]
		}
	}
	return nil
}

// reached tells whether the first figure does what the goal asks; a ratio to a server
// that has no such figure is neither.
func (g *goal) reached(a, b *result.Figure) (reached, known bool) {
	if g.ratio > 0 {
		ratio, ok := result.Ratio(a, b)
		return ratio >= g.ratio, ok
	}
	if a.Better == result.Less {
		return a.Value <= g.limit, true
	}
	return a.Value >= g.limit, true
}
