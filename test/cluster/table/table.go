// Package table is what the fault tests of the cluster print: a row for each fault, with what it struck and what became of
// what was acknowledged meanwhile; and which rows prove nothing, or that a promise was broken.
package table

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Enough is how many acknowledged operations a row needs: with fewer it proves nothing.
const Enough = 2000

// Row is what came of one fault.
type Row struct {
	Fault        string
	Struck       int64 // times it met something
	Acknowledged int   // operations
	Unknown      int   // operations whose answer never came
	Lost         int   // acknowledged messages that are not there
	Doubled      int   // acknowledged messages that are there more than once
	Wrong        []string
	Pause        time.Duration // the longest that a client had no success
	Reconnect    time.Duration // the longest from losing a connection to having another
	Notice       time.Duration // the longest from an acknowledgement until a client that watches knew
	Limits       Limits
}

// Limits are how long a fault may last for clients. 0: nobody says.
type Limits struct{ Pause, Reconnect, Notice time.Duration }

// Complaints say why a row is red. There are none where it is green.
func (r Row) Complaints() (why []string) {
	complain := func(when bool, format string, args ...any) {
		if when {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	complain(r.Lost > 0, "%d acknowledged messages are lost", r.Lost)
	complain(r.Doubled > 0, "%d messages are there more than once", r.Doubled)
	complain(r.Struck == 0, "the fault struck nothing")
	complain(r.Acknowledged < Enough, "%d operations were acknowledged, which is less than %d", r.Acknowledged, Enough)
	for what, took := range map[string][2]time.Duration{"without success": {r.Pause, r.Limits.Pause}, "without a connection": {r.Reconnect, r.Limits.Reconnect},
		"without news": {r.Notice, r.Limits.Notice}} {
		complain(took[0] > took[1] && took[1] > 0, "a client was %s for %v, which is more than %v", what, took[0].Round(time.Millisecond), took[1])
	}
	return append(why, r.Wrong...)
}

// Green reports whether the fault struck, and every promise was kept.
func (r Row) Green() bool { return len(r.Complaints()) == 0 }

// head is that of the printed table.
var head = []string{"fault", "struck", "acknowledged", "unknown", "lost", "doubled", "wrong", "longest pause", "reconnect", "notice", ""}

// String is the table as Markdown, its columns in line.
func String(rows []Row) string {
	lines := [][]string{head, make([]string, len(head))}
	for _, r := range rows {
		verdict := "green"
		if !r.Green() {
			verdict = "RED"
		}
		lines = append(lines, []string{r.Fault, fmt.Sprint(r.Struck), fmt.Sprint(r.Acknowledged), fmt.Sprint(r.Unknown), fmt.Sprint(r.Lost), fmt.Sprint(r.Doubled),
			fmt.Sprint(len(r.Wrong)), seconds(r.Pause), seconds(r.Reconnect), seconds(r.Notice), verdict})
	}
	var b strings.Builder
	for i, cells := range lines {
		for column, cell := range cells {
			width := 0
			for _, other := range lines {
				width = max(width, len(other[column]))
			}
			switch {
			case i == 1 && (column == 0 || column == len(head)-1):
				cell = strings.Repeat("-", max(3, width))
			case i == 1: // numbers stand to the right
				cell = strings.Repeat("-", max(3, width)-1) + ":"
			case column == 0 || column == len(head)-1:
				cell += strings.Repeat(" ", max(3, width)-len(cell))
			default:
				cell = strings.Repeat(" ", max(3, width)-len(cell)) + cell
			}
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
	}
	for _, r := range rows {
		for _, why := range first(r.Complaints(), 5) {
			fmt.Fprintf(&b, "\n%s: %s", r.Fault, why)
		}
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// first are the first n, and how many more there are.
func first(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	return append(slices.Clone(list[:n]), fmt.Sprintf("and %d more", len(list)-n))
}
