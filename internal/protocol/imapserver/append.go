package imapserver

import (
	"errors"
	"fmt"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// incoming is a message of an APPEND whose bytes are durable and which has no name yet.
type incoming struct {
	body    *bodies.Body
	message mailbox.Message
}

// append keeps all messages of the command or none (RFC 3502 3). Each is written and synced while it arrives; one commit
// names them all.
func (s *session) append(c *imap.Append) (reply, error) {
	m, r, err := s.target(c.Mailbox)
	if err != nil || r != nil {
		return s.refuse(c, orEmpty(r), err)
	}
	var all []incoming
	for {
		next, err := c.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return reply{}, err
		}
		in, r, err := s.receive(next, len(all))
		if err != nil || r != nil {
			return s.refuse(c, orEmpty(r), err)
		}
		all = append(all, in)
	}
	return s.keep(m, all)
}

// refuse drops what the client still sends of the command, then answers.
func (s *session) refuse(c *imap.Append, r reply, err error) (reply, error) {
	if lost := c.Discard(); lost != nil {
		return reply{}, lost
	}
	return r, err
}

// receive takes one message. Refusals come before the client is told to send, where it waits for that.
func (s *session) receive(m *imap.AppendMessage, before int) (in incoming, r *reply, err error) {
	flags, err := parseFlags(m.Flags)
	if err != nil {
		return in, nil, err
	}
	switch {
	case m.Size > s.o.Limits.MessageSize:
		r := no(imap.CodeTooBig, fmt.Sprintf("a message has at most %d bytes", s.o.Limits.MessageSize))
		return in, &r, nil
	case m.Size == 0:
		// RFC 9051 6.3.12 has no message without bytes; RFC 3502 1: an empty literal cancels.
		r := no(imap.CodeCannot, "a message must not be empty")
		return in, &r, nil
	case before >= s.o.Limits.AppendMessages:
		r := no(imap.CodeLimit, fmt.Sprintf("one APPEND takes at most %d messages", s.o.Limits.AppendMessages))
		return in, &r, nil
	}
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error { return s.o.Mailbox.CheckQuota(t, s.account, 1, m.Size) })
	if err != nil {
		return in, nil, err
	}
	content, err := m.Open()
	if err != nil {
		return in, nil, errors.Join(errConnection, err)
	}
	summarizer := message.NewSummarizer(message.Limits{})
	source := &failing{r: io.TeeReader(content, summarizer)}
	if in.body, err = s.o.Bodies.Put(s.ctx, source); err != nil {
		if source.err != nil {
			err = errors.Join(errConnection, source.err)
		}
		return in, nil, err
	}
	in.message, err = mailbox.Summarized(summarizer.Close())
	in.message.Flags, in.message.Received = flags, m.Date
	return in, nil, err
}

// failing remembers the error of a reader, to tell a lost connection from a store that cannot write.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

func (s *session) keep(m mailbox.Mailbox, all []incoming) (reply, error) {
	type kept struct {
		UIDValidity uint32
		UIDs        []uint32
	}
	done, err := tx.Once(s.ctx, s.o.Tx, tx.NewKey(), s.own(), func(t *tx.Tx) (kept, error) {
		var k kept
		for _, in := range all {
			blob, err := s.o.Bodies.Hold(t, s.account, in.body)
			if err != nil {
				return k, err
			}
			in.message.Blob = blob
			a, err := s.o.Mailbox.Append(t, s.account, m.ID, in.message)
			if err != nil {
				return k, err
			}
			k.UIDValidity, k.UIDs = a.UIDValidity, append(k.UIDs, uint32(a.UID))
		}
		return k, nil
	})
	if mail.Is(err, mail.NotFound) { // deleted since the command began
		return no(imap.CodeTryCreate, "there is no such mailbox: create it first"), nil
	}
	if err != nil {
		return reply{}, err
	}
	return reply{imap.OK, imap.CodeAppendUID(done.UIDValidity, imap.SetOf(done.UIDs...)), "appended"}, nil
}
