package imapserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func appendExtension() extension {
	limit := func(o *Options) string { return strconv.FormatInt(o.Limits.MessageSize, 10) }
	return extension{
		capabilities: append(announced("MULTIAPPEND"), capability{name: "APPENDLIMIT", value: limit}),
		commands:     map[string]command{"APPEND": {run: with((*session).append)}},
	}
}

// incoming is a message of an APPEND whose bytes are durable and which has no name yet.
type incoming struct {
	body    *bodies.Body
	message mailbox.Message
}

// append keeps all messages of the command or none (RFC 3502 3). Each is written and synced while it arrives; one commit
// names them all.
func (s *session) append(r imap.Request, c *imap.Append) (reply, error) {
	m, refusal, err := s.target(c.Mailbox)
	if err != nil || refusal != nil {
		return s.refuseAppend(c, orEmpty(refusal), err)
	}
	var all []incoming
	refusal, err = s.receiveAll(c, &all)
	if err != nil || refusal != nil {
		s.discard(all)
		return s.refuseAppend(c, orEmpty(refusal), err)
	}
	s.touch(m.ID)
	done, err := s.keep(m, all)
	if err != nil {
		s.discard(all)
	}
	if mail.Is(err, mail.NotFound) { // deleted since the command began
		return tryCreate, nil
	}
	if err != nil {
		return reply{}, err
	}
	s.tellCanonical(r.Canonical, s.entryOf(m, nil))
	return reply{imap.OK, imap.CodeAppendUID(done.UIDValidity, imap.SetOf(done.UIDs...)), "appended"}, nil
}

// refuseAppend drops what the client still sends of the command, then answers.
func (s *session) refuseAppend(c *imap.Append, r reply, err error) (reply, error) {
	if lost := c.Discard(); lost != nil {
		return reply{}, lost
	}
	return r, err
}

// discard lets the bytes go that will not be named.
func (s *session) discard(all []incoming) {
	for _, in := range all {
		if err := s.o.Bodies.Discard(context.WithoutCancel(s.ctx), in.body); err != nil {
			s.log.Warn("imap: bytes of a refused message stay until they are collected", "object", in.body.Object, "err", err)
		}
	}
}

// receiveAll takes the messages. A reply or an error refuses all of them.
func (s *session) receiveAll(c *imap.Append, all *[]incoming) (*reply, error) {
	var octets int64
	for {
		next, err := c.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		octets += next.Size
		flags, r, err := s.admit(next, len(*all), octets)
		if err != nil || r != nil {
			return r, err
		}
		in, err := s.receive(next, flags)
		if in.body != nil {
			*all = append(*all, in)
		}
		if err != nil {
			return nil, err
		}
	}
}

// admit decides about a message by what the client says of it, before a client that waits is told to send. before is how
// many messages the command has brought already, octets their size with this one.
func (s *session) admit(m *imap.AppendMessage, before int, octets int64) (flags mail.Flags, r *reply, err error) {
	refuse := func(code imap.Code, text string) (mail.Flags, *reply, error) {
		r := no(code, text)
		return mail.Flags{}, &r, nil
	}
	switch {
	case m.Size > s.o.Limits.MessageSize:
		return refuse(imap.CodeTooBig, fmt.Sprintf("a message has at most %d octets", s.o.Limits.MessageSize))
	case m.Size == 0:
		// RFC 3502 6.3.11: an empty literal is how a client takes its APPEND back.
		return refuse(imap.CodeCannot, "a message must not be empty")
	case before >= s.o.Limits.AppendMessages:
		return refuse(imap.CodeLimit, fmt.Sprintf("one APPEND takes at most %d messages", s.o.Limits.AppendMessages))
	}
	if flags, err = parseFlags(m.Flags); err != nil {
		return flags, nil, err
	}
	return flags, nil, s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		return s.o.Mailbox.CheckQuota(t, s.account, int64(before)+1, octets)
	})
}

// receive takes the octets of a message. in.body is set when they are stored, even with an error.
func (s *session) receive(m *imap.AppendMessage, flags mail.Flags) (in incoming, err error) {
	content, err := m.Open()
	if err != nil {
		return in, err
	}
	summarizer := message.NewSummarizer(message.Limits{})
	if in.body, err = s.o.Bodies.Put(s.ctx, io.TeeReader(content, summarizer)); err != nil {
		return incoming{}, err
	}
	in.message, err = mailbox.Summarized(summarizer.Close())
	in.message.Flags, in.message.Received = flags, m.Date
	return in, err
}

// kept is where the messages of an APPEND came to lie.
type kept struct {
	UIDValidity uint32
	UIDs        []uint32
}

func (s *session) keep(m mailbox.Mailbox, all []incoming) (kept, error) {
	return tx.Once(s.ctx, s.o.Tx, tx.NewKey(), s.own(), func(t *tx.Tx) (kept, error) {
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
}
