package imapserver

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

func idleExtension() extension {
	return extension{
		capabilities: announced("IDLE"),
		commands:     map[string]command{"IDLE": {run: on((*session).idle), waits: true}},
	}
}

// idle reports at once until the client says DONE (RFC 2177). Another goroutine waits for the client meanwhile; the
// writing side stays here. As between commands, no buffers are held: most sessions of a server idle.
func (s *session) idle(imap.Idle) (reply, error) {
	s.out.Continue("idling")
	if s.hears() {
		s.catchUp(0, true) // what came between the last report and now rang already
	}
	done := s.awaitDone()
	var committed time.Time // what is to be written now; zero: not known
	for !s.over {
		told := s.out.Buffered() > 0 && !committed.IsZero()
		if s.out.Flush() != nil {
			break
		}
		if told {
			s.o.Observer.Told(max(0, time.Since(committed)))
		}
		committed = time.Time{}
		s.out.SwapBuffer(nil)
		select {
		case err := <-done:
			return s.idled(err)
		case c := <-s.watch.C():
			s.heard, committed = c.State, s.watch.CommittedAt()
			s.recheck(0)
			s.tellNow(true)
		case <-s.othersNews():
			s.tellOthers()
		case c := <-s.ownersNews():
			s.selected.heard = c.State
			s.tellNow(true)
		}
	}
	s.giveUp(done)
	return reply{}, nil
}

// ownersNews is where changes of the account are heard whose mailbox is open, nil where that is the session's own.
func (s *session) ownersNews() <-chan mail.StateChange {
	if s.selected == nil || s.selected.watch == nil {
		return nil
	}
	return s.selected.watch.C()
}

// awaitDone reads the end of IDLE in a goroutine of its own, to which the reading side belongs until it answers.
func (s *session) awaitDone() <-chan error {
	if !s.wire.pending() && s.out.Flush() == nil {
		s.wire.sleep(s.out.SwapBuffer(nil))
	}
	return s.await(s.in.ReadDone)
}

// await calls a function that reads from the client in another goroutine.
func (s *session) await(read func() error) <-chan error {
	s.wire.beforeWait = nil
	done := make(chan error, 1)
	go func() {
		defer func() {
			if fault := recover(); fault != nil {
				done <- &panicked{fault, debug.Stack()}
			}
		}()
		done <- read()
	}()
	return done
}

// panicked carries a panic to the session's own goroutine, where it ends the session.
type panicked struct {
	fault any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("%v\n%s", p.fault, p.stack) }

// resume takes the reading side back from another goroutine.
func (s *session) resume(err error) {
	s.wire.beforeWait = s.out.Flush
	s.wakeUp()
	var p *panicked
	if errors.As(err, &p) {
		panic(p)
	}
}

// idled goes on after what the client said, or did not say, to end IDLE.
func (s *session) idled(err error) (reply, error) {
	s.resume(err)
	if err != nil {
		s.cannotRead(imap.Request{}, err)
		return reply{}, nil
	}
	return ok("idled"), nil
}
