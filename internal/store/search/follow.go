package search

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	// stepLines is how many lines of the change log one step takes: more than share a number.
	stepLines = 600
	// stepEmails is how many emails one step of a walk takes.
	stepEmails = 300
	// stepBytes is how much mail, summaries included, a step takes, and how much of a message counts. What it commits is not
	// much larger than a delivery: others may share the commit.
	stepBytes, countedBytes = 1 << 20, maxText
	// idleNumbers is how far the log may go on without a line for the index before that is written down.
	idleNumbers = 32
)

// source is an email to be indexed.
type source struct {
	email   mail.EmailID
	blob    mail.BlobID
	object  mail.ObjectID
	summary []byte
}

// job is what one step does: it brings the index of an account from one state to the next.
type job struct {
	account    mail.AccountID
	begin      bool // there is no index that could be continued
	from, to   state
	emails     []source
	destroyed  []mail.EmailID
	more       bool
	bytes      int64
	lastModSeq mail.ModSeq
}

// full reports that the step has enough to do.
func (j *job) full() bool { return j.bytes >= stepBytes }

// worth reports whether the step is to be written down.
func (j *job) worth(settle bool) bool {
	something := len(j.emails)+len(j.destroyed) > 0 || j.from.walk != walked
	return something || settle && j.to != j.from || j.to.modseq-j.from.modseq > idleNumbers
}

func (j *job) add(s source, size int64) {
	j.emails = append(j.emails, s)
	j.bytes += min(size, countedBytes) + int64(len(s.summary))
}

// Step takes the index of an account one commit further, and reports whether there is more to do at once. With settle it
// notes also that there was nothing to do.
func (x *Index) Step(ctx context.Context, account mail.AccountID, settle bool) (more bool, err error) {
	begun := time.Now()
	j, err := x.plan(ctx, account)
	if mail.Is(err, mail.Gone) {
		return false, nil
	}
	if err == nil && j.begin {
		return true, x.begin(ctx, account)
	}
	if err == nil && j.from.walk == 0 {
		err = x.sweep(ctx, account, j.from.generation)
	}
	if err != nil {
		return false, err
	}
	if j.worth(settle) {
		if err := x.take(ctx, j); err != nil {
			return errors.Is(err, errMoved), ignoreMoved(err)
		}
		if x.observe != nil && len(j.emails) > 0 {
			x.observe.Indexed(len(j.emails), time.Since(begun))
		}
	}
	if j.more || len(j.emails)+len(j.destroyed) == 0 {
		return j.more, nil
	}
	return x.compact(ctx, account, j.to.generation)
}

// errMoved says that somebody else took the index further, or is making it anew.
var errMoved = errors.New("the index has moved on")

func ignoreMoved(err error) error {
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// plan reads what is to be done next.
func (x *Index) plan(ctx context.Context, account mail.AccountID) (j *job, err error) {
	err = x.tx.Read(ctx, func(t *tx.Tx) error {
		j = &job{account: account}
		var floor mail.ModSeq
		err := t.SQL().QueryRow(`SELECT modseq, log_floor FROM account WHERE id = $1 AND state = 'here'`, account).Scan(&j.lastModSeq, &floor)
		if errors.Is(err, db.ErrNoRows) {
			return mail.E("search.Step", mail.Gone, nil)
		}
		var ok bool
		if err == nil {
			j.from, ok, err = readState(t, account)
		}
		if err != nil {
			return err
		}
		j.to = j.from
		switch {
		case !ok || j.from.walk == walked && j.from.modseq < floor:
			j.begin = true
			return nil
		case j.from.walk != walked:
			return j.walk(t)
		}
		return j.follow(t)
	})
	return j, err
}

// walk takes the next of all emails, in the order of their ids, that the index began with; younger ones come with the log.
func (j *job) walk(t *tx.Tx) error {
	rows, err := t.SQL().Query(`SELECT e.id, e.blob_id, e.size, e.created_modseq, e.summary, b.object_id
		FROM email e JOIN blob b ON b.account_id = e.account_id AND b.blob_id = e.blob_id
		WHERE e.account_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3`, j.account, j.from.walk, stepEmails)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if j.full() {
			break
		}
		var s source
		var size int64
		var created mail.ModSeq
		if err := rows.Scan(&s.email, &s.blob, &size, &created, &s.summary, &s.object); err != nil {
			return err
		}
		if created <= j.from.modseq {
			j.add(s, size)
		}
		j.to.walk = s.email
		n++
	}
	if j.more = true; n < stepEmails && !j.full() {
		j.to.walk = walked
	}
	return rows.Err()
}

// follow takes the next lines of the change log, always all that share a number.
func (j *job) follow(t *tx.Tx) error {
	rows, err := t.SQL().Query(`SELECT c.modseq, c.op, c.object_id, e.blob_id, COALESCE(e.size, 0), e.summary, COALESCE(b.object_id, 0)
		FROM change c LEFT JOIN email e ON e.account_id = c.account_id AND e.id = c.object_id
		LEFT JOIN blob b ON b.account_id = e.account_id AND b.blob_id = e.blob_id
		WHERE c.account_id = $1 AND c.modseq > $2 AND c.kind = $3 AND c.op <> $4 ORDER BY c.modseq, c.seq LIMIT $5`,
		j.account, j.from.modseq, int64(tx.KindEmail), int64(tx.Updated), stepLines)
	if err != nil {
		return err
	}
	defer rows.Close()
	number, lines := j.from.modseq, 0
	for rows.Next() {
		var s source
		var modseq mail.ModSeq
		var op, size int64
		var blob, summary *[]byte
		if err := rows.Scan(&modseq, &op, &s.email, &blob, &size, &summary, &s.object); err != nil {
			return err
		}
		if lines++; modseq != number {
			if j.full() || lines > stepLines-256 {
				j.to.modseq, j.more = number, true
				return nil
			}
			number = modseq
		}
		switch {
		case tx.Op(op) == tx.Destroyed:
			j.destroyed = append(j.destroyed, s.email)
		case s.object != 0: // else it has been destroyed since
			copy(s.blob[:], *blob)
			s.summary = *summary
			j.add(s, size)
		}
	}
	if j.to.modseq = j.lastModSeq; lines == stepLines {
		j.to.modseq, j.more = number, true
	}
	return rows.Err()
}

// begin starts the index of an account anew: it will hold the emails of this moment by a walk over all of them, and those
// that come later by the log.
func (x *Index) begin(ctx context.Context, account mail.AccountID) error {
	return x.tx.Write(ctx, nil, func(t *tx.Tx) error {
		_, err := t.SQL().Exec(`INSERT INTO text_index (account_id, format, generation, modseq, walk)
			SELECT id, CAST($2 AS BIGINT), 1, modseq, 0 FROM account WHERE id = $1 AND state = 'here'
			ON CONFLICT (account_id) DO UPDATE SET format = excluded.format, generation = text_index.generation + 1,
				modseq = excluded.modseq, walk = 0`, account, int64(format))
		return err
	})
}

// take does a job: the texts are made outside of the transaction, which then brings them and the new state.
func (x *Index) take(ctx context.Context, j *job) error {
	entries, err := x.extract(ctx, j)
	if err != nil {
		return err
	}
	made, err := x.pack(ctx, j.account, entries)
	if err != nil {
		return err
	}
	gone, err := x.whereGone(ctx, j)
	if err != nil {
		return err
	}
	return x.tx.Write(ctx, nil, func(t *tx.Tx) error {
		n, err := t.SQL().Exec(`UPDATE text_index SET modseq = $5, walk = $6
			WHERE account_id = $1 AND generation = $2 AND modseq = $3 AND walk = $4`,
			j.account, j.from.generation, j.from.modseq, j.from.walk, j.to.modseq, j.to.walk)
		if err != nil {
			return err
		}
		if n == 0 {
			return errMoved
		}
		for id, n := range gone {
			t.SQL().Queue(`UPDATE text_segment SET gone = gone + $3 WHERE account_id = $1 AND id = $2`, j.account, id, n)
		}
		insert(t, j.account, j.from.generation, made)
		return nil
	})
}

func insert(t *tx.Tx, account mail.AccountID, generation int64, list []*segment) {
	for _, s := range list {
		t.SQL().Queue(`INSERT INTO text_segment (account_id, id, generation, size, gone, lowest, highest, emails, salt, grams, text)
			VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10)`, account, s.id, generation, s.size,
			s.emails[0], s.emails[len(s.emails)-1], s.list(), s.salt, s.grams, s.text)
	}
}

// extract makes the texts of a job's emails. One whose body cannot be read is left out: searches will look at it themselves.
func (x *Index) extract(ctx context.Context, j *job) ([]entry, error) {
	entries := make([]entry, 0, len(j.emails))
	for _, s := range j.emails {
		k, err := x.text(ctx, j.account, s)
		switch {
		case err == nil:
			entries = append(entries, entry{s.email, k})
		case ctx.Err() != nil || mail.Is(err, mail.Unavailable):
			return nil, err
		case !errors.Is(err, errTooLong) && !mail.Is(err, mail.NotFound): // NotFound: destroyed meanwhile
			x.log.LogAttrs(ctx, slog.LevelWarn, "a message cannot be indexed", slog.Any("account", j.account), slog.Any("email", s.email), slog.Any("err", err))
		}
	}
	return entries, nil
}

// text makes what is kept of an email, or takes it over from another recipient of the same object.
func (x *Index) text(ctx context.Context, account mail.AccountID, s source) (kept, error) {
	if k, ok := x.texts.get(s.object); ok {
		return k, nil
	}
	var summary message.Summary
	if err := summary.UnmarshalBinary(s.summary); err != nil {
		return kept{}, err
	}
	content, err := x.bodies.Open(ctx, account, s.blob)
	if err != nil {
		return kept{}, err
	}
	defer content.Close() // reading is over: there is nothing an error could spoil
	k, err := extract(content, summary.Root)
	if err == nil {
		x.texts.put(s.object, k)
	}
	return k, err
}

// pack makes segments of entries.
func (x *Index) pack(ctx context.Context, account mail.AccountID, entries []entry) (made []*segment, err error) {
	if len(entries) == 0 {
		return nil, nil
	}
	key, err := x.bodies.IndexKey(ctx, account)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b entry) int { return int(a.email - b.email) })
	for len(entries) > 0 {
		n, size := 0, 0
		for n < len(entries) && n < segmentEmails && size < segmentBytes {
			size += len(entries[n].text)
			n++
		}
		id, err := x.tx.NewID(ctx)
		if err != nil {
			return nil, err
		}
		s, err := newSegment(id, entries[:n], key)
		if err != nil {
			return nil, err
		}
		made, entries = append(made, s), entries[n:]
	}
	return made, nil
}

// whereGone counts the destroyed emails of a job by the segments that hold them.
func (x *Index) whereGone(ctx context.Context, j *job) (gone map[int64]int, err error) {
	if len(j.destroyed) == 0 {
		return nil, nil
	}
	err = x.tx.Read(ctx, func(t *tx.Tx) error {
		list, err := segments(t, j.account, j.from.generation, "")
		gone = map[int64]int{}
		slices.Sort(j.destroyed)
		for _, s := range list {
			for _, id := range s.emails {
				if _, is := slices.BinarySearch(j.destroyed, id); is {
					gone[s.id]++
				}
			}
		}
		return err
	})
	return gone, err
}
