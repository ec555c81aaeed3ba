// Package imapserver is the IMAP door: IMAP4rev2 (RFC 9051), IMAP4rev1 (RFC 3501) and their extensions.
//
// A session reads a whole command with rfc/imap, asks one room of the store, and writes the answer. It decides nothing
// about mail: what a mailbox may be called, who may sign in, what a copy means, is the rooms'. docs/rfc lists what the
// standards ask, each with its test.
//
// # What a session knows of its mailbox
//
// The state of a selected mailbox is a mailbox.View: immutable, and shared with all sessions that have the same state. A
// session moves from its view to the newest one and sends just the difference. It hears of changes by realtime.Watch and
// looks before FETCH and SEARCH, at the end of each command, and at once in IDLE. NOOP, and commands that write to the
// mailbox, ask the store itself.
//
// RFC 9051 7.5.1 allows no EXPUNGE while FETCH, STORE and SEARCH run. New flags and messages are told all the same; what is
// gone stays in the session's own view as a ghost, under the number that the client knows, until it may be told: with
// the next command that allows it. Until then replies say [EXPUNGEISSUED], and HIGHESTMODSEQ stays behind.
//
// What NOTIFY and ENABLE METADATA ask for (events) is found by passes over the account's change log, one for all mailboxes,
// from the number that was told last: after each command, and when the bell rings in IDLE or, with NOTIFY, between commands.
// Names of mailboxes are held as a table that the account's sessions share. What the session did itself it knows by the
// numbers of its own commits. A client that did not ask for its selected mailbox keeps the view that it has. Mailboxes of other
// accounts are told of by comparing their numbers when the bell of their owner rings (others).
//
// # Mailboxes of others
//
// access.go finds whose mailbox a name is and what the session may do with it (RFC 4314); what follows asks the rooms for the
// owner, selected.owner where the mailbox is open. Rights are read by each command, before it is carried out, and what it changes
// is done as the session's account (mailbox.Store.As), which asks again in each commit. A command that names a mailbox says
// what it needs in find. docs/decisions/0013-shared-mailboxes.md tells why it is as it is.
//
// # Durable steps
//
// APPEND: each message is written and synced while it arrives (store/bodies), one commit names all of them, then OK. What
// is refused half-way is discarded, and what is lost with the process is collected; many messages take several commits, which are
// undone if one fails, as those of COPY. CATENATE reads what its URLs name while it
// writes, and holds none of it in memory; the commit of REPLACE removes the old message too. All other commands are one commit of
// a room, or several where the room says so.
//
// # Limits and what a client is told
//
//	connections in all, per host        * BYE [UNAVAILABLE] at once
//	TLS handshake longer than 30 s      connection closed
//	no sign-in after 2 minutes in all   * BYE [UNAVAILABLE] (Limits.Preauth)
//	or 10 s while the door is crowded   the same, see infra/listen
//	50 commands before sign-in          * BYE [CLIENTBUG]
//	3 failed sign-ins                   * BYE [UNAVAILABLE] after the last NO; each NO comes after a second or two (store/auth)
//	20 commands in a row answered BAD   * BYE [CLIENTBUG]
//	nothing sent for 30 minutes         * BYE [UNAVAILABLE], IDLE included (RFC 9051 5.4 asks for 30 at least)
//	a command that stops for 5 minutes  * BYE [UNAVAILABLE] (Limits.Stall)
//	replies not taken for 1 minute      connection closed
//	line, literal, nesting, set sizes   see rfc/imap; before sign-in strangerLimits
//	message size                        NO [TOOBIG], announced by APPENDLIMIT
//	1,000,000 messages of APPEND, COPY  NO [MESSAGELIMIT], and nothing is saved (Limits.Saved, SAVELIMIT of RFC 9738)
//	16 MiB held of an APPEND            NO [LIMIT] (Limits.AppendBytes): of what is known of the messages until all have come, about 10,000
//	quota                               NO [OVERQUOTA], before a client that waits is told to send, also for mailboxes
//	1,000 commands/s of an account      answered later (Limits.CommandRate), after 10,000 that are answered at once
//	50 search keys that read content    NO [LIMIT]
//	8 GiB looked through by a SEARCH    NO [LIMIT] (Limits.SearchBytes); by an ESEARCH in all its mailboxes, each counted as 16 KiB
//	200 items of a FETCH that do        NO [LIMIT]
//	64 MiB held for a SORT or THREAD    NO [LIMIT] (Limits.SortBytes): about a million messages; one at a time for an account
//	32 KiB for a value of METADATA      NO [METADATA MAXSIZE 32768]
//	200 values, 256 KiB a mailbox       NO [METADATA TOOMANY]
//	50,000 values, 16 MiB an account    the same
//	8 LISTs at a time of an account     answered later (Limits.Lists): each holds about 300 bytes a mailbox until it is taken
//	50,000 changes at once for NOTIFY   * OK [NOTIFICATIONOVERFLOW], and NOTIFY ends (Limits.EventLines)
//	1,000 mailboxes of others watched   the same (Limits.Others)
//	10 searches being updated           * NO [NOUPDATE], and the search is answered (Limits.Updates); the same for a SORT of more than 1,000 messages
//	10,000,000 messages of a command    the rest is left out: OK [MESSAGELIMIT]; COPY, SORT and THREAD NO (RFC 9738)
//	8,192 octets of patterns in LIST    OK, and no names (RFC 9051 6.3.9)
//
// A command that lasts says how far it is every 10 s (Limits.Progress, RFC 9585).
//
// When the server stops, sessions that wait get BYE at once; a command that has begun may end, its rest may still come for
// half of Limits.Drain. A search is cut off within a second, with NO [UNAVAILABLE].
//
// A session that waits holds no buffers. A FETCH holds the rows of 200 messages, 4 MiB at most, and twice as many that
// it reads ahead, and streams content. A search looks at one message at a time, as do all sessions of its account together,
// and all accounts together at finding.Options.Turns of them: half of the processors are left to others, and an account with
// many searches waits for itself. It ends when its client is gone, whatever that had sent before; closing the sending half
// is being gone.
//
// A fault of the store is logged with its cause and answered NO [SERVERBUG], or NO [UNAVAILABLE] where trying again may
// help; nothing was changed then, except as RFC 9051 lets STORE and MOVE stop half way, which the answer then tells. A
// fault in the middle of a literal, and a panic, end the session.
//
// # Extending
//
// What a standard adds is a file with one function that returns it as an extension, and one line in extensions. Its syntax
// is a file of rfc/imap with a line there (see rfc/imap), docs/rfc its list of requirements.
//
//   - A command is an entry of extension.commands: the handler is a method of session that takes the command's struct, made
//     fit by on, or by with where it needs the tag or the names as given. looks, holds and byNumber say how it stands to the
//     selected mailbox. It returns its completion; errors of rooms become replies in failed alone.
//   - A capability is an entry of extension.capabilities: announced("NAME"), or a literal that says to whom it is
//     offered, with what value, and what ENABLE switches on.
//   - An item of FETCH is an entry of extension.fetchItems: what it needs of a message, and write, or part when it is made from
//     the message's bytes. Its modifier is a field of imap.Fetch, which fetch reads.
//   - A return option of LIST that sends a response of its own is a function of extension.listReturns, which reads for many
//     mailboxes together and returns what tells of one.
//   - A search key is a function of extension.searchKeys, which returns the query that it stands for; store/search plans and
//     matches that. One that holds other keys has imap.Inner's method. An option of RETURN is a field of imap.SearchReturn.
//   - A number of STATUS is a field of imap.StatusData, and an entry of extension.statusItems where the mailbox's row has it not.
//   - A command that searches asks matches; one that looks through messages in another way asks newEffort what it may cost,
//     and takeTurn before each message.
//
// # Choices
//
//   - A client is spoken to as RFC 3501 says until it enables IMAP4rev2: RECENT, UNSEEN and SEARCH, no LIST in SELECT, no
//     OLDNAME. \Recent is told to such clients only. Messages that arrive while a mailbox is selected may be \Recent to
//     several sessions, which RFC 3501 2.3.2 allows.
//   - A client that has enabled UIDONLY is never told a number: a command that needs one is refused before it is carried out
//     (command.numbered), and FETCH responses name the UID.
//   - A sequence number above EXISTS is BAD; an unknown UID is ignored (RFC 9051 6.4.9). SEARCH 1:* in an empty mailbox is
//     no error: clients begin with it.
//   - The text of a message that was expunged by another session cannot be fetched: the rest of a FETCH is served, then NO
//     [EXPUNGEISSUED].
//   - Deleting the mailbox that is selected closes it, with [CLOSED]. A session whose mailbox another one deletes is told
//     BYE: there is no state in IMAP for what it then has.
//   - A message without octets is refused: in MULTIAPPEND it is how a client takes its command back (RFC 3502 6.3.11).
//   - 8-bit octets in header fields are accepted, and sent as they came (docs/rfc/6855.md, 9051.md).
package imapserver
