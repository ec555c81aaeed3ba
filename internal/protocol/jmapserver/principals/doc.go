// Package principals tells users whom they share with, and what has been shared with them (RFC 9670): Principal and ShareNotification.
//
// What may be done with principals is read: people and their accounts are made by the operator. Mailboxes are given to others over
// IMAP (RFC 4314) so far.
//
// # Whom one sees
//
// Nobody may read out who has an account here. A user sees themself, those who share mailboxes with them, and those whom they share
// with. Of anybody else Principal/query finds who is asked for by the whole address, and nobody by a part of it. Ids of principals
// cannot be guessed: each holds a proof that this server has given it.
//
// # Limits
//
// A query looks at most maxLookups addresses up, of those whom one does not see (unsupportedFilter). Changes of principals are not logged:
// Principal/changes and Principal/queryChanges answer cannotCalculateChanges unless nothing has changed. An account keeps
// mailbox.MaxShareNotices notices.
package principals
