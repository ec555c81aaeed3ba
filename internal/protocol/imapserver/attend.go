package imapserver

// attend tells what NOTIFY asks for while no command is under way, until the client sends something (RFC 5465 1). As in IDLE,
// another goroutine waits for the client meanwhile, and no buffers are held.
func (s *session) attend() {
	if s.notify == nil || s.notify.selected == 0 && s.events == nil || s.wire.pending() || s.out.Err() != nil {
		return
	}
	woken := s.await(s.wire.wake)
	for !s.over {
		select {
		case err := <-woken:
			s.resume(err) // what is wrong with the connection is met again by who reads from it
			return
		case c := <-s.watch.C():
			s.heard = c.State
			s.recheck(0)
			s.tellNow(!s.notify.delayed)
		case <-s.othersNews():
			s.tellOthers()
		case c := <-s.ownersNews():
			s.selected.heard = c.State
			s.tellNow(!s.notify.delayed)
		}
		if s.out.Flush() != nil {
			break
		}
		s.out.SwapBuffer(nil)
	}
	s.giveUp(woken)
}

// tellNow tells all news, between commands or in IDLE. With expunges messages may lose their numbers.
func (s *session) tellNow(expunges bool) {
	if err := s.reconsider(); err != nil {
		s.log.Warn("imap: cannot read the rights to the selected mailbox", "mailbox", s.selected.id, "err", err)
		return // nothing is told then; the next command asks again
	}
	if s.hears() && !s.over {
		s.catchUp(s.newest(), expunges)
		if !s.over && !expunges {
			s.tellModSeq()
		}
	}
	s.tellEvents()
}

// giveUp ends a session of which another goroutine reads.
func (s *session) giveUp(reading <-chan error) {
	s.out.Flush()  // BYE, when the mailbox went away
	s.wire.Drain() // wakes the other goroutine
	<-reading
	s.over = true
}
