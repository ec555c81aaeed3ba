package page

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/bench/result"
)

// row compares one figure.
type row struct {
	name string
	a, b *result.Figure // b is nil when the second server has none
	goal *goal
}

// Write makes the page at path, and its picture beside it, from the result in the
// file source. Links on the page are relative to the page. What the page says of
// the web client and of clusters stays (WriteWeb, WriteCluster).
func Write(path, source string) error {
	r, link, err := read(path, source)
	if err != nil {
		return err
	}
	if len(r.Servers) < 2 {
		return fmt.Errorf("%s is of %d server: two are needed to compare", source, len(r.Servers))
	}
	all, err := readParts(path)
	if err != nil {
		return err
	}
	picture := strings.TrimSuffix(path, filepath.Ext(path)) + ".svg"
	all[""] = string(markdown(&r, link, filepath.Base(picture)))
	return errors.Join(
		all.write(path),
		os.WriteFile(picture, svg(&r), 0o644),
	)
}

func rows(r *result.Result) []row {
	var out []row
	for i := range r.Servers[0].Figures {
		a := &r.Servers[0].Figures[i]
		out = append(out, row{name: a.Name, a: a, b: r.Servers[1].Figure(a.Name), goal: goalOf(a.Name)})
	}
	return out
}

func markdown(r *result.Result, source, picture string) []byte {
	var w bytes.Buffer
	a, b := r.Servers[0].Name, r.Servers[1].Name
	fmt.Fprintf(&w, `# Performance

<!-- Made by "make bench" (bench/page) from %s: do not edit. -->

%s beside %s (Debian's packages), on the same machine in the same run: one after the other is
started on empty data and goes through the same steps, over standard protocols only. Server and load generator share
the cores. [How it is measured and how to read it](../bench/README.md); [all figures with their samples](%s).

![%s beside %s](%s)

- %s, commit %s, scale %s
- %s
- %s

The ratio says how many times better %s is: 2x is twice the rate, or half of the time. Figures of other machines
and runs do not compare; ratios do.

`, source, a, b, source, a, b, picture, r.Date.Format(time.DateOnly), r.Commit, r.Scale, r.Machine, r.Disk, a)
	fmt.Fprintf(&w, "| figure | unit | %s | %s | ratio | goal |\n|---|---|---:|---:|---:|---|\n", a, b)
	for _, row := range rows(r) {
		theirs, ratio := "", ""
		if row.b != nil {
			theirs = result.Number(row.b.Value)
		}
		if times, ok := result.Ratio(row.a, row.b); ok {
			ratio = result.Number(times) + "x"
		}
		fmt.Fprintf(&w, "| %s | %s | %s | %s | %s | %s |\n", row.name, row.a.Unit, result.Number(row.a.Value), theirs, ratio, row.verdict())
	}
	for _, s := range r.Servers {
		for _, f := range s.Failures {
			fmt.Fprintf(&w, "\n**No figure**: %s, %s: %s\n", s.Name, f.Step, f.Error)
		}
	}
	return w.Bytes()
}

// verdict is the goal, in words, and whether it was reached.
func (r row) verdict() string {
	if r.goal == nil {
		return ""
	}
	text := "at least "
	switch {
	case r.goal.ratio > 0:
		text += result.Number(r.goal.ratio) + "x"
	case r.a.Better == result.Less:
		text = "at most " + result.Number(r.goal.limit)
	default:
		text += result.Number(r.goal.limit)
	}
	if reached, known := r.goal.reached(r.a, r.b); known && !reached {
		return text + ": **missed**"
	}
	return text
}
