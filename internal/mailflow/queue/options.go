package queue

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// When mail is tried, and how long.
const (
	FirstRetry     = 2 * time.Minute
	FirstRetryHere = 2 * time.Second // where our own database did not answer
	LastRetry      = 2 * time.Hour
	WarnAfter      = 4 * time.Hour
	GiveUpAfter    = 5 * 24 * time.Hour // RFC 5321 4.5.4.1: "at least 4-5 days"

	FirstPause = 15 * time.Second // of a destination
	LastPause  = 30 * time.Minute
)

// Limits.
const (
	MaxRunning        = 400  // deliveries at a time
	MaxUnproven       = 300  // of them to destinations that have not taken anything yet
	MaxTaken          = 2000 // messages that are leased: waiting in memory, running, or with a result to be written
	MaxPerDestination = 20
	FirstLimit        = 4
	MaxDestinations   = 10_000 // in memory
	keptDestinations  = 1000   // of them without work, for what is known of them

	LookAtAll  = 5 * time.Minute
	longestNap = 30 * time.Second // where nobody else adds mail
	nodesNap   = time.Second      // where other nodes may

	stopWithin = 20 * time.Second // deliveries that run when the queue stops
)

// Members says which nodes live. *members.Member is one.
type Members interface {
	Life() *members.Life
	Living(ctx context.Context) (map[string]int64, error)
}

// Options are what a Queue stands on.
type Options struct {
	Host        string // our name
	Tx          *tx.Store
	Spool       *spool.Store
	Bodies      *bodies.Store
	Submissions *submissions.Store
	Directory   *directory.Store
	Members     Members
	Alone       bool // no other node adds mail

	Local     mailflow.Transport // to domains of ours
	Transport mailflow.Transport // to all others
	Log       *slog.Logger
	Observe   Observer // nil observes nothing

	MaxRunning int // 0: MaxRunning
}

// Observer is told what the queue does. Its methods are called by many goroutines, and must not block.
type Observer interface {
	Taken(messages int)                                    // leased in one commit
	Running(deliveries int)                                // from now on
	Ended(kind mail.EventKind, recipients int)             // committed
	Delivery(took time.Duration)                           // one message at a transport
	Committed(messages int, took time.Duration, err error) // results in one commit
	Postponed(recipients int)                              // without an attempt
	LeaseLost(recipients, relayed int)                     // results in vain, and of how many the mail had been handed on
	TakenOver(recipients int)                              // from nodes that have ended
	Waited(priority int, d time.Duration)                  // from due to taken
}

type nobody struct{}

func (nobody) Taken(int)                           {}
func (nobody) Running(int)                         {}
func (nobody) Ended(mail.EventKind, int)           {}
func (nobody) Delivery(time.Duration)              {}
func (nobody) Committed(int, time.Duration, error) {}
func (nobody) Postponed(int)                       {}
func (nobody) LeaseLost(int, int)                  {}
func (nobody) TakenOver(int)                       {}
func (nobody) Waited(int, time.Duration)           {}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = nobody{}
	}
	o.MaxRunning = cmp.Or(o.MaxRunning, MaxRunning)
	return o
}
