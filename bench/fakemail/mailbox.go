package fakemail

import (
	"bytes"
	"slices"
	"sync"
	"time"
)

type mail struct {
	uid     uint32
	content []byte
	flags   map[string]bool
	date    time.Time
}

// Mailbox is guarded by the Server that holds it; bell rings at every change.
type Mailbox struct {
	bell        *sync.Cond
	uidvalidity uint32
	uidnext     uint32
	mails       []*mail
}

// box finds a mailbox, making an INBOX when asked for the first time. s.mu is held.
func (s *Server) box(account, name string, make bool) *Mailbox {
	key := account + "/" + name
	b := s.boxes[key]
	if b == nil && (make || name == "INBOX") {
		b = &Mailbox{bell: sync.NewCond(&s.mu), uidvalidity: 1, uidnext: 1}
		s.boxes[key] = b
	}
	return b
}

// add stores a mail. s.mu is held.
func (b *Mailbox) add(content []byte, flags ...string) {
	m := &mail{uid: b.uidnext, content: content, flags: map[string]bool{}, date: time.Now()}
	for _, f := range flags {
		m.flags[f] = true
	}
	b.uidnext++
	b.mails = append(b.mails, m)
	b.bell.Broadcast()
}

// Change lets a test damage a mailbox behind its clients' backs.
type Change func(b *Mailbox)

// Damage applies changes to the INBOX of an account.
func (s *Server) Damage(account string, changes ...Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, change := range changes {
		change(s.box(account, "INBOX", true))
	}
}

// Remove loses the i-th message, from 0.
func Remove(i int) Change {
	return func(b *Mailbox) { b.mails = slices.Delete(b.mails, i, i+1) }
}

// Renumber gives the i-th message a new UID above all others, in its place.
func Renumber(i int, uid uint32) Change {
	return func(b *Mailbox) {
		b.mails[i].uid = uid
		b.uidnext = max(b.uidnext, uid+1)
	}
}

// Swap exchanges the contents of two messages.
func Swap(i, j int) Change {
	return func(b *Mailbox) {
		b.mails[i].content, b.mails[j].content = b.mails[j].content, b.mails[i].content
	}
}

// NewUIDValidity renumbers the mailbox as a restore would.
func NewUIDValidity(v uint32) Change {
	return func(b *Mailbox) { b.uidvalidity = v }
}

// Rewind sets UIDNEXT back, so that the next message takes a number again.
func Rewind(uidnext uint32) Change {
	return func(b *Mailbox) { b.uidnext = uidnext }
}

// Put stores content as it is.
func Put(content []byte) Change {
	return func(b *Mailbox) { b.add(content) }
}

// Count is the number of messages in the INBOX of an account.
func (s *Server) Count(account string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.box(account, "INBOX", true).mails)
}

// deliver stores a mail for its recipients as its fate says.
func (s *Server) deliver(fate Fate, to []string, content []byte) {
	copies := 1
	switch fate {
	case Lose, Refuse, HangUpAndLose:
		return
	case Duplicate, HangUpTwice:
		copies = 2
	case Alter:
		content = bytes.Clone(content)
		content[len(content)-10] ^= 1
	case Truncate:
		content = content[:bytes.LastIndexByte(content[:len(content)-1], '\n')+1]
	case KeepFirstOnly:
		to = to[:1]
	}
	trace := "Return-Path: <sender@example.org>\r\nReceived: from mailload.example\r\n\tby fakemail; with SMTP\r\n"
	if fate == Garbage {
		trace += "this is no header field\r\n"
	}
	stored := append([]byte(trace), content...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for range copies {
		for _, address := range to {
			s.box(address, "INBOX", true).add(stored)
		}
	}
}

// fate of the next mail.
func (s *Server) fate() Fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails++
	if s.opts.Faults.Accept == nil {
		return Keep
	}
	return s.opts.Faults.Accept(s.mails)
}

// Content is the i-th stored message.
func (b *Mailbox) Content(i int) []byte { return b.mails[i].content }
