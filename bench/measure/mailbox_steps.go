package measure

import (
	"bytes"
	"fmt"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/message"
)

// round is one pass over all operations.
func (m *mailboxRun) round(round int) error {
	k := round % len(needles)
	bodiesFrom := round*m.Bodies%(m.Messages-m.Bodies+1) + 1
	steps := []struct {
		name string
		run  func() error
	}{
		{"select", m.selectMailbox},
		{"fetch flags", m.fetchFlags},
		{"fetch envelope", m.fetchEnvelope},
		{"fetch header fields", m.fetchHeaderFields},
		{"fetch bodies", func() error { return m.fetchBodies(bodiesFrom) }},
		{"search unseen", func() error { return m.search("UNSEEN", (m.Messages+1)/2) }},
		{"search text", func() error { return m.search("TEXT "+needles[k], needleCount(m.Messages, k)) }},
		{"search body", func() error { return m.search("BODY "+needles[k], needleCount(m.Messages, k)) }},
		{"store", func() error { return m.store("+FLAGS", true) }},
		{"store", func() error { return m.store("-FLAGS", false) }},
	}
	for _, step := range steps {
		if err := m.timed(step.name, step.run); err != nil {
			return err
		}
	}
	return nil
}

// fetchAll sends a FETCH for messages low to high and gives each item to check.
// Every message must be answered exactly once, with each of the items.
func (m *mailboxRun) fetchAll(set string, low, high int, items string, check func(int, *imap.Items) error, want ...string) error {
	return m.answers("FETCH "+set+" "+items, low, high, check, want...)
}

func (m *mailboxRun) answers(command string, low, high int, check func(int, *imap.Items) error, want ...string) error {
	clear(m.seen)
	count := 0
	var it imap.Items
	err := m.c.Do(command, func(r imap.Response) error {
		if !r.Is("FETCH") {
			return refuseExpunge(r)
		}
		seq := int(r.Num)
		if seq < low || seq > high {
			return fmt.Errorf("message %d was not asked for", seq)
		}
		if m.seen[seq] {
			return fmt.Errorf("message %d was answered twice", seq)
		}
		m.seen[seq] = true
		count++
		found := 0
		for it.Reset(r); it.Next(); {
			for _, name := range want {
				if string(it.Name) == name {
					found++
				}
			}
			if err := check(seq, &it); err != nil {
				return err
			}
		}
		if err := it.Err(); err != nil {
			return err
		}
		if found != len(want) {
			return fmt.Errorf("message %d was answered with %d of the items %q", seq, found, want)
		}
		return nil
	})
	if err == nil && count != high-low+1 {
		err = fmt.Errorf("%d messages were answered, want %d", count, high-low+1)
	}
	return err
}

// fetchFlags also sees that earlier STOREs have done what they said.
func (m *mailboxRun) fetchFlags() error {
	seen, flagged := 0, 0
	err := m.fetchAll("1:*", 1, m.Messages, "FLAGS", func(_ int, it *imap.Items) error {
		if imap.HasFlag(it.Value, `\Seen`) {
			seen++
		}
		if imap.HasFlag(it.Value, `\Flagged`) {
			flagged++
		}
		return nil
	}, "FLAGS")
	if err == nil && (seen != m.Messages/2 || flagged != 0) {
		err = fmt.Errorf("%d messages are \\Seen and %d \\Flagged, want %d and 0", seen, flagged, m.Messages/2)
	}
	return err
}

func (m *mailboxRun) fetchEnvelope() error {
	const items = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"
	return m.fetchAll("1:*", 1, m.Messages, items, func(seq int, it *imap.Items) error {
		switch string(it.Name) {
		case "RFC822.SIZE":
			if n, err := imap.Number(it.Value); err != nil || int(n) != m.Size {
				return fmt.Errorf("message %d: RFC822.SIZE %s, want %d", seq, it.Value, m.Size)
			}
		case "ENVELOPE":
			m.scratch = message.ID{Run: m.run, Seq: seq - 1}.Append(m.scratch[:0])
			if !bytes.Contains(it.Value, m.scratch) {
				return fmt.Errorf("message %d: ENVELOPE without Message-ID %s", seq, m.scratch)
			}
		}
		return nil
	}, "UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE")
}

func (m *mailboxRun) fetchHeaderFields() error {
	const items = "BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE MESSAGE-ID CONTENT-TYPE)]"
	found := 0
	err := m.fetchAll("1:*", 1, m.Messages, items, func(seq int, it *imap.Items) error {
		if !bytes.HasPrefix(it.Name, []byte("BODY[HEADER.FIELDS")) {
			return nil
		}
		text, err := imap.Text(it.Value)
		if err != nil {
			return err
		}
		id, ok := message.FindID(text)
		if want := (message.ID{Run: m.run, Seq: seq - 1}); !ok || id != want || !bytes.Contains(text, []byte("Subject: ")) {
			return fmt.Errorf("message %d: header fields %.200q", seq, text)
		}
		found++
		return nil
	})
	if err == nil && found != m.Messages {
		err = fmt.Errorf("%d messages were answered with header fields, want %d", found, m.Messages)
	}
	return err
}

func (m *mailboxRun) fetchBodies(from int) error {
	to := from + m.Bodies - 1
	return m.fetchAll(fmt.Sprintf("%d:%d", from, to), from, to, "BODY.PEEK[]", func(seq int, it *imap.Items) error {
		if string(it.Name) != "BODY[]" {
			return nil
		}
		content, err := imap.Text(it.Value)
		if err != nil {
			return err
		}
		return m.checkBody(seq, content)
	}, "BODY[]")
}

func (m *mailboxRun) search(criteria string, want int) error {
	got, err := m.c.Search(criteria)
	if err == nil && got != want {
		err = fmt.Errorf("SEARCH %s found %d messages, want %d", criteria, got, want)
	}
	return err
}

// store changes \Flagged on every message; each answer must show the change.
func (m *mailboxRun) store(action string, flagged bool) error {
	return m.answers("STORE 1:* "+action+` (\Flagged)`, 1, m.Messages, func(seq int, it *imap.Items) error {
		if string(it.Name) == "FLAGS" && imap.HasFlag(it.Value, `\Flagged`) != flagged {
			return fmt.Errorf("message %d: %s answered %s", seq, action, it.Value)
		}
		return nil
	}, "FLAGS")
}
