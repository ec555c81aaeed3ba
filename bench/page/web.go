package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/bench/result"
)

// webHeading begins the part of the page that is about the web client.
const webHeading = "\n## The web client\n"

// webGoals are what figures of the web client should be at most.
var webGoals = map[string]float64{
	"first load, compressed":                      250,
	"inbox painted, from a warm server":           300,
	"conversation painted after the click":        50,
	"scrolling 100,000 messages, frame, p95":      1000.0/60 + 1,
	"sent by one, seen by the other":              100,
	"heap after scrolling through 100,000":        100,
	"scrolling 100,000 messages, dropped of 1000": 20,
}

// WriteWeb puts the figures of the web client, from the result in the file source, on the page at path.
func WriteWeb(path, source string) error {
	r, link, err := read(path, source)
	if err != nil {
		return err
	}
	var w strings.Builder
	fmt.Fprintf(&w, `%s
<!-- Made by "mailload web" (bench/page) from %s: do not edit. -->

In headless Chromium, over TLS on the loopback address; server, browser and what drives it share the cores
([samples](%s)).

- %s, commit %s
- %s

| figure | unit | median | lowest | highest | goal |
|---|---|---:|---:|---:|---|
`, webHeading, link, link, r.Date.Format(time.DateOnly), r.Commit, r.Machine)
	for _, f := range r.Servers[0].Figures {
		low, high := spread(f.Samples, f.Value)
		fmt.Fprintf(&w, "| %s | %s | %s | %s | %s | %s |\n", f.Name, f.Unit, result.Number(f.Value), result.Number(low), result.Number(high), webVerdict(f))
	}
	return writePart(path, webHeading, w.String())
}

func spread(samples []float64, value float64) (low, high float64) {
	low, high = value, value
	for _, s := range samples {
		low, high = min(low, s), max(high, s)
	}
	return low, high
}

// webVerdict is the goal of a figure, in words, and whether it was reached.
func webVerdict(f result.Figure) string {
	limit, ok := webGoals[f.Name]
	switch {
	case !ok:
		return ""
	case f.Value > limit:
		return "at most " + result.Number(limit) + ": **missed**"
	}
	return "at most " + result.Number(limit)
}
