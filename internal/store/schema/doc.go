// Package schema holds the migrations of the database, one SQL text for both engines.
//
// Rules: forward only; a released file is never changed; a release only expands, what it stops
// using goes in the release after next, in a step that names, in a line "-- oldest: N", the oldest version whose programs can use
// the database after it: nodes that are older are waited for. Each step may be run again. Two substitutions are made by infra/db: {{bytes}}
// is the type of byte strings, and {{clustered}} stores a table's rows in the order of its primary key where the
// engine can.
//
// Each version leaves a small server in testdata/NNNN, on SQLite with packs and as rows for PostgreSQL, which every later
// version must open, migrate, and find whole (TestUpgrade). UPDATE=1 go test ./internal/store/schema writes that of the newest
// version: when a migration is added, and again while it is edited before its release; those of released versions stay.
//
// Conventions: every table that grows with mail has the account id first in its key. Times are BIGINT, unix milliseconds,
// by the database's clock. Truth values are BIGINT, 0 or 1. Ids are those of internal/mail. There are no foreign keys: rows
// of an account are removed with the account, and `mailmesh verify` checks what a foreign key would.
package schema

import "embed"

// Files holds the migrations, named NNNN_name.sql.
//
//go:embed *.sql
var Files embed.FS
