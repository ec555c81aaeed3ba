// Package result is the record of a benchmark: figures with their samples, and
// the machine, commit and disk they were measured on.
//
// Figures of different machines or runs do not compare; ratios between servers of
// one run do. The JSON form is what is kept, the table is for reading.
package result

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Version of the JSON form.
const Version = 1

// Result of one run.
type Result struct {
	Version int       `json:"version"`
	Date    time.Time `json:"date"`
	Commit  string    `json:"commit"`
	Command []string  `json:"command"`
	Scale   string    `json:"scale"`
	Machine Machine   `json:"machine"`
	Disk    Disk      `json:"disk"`
	Servers []Server  `json:"servers"`
}

// Server is what one server did.
type Server struct {
	Name     string    `json:"name"`
	Figures  []Figure  `json:"figures"`
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is a part of the run that has no figures.
type Failure struct {
	Step  string `json:"step"`
	Error string `json:"error"`
}

// Figure is one number. Names are the same for all servers.
type Figure struct {
	Name    string    `json:"name"`
	Unit    string    `json:"unit"`
	Better  Direction `json:"better"`
	Value   float64   `json:"value"`
	Samples []float64 `json:"samples,omitempty"`
}

// Direction says which figures are good ones.
type Direction string

const (
	More Direction = "more"
	Less Direction = "less"
)

// Write puts the result into a new file of dir named by date and commit, and
// returns its path. An earlier result of the same day and commit is not replaced.
func (r *Result) Write(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	base := filepath.Join(dir, r.Date.Format(time.DateOnly)+"-"+r.Commit)
	for n := 1; ; n++ {
		path := base + ".json"
		if n > 1 {
			path = fmt.Sprintf("%s-%d.json", base, n)
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(append(text, '\n'))
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		return path, err
	}
}

// Table prints figures side by side. With more than one server each further one
// has a ratio: how many times better the first is, whichever direction is better.
func (r *Result) Table(w io.Writer) error {
	fmt.Fprintf(w, "%s, commit %s, scale %s\n%s\n%s\n\n", r.Date.Format(time.DateTime), r.Commit, r.Scale, r.Machine, r.Disk)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "figure\tunit")
	for i, s := range r.Servers {
		fmt.Fprintf(t, "\t%s\tspread", s.Name)
		if i > 0 {
			fmt.Fprint(t, "\tratio")
		}
	}
	fmt.Fprintln(t)
	for _, name := range r.names() {
		r.row(t, name)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range r.Servers {
		for _, f := range s.Failures {
			fmt.Fprintf(w, "\nFAILED %s, %s: %s\n", s.Name, f.Step, f.Error)
		}
	}
	return nil
}

// names of all figures, in the order in which they were measured.
func (r *Result) names() []string {
	var names []string
	for _, s := range r.Servers {
		for _, f := range s.Figures {
			if !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

func (r *Result) row(w io.Writer, name string) {
	figures := make([]*Figure, len(r.Servers))
	var any *Figure
	for i := range r.Servers {
		if f := r.Servers[i].Figure(name); f != nil {
			figures[i], any = f, f
		}
	}
	cells := []string{name, any.Unit}
	for i, f := range figures {
		if f == nil {
			cells = append(cells, "-", "")
		} else {
			cells = append(cells, Number(f.Value), f.spread())
		}
		if i > 0 {
			ratio := ""
			if times, ok := Ratio(figures[0], f); ok {
				ratio = Number(times) + "x"
			}
			cells = append(cells, ratio)
		}
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// Figure of that name, nil when the server has none.
func (s *Server) Figure(name string) *Figure {
	if at := slices.IndexFunc(s.Figures, func(f Figure) bool { return f.Name == name }); at >= 0 {
		return &s.Figures[at]
	}
	return nil
}

// Ratio is how many times better a is than b, false when that cannot be told.
func Ratio(a, b *Figure) (times float64, ok bool) {
	if a == nil || b == nil || a.Value <= 0 || b.Value <= 0 {
		return 0, false
	}
	if a.Better == Less {
		return b.Value / a.Value, true
	}
	return a.Value / b.Value, true
}

func (f *Figure) spread() string {
	if len(f.Samples) < 2 {
		return ""
	}
	return Number(slices.Min(f.Samples)) + ".." + Number(slices.Max(f.Samples))
}

// Number as text has about three digits that matter.
func Number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
