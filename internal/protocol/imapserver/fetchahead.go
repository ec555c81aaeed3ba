package imapserver

import (
	"github.com/mailmesh/mailmesh/internal/finding"
	"iter"
	"runtime/debug"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// fetched are some messages with what the database has of them.
type fetched struct {
	messages []source
	rows     finding.Rows
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
			return f.send(f.read(batch, new(fetched)))
		}
		return nil
	}
	var ahead []<-chan *fetched // in order
	var spare []*fetched        // those that were sent
	defer func() {
		for _, c := range ahead {
			<-c
		}
	}()
	sendFirst := func() error {
		got := <-ahead[0]
		ahead, spare = ahead[1:], append(spare, got)
		return f.send(got)
	}
	for batch := range f.batches(seqs) {
		if len(ahead) == readersAhead {
			if err := sendFirst(); err != nil {
				return err
			}
		}
		into := new(fetched)
		if n := len(spare); n > 0 {
			into, spare = spare[n-1], spare[:n-1]
		}
		ahead = append(ahead, f.readAhead(batch, into))
	}
	for len(ahead) > 0 {
		if err := sendFirst(); err != nil {
			return err
		}
	}
	return nil
}

// readAhead begins to read a batch.
func (f *fetching) readAhead(batch []position, into *fetched) <-chan *fetched {
	done := make(chan *fetched, 1)
	go func() {
		defer func() {
			if fault := recover(); fault != nil {
				done <- &fetched{err: &panicked{fault, debug.Stack()}}
			}
		}()
		done <- f.read(batch, into)
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
func (f *fetching) read(batch []position, got *fetched) *fetched {
	var n int
	if n, got.err = f.readRows(f.selected.owner, batch, &got.rows); got.err != nil {
		return got
	}
	got.rest = batch[n:]
	got.messages = append(got.messages[:0], make([]source, n)...)
	for i := range got.messages {
		got.messages[i].position, got.messages[i].row = batch[i], got.rows.Of(i)
	}
	if f.needs&needsSaved != 0 {
		if got.err = f.readSaveDates(got.messages, batch[:n]); got.err != nil {
			return got
		}
	}
	var blobs []mail.BlobID
	for i := range got.messages {
		if m := &got.messages[i]; m.row != nil {
			m.err = f.unmarshal(m)
			if f.needs&needsContent != 0 {
				blobs = append(blobs, m.row.Blob)
			}
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
func (f *fetching) readSaveDates(messages []source, positions []position) error {
	saved, err := f.saveDates(positions)
	if err != nil {
		return err
	}
	for i := range messages {
		m := &messages[i]
		at, there := saved[m.entry.UID]
		if m.saved = saveDate(at); !there {
			m.row = nil
		}
	}
	return nil
}
