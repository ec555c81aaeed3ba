package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"text/template"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// migrationFS returns the *.sql files of fsys with the differences between the engines filled in. A migration is one text
// for both, a text/template with these words:
//
//	{{bytes}}                             BLOB on SQLite, BYTEA on PostgreSQL
//	{{clustered}}                         WITHOUT ROWID on SQLite: after the closing bracket of a CREATE TABLE, so that
//	                                      rows lie in the order of the primary key; nothing on PostgreSQL
//	{{binary}}                            COLLATE "C" on PostgreSQL: after a TEXT column, so that it sorts by bytes as it
//	                                      does on SQLite; nothing there
//	{{if sqlite}} ... {{else}} ... {{end}} where the engines need two texts ({{if postgres}} works too)
//
// Integers are BIGINT, also for booleans and times. Each file is one transaction on both engines; since the process can
// end between its COMMIT and the note that it ran, on PostgreSQL under "+goose NO TRANSACTION", statements there say IF
// NOT EXISTS.
func migrationFS(fsys fs.FS, engine Engine) fs.FS { return filledFS{fsys, engine} }

// filledFS fills in each *.sql file when it is opened.
type filledFS struct {
	fs.FS
	engine Engine
}

func (f filledFS) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || path.Ext(name) != ".sql" {
		return file, err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	filled, err := fillIn(name, string(text), f.engine)
	if err != nil {
		return nil, fmt.Errorf("migration %s: %w", name, err)
	}
	info, err := file.Stat()
	return &filledFile{bytes.NewReader(filled), info}, err
}

// filledFile is the filled-in text as an open file.
type filledFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *filledFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *filledFile) Close() error               { return nil }

func fillIn(name, text string, engine Engine) ([]byte, error) {
	choose := func(onSQLite, onPostgres string) func() string {
		return func() string {
			if engine == SQLite {
				return onSQLite
			}
			return onPostgres
		}
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"sqlite":    func() bool { return engine == SQLite },
		"postgres":  func() bool { return engine == Postgres },
		"bytes":     choose("BLOB", "BYTEA"),
		"clustered": choose("WITHOUT ROWID", ""),
		"binary":    choose("", `COLLATE "C"`),
	}).Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, nil)
	return b.Bytes(), err
}

// migration is a run of the migrations.
type migration struct {
	pool   *sql.DB
	files  fs.FS // filled in
	engine Engine
	// wait returns when no other process uses the database that knows no version from oldest on.
	wait func(ctx context.Context, oldest int64) error

	steps *goose.Provider
}

// migrateWith runs the migrations through a database/sql handle. It returns the newest version that the files have.
func migrateWith(ctx context.Context, m migration, options ...goose.ProviderOption) (newest int64, err error) {
	dialect := goose.DialectSQLite3
	if m.engine == Postgres {
		dialect = goose.DialectPostgres
	}
	m.files = migrationFS(m.files, m.engine)
	options = append(options, goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()))
	if m.steps, err = goose.NewProvider(dialect, m.pool, m.files, options...); err != nil {
		return 0, err
	}
	for failed := int64(-1); ; {
		have, want, err := m.steps.GetVersions(ctx)
		switch {
		case err != nil:
			return want, err
		case have > want:
			return want, m.mayUse(ctx, have, want)
		case have == want:
			return want, nil
		}
		if err = m.step(ctx, have); err != nil && have == failed {
			return want, err
		}
		if err != nil {
			// On SQLite, where nothing keeps two processes from starting the same migration, the second of them fails when
			// the first has finished. The version has moved then, and the rest is tried anew.
			failed = have
		}
	}
}

// step makes the next step after a version.
func (m *migration) step(ctx context.Context, have int64) error {
	for _, s := range m.steps.ListSources() { // in order
		if s.Version <= have {
			continue
		}
		oldest, err := oldestOf(m.files, s.Path)
		if err == nil && oldest > 0 {
			err = m.shutOut(ctx, oldest)
		}
		if err != nil {
			return err
		}
		break
	}
	_, err := m.steps.UpByOne(ctx)
	if errors.Is(err, goose.ErrNoNextVersion) { // another process was faster
		return nil
	}
	return err
}

// oldestLine is in a migration after which programs cannot use the database any more that know no version from the one named on. Most
// only add, and have no such line.
var oldestLine = regexp.MustCompile(`(?m)^-- oldest: (\d+)$`)

func oldestOf(files fs.FS, path string) (int64, error) {
	text, err := fs.ReadFile(files, path)
	if err != nil {
		return 0, err
	}
	found := oldestLine.FindSubmatch(text)
	if found == nil {
		return 0, nil
	}
	return strconv.ParseInt(string(found[1]), 10, 64)
}

// shutOut keeps older programs from beginning to use the database, and waits until none uses it.
func (m *migration) shutOut(ctx context.Context, oldest int64) error {
	if err := m.wait(ctx, oldest); err != nil {
		return err
	}
	if _, err := m.pool.ExecContext(ctx, "UPDATE schema_reach SET oldest = $1 WHERE oldest < $1", oldest); err != nil {
		return err
	}
	return m.wait(ctx, oldest) // who came meanwhile
}

// mayUse reports whether a program may use a database that is newer than itself: where the steps that it does not know have only added.
func (m *migration) mayUse(ctx context.Context, have, want int64) error {
	there := "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_reach'"
	if m.engine == Postgres {
		there = "SELECT count(*) FROM pg_tables WHERE tablename = 'schema_reach'"
	}
	var tables, oldest int64
	err := m.pool.QueryRowContext(ctx, there).Scan(&tables)
	if err == nil && tables > 0 {
		err = m.pool.QueryRowContext(ctx, "SELECT oldest FROM schema_reach").Scan(&oldest)
	}
	if err != nil {
		return err
	}
	if tables > 0 && oldest <= want {
		return nil
	}
	return fmt.Errorf("the database has schema version %d and this program knows versions up to %d: "+
		"run a release that knows version %d, or restore a backup made before the upgrade", have, want, max(oldest, have))
}

// ErrShutOut is the error of a program that is too old for the database.
var ErrShutOut = errors.New("the database has been upgraded, and this release cannot use it any more")

// CheckReach fails where programs that know no schema version after newest cannot use the database. Until the commit no step is
// made that would shut them out.
func CheckReach(t *Tx, newest int64) error {
	question := "SELECT oldest FROM schema_reach"
	if t.Engine() == Postgres {
		question += " FOR SHARE"
	}
	var oldest int64
	if err := t.QueryRow(question).Scan(&oldest); err != nil {
		return err
	}
	if oldest > newest {
		return mail.E("db.CheckReach", mail.Invalid, fmt.Errorf("%w: it knows the schema up to version %d, and %d is needed", ErrShutOut, newest, oldest))
	}
	return nil
}

// waitFor waits until no other process uses the database that is too old for a step.
func (d *DB) waitFor(o Options) func(ctx context.Context, oldest int64) error {
	return func(ctx context.Context, oldest int64) error {
		if o.Older == nil {
			return nil
		}
		var said time.Time
		for {
			names, err := o.Older(ctx, d, oldest)
			if err != nil || len(names) == 0 {
				return err
			}
			if time.Since(said) >= time.Minute {
				said = time.Now()
				o.Logger.Warn("db: the upgrade waits: these could not use the database after it; stop them, or upgrade them to the release before this one first", "nodes", names)
			}
			select {
			case <-time.After(olderEvery):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// olderEvery is how often it is asked who is too old for a step.
const olderEvery = 500 * time.Millisecond
