// Package vacation answers mail while its reader is away (RFC 8621 8, RFC 3834).
//
// # Who is answered
//
// Whoever the reverse-path names, at that address, once in seven days (store/vacation.Pause) and again after the response was
// changed; and only where
//
//   - To, Cc or Bcc, or their Resent fields, name an address of the account's own (RFC 3834 2): what lists, groups, aliases of
//     several and the catch-all bring is not answered;
//   - the message was not made by a program: no Auto-Submitted but "no", no Precedence of bulk, list or junk, no List fields, no
//     X-Auto-Response-Suppress, no report;
//   - the reverse-path is not null, not that of a program (owner-, -request, mailer-daemon and the like), and not the account's own;
//   - the message went to INBOX: whom the account blocks is not told that it is away.
//
// # Order of durable steps
//
// What is to be answered is decided and written before the commit that accepts the message (Prepare), and put into the spool by that
// commit, if nobody else has answered meanwhile (Send). So a message that is accepted twice is answered once. Where an answer
// cannot be made the message is accepted all the same; the log says why.
//
// An answer travels under a null reverse-path (RFC 3834 3.3), is signed as other mail of the domain, and says Auto-Submitted:
// auto-replied, so that nothing answers it.
//
// # Limits
//
// A message has MaxAnswers answers at most: of more accounts that are away the rest stays silent.
//
// # Cost
//
// Accounts that answer are known to the process, and read again when a node tells that a response was changed, at the latest after
// Refresh: mail for others costs a look into a map.
package vacation
