package imapserver

import (
	"context"
	"time"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

func inProgressExtension() extension {
	return extension{capabilities: announced("INPROGRESS")}
}

// progress is what a client is told of a command that lasts (RFC 9585): who waits for long without a word gives up, or takes
// the connection for dead.
type progress struct {
	tag  string
	next time.Time // not before

	done, goal uint64 // as they were told
}

func (s *session) beginProgress(tag string, now time.Time) {
	s.progress = progress{tag: tag, next: now.Add(s.o.Limits.Progress)}
}

// tellProgress says how far the command under way is, if it is time to. It must not be called within a response.
func (s *session) tellProgress(done, goal uint64) {
	p, now := &s.progress, time.Now()
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(s.o.Limits.Progress)
	if done >= p.done { // a sort begins anew when its messages are found, and a client must not see it go back
		p.done, p.goal = done, goal
	}
	s.out.Untagged(imap.OK, imap.CodeInProgress(p.tag, p.done, p.goal), "still at it")
	s.out.Flush() // an error stays, and ends the session
}

// working is the context of a room's work on messages, in the course of which the client is told how far it is.
func (s *session) working(uids imap.Set) context.Context {
	goal := uids.Len()
	return mailbox.WithProgress(s.ctx, func(left imap.Set) { s.tellProgress(goal-left.Len(), goal) })
}
