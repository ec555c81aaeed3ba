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
	a := arrival{session: s, to: &m}
	if err := a.receiveAll(c); err != nil {
		s.discard(a.all)
		return s.refuseAppend(c, reply{}, err)
	}
	s.touch(m.ID)
	done, err := s.keep(m, a.all, nil)
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
	return reply{imap.OK, done.code(), "appended"}, nil
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
		if len(a.all) >= a.o.Limits.AppendMessages {
			return refuse(imap.CodeLimit, fmt.Sprintf("one APPEND takes at most %d messages", a.o.Limits.AppendMessages))
		}
		in, err := a.receive(m)
		if in.body != nil {
			a.all = append(a.all, in)
			a.octets += in.body.Size
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

// kept is where the messages of an APPEND came to lie.
type kept struct {
	UIDValidity uint32
	UIDs        []uint32
}

func (k kept) code() imap.Code { return imap.CodeAppendUID(k.UIDValidity, imap.SetOf(k.UIDs...)) }

// keep names all messages in one commit, which does what also says, if anything, too: with the mailbox that is selected.
func (s *session) keep(m access, all []incoming, also func(*tx.Tx) error) (kept, error) {
	accounts := only(m.owner)
	if also != nil && s.selected.owner != m.owner {
		accounts = append(accounts, s.selected.owner)
	}
	return tx.Once(s.ctx, s.o.Tx, tx.NewKey(), accounts, func(t *tx.Tx) (kept, error) {
		var k kept
		// The messages may have taken long to come: what counts are the rights now.
		rights, err := s.o.Mailbox.RightsOf(t, m.owner, m.ID, s.account)
		if err == nil {
			err = checkRights(rights, mail.RightInsert)
		}
		if err != nil {
			return k, err
		}
		for _, in := range all {
			blob, err := s.o.Bodies.Hold(t, m.owner, in.body)
			if err != nil {
				return k, err
			}
			in.message.Blob, in.message.Flags = blob, rights.Permitted(in.message.Flags)
			a, err := s.o.Mailbox.Append(t, m.owner, m.ID, in.message)
			if err != nil {
				return k, err
			}
			k.UIDValidity, k.UIDs = a.UIDValidity, append(k.UIDs, uint32(a.UID))
		}
		if also == nil {
			return k, nil
		}
		return k, also(t)
	})
}
