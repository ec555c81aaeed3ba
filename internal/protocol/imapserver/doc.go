// Package imapserver is the IMAP door: IMAP4rev2 (RFC 9051), IMAP4rev1 (RFC 3501) and the extensions of Capabilities.
//
// A session reads a whole command with rfc/imap, asks one room of the store, and writes the answer. It decides nothing
// about mail: what a mailbox may be called, who may sign in, what a copy means, is the rooms'.
//
// # What a session knows of its mailbox
//
// The state of a selected mailbox is a mailbox.View: immutable, and shared with all sessions that have the same state. A
// session moves from its view to the newest one when the protocol lets it report what lies between (RFC 9051 7.5.1: no
// EXPUNGE while FETCH, STORE or SEARCH run), and sends just that difference. It hears of changes by realtime.Watch; NOOP,
// CHECK, IDLE and the end of each command look.
//
// # Limits and what a client is told
//
//	connections in all, per host        * BYE [UNAVAILABLE] at once
//	no sign-in after 2 minutes          * BYE [UNAVAILABLE] (Limits.Preauth)
//	nothing sent for 30 minutes         * BYE [UNAVAILABLE], IDLE included (RFC 9051 5.4 asks for 30 at least)
//	replies not taken for 1 minute      connection closed
//	3 failed sign-ins                   * BYE after the last NO
//	20 commands in a row answered BAD   * BYE [CLIENTBUG]
//	line, literal, nesting, set sizes   see rfc/imap
//	message size                        NO [TOOBIG], announced by APPENDLIMIT
//	messages of one APPEND              100, NO [LIMIT]
//	quota                               NO [OVERQUOTA]
//
// A fault of the store is logged with its cause and answered NO [SERVERBUG], or NO [UNAVAILABLE] where trying again may
// help; nothing was changed then, except as RFC 9051 lets STORE and MOVE stop half way, which the answer then tells.
//
// # Choices
//
//   - A bad sequence number, above EXISTS, is BAD; an unknown UID is ignored (RFC 9051 6.4.9).
//   - A message that another session has expunged still has its number and its flags here until EXPUNGE was sent; its
//     content cannot be fetched: the rest of a FETCH is served, then NO [EXPUNGEISSUED].
//   - A session whose mailbox is deleted is told BYE: there is no state in IMAP for what it then has.
//   - \Recent is told to clients that have not enabled IMAP4rev2. Messages that arrive while a mailbox is selected may be
//     \Recent to several sessions, which RFC 3501 2.3.2 allows.
package imapserver
