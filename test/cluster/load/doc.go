// Package load is clients of a cluster that go on while it fails: SMTP, LMTP and submission, IMAP and JMAP. Each knows several
// addresses, and when it loses its connection, or patience, it goes to the next. What they do is taken down in a
// history.Recorder, for history.Check:
//
//	run, err := load.Start(ctx, targets, load.Mixed())
//	err = run.Await(ctx, 500)           // operations acknowledged, before the fault
//	... the fault, and its end
//	run.End()                           // each client after its operation under way
//	err = cluster.Rest(ctx, domain)     // until nothing is done any more, be it for a client that has given up (package nodes)
//	record := run.CatchUp(ctx)          // clients that follow changes
//	server, err := load.Read(ctx, targets)
//	err = history.Check(&record, server).Err()
//
// # Clients
//
//   - senders (SMTP), deliverers (LMTP) and submitters hand in messages for one to three accounts, or for an address from where
//     mail goes on to an account through the queue (Relay). What is not accepted is tried again, as a new delivery.
//   - editors (IMAP) work on the newest messages of an account, together with the JMAP editors: flags, moves between INBOX and
//     Archive, copies to Copies, removals, APPEND, and reading. Before it reads, an editor says NOOP, after which a server must show
//     what is (see imapserver's doc.go).
//   - JMAP editors do the same with Email/set, Email/import and Email/get.
//   - idlers (IMAP, IDLE) hold a mailbox by its sequence numbers; resyncers (QRESYNC) go away again and again and come back
//     with what they know; listeners (JMAP, WebSocket and Email/changes) hold an account. All of them keep their own state over
//     lost connections and nodes, and hand it over in the end, to be compared with the server's.
//
// # What counts as an acknowledgement
//
// SMTP: 2xx to the end of the content. IMAP: OK to the command (a removal: to STORE and to UID EXPUNGE). JMAP: the object's id under
// created, updated, destroyed or list. A 4xx, NO [UNAVAILABLE], 503 or serverUnavailable is history.Deferred; other refusals
// are history.Refused. A command that was never sent, for want of a connection, is not an operation.
//
// # What the accounts need
//
// No limits of sending (account set --max-recipients -1 --max-strangers -1), and no copies in Sent (--no-sent-copy). Start makes the
// mailboxes that are missing.
//
// # Limits
//
// A client has one command under way. Plan.Operations bounds the record: when it is full, clients stop by themselves.
package load
