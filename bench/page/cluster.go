package page

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/bench/result"
)

// clusterHeading begins the part of the page that is about clusters, its last.
const clusterHeading = "\n## A cluster\n"

// clusterGoals are what the last cluster of a result, the largest, should reach.
var clusterGoals = map[string]struct {
	limit  float64 // 0: none
	beside float64 // how many times the first one's; 0: none
}{
	"deliveries of 10 KiB":                        {limit: 1000},
	"CPU of nodes and database, 1,000 deliveries": {beside: 1.15},
	"250 to WebSocket push at another node, p99":  {limit: 25},
	"idle node, RSS":                              {limit: 120},
}

// WriteCluster puts the figures of clusters, from the result in the file source, on the page at path.
func WriteCluster(path, source string) error {
	r, link, err := read(path, source)
	if err != nil {
		return err
	}
	var w bytes.Buffer
	fmt.Fprintf(&w, `%s
<!-- Made by "mailload cluster" (bench/page) from %s: do not edit. -->

Nodes of mailmesh, a PostgreSQL that keeps all of their data, bodies too, and the client share the cores
([samples](%s)).

- %s, commit %s
- %s
- %s

`, clusterHeading, link, link, r.Date.Format(time.DateOnly), r.Commit, r.Machine, r.Disk)
	clusterTable(&w, &r)
	return writePart(path, clusterHeading, w.String())
}

func clusterTable(w *bytes.Buffer, r *result.Result) {
	w.WriteString("| figure | unit |")
	for _, s := range r.Servers {
		fmt.Fprintf(w, " %s |", s.Name)
	}
	w.WriteString(" goal |\n|---|---|" + strings.Repeat("---:|", len(r.Servers)) + "---|\n")
	first, last := &r.Servers[0], &r.Servers[len(r.Servers)-1]
	for i := range last.Figures {
		f := &last.Figures[i]
		fmt.Fprintf(w, "| %s | %s |", f.Name, f.Unit)
		for n := range r.Servers {
			if of := r.Servers[n].Figure(f.Name); of != nil {
				fmt.Fprintf(w, " %s |", result.Number(of.Value))
			} else {
				w.WriteString(" |")
			}
		}
		fmt.Fprintf(w, " %s |\n", clusterVerdict(first, f))
	}
}

// clusterVerdict is the goal of a figure of the largest cluster, in words, and whether it was reached.
func clusterVerdict(first *result.Server, f *result.Figure) string {
	goal, ok := clusterGoals[f.Name]
	if !ok {
		return ""
	}
	limit, text := goal.limit, result.Number(goal.limit)
	if goal.beside > 0 {
		one := first.Figure(f.Name)
		if one == nil {
			return ""
		}
		limit, text = goal.beside*one.Value, result.Number(goal.beside)+"x of the first"
	}
	missed := f.Value > limit
	if text = "at most " + text; f.Better == result.More {
		missed, text = f.Value < limit, strings.Replace(text, "at most", "at least", 1)
	}
	if missed {
		return text + ": **missed**"
	}
	return text
}
