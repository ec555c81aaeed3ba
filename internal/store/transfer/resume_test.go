package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
)

// A transfer that is cut off anywhere, again and again, goes on and comes to its end; what it has copied it does not copy again.
func TestResume(t *testing.T) {
	w := newWorld(t)
	w.changes(1500)
	var steps atomic.Int64
	cuts := 0
	for cut := int64(1); ; cut += 25 {
		stop := w.busy()
		ctx, cancel := context.WithCancel(t.Context())
		o := w.options()
		steps.Store(0)
		o.Progress = func(Progress) {
			if steps.Add(1) == cut {
				cancel()
			}
		}
		tr, err := Begin(ctx, o)
		if err == nil {
			err = tr.Copy(ctx)
		}
		stop()
		if err == nil {
			err = w.finish(tr)
		}
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) && !mail.Is(err, mail.Unavailable) {
			t.Fatalf("not cut off, it ended with %v", err)
		}
		cuts++
	}
	if w.equalAfter(cuts); cuts < 3 {
		t.Errorf("it was cut off %d times only", cuts)
	}
}

// What differs is found, whatever it is, and whenever it comes to differ before the source rests.
func TestDifferenceIsFound(t *testing.T) {
	for name, damage := range map[string]string{
		"a row":         `UPDATE domain SET catch_all = catch_all || 'x' WHERE name = (SELECT min(name) FROM domain)`,
		"a missing row": `DELETE FROM membership WHERE (account_id, mailbox_id, uid) = (SELECT account_id, mailbox_id, uid FROM membership LIMIT 1)`,
		"another row":   `INSERT INTO domain (name, catch_all, disabled, created) VALUES ('zz', '', 0, 0)`,
		"a body":        `UPDATE blob_bytes SET bytes = substr(bytes, 1, length(bytes) - 1) || '\x00'::bytea WHERE name = (SELECT min(name) FROM blob_bytes)`,
		"a lost body":   `DELETE FROM blob_bytes WHERE name = (SELECT min(name) FROM blob_bytes)`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.changes(400)
			o := w.options()
			done := false
			o.Progress = func(p Progress) {
				if p.Step == Comparing && !done { // all is copied
					done = true
					if err := w.target.Write(context.Background(), 0, func(tx *db.Tx) error { _, err := tx.Exec(damage); return err }); err != nil {
						t.Error(err)
					}
				}
			}
			tr, err := Begin(t.Context(), o)
			w.must(err)
			// The table whose end is told first may be the one: then it is gone over again, as a later run would.
			if err = tr.Copy(t.Context()); err == nil {
				for _, s := range tr.states {
					s.state = copied
				}
				if err = tr.Copy(t.Context()); err == nil {
					err = w.finish(tr)
				}
			}
			if !errors.Is(err, ErrDiffers) {
				t.Errorf("the transfer ends with %v", err)
			}
			if unfinished, err := Unfinished(t.Context(), w.target); err != nil || !unfinished {
				t.Errorf("the target can be served (%v)", err)
			}
		})
	}
}

// A target with something in it is refused, whoever brought it.
func TestTargetMustBeEmpty(t *testing.T) {
	w := newWorld(t)
	w.must(w.target.Write(t.Context(), 0, func(tx *db.Tx) error {
		tx.Queue(`INSERT INTO domain (name, catch_all, disabled, created) VALUES ('example.org', '', 0, 0)`)
		return nil
	}))
	want := func(o Options, text string) {
		t.Helper()
		if _, err := Begin(t.Context(), o); !mail.Is(err, mail.Conflict) || !strings.Contains(err.Error(), text) {
			t.Errorf("Begin ends with %v, want %q", err, text)
		}
	}
	want(w.options(), "its table domain has rows")
	if begun, err := Begun(t.Context(), w.source); err != nil || begun {
		t.Errorf("the source is said to be moving (%v)", err)
	}
	w.must(w.target.Write(t.Context(), 0, func(tx *db.Tx) error { tx.Queue(`DELETE FROM domain`); return nil }))
	_, err := Begin(t.Context(), w.options())
	w.must(err)

	other := newWorld(t)
	o := other.options()
	o.Target = w.target
	want(o, "from another server")
}

// A schema that is not the source's is refused.
func TestOtherSchema(t *testing.T) {
	w := newWorld(t)
	w.must(w.target.Write(t.Context(), 0, func(tx *db.Tx) error { _, err := tx.Exec(`ALTER TABLE domain DROP COLUMN created`); return err }))
	if _, err := Begin(t.Context(), w.options()); !mail.Is(err, mail.Conflict) || !strings.Contains(err.Error(), "domain.created") {
		t.Errorf("Begin ends with %v", err)
	}
}

// After Abandon nothing is logged, and another target can be filled.
func TestAbandon(t *testing.T) {
	w := newWorld(t)
	w.changes(300)
	tr, err := Begin(t.Context(), w.options())
	w.must(err)
	w.must(tr.Copy(t.Context()))
	w.changes(300)
	w.must(Abandon(t.Context(), w.source))
	w.changes(300)
	var left int64
	w.must(w.source.Read(t.Context(), func(tx *db.Tx) error {
		return tx.QueryRow(`SELECT (SELECT count(*) FROM transfer_change) + (SELECT count(*) FROM transfer) +
			(SELECT count(*) FROM sqlite_schema WHERE type = 'trigger')`).Scan(&left)
	}))
	if left != 0 {
		t.Errorf("%d rows and triggers are left", left)
	}
	other := w.options()
	other.Target = dbtest.OnPostgres(t, schema.Files)()
	w.target = other.Target
	w.to = newPlace(other.Target)
	other.Place, other.Clear = w.to, w.to.Clear
	tr, err = Begin(t.Context(), other)
	w.must(err)
	w.must(tr.Copy(t.Context()))
	w.must(w.finish(tr))
	w.equal()
}

// Every table is copied, or said not to be for a reason, and each that is copied has its triggers.
func TestEveryTable(t *testing.T) {
	w := newWorld(t)
	copied := map[string]bool{}
	for _, table := range w.tables {
		copied[table.name] = true
	}
	w.must(w.source.Write(t.Context(), 0, func(tx *db.Tx) error { capture(tx, w.tables); return nil }))
	w.must(w.source.Read(t.Context(), func(tx *db.Tx) error {
		rows, err := tx.Query(`SELECT name, (SELECT count(*) FROM sqlite_schema t WHERE t.type = 'trigger' AND t.tbl_name = m.name)
			FROM sqlite_schema m WHERE type = 'table' AND name NOT LIKE 'sqlite%'`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var name string
			var triggers int
			if err := rows.Scan(&name, &triggers); err != nil {
				return err
			}
			if reason := skipped[name]; copied[name] == (reason != "") || copied[name] && triggers != 4 {
				t.Errorf("%s: copied %v, with %d triggers, because %q", name, copied[name], triggers, reason)
			}
		}
		return rows.Err()
	}))
}

func TestRowsAsBytes(t *testing.T) {
	rows := []row{nil, {}, {nil}, {int64(0)}, {int64(-1), "a", []byte("a")}, {"", []byte{}}, {"a", "b"}, {"ab", ""}, {int64(1) << 62}}
	seen := map[string]int{}
	for i, r := range rows {
		b := encode(nil, r)
		back, err := decode(b)
		if err != nil || fmt.Sprintf("%#v", append(row{}, back...)) != fmt.Sprintf("%#v", append(row{}, r...)) {
			t.Errorf("%#v comes back as %#v, %v", r, back, err)
		}
		if j, there := seen[string(b)]; there && len(r) > 0 {
			t.Errorf("rows %d and %d are the same bytes", i, j)
		}
		seen[string(b)] = i
		for cut := range len(b) {
			decode(b[:cut]) // must not panic
		}
	}
}
