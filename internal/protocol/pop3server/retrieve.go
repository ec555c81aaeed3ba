package pop3server

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/surrogate"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// removedMeanwhile answers for a message of the session's view that has been removed by another session.
var removedMeanwhile = refused("the message was removed meanwhile by another session")

func (s *session) retr(args string) (reply, error) {
	n, e, r := s.maildrop.find(strings.TrimSpace(args))
	if n == 0 {
		return r, nil
	}
	return s.send(e, ok(fmt.Sprintf("%d octets", e.Size)), -1)
}

// top sends the header and so many lines of the body (RFC 1939 7).
func (s *session) top(args string) (reply, error) {
	words := strings.Fields(args)
	if len(words) != 2 {
		return bad("TOP takes a message number and a number of lines"), nil
	}
	lines, err := strconv.ParseUint(words[1], 10, 63)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return bad("a number of lines is one or more digits"), nil
	}
	n, e, r := s.maildrop.find(words[0])
	if n == 0 {
		return r, nil
	}
	return s.send(e, ok("the top of the message follows"), int64(lines))
}

// open finds the content of a message by its email's id, which never means another one. A message that was moved to
// another mailbox meanwhile is still to be had.
func (s *session) open(id mail.EmailID) (blob.Reader, error) {
	var row mailbox.Email
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		row, err = s.o.Mailbox.Email(t, s.account, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.o.Bodies.Open(s.ctx, s.account, row.Blob)
}

// send sends a message, after its header only so many lines if that is not negative. What can fail is tried before the
// positive reply; a fault in the middle can only be told by the end of the connection without the final dot.
func (s *session) send(e mailbox.Entry, first reply, lines int64) (reply, error) {
	content, err := s.open(e.Email)
	if mail.Is(err, mail.NotFound) {
		return removedMeanwhile, nil
	}
	if err != nil {
		return reply{}, err
	}
	defer content.Close() // reading is over: there is nothing an error could spoil
	var r io.Reader = io.NewSectionReader(content, 0, content.Size())
	if !s.utf8 {
		var changed bool
		if r, changed, err = surrogate.Reader(r); err != nil {
			return reply{}, err
		}
		if changed {
			first = ok("a surrogate follows, send UTF8 before signing in to have the message itself")
		}
	}
	if lines >= 0 {
		r = newTop(r, lines)
	}
	chunk := s.wire.buf.chunk
	n, err := io.ReadFull(r, chunk)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return reply{}, err
	}
	s.say(first)
	s.maildrop.sending = true
	dots := newDotWriter(&s.wire)
	for n > 0 {
		if _, err := dots.Write(chunk[:n]); err != nil {
			return reply{}, err
		}
		s.maildrop.octets += int64(n)
		if n, err = r.Read(chunk); err != nil && !errors.Is(err, io.EOF) {
			s.log.Error("pop3: content cannot be read", "email", e.Email, "err", err)
			s.over = true
			return reply{}, nil
		}
	}
	if err := dots.Close(); err != nil {
		return reply{}, err
	}
	s.maildrop.sending = false
	if lines < 0 {
		s.maildrop.retrieved++
	}
	return reply{}, nil
}
