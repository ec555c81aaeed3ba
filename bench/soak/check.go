package soak

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/imap"
)

// CheckOptions of a Check.
type CheckOptions struct {
	Addr     string
	IMAP     imap.Options
	Accounts map[string]string // passwords by address: all recipients of the journals
	Dir      string            // of the journals
	State    string            // path of the state file; empty: none
	// NewOnly reads only the bodies of messages that the last check has not seen.
	NewOnly bool
	// Atomic demands that a mail in doubt has reached all of its recipients or none.
	Atomic bool
	// Strict demands that what was refused is not there.
	Strict bool
}

// Problem is one broken promise.
type Problem struct {
	Kind    string `json:"kind"`
	Account string `json:"account"`
	Detail  string `json:"detail"`
}

func (p Problem) String() string { return p.Kind + ": " + p.Account + ": " + p.Detail }

// Kinds of problems.
const (
	Missing    = "missing"    // acked and not there
	Doubled    = "doubled"    // there more than once
	Altered    = "altered"    // other bytes than were sent
	BadTrace   = "bad trace"  // what precedes the content is no trace header
	Unknown    = "unknown"    // there and never sent, or not to this account
	Partial    = "partial"    // in doubt, and there for some recipients only
	Kept       = "kept"       // refused and there all the same
	UIDOrder   = "uid order"  // UIDs do not grow
	UIDReused  = "uid reused" // a UID names another message than before
	Vanished   = "vanished"   // seen by the last check and gone
	Renumbered = "renumbered" // UIDVALIDITY or MODSEQ went another way than up
	Miscounted = "miscounted" // a counter does not tell what is listed
)

// maxProblems is how many problems a report spells out.
const maxProblems = 200

// CheckReport is what a Check found.
type CheckReport struct {
	Messages    int            `json:"messages"`      // listed in all mailboxes
	Acked       int            `json:"acked"`         // recipients the journals call acked
	BodiesRead  int            `json:"bodies_read"`   // and found to have the right bytes
	InDoubt     int            `json:"in_doubt"`      // recipients neither acked nor refused
	InDoubtKept int            `json:"in_doubt_kept"` // of these, how many are there
	RefusedKept int            `json:"refused_kept"`
	Foreign     int            `json:"foreign"` // messages that are not of any load
	Counts      map[string]int `json:"problem_counts"`
	Problems    []Problem      `json:"problems"`
}

// OK says that every promise was kept.
func (r *CheckReport) OK() bool { return len(r.Counts) == 0 }

// Err is nil or an error that tells how many promises were broken, and one of them.
func (r *CheckReport) Err() error {
	if r.OK() {
		return nil
	}
	var counts []string
	for kind, n := range r.Counts {
		counts = append(counts, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(counts)
	return fmt.Errorf("%s; the first: %v", strings.Join(counts, ", "), r.Problems[0])
}

type checker struct {
	CheckOptions
	records Records
	state   *State
	mu      sync.Mutex
	report  CheckReport
	found   map[string]map[string]int // copies by message ID and account
}

// Check compares journals and mailboxes. An error means that it could not be done;
// what it found is in the report. The state file is written only when all is well.
func Check(ctx context.Context, o CheckOptions) (*CheckReport, error) {
	records, err := ReadJournals(o.Dir)
	if err != nil {
		return nil, err
	}
	state, err := ReadState(o.State)
	if err != nil {
		return nil, err
	}
	c := &checker{CheckOptions: o, records: records, state: state, found: map[string]map[string]int{}}
	c.report.Counts = map[string]int{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	next := &State{Version: stateVersion, Mailboxes: map[string]*MailboxState{}}
	for account, password := range o.Accounts {
		g.Go(func() error {
			found, err := c.mailbox(gctx, account, password)
			if err != nil {
				return fmt.Errorf("%s: %w", account, err)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			next.Mailboxes[account] = found
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := c.account(); err != nil {
		return nil, err
	}
	if o.State != "" && c.report.OK() {
		err = next.Write(o.State)
	}
	return &c.report, err
}

func (c *checker) problem(kind, account, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Counts[kind]++
	if len(c.report.Problems) < maxProblems {
		c.report.Problems = append(c.report.Problems, Problem{kind, account, fmt.Sprintf(format, args...)})
	}
}

// account goes through the journals and asks what became of each message.
func (c *checker) account() error {
	for id, record := range c.records {
		there := 0
		doubtful := true
		for to, fate := range record.Fates {
			if _, ok := c.Accounts[to]; !ok {
				return fmt.Errorf("%s is a recipient in the journals and its account was not given", to)
			}
			copies := c.found[id][to]
			there += min(copies, 1)
			doubtful = doubtful && fate == Sent
			c.fate(id, to, fate, copies)
		}
		if c.Atomic && doubtful && there > 0 && there < len(record.Fates) {
			c.problem(Partial, "", "message %s is there for %d of %d recipients", id, there, len(record.Fates))
		}
	}
	return nil
}

func (c *checker) fate(id, to, fate string, copies int) {
	switch fate {
	case Acked:
		c.report.Acked++
		if copies == 0 {
			c.problem(Missing, to, "message %s was acked", id)
		}
	case Refused:
		c.report.RefusedKept += copies
		if copies > 0 && c.Strict {
			c.problem(Kept, to, "message %s was refused", id)
		}
	default:
		c.report.InDoubt++
		c.report.InDoubtKept += min(copies, 1)
	}
	if copies > 1 {
		c.problem(Doubled, to, "message %s (%s) is there %d times", id, fate, copies)
	}
}
