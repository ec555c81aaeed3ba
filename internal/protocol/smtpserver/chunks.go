package smtpserver

import (
	"fmt"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// bdat takes a chunk of content (RFC 3030 2). The first one starts Receive, which is given the chunks as one stream: when
// it wants to read beyond a chunk, that chunk is answered and the next command is read (chunks.Next).
func (s *session) bdat(args string) {
	chunk, err := smtp.ParseChunk(args)
	if err != nil {
		// How many bytes of content follow is not known, and they must not be taken for commands.
		s.refuseError("BDAT", err)
		s.hangUp()
		return
	}
	if refusal, ok := s.contentAllowed(); !ok {
		if s.info.LMTP && chunk.Last && refusal == noRecipients {
			s.chunkForNobody(chunk.Size)
			return
		}
		s.refuseChunk(chunk.Size, refusal)
		return
	}
	c := &chunks{s: s}
	c.begin(chunk)
	s.receive("BDAT", c)
}

// refuseChunk drops the chunk, which follows its command without waiting for a reply, and answers.
func (s *session) refuseChunk(size int64, refusal mail.Reply) {
	s.wire.setContent(true)
	defer s.wire.setContent(false)
	if size > s.o.Limits.MessageSize {
		s.refuse("BDAT", refusal)
		s.hangUp()
		return
	}
	if err := s.wire.discard(size); err != nil {
		s.lost(err)
		return
	}
	s.refuse("BDAT", refusal)
}

// chunkForNobody drops the only chunk of a message whose recipients were all refused, and says nothing: RFC 2033 4.3 has one
// reply for each recipient that was accepted, which is none.
func (s *session) chunkForNobody(size int64) {
	if size > s.o.Limits.MessageSize {
		s.refuse("BDAT", tooLarge)
		s.hangUp()
		return
	}
	s.wire.setContent(true)
	defer s.wire.setContent(false)
	if err := s.wire.discard(size); err != nil {
		s.lost(err)
	}
	s.reset()
}

// chunks is the content of the BDAT commands of one transaction.
type chunks struct {
	s        *session
	size     int64 // of the chunk under way
	left     int64 // of it, not read yet
	last     bool
	total    int64 // of all chunks announced so far
	lineEnds smtp.LineEnds
}

func (c *chunks) begin(chunk smtp.Chunk) {
	c.size, c.left, c.last = chunk.Size, chunk.Size, chunk.Last
	c.total += chunk.Size // cannot overflow: a chunk that goes beyond the limit is the last one begun
}

func (c *chunks) Last() bool { return c.last }

func (c *chunks) Bare() bool { return c.lineEnds.Bare(c.last && c.left == 0) }

func (c *chunks) Next() ([]byte, error) {
	for c.left == 0 {
		if c.last {
			return nil, io.EOF
		}
		if err := c.nextChunk(); err != nil {
			return nil, cutShort(err)
		}
	}
	if c.total > c.s.o.Limits.MessageSize {
		return nil, errTooLarge
	}
	in := c.s.wire.buf.in
	if in.Buffered() == 0 {
		if _, err := in.Peek(1); err != nil {
			return nil, cutShort(err)
		}
	}
	return in.Peek(int(min(c.left, int64(in.Buffered()))))
}

// cutShort keeps the end of the connection apart from the end of the content.
func cutShort(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *chunks) Consume(n int) {
	in := c.s.wire.buf.in
	used, _ := in.Peek(n) // buffered, as Next has shown them
	c.lineEnds.Watch(used)
	in.Discard(n)
	c.left -= int64(n)
}

// Drain drops the rest of the chunk under way. Further chunks find no transaction and are refused one by one.
func (c *chunks) Drain(limit int64) error {
	if c.left > limit {
		return errTooLarge
	}
	err := c.s.wire.discard(c.left)
	c.left = 0
	return err
}

// nextChunk answers the chunk that is complete and reads commands up to the next BDAT. What does not touch the
// transaction is answered on the way; what ends it is left for the session.
func (c *chunks) nextChunk() error {
	s := c.s
	s.say(reply(250, 2, 0, 0, fmt.Sprintf("%d bytes received", c.size)))
	for {
		cmd, err := s.next()
		if err != nil {
			return err
		}
		switch cmd.Verb {
		case "BDAT":
			chunk, err := smtp.ParseChunk(cmd.Args)
			if err != nil {
				s.refuseError("BDAT", err)
				s.hangUp()
				return errAborted
			}
			c.begin(chunk)
			return nil
		case "MAIL", "RCPT", "DATA":
			s.refuse(cmd.Verb, chunksOpen)
		case "RSET", "EHLO", "LHLO", "HELO", "STARTTLS", "QUIT":
			s.pending = &cmd
			return errAborted
		default:
			s.promptly(cmd)
		}
		if s.ended {
			return errAborted
		}
	}
}
