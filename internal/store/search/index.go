package search

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Bodies opens what the index is made of. store/bodies is one.
type Bodies interface {
	Open(ctx context.Context, account mail.AccountID, blob mail.BlobID) (blob.Reader, error)
	// IndexKey is the key under which the text of an account's mail is sealed.
	IndexKey(ctx context.Context, account mail.AccountID) ([32]byte, error)
}

// Observer is told what the index does.
type Observer interface {
	// Indexed: emails were added in a time.
	Indexed(emails int, took time.Duration)
	// Behind is how many accounts wait for their turn.
	Behind(accounts int)
}

// Options says what an Index stands on.
type Options struct {
	Tx      *tx.Store
	Bodies  Bodies
	Logger  *slog.Logger // nil discards
	Observe Observer     // nil: nobody

	// Bus carries to other nodes that an index is made anew; nil: there are none.
	Bus cluster.Bus

	// Parts is into how many parts the accounts are divided, each of which one node of a cluster keeps up (RunPart); 0: one.
	Parts int
}

// Index keeps the text of all mail, account by account. It is safe for concurrent use.
type Index struct {
	tx      *tx.Store
	bodies  Bodies
	log     *slog.Logger
	observe Observer
	bus     cluster.Bus
	texts   textCache

	parts []*part
}

// NewIndex returns an Index over a database whose schema is up to date. Run keeps it up with the mail.
func NewIndex(o Options) *Index {
	x := &Index{tx: o.Tx, bodies: o.Bodies, log: o.Logger, observe: o.Observe, bus: o.Bus}
	if x.bus == nil {
		x.bus = inprocess.New()
	}
	for i := range max(o.Parts, 1) {
		x.parts = append(x.parts, &part{number: i, wake: make(chan struct{}, 1)})
	}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	return x
}

// format is that of what is kept of a message and of segments. Raising it makes every index anew.
const format = 1

// state is a row of text_index.
type state struct {
	generation int64
	modseq     mail.ModSeq
	walk       mail.EmailID // -1: the walk over all emails is over
}

const walked mail.EmailID = -1

// readState reads where the index of an account stands; ok is false where there is none of this format.
func readState(t *tx.Tx, account mail.AccountID) (s state, ok bool, err error) {
	var f int64
	err = t.SQL().QueryRow(`SELECT format, generation, modseq, walk FROM text_index WHERE account_id = $1`, account).
		Scan(&f, &s.generation, &s.modseq, &s.walk)
	if errors.Is(err, db.ErrNoRows) {
		return s, false, nil
	}
	return s, err == nil && f == format, err
}

// segments reads the segments of an account without filter and text, the oldest first.
func segments(t *tx.Tx, account mail.AccountID, generation int64, condition string) (list []*segment, err error) {
	rows, err := t.SQL().Query(`SELECT id, size, gone, emails, salt FROM text_segment WHERE account_id = $1 AND generation = $2 `+
		condition+` ORDER BY id`, account, generation)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		s := new(segment)
		var ids []byte
		if err := rows.Scan(&s.id, &s.size, &s.gone, &ids, &s.salt); err != nil {
			return nil, err
		}
		if err = s.parseList(ids); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// atATime is how many texts are read in one transaction: about a megabyte.
const atATime = 16

// readTexts reads the texts of segments, at most atATime. One that is gone meanwhile has none.
func (x *Index) readTexts(ctx context.Context, account mail.AccountID, list []*segment) error {
	if len(list) == 0 {
		return nil
	}
	byID := make(map[int64]*segment, len(list))
	ids := make([]int64, len(list))
	for i, s := range list {
		byID[s.id], ids[i] = s, s.id
	}
	return x.tx.Read(ctx, func(t *tx.Tx) error {
		in, args := inList(ids, atATime, account)
		rows, err := t.SQL().Query(`SELECT id, text FROM text_segment WHERE account_id = $1 AND id `+in, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			var text []byte
			if err := rows.Scan(&id, &text); err != nil {
				return err
			}
			byID[id].text = text
		}
		return rows.Err()
	})
}

// inList returns "IN ($n, ...)" for at most size values, filled up with the last one so that few statements are prepared,
// and the arguments of the statement: before, then the values.
func inList[T any](values []T, size int, before ...any) (in string, args []any) {
	var b strings.Builder
	b.WriteString("IN (")
	args = append(args, before...)
	for i := range size {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		args = append(args, values[min(i, len(values)-1)])
		b.WriteString(strconv.Itoa(len(args)))
	}
	b.WriteByte(')')
	return b.String(), args
}
