package mailflow

import (
	"context"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Job is a message that the queue asks a transport to hand on, once, to some of its recipients.
type Job struct {
	Spool mail.SpoolID
	// Envelope holds only the recipients that are to be tried now, all of Domain, and at most MaxAtOnce of them.
	Envelope *mail.Envelope
	Domain   string // where they are: a domain in A-labels and lower case, or an address literal with its brackets
	Size     int64  // bytes of the content

	// Account and Submission say whose history the message has, and Numbers which number each recipient has there.
	Account    mail.AccountID
	Submission mail.SubmissionID
	Numbers    []int

	// Open reads the content from its first byte. It may be called again, and the caller closes what it returns.
	Open func(context.Context) (io.ReadCloser, error)

	// MayEnd reports whether the job is still ours: a lease may have been lost meanwhile. A transport asks right before
	// the step that makes the other side answerable (the final dot), and gives up without it when the answer is no.
	MayEnd func() bool
}

// MaxAtOnce is how many recipients one Job has at most (RFC 5321 4.5.3.1.8: every server takes that many).
const MaxAtOnce = 100

// Attempt is what became of one recipient of a Job.
type Attempt struct {
	Event mail.Event // relayed, delivered, deferred or failed; Event.At may be zero
	// Reports is set with EventRelayed where the other side has understood what the sender wants to be told (DSN, RFC 3461):
	// then reporting is its duty and not ours.
	Reports bool
	// Destination is set with EventDeferred where not this message but the whole destination is the reason (no host
	// answers, too many connections): the queue lets its other mail wait too.
	Destination bool
	// Here is set with EventDeferred where this server itself is the reason, whose database does not answer: the message is tried
	// again soon.
	Here bool
}

// Transport hands messages on. It returns one Attempt for each of the Job's recipients, in their order.
type Transport interface {
	Deliver(ctx context.Context, j Job) []Attempt
}

// Generated is mail that a step has made by itself, a report for example: always with a null reverse-path (RFC 5321 4.5.5),
// so that nothing is ever reported back.
type Generated struct {
	To      mail.Address
	Content []byte
}
