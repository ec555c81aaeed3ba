package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	blobsql "github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
)

// world is a source that somebody writes to, and a target.
type world struct {
	t              testing.TB
	source, target *db.DB
	from           blob.Store
	to             *blobsql.Store
	tables         []*table

	mu     sync.Mutex
	random *rand.Rand
	bodies map[int64][]byte // of live objects
	nextID int64
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, source: dbtest.OnSQLite(t, schema.Files)(), target: dbtest.OnPostgres(t, schema.Files)(),
		random: rand.New(rand.NewPCG(1, 2)), bodies: map[int64][]byte{}, nextID: 1000}
	packs, err := pack.Open(pack.Options{FS: pack.OS(filepath.Join(t.TempDir(), "packs"))})
	w.must(err)
	t.Cleanup(func() { w.must(packs.Close()) })
	w.from, w.to = packs, newPlace(w.target)
	w.tables, err = readTables(t.Context(), w.source)
	w.must(err)
	return w
}

// newPlace keeps bodies in a database.
func newPlace(d *db.DB) *blobsql.Store { return blobsql.New(d) }

func (w *world) must(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

func (w *world) options() Options {
	return Options{Source: w.source, Bodies: w.from, Target: w.target, Place: w.to, Clear: w.to.Clear}
}

// value draws a value for a column. Keys are drawn from few, so that rows meet.
func (w *world) value(t *table, column int) any {
	few := 1 << 40
	if t.inKey(column) || len(t.unique) > 0 {
		few = 12
	}
	n := w.random.IntN(few)
	switch t.columns[column].kind {
	case number:
		return int64(n) - 3
	case text:
		return []string{"", "é", "Z", "a b"}[n%4] + fmt.Sprint(n)
	}
	return fmt.Appendf(nil, "\x00\xff%d", n)[:n%4]
}

// change changes something in some table: a row comes, changes, gets another key or goes.
func (w *world) change() error {
	w.mu.Lock()
	table := w.tables[w.random.IntN(len(w.tables))]
	r := make(row, len(table.columns))
	for i := range r {
		r[i] = w.value(table, i)
	}
	other := make(row, len(table.key))
	for i, c := range table.key {
		other[i] = w.value(table, c)
	}
	what := w.random.IntN(10)
	w.mu.Unlock()
	if table.name == objects {
		return w.changeObject(what)
	}
	return w.source.Write(context.Background(), 0, func(tx *db.Tx) error {
		q := quote(table.name)
		switch {
		case what < 6:
			w.insert(tx, table, r)
		case what < 8:
			tx.Queue(`DELETE FROM `+q+` WHERE `+table.where(table.key, 1), table.keyOf(r)...)
		default: // the row moves to another key, and what was there goes
			tx.Queue(`DELETE FROM `+q+` WHERE `+table.where(table.key, 1), other...)
			var set []string
			for i, c := range table.key {
				set = append(set, fmt.Sprintf("%s = $%d", quote(table.columns[c].name), i+1))
			}
			tx.Queue(`UPDATE `+q+` SET `+strings.Join(set, ", ")+` WHERE `+table.where(table.key, len(other)+1), append(other, table.keyOf(r)...)...)
		}
		return nil
	})
}

// insert puts a row, over what is in its way.
func (w *world) insert(tx *db.Tx, table *table, r row) {
	put(tx, table, []row{r})
}

// changeObject lets a body come, be moved, be doomed or go.
func (w *world) changeObject(what int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := slices.Sorted(maps.Keys(w.bodies))
	if what < 6 || len(ids) == 0 {
		id := w.nextID
		w.nextID++
		body := make([]byte, 10+w.random.IntN(2000))
		for i := range body {
			body[i] = byte(w.random.Uint32())
		}
		at, size, err := w.from.Put(context.Background(), mail.ObjectID(id), strings.NewReader(string(body)))
		if err != nil {
			return err
		}
		w.bodies[id] = body
		return w.exec(`INSERT INTO object (id, location, size, state, changed) VALUES ($1, $2, $3, 0, $4)`, id, []byte(at), size, w.random.Int64())
	}
	id := ids[w.random.IntN(len(ids))]
	switch what {
	case 6: // compaction
		at, _, err := w.from.Put(context.Background(), mail.ObjectID(id), strings.NewReader(string(w.bodies[id])))
		if err != nil {
			return err
		}
		var old blob.Location
		err = w.source.Read(context.Background(), func(tx *db.Tx) error {
			return tx.QueryRow(`SELECT location FROM object WHERE id = $1`, id).Scan((*[]byte)(&old))
		})
		if err == nil {
			err = w.exec(`UPDATE object SET location = $2 WHERE id = $1`, id, []byte(at))
		}
		return errors.Join(err, w.from.Remove(context.Background(), old))
	case 7:
		delete(w.bodies, id)
		return w.exec(`DELETE FROM object WHERE id = $1`, id)
	case 8:
		delete(w.bodies, id)
		return w.exec(`UPDATE object SET state = 1 WHERE id = $1`, id)
	}
	return w.exec(`UPDATE object SET changed = changed + 1 WHERE id = $1`, id)
}

func (w *world) exec(sql string, args ...any) error {
	return w.source.Write(context.Background(), 0, func(tx *db.Tx) error { tx.Queue(sql, args...); return nil })
}

// changes makes some changes.
func (w *world) changes(n int) {
	w.t.Helper()
	for range n {
		w.must(w.change())
	}
}

// busy changes until the returned function is called.
func (w *world) busy() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range 3 {
		running.Go(func() {
			for ctx.Err() == nil {
				if err := w.change(); err != nil && !db.IsUnavailable(err) {
					w.t.Error(err)
					return
				}
			}
		})
	}
	return func() { cancel(); running.Wait() }
}

// equal holds the target to the source, by other means than the package's own.
func (w *world) equal() { w.t.Helper(); w.equalAfter(0) }

// equalAfter is equal where the transfer was cut off some times.
func (w *world) equalAfter(cuts int) {
	w.t.Helper()
	for _, table := range w.tables {
		here, there := w.dump(w.source, table), w.dump(w.target, table)
		for key, want := range here {
			if have, ok := there[key]; !ok || have != want {
				w.t.Errorf("%s: the row %s is %q, want %q", table.name, key, have, want)
			}
			delete(there, key)
		}
		for key := range there {
			w.t.Errorf("%s has a row %s that the source does not have", table.name, key)
		}
	}
	stored := 0
	w.must(w.to.List(w.t.Context(), func(blob.Found) error { stored++; return nil }))
	// A run that was cut off may have put bodies that the source then let go: the sweep of the cluster finds them.
	if stored < len(w.bodies) || stored > len(w.bodies)+cuts*bodiesAtATime {
		w.t.Errorf("%d bodies are there, want %d", stored, len(w.bodies))
	}
}

func (w *world) dump(d *db.DB, table *table) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	w.must(d.Read(w.t.Context(), func(tx *db.Tx) error {
		query := `SELECT ` + table.names(table.all()) + ` FROM ` + quote(table.name)
		if table.name == objects {
			query += ` WHERE state = 0`
		}
		rows, err := tx.Query(query)
		for err == nil && rows.Next() {
			var r row
			if r, err = scanRow(rows, len(table.columns)); err == nil {
				if table.name == objects {
					r = w.withBody(d, table, r)
				}
				out[fmt.Sprint(table.keyOf(r))] = fmt.Sprintf("%q", r)
			}
		}
		return errors.Join(err, rows.Err())
	}))
	return out
}

// withBody puts the bytes of a body in the place of its location.
func (w *world) withBody(d *db.DB, table *table, r row) row {
	w.t.Helper()
	var s blob.Store = w.to
	if d == w.source {
		s = w.from
	}
	o := table.object(r)
	body, err := s.Open(w.t.Context(), o.location)
	w.must(err)
	defer body.Close()
	content, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
	w.must(err)
	if string(content) != string(w.bodies[int64(o.id)]) {
		w.t.Errorf("the body of object %d is another", o.id)
	}
	return table.at(r, content)
}

// finish lets the source rest and ends the transfer.
func (w *world) finish(t *Transfer) error {
	release := w.source.Hold(errors.New("at rest"))
	defer release()
	return t.Finish(w.t.Context())
}

// Everything is copied while everything changes, and the copy is the original.
func TestTransfer(t *testing.T) {
	w := newWorld(t)
	w.changes(1200)
	stop := w.busy()
	tr, err := Begin(t.Context(), w.options())
	w.must(err)
	if unfinished, err := Unfinished(t.Context(), w.target); err != nil || !unfinished {
		t.Errorf("the target is said to be finished (%v)", err)
	}
	w.must(tr.Copy(t.Context()))
	release := w.source.Hold(errors.New("at rest"))
	stop()
	w.must(tr.Finish(t.Context()))
	w.equal()
	w.must(Release(t.Context(), w.target))
	if unfinished, err := Unfinished(t.Context(), w.target); err != nil || unfinished {
		t.Errorf("the target is said not to be finished (%v)", err)
	}
	release()
}
