// Package certs keeps the certificates that the server gets by itself, in the database, where all nodes find them.
//
// # Files
//
// It is a small tree of files, as infra/cert asks for. What each says is sealed (AES-256-GCM) under a key derived from the
// master key, bound to its name: private keys and the account at the certificate authority do not lie in the database in clear,
// and the row of one file opens nothing in the place of another. Names, sizes and times are in clear.
//
// # Locks
//
// A lock is a row with the time until which it holds, by the database's clock. Who has it renews it several times before that;
// of a process that has died or cannot reach the database nothing renews it, and after Options.Lease the next who waits takes it
// over. A process that was only slow finds out when it next renews, and says so in the log. Each taking draws a token of its own:
// the late renewal or return of a lost lock touches nothing of its successor, and who has lost one that it has not given back
// stores nothing. What it has asked of the certificate authority is asked twice then, which costs no more than its patience.
//
// # Limits
//
// A name has at most MaxName bytes, a file MaxFile.
package certs
