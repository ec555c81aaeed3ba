package sql_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// The table as store/schema has it, which this floor must not import.
var table = fstest.MapFS{"0001_blob_bytes.sql": {Data: []byte(`-- +goose Up
CREATE TABLE blob_bytes (name BIGINT NOT NULL, part BIGINT NOT NULL, bytes {{bytes}} NOT NULL, PRIMARY KEY (name, part));
`)}}

func TestContract(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		blobtest.Run(t, func(t testing.TB) blob.Store { return sql.New(dbtest.OnSQLite(t, table)()) })
	})
	t.Run("postgres", func(t *testing.T) {
		blobtest.Run(t, func(t testing.TB) blob.Store { return sql.New(dbtest.OnPostgres(t, table)()) })
	})
}

// A Put that did not end leaves no body, and what it left can be found and removed.
func TestUnfinishedPut(t *testing.T) {
	dbtest.EachWith(t, table, func(t *testing.T, open dbtest.Open) {
		d := open()
		s := sql.New(d)
		lost := errors.New("connection lost")
		content := blobtest.Content(1, 600<<10)
		if _, _, err := s.Put(t.Context(), 5, io.MultiReader(bytes.NewReader(content), iotest.ErrReader(lost))); !errors.Is(err, lost) {
			t.Fatal(err)
		}
		blobtest.Put(t, s, 6, []byte("whole"))
		var found []blob.Found
		if err := s.List(t.Context(), func(f blob.Found) error { found = append(found, f); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(found) != 2 || found[0].ID != 5 || found[1].ID != 6 {
			t.Fatalf("found %v, want objects 5 and 6", found)
		}
		if _, err := s.Open(t.Context(), found[0].Location); !mail.Is(err, mail.NotFound) {
			t.Errorf("open what was not put to its end: %v, want not found", err)
		}
		if err := s.Remove(t.Context(), found[0].Location); err != nil {
			t.Fatal(err)
		}
		var rows int
		err := d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow(`SELECT count(*) FROM blob_bytes WHERE name = 5`).Scan(&rows)
		})
		if err != nil || rows != 0 {
			t.Errorf("%d parts are left, error %v", rows, err)
		}
	})
}

func TestAnIDIsForOneBody(t *testing.T) {
	dbtest.EachWith(t, table, func(t *testing.T, open dbtest.Open) {
		s := sql.New(open())
		at := blobtest.Put(t, s, 5, []byte("first"))
		if _, _, err := s.Put(t.Context(), 5, bytes.NewReader([]byte("second"))); !mail.Is(err, mail.Exists) {
			t.Errorf("a second Put under one id: %v, want it to exist", err)
		}
		blobtest.Want(t, s, at, []byte("first"))
	})
}
