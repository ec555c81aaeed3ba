// Package sending are the methods of what an account sends: Identity, EmailSubmission and VacationResponse (RFC 8621 6 to 8), and
// MDN/send with MDN/parse (RFC 9007). All are for the owner of an account alone.
//
// # Identities
//
// Each address that the account may send from has one, which cannot be removed (mayDelete); before they are told they are made to
// be what the directory says.
//
// # Submissions
//
// What is sent goes the way of all mail from users (mailflow/submission): the same rights, budgets, signatures and commit. So a
// submission that is answered as created is durable, and mail for recipients here is in their mailboxes by then. Bcc is taken out
// of what is sent. The SMTP parameters of an envelope are those of our submission port; HOLDFOR and HOLDUNTIL delay it (RFC 4865), as
// does the time for undoing that the account has set: while undoStatus is "pending" it can be taken back.
//
// Submissions by SMTP of which the server put a copy into the Sent mailbox are shown as well. Records go by themselves 60 days after
// they were due; destroying one changes nothing of what is sent.
//
// An email must say who it is from in addresses that are the account's, and its addresses must be such: else invalidEmail or
// forbiddenFrom. Without an envelope it is sent as RFC 8621 7 says: from Sender or From, or the identity's address where that is none
// of the identity's, to all of To, Cc and Bcc.
//
// # Limits
//
// MaxMessage bytes an email (tooLarge), submission.MaxTargets recipients (tooManyRecipients), the budgets of the account
// (rateLimit). EmailSubmission/queryChanges is answered cannotCalculateChanges, as the RFC allows.
package sending
