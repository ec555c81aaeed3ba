//go:build sqlite_fts5 && cgo

package dbtest

import "testing"

func watch(t testing.TB, _ *Disk) {
	t.Helper()
	t.Skip("there is no layer below the C library of SQLite: this test runs without the tag sqlite_fts5")
}
