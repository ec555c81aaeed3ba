// Package adminserver is the operator's door: HTTP and JSON over a Unix socket in the data folder.
//
// The resources are described in docs/operations/admin-api.md. Each is one call to a room, which decides:
// internal/provision for most, mailflow/queue for what waits, mailflow/submission for what is taken back. This package parses,
// answers, and knows nothing else.
//
// # One way, with and without a server
//
// The command line speaks to a running server through Dial. When none runs it opens the data folder itself, makes the
// same Handler over it, and speaks to that through Direct: the same requests, answers and errors, without a network.
//
// # Who may
//
// Whoever can open the socket may do everything, so the socket is made for its owner alone (mode 0600, in place at once:
// it is made in a folder of its own and moved) and, on Linux, connections of other users than root and the server's own are
// closed. There are no passwords here and no TLS. The socket also serves Go's profiles under /debug/pprof/.
//
// # Limits
//
// A request has at most MaxRequest bytes, headers at most 16 KiB; it must arrive within 30 seconds. A page of a list has
// at most directory.MaxPage entries. An answer to a broken or refused request is JSON {"error", "kind"} with a status that
// follows from the kind (see kindStatus); the text names what was wrong and what would be right.
package adminserver
