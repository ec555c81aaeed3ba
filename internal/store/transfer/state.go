package transfer

import (
	"context"
	"errors"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// What a table has come to.
const (
	begun    = 0
	copied   = 1
	compared = 2
)

// state is how far a table is: its row of `transfer` in the target.
type state struct {
	state int
	place row   // the key of the last row that was copied, or compared; nil: before the first
	since int64 // changes up to here are in what was copied
	rows  int64 // copied, then compared
	total int64 // about

	unsaved bool // this run has compared further than the row says
}

func (t *Transfer) readStates(ctx context.Context) error {
	return t.o.Target.Read(ctx, func(tx *db.Tx) error {
		clear(t.states)
		rows, err := tx.Query(`SELECT part, state, place, seq, row_count FROM transfer WHERE part <> ''`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var part string
			var place []byte
			s := &state{}
			if err := rows.Scan(&part, &s.state, &place, &s.since, &s.rows); err != nil {
				return err
			}
			if s.place, err = decode(place); err != nil {
				return err
			}
			t.states[part] = s
		}
		return rows.Err()
	})
}

// saveState writes how far a table is, in the commit that brought it there.
func (t *Transfer) saveState(tx *db.Tx, part string, s state) {
	tx.Queue(`INSERT INTO transfer (part, token, state, place, seq, row_count) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (part) DO UPDATE SET state = excluded.state, place = excluded.place, seq = excluded.seq, row_count = excluded.row_count`,
		part, t.token, s.state, append([]byte{}, encode(nil, s.place)...), s.since, s.rows)
}

// repeats is how often what can be repeated is tried, the target's primary being changed, for example.
const repeats = 6

// repeat does what does no harm when it is done twice, until it succeeds or fails for good.
func repeat(ctx context.Context, do func() error) error {
	for wait := time.Second; ; wait *= 2 {
		err := do()
		if err == nil || wait >= time.Second<<(repeats-1) || !mail.Is(err, mail.Unavailable) || errors.Is(err, context.Canceled) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// write commits to the target what can be written again.
func (t *Transfer) write(ctx context.Context, fn func(*db.Tx) error) error {
	return repeat(ctx, func() error { return t.o.Target.Write(ctx, 0, fn) })
}
