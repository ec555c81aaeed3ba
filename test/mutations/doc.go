// Package mutations proves docs/promises.md: each row of its tables names a promise, the tests that try to break it, and a
// small change of the code after which every one of these tests must fail. The page is the data; there is no other list.
//
// `go test ./test/mutations`, a part of make test, only checks that the page speaks of files and tests that there are.
// `make mutations` makes each change in a copy (an overlay of the go command: nothing in the tree is touched), runs the
// tests without it and with it, and reports those that did not notice. A change that does not compile, and a test that is
// skipped, prove nothing and fail. One row: go test -tags mutations -run 'TestMutations/line_42_' ./test/mutations
//
// # A row
//
//	| what is promised | `store/tx.TestOnceRunsOnce` `test/system.TestKill` | `store/tx/store.go`: `old` → `new` |
//
// Tests are named by folder and name, sub-tests with slashes; folders and files are below internal/ unless they begin
// with test/ or cmd/. The old text stands exactly once in its file; there may be several pairs of old and new; in place
// of the new text, the word nothing takes the old away. A | inside code is written \|.
package mutations
