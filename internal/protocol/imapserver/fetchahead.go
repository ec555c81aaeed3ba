package imapserver

import (
	"iter"
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
	rest     []position   // of the batch: its rows were too many octets to be read together
	found    bodies.Found // where their content is
	err      error
}

// readersAhead is how many batches of a FETCH are read at the same time, while another is written.
const readersAhead = 2

// sendAll answers for the messages with some numbers, a batch at a time. While one batch is written, the next ones are read:
// reading belongs to goroutines of its own, which are over when sendAll is.
func (f *fetching) sendAll(seqs imap.Set) error {
	if f.needs == 0 {
		return f.sendFacts(seqs)
	}
	if seqs.Len() <= batchSize {
		for batch := range f.batches(seqs) {
			return f.send(f.read(batch))
		}
		return nil
	}
	var ahead []<-chan fetched // in order
	defer func() {
		for _, c := range ahead {
			<-c
		}
	}()
	sendFirst := func() error {
		got := <-ahead[0]
		ahead = ahead[1:]
		return f.send(got)
	}
	for batch := range f.batches(seqs) {
		if len(ahead) == readersAhead {
			if err := sendFirst(); err != nil {
				return err
			}
		}
		ahead = append(ahead, f.readAhead(batch))
	}
	for len(ahead) > 0 {
		if err := sendFirst(); err != nil {
			return err
		}
	}
	return nil
}

// readAhead begins to read a batch.
func (f *fetching) readAhead(batch []position) <-chan fetched {
	done := make(chan fetched, 1)
	go func() {
		defer func() {
			if fault := recover(); fault != nil {
				done <- fetched{err: &panicked{fault, debug.Stack()}}
			}
		}()
		done <- f.read(batch)
	}()
	return done
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

// batches cuts the messages with some numbers into batches.
func (f *fetching) batches(seqs imap.Set) iter.Seq[[]position] {
	return func(yield func([]position) bool) {
		left := seqs.Len()
		var batch []position
		for p := range f.positions(seqs) {
			if batch == nil {
				batch = make([]position, 0, min(left, batchSize))
			}
			if batch = append(batch, p); len(batch) < batchSize {
				continue
			}
			if !yield(batch) {
				return
			}
			batch, left = nil, left-batchSize
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// read reads the first messages of a batch, as many as may be in memory.
func (f *fetching) read(batch []position) fetched {
	got := fetched{messages: make([]source, len(batch))}
	for i, p := range batch {
		got.messages[i].position = p
	}
	rows, n, err := f.readRows(f.selected.owner, batch)
	if err != nil {
		got.err = err
		return got
	}
	got.messages, got.rest = got.messages[:n], batch[n:]
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
			got.found, err = f.o.Bodies.Find(t, f.selected.owner, blobs)
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
