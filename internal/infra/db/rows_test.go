package db_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
)

func ptr[T any](v T) *T { return &v }

// TestValues passes arguments through a column and back, and wants the same on both engines.
func TestValues(t *testing.T) {
	moment := time.UnixMilli(1_700_000_000_123).UTC()
	blob := mail.BlobID{1, 2, 0, 255}
	cases := []struct {
		name, typ string // a column type as CAST takes it
		arg       any
		want      any // a pointer to the expected value
	}{
		{"int", "BIGINT", 7, ptr(7)},
		{"int64 least", "BIGINT", int64(math.MinInt64), ptr(int64(math.MinInt64))},
		{"named id", "BIGINT", mail.AccountID(1<<48 + 5), ptr(mail.AccountID(1<<48 + 5))},
		{"uint32", "BIGINT", mail.UID(math.MaxUint32), ptr(mail.UID(math.MaxUint32))},
		{"flag", "BIGINT", mail.Seen | mail.Draft, ptr(mail.Seen | mail.Draft)},
		{"true", "BIGINT", true, ptr(true)},
		{"false", "BIGINT", false, ptr(false)},
		{"bool as int", "BIGINT", true, ptr(int64(1))},
		{"time", "BIGINT", moment, ptr(moment)},
		{"time as int", "BIGINT", moment, ptr(int64(1_700_000_000_123))},
		{"string", "TEXT", "Grüße ☃ $1 'x'", ptr("Grüße ☃ $1 'x'")},
		{"empty string", "TEXT", "", ptr("")},
		{"named string", "TEXT", mail.Kind("denied"), ptr(mail.Kind("denied"))},
		{"text as bytes", "TEXT", "abc", ptr([]byte("abc"))},
		{"bytes", "BYTES", []byte{0, 1, 255}, ptr([]byte{0, 1, 255})},
		{"empty bytes", "BYTES", []byte{}, ptr([]byte{})},
		{"nil bytes", "BYTES", []byte(nil), ptr([]byte(nil))},
		{"array", "BYTES", blob, ptr(blob)},
		{"NULL into pointer", "BIGINT", nil, ptr((*int64)(nil))},
		{"NULL into named pointer", "BIGINT", (*mail.AccountID)(nil), ptr((*mail.AccountID)(nil))},
		{"number into pointer", "BIGINT", ptr(int64(5)), ptr(ptr(int64(5)))},
		{"string into pointer", "TEXT", "x", ptr(ptr("x"))},
		{"any number", "BIGINT", 5, ptr(any(int64(5)))},
		{"any NULL", "TEXT", nil, ptr(any(nil))},
		{"float", "DOUBLE PRECISION", 2.5, ptr(2.5)},
	}
	dbtest.Each(t, func(t *testing.T, open dbtest.Open) {
		d := open()
		for _, c := range cases {
			typ := c.typ
			if typ == "BYTES" {
				typ = map[db.Engine]string{db.SQLite: "BLOB", db.Postgres: "BYTEA"}[d.Engine()]
			}
			got := reflect.New(reflect.TypeOf(c.want).Elem())
			err := d.Read(t.Context(), func(tx *db.Tx) error {
				return tx.QueryRow("SELECT CAST($1 AS "+typ+")", c.arg).Scan(got.Interface())
			})
			if err != nil || !reflect.DeepEqual(got.Interface(), c.want) {
				t.Errorf("%s: have %#v (%v), want %#v", c.name, got.Elem(), err, reflect.ValueOf(c.want).Elem())
			}
		}
	})
}

// Borrowed bytes are those of the row that is being read, also where the next row's are shorter or empty.
func TestBorrowed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open dbtest.Open) {
		d := open()
		must(t, d.Read(t.Context(), func(tx *db.Tx) error {
			rows, err := tx.Query("SELECT CAST('first of three' AS TEXT) AS x, 1 AS n UNION ALL SELECT '', 2 UNION ALL SELECT 'third', 3 ORDER BY n")
			if err != nil {
				return err
			}
			for _, want := range []string{"first of three", "", "third"} {
				var got db.Borrowed
				if !rows.Next() || rows.Scan(&got, nil) != nil || string(got) != want {
					t.Fatalf("%q (%v), want %q", got, rows.Err(), want)
				}
			}
			rows.Close()
			for _, other := range []string{"CAST(NULL AS TEXT)", "5"} {
				err = d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT " + other).Scan(new(db.Borrowed)) })
				if err == nil {
					t.Errorf("%s was taken for bytes", other)
				}
			}
			return nil
		}))
	})
}

func TestExpressions(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		exec(t, d, "INSERT INTO account (id, counter) VALUES (1, 10), (2, 20)")
		must(t, d.Read(t.Context(), func(tx *db.Tx) error {
			var sum, count, most int64
			var more bool
			var literal string
			var none *int64
			err := tx.QueryRow("SELECT sum(counter), count(*), max(id), sum(counter) > 5, '$1 -- $2', (SELECT max(id) FROM account WHERE id > 5) FROM account WHERE id < $1", 3).
				Scan(&sum, &count, &most, &more, &literal, &none)
			if err != nil || sum != 30 || count != 2 || most != 2 || !more || literal != "$1 -- $2" || none != nil {
				t.Errorf("%d %d %d %v %q %v (%v)", sum, count, most, more, literal, none, err)
			}
			return err
		}))
	})
}

// Placeholders are numbers, not positions: $2 may stand before $1, and $1 twice.
func TestPlaceholders(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open dbtest.Open) {
		d := open()
		must(t, d.Read(t.Context(), func(tx *db.Tx) error {
			var n int64
			err := tx.QueryRow("SELECT CAST($2 AS BIGINT) - CAST($1 AS BIGINT) * CAST($1 AS BIGINT) /* $9 */ -- $8 'x\n"+
				" - CAST($10 AS BIGINT) + CAST($3 AS BIGINT) + CAST($4 AS BIGINT) + CAST($5 AS BIGINT) + CAST($6 AS BIGINT) + CAST($7 AS BIGINT) + CAST($8 AS BIGINT) + CAST($9 AS BIGINT)",
				3, 100, 0, 0, 0, 0, 0, 0, 0, 50).Scan(&n)
			if n != 41 {
				t.Errorf("%d, want 41", n)
			}
			return err
		}))
	})
}

func TestMisuseIsNamed(t *testing.T) {
	type unscannable struct{}
	cases := map[string]struct {
		want string // in the error
		do   func(tx *db.Tx) error
	}{
		"NULL into a number": {"NULL", func(tx *db.Tx) error {
			var n int64
			return tx.QueryRow("SELECT CAST(NULL AS BIGINT)").Scan(&n)
		}},
		"text into a number": {"text", func(tx *db.Tx) error { var n int64; return tx.QueryRow("SELECT 'x'").Scan(&n) }},
		"number into text":   {"integer", func(tx *db.Tx) error { var s string; return tx.QueryRow("SELECT 1").Scan(&s) }},
		"too large a number": {"fit", func(tx *db.Tx) error {
			var n mail.UID
			return tx.QueryRow("SELECT CAST(4294967296 AS BIGINT)").Scan(&n)
		}},
		"negative":          {"fit", func(tx *db.Tx) error { var n uint64; return tx.QueryRow("SELECT -1").Scan(&n) }},
		"too few variables": {"2 columns", func(tx *db.Tx) error { var n int64; return tx.QueryRow("SELECT 1, 2").Scan(&n) }},
		"short array":       {"fill", func(tx *db.Tx) error { var b mail.BlobID; return tx.QueryRow("SELECT 'x'").Scan(&b) }},
		"not a pointer":     {"pointer", func(tx *db.Tx) error { return tx.QueryRow("SELECT 1").Scan(5) }},
		"a struct to scan":  {"unscannable", func(tx *db.Tx) error { return tx.QueryRow("SELECT 1").Scan(&unscannable{}) }},
		"a struct as argument": {"$1", func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO account VALUES ($1, $2)", unscannable{}, 1)
			return err
		}},
		"a number beyond 63 bits": {"signed", func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO account VALUES ($1, $2)", uint64(1<<63), 1)
			return err
		}},
		"text that is not UTF-8": {"UTF-8", func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO item VALUES (1,1,1,1,1,$1,NULL)", "\xff")
			return err
		}},
		"text with NUL": {"NUL", func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO item VALUES (1,1,1,1,1,$1,NULL)", "a\x00b")
			return err
		}},
		"a missing argument": {"", func(tx *db.Tx) error { _, err := tx.Exec("INSERT INTO account VALUES ($1, $2)", 1); return err }},
		"an argument too many": {"", func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO account VALUES ($1, $2)", 1, 2, 3)
			return err
		}},
		"a statement while rows are open": {"still open", func(tx *db.Tx) error {
			if _, err := tx.Query("SELECT 1"); err != nil {
				t.Error(err)
			}
			_, err := tx.Exec("DELETE FROM account")
			return err
		}},
		"syntax":         {"SELCT", func(tx *db.Tx) error { _, err := tx.Exec("SELCT 1"); return err }},
		"two statements": {"", func(tx *db.Tx) error { _, err := tx.Exec("DELETE FROM account; DELETE FROM item"); return err }},
	}
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		for name, c := range cases {
			if name == "two statements" && d.Engine() == db.SQLite && !db.Translated {
				continue
			}
			err := d.Write(t.Context(), 0, c.do)
			if err == nil || !strings.Contains(err.Error(), c.want) || db.IsUnavailable(err) {
				t.Errorf("%s: %v, want an error with %q", name, err, c.want)
			}
		}
		must(t, d.Ping(t.Context()))
	})
}

func TestRowsLeftEarly(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		exec(t, d, "INSERT INTO account (id, counter) VALUES (1, 10), (2, 20), (3, 30)")
		for range 3 { // the statement must be as good as new each time
			write(t, d, func(tx *db.Tx) error {
				rows, err := tx.Query("SELECT id FROM account ORDER BY id")
				if err != nil {
					return err
				}
				if !rows.Next() {
					t.Error("no row")
				}
				rows.Close()
				rows.Close()
				if rows.Next() || rows.Err() != nil {
					t.Error("the rows live on after Close")
				}
				return nil
			})
			must(t, d.Read(t.Context(), func(tx *db.Tx) error {
				rows, err := tx.Query("SELECT id FROM account ORDER BY id")
				if err != nil {
					return err
				}
				rows.Next() // and left open: the end of the transaction closes it
				return nil
			}))
		}
	})
}

func TestBatch(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		exec(t, d, "INSERT INTO account (id, counter) VALUES (1, 10), (2, 20), (3, 30)")
		must(t, d.Read(t.Context(), func(tx *db.Tx) error {
			b := tx.Batch()
			b.Query("SELECT counter FROM account WHERE id = $1", 2)
			b.Query("SELECT id FROM account ORDER BY id")
			b.Query("SELECT counter FROM account WHERE id = $1", 99)
			b.Query("SELECT count(*) FROM account")
			var n, count int64
			must(t, b.QueryRow().Scan(&n))
			rows, err := b.Rows()
			must(t, err)
			var ids []int64
			for rows.Next() {
				var id int64
				must(t, rows.Scan(&id))
				ids = append(ids, id)
			}
			if err := b.QueryRow().Scan(new(int64)); !errors.Is(err, db.ErrNoRows) {
				t.Errorf("the empty result: %v", err)
			}
			must(t, b.QueryRow().Scan(&count))
			if n != 20 || count != 3 || !slices.Equal(ids, []int64{1, 2, 3}) {
				t.Errorf("%d %d %v", n, count, ids)
			}
			// The batch is over: the transaction takes statements again.
			return tx.QueryRow("SELECT 1").Scan(&n)
		}))
		must(t, d.Read(t.Context(), func(tx *db.Tx) error {
			b := tx.Batch()
			b.Query("SELECT id FROM account")
			b.Query("SELECT id FROM account")
			rows, err := b.Rows()
			must(t, err)
			rows.Next()
			b.Close()
			return tx.QueryRow("SELECT 1").Scan(new(int64))
		}))
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			b := tx.Batch()
			b.Query("SELECT 1")
			b.Query("SELECT 2")
			must(t, b.QueryRow().Scan(new(int64)))
			return tx.QueryRow("SELECT 3").Scan(new(int64)) // before the second result was read
		})
		if err == nil || !strings.Contains(err.Error(), "still open") {
			t.Errorf("a statement inside a batch: %v", err)
		}
		err = d.Read(t.Context(), func(tx *db.Tx) error {
			b := tx.Batch()
			b.Query("SELECT 1")
			b.Query("SELECT nothing FROM nowhere")
			_ = b.QueryRow().Scan(new(int64))
			return b.QueryRow().Scan(new(int64))
		})
		if err == nil || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("a wrong query in a batch: %v", err)
		}
	})
}

func TestNow(t *testing.T) {
	fixed := time.Date(2026, 1, 2, 3, 4, 5, 6_700_000, time.FixedZone("", 3600))
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		before := time.Now().Add(-time.Minute)
		write(t, d, func(tx *db.Tx) error {
			a := tx.Now()
			exec := func() { _, err := tx.Exec("DELETE FROM account"); must(t, err) }
			exec()
			if b := tx.Now(); a != b || a.Location() != time.UTC || a.Nanosecond()%1_000_000 != 0 || a.Before(before) ||
				a.After(time.Now().Add(time.Minute)) {
				t.Errorf("Now says %v and then %v", a, b)
			}
			return nil
		})
		d = open(func(o *db.Options) { o.Now = func() time.Time { return fixed } })
		check := func(tx *db.Tx) error {
			if now := tx.Now(); now != fixed.UTC().Truncate(time.Millisecond) {
				t.Errorf("Now says %v, the test's clock %v", now, fixed)
			}
			return nil
		}
		write(t, d, check)
		must(t, d.Read(t.Context(), check))
	})
}

func TestLargeValue(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
		exec(t, d, "INSERT INTO item VALUES (1, 1, 0, 0, 0, NULL, $1)", body)
		var got []byte
		must(t, d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT body FROM item").Scan(&got) }))
		if !bytes.Equal(got, body) {
			t.Error("the body came back changed")
		}
	})
}
