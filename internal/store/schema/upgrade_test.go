package schema_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	blobsql "github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Promise 7: each version of the schema has left a server in testdata, and this release opens all of them, finds in them
// what their users left there, and goes on with them.
//
// UPDATE=1 writes the one of the newest version, which is to be done when a migration is added, and once more before
// its release when it was edited. Those of released versions are never written again.
func TestUpgrade(t *testing.T) {
	all := versions(t)
	if os.Getenv("UPDATE") != "" {
		writeTestdata(t, all[len(all)-1])
	}
	for _, v := range all {
		t.Run(fmt.Sprintf("from %d on sqlite", v), func(t *testing.T) { t.Parallel(); upgradeSQLite(t, v) })
		t.Run(fmt.Sprintf("from %d on postgres", v), func(t *testing.T) { t.Parallel(); upgradePostgres(t, v) })
	}
}

// A file of a released migration is never changed: servers that have run it would not run the change.
func TestMigrationsAreThoseOfTestdata(t *testing.T) {
	for _, v := range versions(t) {
		d := openSQLite(t, filepath.Join(t.TempDir(), "new.db"))
		must(t, d.Migrate(t.Context(), upTo(t, v)))
		now, then := tables(t, d), tables(t, openSQLite(t, filepath.Join(unpack(t, v), "mailmesh.db")))
		for name := range now {
			if now[name] != then[name] {
				t.Errorf("migration %d makes %s as\n%s\nand made it as\n%s\nonce. Was it released? Then undo the change and add a migration. "+
					"Else: UPDATE=1 go test ./internal/store/schema", v, name, now[name], then[name])
			}
		}
		if len(now) != len(then) {
			t.Errorf("migration %d makes %d tables and indexes and made %d once", v, len(now), len(then))
		}
	}
}

func versions(t testing.TB) (list []int) {
	t.Helper()
	names, err := fs.Glob(schema.Files, "*.sql")
	must(t, err)
	for _, name := range names {
		list = append(list, version(t, name))
	}
	slices.Sort(list)
	if len(list) == 0 {
		t.Fatal("there are no migrations")
	}
	return list
}

func version(t testing.TB, name string) (v int) {
	if _, err := fmt.Sscanf(name, "%d_", &v); err != nil {
		t.Fatalf("%s does not begin with a number", name)
	}
	return v
}

// upTo is the migrations that the release of version v had.
func upTo(t testing.TB, v int) fs.FS {
	files := fstest.MapFS{}
	names, err := fs.Glob(schema.Files, "*.sql")
	must(t, err)
	for _, name := range names {
		if version(t, name) <= v {
			text, err := fs.ReadFile(schema.Files, name)
			must(t, err)
			files[name] = &fstest.MapFile{Data: text}
		}
	}
	return files
}

func folder(v int) string { return filepath.Join("testdata", fmt.Sprintf("%04d", v)) }

// unpack copies the data folder that version v left.
func unpack(t testing.TB, v int) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(filepath.Join(folder(v), "sqlite"))); err != nil {
		t.Fatalf("version %d has left no server: %v; UPDATE=1 go test ./internal/store/schema", v, err)
	}
	return to
}

func openSQLite(t testing.TB, path string, change ...func(*db.Options)) *db.DB {
	t.Helper()
	o := db.Options{URL: "sqlite:" + path}
	for _, c := range change {
		c(&o)
	}
	d, err := db.Open(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func openPacks(t testing.TB, data string) *pack.Store {
	t.Helper()
	packs, err := pack.Open(pack.Options{FS: pack.OS(filepath.Join(data, "packs")), BufferMemory: 1}) // so that not only huge bodies have files of their own
	must(t, err)
	t.Cleanup(func() { must(t, packs.Close()) })
	return packs
}

func upgradeSQLite(t *testing.T, v int) {
	data := unpack(t, v)
	d := openSQLite(t, filepath.Join(data, "mailmesh.db"))
	must(t, d.Migrate(t.Context(), schema.Files))
	r := openRooms(t, d, openPacks(t, data), filepath.Join(data, "keys"))
	r.stillHolds(left(t, v, "sqlite"))
}

func upgradePostgres(t *testing.T, v int) {
	d := dbtest.OnPostgres(t, nil)()
	must(t, d.Migrate(t.Context(), upTo(t, v)))
	text, err := os.ReadFile(filepath.Join(folder(v), "postgres", "rows.sql"))
	must(t, err)
	must(t, d.Write(t.Context(), 0, func(q *db.Tx) error {
		for line := range strings.Lines(string(text)) {
			if _, err := q.Exec(strings.TrimSuffix(line, ";\n")); err != nil {
				return fmt.Errorf("%.100s: %w", line, err)
			}
		}
		return nil
	}))
	must(t, d.Migrate(t.Context(), schema.Files))
	openRooms(t, d, blobsql.New(d), "").stillHolds(left(t, v, "postgres"))
}

func left(t testing.TB, v int, engine string) (c content) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder(v), engine, "content.json"))
	must(t, err)
	must(t, json.Unmarshal(text, &c))
	return c
}

// stillHolds wants everything there that was there once, and nothing in the way of more mail.
func (r *rooms) stillHolds(want content) {
	r.t.Helper()
	got, then := asJSON(r.describe(want.AppPassword, resolved)), asJSON(want)
	if got != then {
		r.t.Errorf("the server holds\n%s\nand held\n%s", got, then)
	}
	r.verify()

	var id mail.AccountID
	r.read(func(t *tx.Tx) error {
		to, err := r.directory.Resolve(t, address("ann@example.org"))
		id = to.Accounts[0]
		return err
	})
	before := want.Accounts[0].Mailboxes[0]
	r.deliver("INBOX", letter("new", "two", "text/plain", "After the upgrade.\r\n"), mail.Flags{}, id)
	after := r.mailboxes(id)[0]
	last := after.Messages[len(after.Messages)-1]
	if last.UID != before.UIDNext || last.ModSeq <= before.HighestModSeq || after.UIDValidity != before.UIDValidity || last.Thread != after.Messages[0].Thread {
		r.t.Errorf("new mail is %+v in a mailbox that was %+v", last, before)
	}
	r.verify()
}

func asJSON(c content) string {
	text, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		panic(err)
	}
	return string(text) + "\n"
}

// tables is the schema, by the name of the table or index.
func tables(t testing.TB, d *db.DB) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, d.Read(t.Context(), func(q *db.Tx) error {
		// Which statistics there are depends on how SQLite was built.
		rows, err := q.Query(`SELECT name, COALESCE(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var name, text string
			if err := rows.Scan(&name, &text); err != nil {
				return err
			}
			out[name] = text
		}
		return rows.Err()
	}))
	return out
}

// writeTestdata fills two servers of the newest version: on SQLite with packs, and on the database alone.
func writeTestdata(t *testing.T, v int) {
	made := t.TempDir()
	then := func(o *db.Options) { o.Now = func() time.Time { return filledAt } }
	t.Run("write", func(t *testing.T) { // closes what it opens
		data := filepath.Join(made, "sqlite")
		must(t, os.MkdirAll(data, 0o700))
		d := openSQLite(t, filepath.Join(data, "mailmesh.db"), then)
		must(t, d.Migrate(t.Context(), schema.Files))
		r := openRooms(t, d, openPacks(t, data), filepath.Join(data, "keys"))
		must(t, os.WriteFile(filepath.Join(data, "content.json"), []byte(asJSON(r.fill())), 0o644))
	})
	t.Run("write rows", func(t *testing.T) {
		must(t, os.MkdirAll(filepath.Join(made, "postgres"), 0o700))
		d := openSQLite(t, filepath.Join(t.TempDir(), "mailmesh.db"), then)
		must(t, d.Migrate(t.Context(), schema.Files))
		r := openRooms(t, d, blobsql.New(d), "")
		must(t, os.WriteFile(filepath.Join(made, "postgres", "content.json"), []byte(asJSON(r.fill())), 0o644))
		must(t, os.WriteFile(filepath.Join(made, "postgres", "rows.sql"), dump(t, d), 0o644))
	})
	must(t, os.RemoveAll(filepath.Join(made, "sqlite", "packs", "lock")))
	must(t, os.RemoveAll(folder(v)))
	must(t, os.CopyFS(folder(v), os.DirFS(made)))
}

func must(t testing.TB, err error) {
	if err != nil {
		t.Helper()
		t.Fatal(err)
	}
}
