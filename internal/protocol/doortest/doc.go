// Package doortest helps to test the doors to mailboxes, IMAP and POP3:
//
//   - Rooms are those of the store behind a door, on a database of their own, with two accounts.
//   - Running is a door whose connections are pipes in memory.
//   - Bubble and Within are for tests under a fake clock, Seeds and Play for fuzzing a session.
//   - SCRAM and TLSVersions are suites that every door passes.
package doortest
