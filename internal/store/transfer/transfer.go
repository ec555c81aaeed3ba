package transfer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Options say from where to where.
type Options struct {
	Source *db.DB     // SQLite, served by this process
	Bodies blob.Store // its bodies

	Target *db.DB     // has the schema, and nothing else but what an earlier run has brought
	Place  blob.Store // for its bodies

	// Clear removes what an interrupted run may have left of a body that no row names yet. nil: the store takes a body again.
	Clear func(context.Context, mail.ObjectID) error

	Log *slog.Logger // nil discards

	// Progress is told how far it is, now and then and from any goroutine. nil: nobody asks.
	Progress func(Progress)
}

// Step is what a transfer is at.
type Step string

const (
	Copying   Step = "copy"
	Following Step = "follow"
	Comparing Step = "compare"
	Ending    Step = "end"
)

// Progress says how far a step is.
type Progress struct {
	Step    Step   `json:"step"`
	Table   string `json:"table,omitempty"`
	Done    int64  `json:"done"` // rows of the table, or changes
	Total   int64  `json:"total,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"`   // of bodies, in this run
	Waiting int64  `json:"waiting,omitempty"` // changes that are still to be followed
}

// Transfer is one under way. Its methods are called one after another.
type Transfer struct {
	o       Options
	token   string
	tables  []*table
	named   map[string]*table
	states  map[string]*state
	applied int64                // the log has been followed to here
	suspect map[string]suspicion // rows that differed when they were compared
	mu      sync.Mutex           // of suspect
	bodies  atomic.Int64         // bytes of them that were copied or compared
}

// ErrUnfinished says that a database is being filled by a transfer.
var ErrUnfinished = errors.New("this database is being filled by `mailmesh migrate`, which has not come to its end: run that again on the server that it is filled from. To use the database for something else, empty it")

// Unfinished reports whether a database is the target of a transfer that was not released. Who would serve it asks.
func Unfinished(ctx context.Context, d *db.DB) (unfinished bool, err error) {
	if d.Engine() == db.SQLite {
		return false, nil
	}
	_, unfinished, err = readToken(ctx, d)
	return unfinished, err
}

// Begun reports whether the changes of a source are being logged.
func Begun(ctx context.Context, d *db.DB) (begun bool, err error) {
	_, begun, err = readToken(ctx, d)
	return begun, err
}

func readToken(ctx context.Context, d *db.DB) (token string, there bool, err error) {
	err = d.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(`SELECT token FROM transfer WHERE part = ''`).Scan(&token)
	})
	if errors.Is(err, db.ErrNoRows) {
		return "", false, nil
	}
	return token, err == nil, err
}

// Begin begins a transfer, or goes on with the one between these two databases.
func Begin(ctx context.Context, o Options) (*Transfer, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Source.Engine() != db.SQLite || o.Target.Engine() != db.Postgres {
		return nil, mail.E("transfer.Begin", mail.Invalid, fmt.Errorf("a server on SQLite is copied to PostgreSQL, not %s to %s", o.Source.Engine(), o.Target.Engine()))
	}
	t := &Transfer{o: o, named: map[string]*table{}, states: map[string]*state{}, suspect: map[string]suspicion{}}
	var err error
	if t.tables, err = readTables(ctx, o.Source); err != nil {
		return nil, err
	}
	for _, table := range t.tables {
		t.named[table.name] = table
	}
	if err := checkTables(ctx, o.Target, t.tables); err != nil {
		return nil, err
	}
	if err := t.checkTarget(ctx); err != nil {
		return nil, err
	}
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	return t, t.readStates(ctx)
}

// checkTarget refuses a target that is not empty, unless this server has begun to fill it.
func (t *Transfer) checkTarget(ctx context.Context) error {
	theirs, filled, err := readToken(ctx, t.o.Target)
	if err != nil {
		return err
	}
	ours, _, err := readToken(ctx, t.o.Source)
	if err != nil {
		return err
	}
	if filled {
		if theirs == ours {
			return nil
		}
		return mail.E("transfer.Begin", mail.Conflict, errors.New("the target is being filled from another server, or was before this server's migration was abandoned: name an empty database"))
	}
	return t.o.Target.Read(ctx, func(tx *db.Tx) error {
		for _, name := range t.mustBeEmpty() {
			var count int64
			if err := tx.QueryRow(`SELECT count(*) FROM (SELECT 1 FROM ` + quote(name) + ` LIMIT 2) AS few`).Scan(&count); err != nil {
				return err
			}
			if name == "instance" { // the schema makes its row
				count--
			}
			if count > 0 {
				return mail.E("transfer.Begin", mail.Conflict, fmt.Errorf("the target is not empty: its table %s has rows. Name a new database: what is there would be mixed with this server's", name))
			}
		}
		return nil
	})
}

func (t *Transfer) mustBeEmpty() []string {
	names := []string{"node", "blob_bytes"}
	for _, table := range t.tables {
		names = append(names, table.name)
	}
	return names
}

// start has the source's changes logged, and marks the target. Both may have been done before.
func (t *Transfer) start(ctx context.Context) error {
	var since int64
	fresh := rand.Text()
	err := t.o.Source.Write(ctx, 0, func(tx *db.Tx) (err error) {
		capture(tx, t.tables)
		if err := tx.QueryRow(`INSERT INTO transfer (part, token, state, place, seq, row_count) VALUES ('', $1, 0, $2, 0, 0)
			ON CONFLICT (part) DO UPDATE SET state = 0 RETURNING token`, fresh, []byte{}).Scan(&t.token); err != nil {
			return err
		}
		since, err = lastChange(tx)
		return err
	})
	if err != nil {
		return err
	}
	return t.o.Target.Write(ctx, 0, func(tx *db.Tx) error {
		fresh, err := tx.Exec(`INSERT INTO transfer (part, token, state, place, seq, row_count) VALUES ('', $1, 0, $2, $3, 0)
			ON CONFLICT (part) DO NOTHING`, t.token, []byte{}, since)
		if err != nil {
			return err
		}
		if fresh == 1 {
			tx.Queue(`DELETE FROM instance`) // the schema has made it; the source's comes in its place
		}
		tx.Queue(`UPDATE transfer SET state = 0 WHERE part = ''`)
		return tx.QueryRow(`SELECT seq FROM transfer WHERE part = ''`).Scan(&t.applied)
	})
}

// Release lets the target be served. It can be repeated.
func Release(ctx context.Context, target *db.DB) error {
	return repeat(ctx, func() error {
		return target.Write(ctx, 0, func(tx *db.Tx) error {
			_, err := tx.Exec(`DELETE FROM transfer`)
			return err
		})
	})
}
