package imapserver

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// effort is what one command that looks through messages may still do. It ends the work when the client is gone, when the
// server stops, and when it has become too much, and tells the client how far it is.
type effort struct {
	session *session
	next    time.Time // of a look at the client
	all     int64     // octets of work that the command may cost
	left    int64

	done, goal uint64 // messages
}

// What looking at a message costs in octets of content, for each key of a search: a key is compared with a number or a
// flag, or with a header field that is decoded.
const (
	costOfFacts = 16
	costOfRow   = 128
)

const presenceEvery = time.Second

// newEffort begins one. done and goal are counted by who looks.
func (s *session) newEffort() *effort {
	return &effort{session: s, next: time.Now().Add(s.lookAgain()), all: s.o.Limits.SearchBytes, left: s.o.Limits.SearchBytes}
}

// lookAgain is how long work goes on between two looks at the client.
func (s *session) lookAgain() time.Duration { return min(presenceEvery, s.o.Limits.Progress) }

// spend counts work, and looks every second whether anybody waits for it.
func (e *effort) spend(octets int64) error {
	if e.left -= octets; e.left < 0 {
		return mail.E("imapserver.search", mail.Limit, fmt.Errorf("this search has looked through %d MiB and is not done: "+
			"search in steps, or name fewer messages by date, size or number", e.all>>20))
	}
	now := time.Now()
	if now.Before(e.next) {
		return nil
	}
	e.next = now.Add(e.session.lookAgain())
	switch {
	case e.session.wire.IsDraining():
		return errSearchCut
	case e.session.wire.gone():
		return errGone // not io.EOF, which readers of content take for its end
	}
	e.session.tellProgress(e.done, e.goal)
	return nil
}

var errGone = errors.New("the client is gone")

var errSearchCut = &imap.Error{Condition: imap.NO, Code: imap.CodeUnavailable, Text: "the server is closing down, search again in a moment"}

// metered is content whose reading is an effort.
type metered struct {
	io.ReaderAt
	effort *effort
}

func (m metered) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.ReaderAt.ReadAt(p, off)
	if tired := m.effort.spend(int64(n)); tired != nil {
		return 0, tired
	}
	return n, err
}

// keysOf counts the keys of a search.
func keysOf(key imap.SearchKey) (n int) {
	anyKey(key, func(imap.SearchKey) bool { n++; return false })
	return n
}

var errTooManyKeys = mail.E("imapserver.search", mail.Limit, errors.New("too many search keys look into the text of messages: search in steps"))
