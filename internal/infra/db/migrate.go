package db

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"path"
	"text/template"

	"github.com/pressly/goose/v3"
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

// migrateWith runs the migrations through a database/sql handle.
func migrateWith(ctx context.Context, pool *sql.DB, fsys fs.FS, engine Engine, options ...goose.ProviderOption) error {
	dialect := goose.DialectSQLite3
	if engine == Postgres {
		dialect = goose.DialectPostgres
	}
	options = append(options, goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()))
	p, err := goose.NewProvider(dialect, pool, migrationFS(fsys, engine), options...)
	if err != nil {
		return err
	}
	for last := int64(-1); ; {
		have, want, err := p.GetVersions(ctx)
		switch {
		case err != nil:
			return err
		case have > want:
			return fmt.Errorf("the database has schema version %d and this program knows versions up to %d: "+
				"run a release that knows version %d, or restore a backup made before the upgrade", have, want, have)
		}
		if _, err = p.Up(ctx); err == nil || have == last {
			return err
		}
		// On SQLite, where nothing keeps two processes from starting the same migration, the second of them fails when
		// the first has finished. The version has moved then, and the rest is tried anew.
		last = have
	}
}
