//go:build sqlite_fts5 && cgo

package dbtest

import "testing"

func watch(t testing.TB, _ *Disk) {
	t.Helper()
	t.Skip("losing power takes the layer below SQLite that the program's own build has: `test/run unit` runs this test, with CGO_ENABLED=0; `test/run race` does not")
}
