package imapserver

import (
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/thread"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

func threadExtension() extension {
	byNumber := func(c imap.Command) bool {
		thread := c.(imap.Thread)
		return !thread.UID || usesSequenceNumbers(thread.Key)
	}
	thread := command{run: on((*session).thread), looks: true, holds: true, byNumber: byNumber}
	return extension{
		capabilities: announced("THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES", "THREAD=REFS"),
		commands:     map[string]command{"THREAD": thread, "UID THREAD": thread},
	}
}

// thread answers with threads of what is found. As for SORT, an account threads for one session at a time.
func (s *session) thread(c imap.Thread) (reply, error) {
	if err := s.checkNumbers(c.Key); err != nil {
		return reply{}, err
	}
	found, err := s.matches(c.Key)
	if err != nil {
		return reply{}, err
	}
	if s.cut != 0 {
		return s.tooMany(), nil
	}
	if err := take(s.ctx, s.share.ordering); err != nil {
		return reply{}, err
	}
	defer func() { <-s.share.ordering }()
	threads := thread.NewBuilder(c.Algorithm, s.o.Limits.SortBytes)
	err = s.eachSummary(found, true, func(f *search.Facts, summary []byte) error {
		info, err := message.UnmarshalInfo(summary)
		if err != nil {
			return err
		}
		number := f.Seq
		if c.UID {
			number = uint32(f.UID)
		}
		return threads.Add(thread.Message{Number: number, Sent: search.SentDate(&info, f).Unix(), ID: info.MessageID,
			References: info.References, InReplyTo: info.InReplyTo, BaseSubject: info.BaseSubject, Reply: info.Reply})
	})
	if err != nil {
		return reply{}, err
	}
	s.out.Thread(threads.Threads())
	return ok("threaded"), s.out.Err()
}
