package pop3server

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// maildrop is what a session sees: one state of INBOX, the same from sign-in to the end, and the marks of DELE.
type maildrop struct {
	view   *mailbox.View
	marked []bool // by message number - 1; nil until DELE is used
	count  int    // of messages without mark
	size   int64  // of these

	sending   bool // in the middle of a multi-line reply
	retrieved int  // whole messages sent
	octets    int64
	removed   int // by QUIT
}

func (s *session) openMaildrop(account mail.AccountID) (*maildrop, error) {
	var inbox mailbox.Mailbox
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		inbox, err = s.o.Mailbox.ByPath(t, account, mailbox.Inbox)
		return err
	})
	if err != nil {
		return nil, err
	}
	view, err := s.o.Mailbox.View(s.ctx, account, inbox.ID)
	if err != nil {
		return nil, err
	}
	m := &maildrop{view: view}
	m.reset()
	return m, nil
}

// reset takes all marks away.
func (m *maildrop) reset() {
	m.marked, m.count, m.size = nil, m.view.Len(), 0
	for _, e := range m.view.All() {
		m.size += int64(e.Size)
	}
}

// all yields the messages without mark, with their numbers.
func (m *maildrop) all() iter.Seq2[int, mailbox.Entry] {
	return func(yield func(int, mailbox.Entry) bool) {
		for n, e := range m.view.All() {
			if !m.isMarked(n) && !yield(n, e) {
				return
			}
		}
	}
}

func (m *maildrop) isMarked(n int) bool { return m.marked != nil && m.marked[n-1] }

func (m *maildrop) mark(n int) {
	if m.marked == nil {
		m.marked = make([]bool, m.view.Len())
	}
	m.marked[n-1] = true
	m.count--
	m.size -= int64(m.view.At(n).Size)
}

// markedUIDs are what QUIT removes.
func (m *maildrop) markedUIDs() (uids imap.Set) {
	for n, e := range m.view.All() {
		if m.isMarked(n) {
			uids.Add(uint32(e.UID))
		}
	}
	return uids
}

func (m *maildrop) describe() string {
	return fmt.Sprintf("%s (%d octets)", messages(m.count), m.size)
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

// find is the message that a client names. Numbers are those of the view: they never change (RFC 1939 5), and those of
// messages that are marked are refused.
func (m *maildrop) find(arg string) (n int, e mailbox.Entry, r reply) {
	number, err := strconv.ParseUint(arg, 10, 32)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange), number == 0 && err == nil:
		return 0, e, bad("a message number is one or more digits, from 1 on")
	case err != nil || number > uint64(m.view.Len()):
		return 0, e, refused(fmt.Sprintf("no such message, there are %d", m.view.Len()))
	case m.isMarked(int(number)):
		return 0, e, refused("the message is marked as deleted")
	}
	return int(number), m.view.At(int(number)), reply{}
}

func (s *session) stat(string) (reply, error) {
	return ok(fmt.Sprintf("%d %d", s.maildrop.count, s.maildrop.size)), nil
}

func (s *session) list(args string) (reply, error) {
	return s.listing(args, func(b []byte, e mailbox.Entry) []byte { return strconv.AppendUint(b, uint64(e.Size), 10) })
}

// uidl gives the email's own id, the one that IMAP calls EMAILID: an email is in a mailbox once, its id is never given
// again, and it stays when INBOX gets a new UIDVALIDITY, or the message goes and comes back.
func (s *session) uidl(args string) (reply, error) {
	return s.listing(args, func(b []byte, e mailbox.Entry) []byte { return append(b, e.Email.String()...) })
}

// listing answers LIST and UIDL (RFC 1939 5, 7), for one message or for all.
func (s *session) listing(args string, what func([]byte, mailbox.Entry) []byte) (reply, error) {
	m := s.maildrop
	line := func(b []byte, n int, e mailbox.Entry) []byte {
		return what(append(strconv.AppendInt(b, int64(n), 10), ' '), e)
	}
	if args = strings.TrimSpace(args); args != "" {
		n, e, r := m.find(args)
		if n == 0 {
			return r, nil
		}
		return ok(string(line(nil, n, e))), nil
	}
	s.say(ok(m.describe()))
	var one []byte
	for n, e := range m.all() {
		one = append(line(one[:0], n, e), "\r\n"...)
		if _, err := s.wire.Write(one); err != nil {
			return reply{}, err
		}
	}
	s.wire.Write([]byte(".\r\n"))
	return reply{}, nil
}

func (s *session) dele(args string) (reply, error) {
	n, _, r := s.maildrop.find(strings.TrimSpace(args))
	if n == 0 {
		return r, nil
	}
	s.maildrop.mark(n)
	return ok("marked, QUIT deletes it"), nil
}

func (s *session) rset(string) (reply, error) {
	s.maildrop.reset()
	return ok(s.maildrop.describe()), nil
}

// quit is the UPDATE state (RFC 1939 6). Messages are removed by their UIDs, which mean no other message ever; those that
// are gone already are what the client wanted.
func (s *session) quit(string) (reply, error) {
	s.over = true
	m := s.maildrop
	if m == nil {
		return ok("good bye"), nil
	}
	uids := m.markedUIDs()
	if len(uids) == 0 {
		return ok("good bye"), nil
	}
	n, err := s.o.Mailbox.Remove(s.ctx, s.account, m.view.Mailbox(), uids)
	if m.removed = n; err != nil {
		s.log.Warn("pop3: not all marked messages were deleted", "marked", uids.Len(), "deleted", n, "err", err)
		return temporary("some deleted messages were not removed"), nil
	}
	return ok(fmt.Sprintf("good bye, %s deleted", messages(n))), nil
}
