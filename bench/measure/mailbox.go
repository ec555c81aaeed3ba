package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/message"
)

// MailboxOptions: a mailbox of our own is filled by APPEND and then read.
type MailboxOptions struct {
	Addr     string
	IMAP     imap.Options
	Account  Account
	Mailbox  string
	Messages int
	Size     int
	Batch    int // messages in one APPEND
	Rounds   int
	Bodies   int  // messages whose bodies are fetched in a round
	Reuse    bool // take the mailbox as it is when it has the right messages
	Replace  bool // delete a mailbox of that name first

	// The server's processes, and for how long at most it is waited for to come to
	// rest once the mailbox is filled; 0: it is not.
	PIDs []int
	Rest time.Duration
}

// MailboxResult holds one Timing for each operation.
type MailboxResult struct {
	Messages      int      `json:"messages"`
	Size          int      `json:"size"`
	AppendsPerSec float64  `json:"appends_per_second"` // 0: reused
	RestSeconds   float64  `json:"rest_seconds"`
	Timings       []Timing `json:"timings"`
}

// needles are words that the text never has. Message i has the needle i%100, when
// there is one: each is in one message of a hundred, and each round looks for
// another, so that a server cannot answer from the last result.
var needles = []string{
	"quartzfjorda", "quartzfjordb", "quartzfjordc", "quartzfjordd", "quartzfjorde",
	"quartzfjordf", "quartzfjordg", "quartzfjordh", "quartzfjordi", "quartzfjordj",
}

const needleEvery = 100

// needle of message i, and how many of n messages have needle k.
func needle(i int) string {
	if k := i % needleEvery; k < len(needles) {
		return needles[k]
	}
	return ""
}

func needleCount(n, k int) int { return (n - k + needleEvery - 1) / needleEvery }

// seenFlag: every second message is \Seen.
func seenFlag(i int) string {
	if i%2 == 1 {
		return `\Seen`
	}
	return ""
}

type mailboxRun struct {
	MailboxOptions
	c       *imap.Conn
	run     uint64 // of the messages in the mailbox
	timings timings
	seen    []bool // by sequence number, reused
	scratch []byte
}

// Mailbox fills a mailbox, checks every message in it, and times reading,
// searching and flagging it.
func Mailbox(ctx context.Context, o MailboxOptions) (*MailboxResult, error) {
	if o.Messages < needleEvery || o.Rounds < 1 || o.Batch < 1 {
		return nil, fmt.Errorf("%d messages, %d rounds, batches of %d: at least %d, 1 and 1 are needed", o.Messages, o.Rounds, o.Batch, needleEvery)
	}
	o.Bodies = min(max(o.Bodies, 1), o.Messages)
	o.IMAP.Username, o.IMAP.Password = o.Account.Address, o.Account.Password
	m := &mailboxRun{MailboxOptions: o, seen: make([]bool, o.Messages+1)}
	r := &MailboxResult{Messages: o.Messages, Size: o.Size}
	err := m.session(ctx, func() (err error) {
		r.AppendsPerSec, err = m.prepare()
		return err
	})
	if err == nil && o.Rest > 0 {
		var took time.Duration
		took, err = AwaitRest(ctx, o.Rest, o.PIDs...)
		r.RestSeconds = took.Seconds()
	}
	for round := 0; err == nil && round < o.Rounds; round++ {
		err = m.session(ctx, func() error { return m.round(round) })
	}
	if err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	r.Timings = m.timings.summarize()
	return r, nil
}

// session runs f on a new connection, so that no round profits from state that
// the last one left there.
func (m *mailboxRun) session(ctx context.Context, f func() error) (err error) {
	if m.c, err = imap.Dial(ctx, m.Addr, m.IMAP); err != nil {
		return err
	}
	defer m.c.Close()
	defer context.AfterFunc(ctx, func() { m.c.Close() })()
	return f()
}

func (m *mailboxRun) prepare() (perSecond float64, err error) {
	if m.Replace {
		var refused *imap.StatusError
		if err := m.c.Do("DELETE "+imap.Quote(m.Mailbox), nil); err != nil && !errors.As(err, &refused) {
			return 0, err
		}
	}
	err = m.c.Do("CREATE "+imap.Quote(m.Mailbox), nil)
	switch {
	case err == nil:
		if perSecond, err = m.fill(); err != nil {
			return 0, err
		}
	case !m.Reuse:
		return 0, fmt.Errorf("mailbox %q must not exist unless it is to be reused or replaced: %w", m.Mailbox, err)
	}
	return perSecond, m.verify()
}

func (m *mailboxRun) fill() (perSecond float64, err error) {
	run := message.NewRun()
	gen, err := message.NewGenerator(message.TextFor(run, m.Size), message.Options{Run: run, Size: m.Size})
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	a := m.c.Appender(m.Mailbox)
	for i := range m.Messages {
		msg := gen.Next("sender@mailload.example", m.Account.Address, needle(i))
		if err := a.Add(seenFlag(i), msg.Header, msg.Body, msg.Tail); err != nil {
			return 0, err
		}
		if (i+1)%m.Batch == 0 {
			if err := a.Flush(); err != nil {
				return 0, err
			}
		}
	}
	err = a.Flush()
	return float64(m.Messages) / time.Since(begin).Seconds(), err
}

// verify reads everything once: each message is the one that was put there.
func (m *mailboxRun) verify() error {
	if err := m.selectMailbox(); err != nil {
		return err
	}
	if err := m.c.Do(`STORE 1:* -FLAGS (\Flagged)`, nil); err != nil {
		return err
	}
	first, uid := true, uint32(0)
	return m.fetchAll("1:*", 1, m.Messages, "(UID RFC822.SIZE BODY.PEEK[])", func(seq int, it *imap.Items) error {
		u, err := imap.Number(it.Value)
		switch string(it.Name) {
		case "UID":
			if err != nil || u <= uid {
				return fmt.Errorf("message %d: UID %s after %d", seq, it.Value, uid)
			}
			uid = u
		case "BODY[]":
			content, err := imap.Text(it.Value)
			if err != nil {
				return err
			}
			id, ok := message.FindID(content)
			if first {
				m.run, first = id.Run, false
			}
			if want := (message.ID{Run: m.run, Seq: seq - 1}); !ok || id != want {
				return fmt.Errorf("message %d: has Message-ID %v, want %v", seq, id, want)
			}
			return m.checkBody(seq, content)
		}
		return nil
	}, "UID", "RFC822.SIZE", "BODY[]")
}

func (m *mailboxRun) checkBody(seq int, content []byte) error {
	if len(content) != m.Size {
		return fmt.Errorf("message %d: %d bytes, want %d", seq, len(content), m.Size)
	}
	if err := message.Verify(content); err != nil {
		return fmt.Errorf("message %d: %w", seq, err)
	}
	return nil
}

func (m *mailboxRun) selectMailbox() error {
	selected, err := m.c.Select(m.Mailbox)
	if err == nil && int(selected.Exists) != m.Messages {
		err = fmt.Errorf("SELECT %s: %d messages exist, want %d", m.Mailbox, selected.Exists, m.Messages)
	}
	return err
}

// timed runs one operation and keeps its time only when its answer was right.
func (m *mailboxRun) timed(name string, f func() error) error {
	begin := time.Now()
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m.timings.add(name, begin)
	return nil
}
