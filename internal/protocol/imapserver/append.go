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

// held is about how much memory a message takes until it is named.
func (in *incoming) held() int {
	n := 1000 + len(in.message.Summary) + len(in.message.BaseSubject)
	for _, id := range in.message.MessageIDs {
		n += len(id)
	}
	for _, k := range in.message.Flags.Keywords {
		n += len(k)
	}
	return n
}

// append keeps all messages of the command or none (RFC 3502 3). Each is written and synced while it arrives, and named when
// all have come.
func (s *session) append(r imap.Request, c *imap.Append) (reply, error) {
	m, refusal, err := s.target(c.Mailbox)
	if err != nil || refusal != nil {
		return s.refuseAppend(c, orEmpty(refusal), err)
	}
	a := arrival{session: s, to: &m}
	if err := a.receiveAll(c); err != nil {
		s.discard(a.all)
		return s.refuseAppend(c, reply{}, err)
	}
	s.touch(m.ID)
	done, err := s.keep(&m, a.all)
	if err != nil {
		s.discard(a.all)
	}
	if mail.Is(err, mail.NotFound) && !s.foreign(m.owner) { // deleted since the command began
		return tryCreate, nil
	}
	if err != nil {
		return reply{}, err
	}
	s.tellCanonical(r.Canonical, s.entryOf(m.Mailbox, nil))
	return reply{imap.OK, imap.CodeAppendUID(done.UIDValidity, done.UIDs), "appended"}, nil
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

// arrival is the receiving of the messages of one command.
type arrival struct {
	*session
	to     *access
	all    []incoming
	octets int64 // of the messages that are complete
	held   int   // octets of memory that they take until they are named

	replaced int64 // octets that the account will have back
}

// receiveAll takes the messages. An error refuses all of them.
func (a *arrival) receiveAll(c *imap.Append) error {
	for {
		m, err := c.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.mayAppend(); err != nil {
			return err
		}
		in, err := a.receive(m)
		if in.body != nil {
			a.all = append(a.all, in)
			a.octets += in.body.Size
			a.held += in.held()
		}
		if err != nil {
			return err
		}
	}
}

// admit decides about octets by what the client says of them, before a client that waits is told to send: size is the
// message's so far, with them.
func (a *arrival) admit(size int64) error {
	if size > a.o.Limits.MessageSize {
		return refuse(imap.CodeTooBig, fmt.Sprintf("a message has at most %d octets", a.o.Limits.MessageSize))
	}
	messages, octets := int64(len(a.all))+1, a.octets+size
	if a.replaced > 0 {
		if messages, octets = 0, octets-a.replaced; octets <= 0 {
			return nil // also where a quota is exceeded already
		}
	}
	return a.o.Tx.Read(a.ctx, func(t *tx.Tx) error { return a.o.Mailbox.CheckQuota(t, a.to.owner, messages, octets) })
}

// errEmpty: RFC 3502 6.3.11, an empty literal is how a client takes its APPEND back.
var errEmpty = refuse(imap.CodeCannot, "a message must not be empty")

// receive takes the octets of a message. in.body is set when they are stored, even with an error.
func (a *arrival) receive(m *imap.AppendMessage) (in incoming, err error) {
	flags, err := parseFlags(m.Flags)
	if err != nil {
		return in, err
	}
	content := &parts{arrival: a, message: m}
	defer content.close()
	// What is refused by its first part is not begun to be written.
	if err := content.next(); err != nil && !errors.Is(err, io.EOF) {
		return in, err
	}
	summarizer := message.NewSummarizer(message.Limits{})
	if in.body, err = a.o.Bodies.Put(a.ctx, io.TeeReader(content, summarizer)); err != nil {
		return incoming{}, err
	}
	if in.body.Size == 0 {
		return in, errEmpty
	}
	in.message, err = mailbox.Summarized(summarizer.Close())
	// RFC 4314 4: flags that the rights do not allow are left out, which is no reason to refuse.
	in.message.Flags, in.message.Received = a.to.rights.Permitted(flags), m.Date
	return in, err
}

// keep names all messages.
func (s *session) keep(m *access, all []incoming) (mailbox.Kept, error) {
	return s.o.Mailbox.As(s.account).AppendAll(s.ctx, m.owner, m.ID, len(all), func(t *tx.Tx, i int) (mailbox.Message, error) {
		return s.hold(t, m.owner, &all[i])
	})
}

// hold names the body of a message for an account.
func (s *session) hold(t *tx.Tx, owner mail.AccountID, in *incoming) (mailbox.Message, error) {
	blob, err := s.o.Bodies.Hold(t, owner, in.body)
	m := in.message
	m.Blob = blob
	return m, err
}
