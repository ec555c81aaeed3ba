package imapserver

import (
	"context"
	"runtime/debug"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// fetched are some messages with what the database has of them.
type fetched struct {
	messages []source
	found    bodies.Found // where their content is
	err      error
}

// sendAll answers for the messages with some numbers, a batch at a time. While one batch is written, the next is read:
// reading belongs to a goroutine of its own, which is over when sendAll is.
func (f *fetching) sendAll(seqs imap.Set) error {
	switch {
	case f.needs == 0:
		return f.sendFacts(seqs)
	case seqs.Len() <= batchSize:
		return f.readAll(seqs, f.send)
	}
	ctx, cancel := context.WithCancel(f.ctx)
	ahead := make(chan fetched)
	go func() {
		defer close(ahead)
		give := func(got fetched) error {
			select {
			case ahead <- got:
				return got.err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		defer func() {
			if fault := recover(); fault != nil {
				give(fetched{err: &panicked{fault, debug.Stack()}})
			}
		}()
		f.readAll(seqs, give) // an error was given
	}()
	defer func() {
		cancel()
		for range ahead {
		}
	}()
	for got := range ahead {
		if err := f.send(got); err != nil {
			return err
		}
	}
	return nil
}

// sendFacts answers with what the view has of the messages.
func (f *fetching) sendFacts(seqs imap.Set) error {
	var m source
	for p := range f.positions(seqs) {
		m.position = p
		if err := f.one(&m); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads what the items need of all messages and hands it on in batches, the last one with an error if there is
// one.
func (f *fetching) readAll(seqs imap.Set, each func(fetched) error) error {
	batch := make([]position, 0, min(seqs.Len(), batchSize))
	flush := func() error {
		for rest := batch; len(rest) > 0; {
			got := f.read(rest)
			if err := each(got); err != nil {
				return err
			}
			rest = rest[len(got.messages):]
		}
		batch = batch[:0]
		return nil
	}
	for p := range f.positions(seqs) {
		if batch = append(batch, p); len(batch) == batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// read reads the first messages of a batch, as many as may be in memory.
func (f *fetching) read(batch []position) fetched {
	got := fetched{messages: make([]source, len(batch))}
	for i, p := range batch {
		got.messages[i].position = p
	}
	rows, n, err := f.readRows(batch)
	if err != nil {
		got.err = err
		return got
	}
	got.messages = got.messages[:n]
	if f.needs&needsSaved != 0 {
		if got.err = f.readSaveDates(got.messages, rows); got.err != nil {
			return got
		}
	}
	blobs := make([]mail.BlobID, 0, n)
	for i := range got.messages {
		m := &got.messages[i]
		if m.row = rows[m.entry.Email]; m.row != nil {
			m.err = f.unmarshal(m)
			blobs = append(blobs, m.row.Blob)
		}
	}
	if f.needs&needsContent != 0 {
		got.err = f.o.Tx.Read(f.ctx, func(t *tx.Tx) (err error) {
			got.found, err = f.o.Bodies.Find(t, f.account, blobs)
			return err
		})
	}
	return got
}

// unmarshal reads what the items need of a message's row.
func (f *fetching) unmarshal(m *source) (err error) {
	if f.needs&needsEnvelope != 0 {
		if m.envelope, err = message.UnmarshalEnvelope(m.row.Summary); err != nil {
			return err
		}
	}
	if f.needs&needsInfo != 0 {
		if m.info, err = message.UnmarshalInfo(m.row.Summary); err != nil {
			return err
		}
	}
	if f.needs&needsStructure != 0 {
		m.root, err = message.UnmarshalStructure(m.row.Summary)
	}
	return err
}

// readSaveDates reads when messages came into the mailbox. Those that are not there any more lose their rows.
func (f *fetching) readSaveDates(messages []source, rows map[mail.EmailID]*mailbox.Email) error {
	positions := make([]position, len(messages))
	for i := range messages {
		positions[i] = messages[i].position
	}
	saved, err := f.saveDates(positions)
	if err != nil {
		return err
	}
	for i := range messages {
		m := &messages[i]
		at, there := saved[m.entry.UID]
		if m.saved = saveDate(at); !there {
			delete(rows, m.entry.Email)
		}
	}
	return nil
}
