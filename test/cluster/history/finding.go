package history

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is a kind of Finding: doc.go explains each.
type Fault string

const (
	Lost         Fault = "lost"
	Doubled      Fault = "doubled"
	Kept         Fault = "kept"
	Unsent       Fault = "unsent"
	Altered      Fault = "altered"
	Inconsistent Fault = "inconsistent"
	Reused       Fault = "reused"
	Backward     Fault = "backward"
	Miscounted   Fault = "miscounted"
	Disagreeing  Fault = "disagreeing"
	Diverged     Fault = "diverged"
	Undecided    Fault = "undecided"
)

// Finding is one broken promise.
type Finding struct {
	Kind    Fault
	Key     Key // Message may be ""
	Detail  string
	History string // of the message: a line an operation
}

func (f Finding) String() string {
	s := string(f.Kind) + ": " + f.Key.Account
	if f.Key.Message != "" {
		s = string(f.Kind) + ": " + f.Key.String()
	}
	if f.Detail != "" {
		s += ": " + f.Detail
	}
	if f.History != "" {
		s += "\n" + f.History
	}
	return s
}

// MaxFindings is how many of them are spelled out.
const MaxFindings = 100

// tell writes a history in the order in which the operations were begun.
func tell(operations []Operation) string {
	sorted := slices.Clone(operations)
	slices.SortStableFunc(sorted, func(a, b Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, o := range sorted {
		fmt.Fprintf(&b, "  %s\n", o)
	}
	return b.String()
}
