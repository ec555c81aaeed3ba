// Package forwarding takes mail further that is not, or not only, for mailboxes here: for addresses that lead to other servers,
// and for groups. It is called by inbound, and what it adds is in that commit; submission asks it only whom a
// recipient stands for.
//
//	Resolve   at RCPT: whom a recipient stands for
//	Refuse    after DATA: which recipients the header forbids, because the message goes in circles
//	Add       in the accepting commit: the rows in the spool, for groups as many as they have members
//
// # What goes on
//
// The content goes on byte for byte, with one field above it: Delivered-To, the address it came to. So what its signatures
// cover (DKIM, RFC 6376) is not changed. Mail of a group also gets the fields of RFC 2369 and RFC 2919, and Precedence.
//
// The reverse-path is rewritten (package rfc/srs), but where it is null or of a domain here. For a group it is the address of
// its owners, group+owner@domain: reports about members are not the sender's affair (RFC 3461 5.2.7.1).
//
// What the sender asked to be told (RFC 3461 5.2.7): an address that leads to one other server passes all of it on. One that
// leads to several passes on all but SUCCESS, and the sender is told "expanded". Mail to a group has arrived with the group.
//
// # Reports that come back
//
// An address of rfc/srs is taken at RCPT if the reverse-path is null (550 5.7.1 otherwise) and the address is ours and not too
// old (550 5.1.1 otherwise); the mail goes on to the original sender.
//
// # Circles
//
// Delivered-To is the mark: mail that bears an address in it does not pass that address again. The reply is 554 5.4.6 where
// all recipients are concerned; otherwise the sender is told by a report. A server that removes the mark is met by inbound's limit of
// Received fields.
//
// # Limits
//
// A transaction is for as many mailboxes, and goes on to as many addresses, as fit into one commit (db.MaxChangedRows): to more
// than a thousand, where it is for few mailboxes. 452 4.5.3 for the recipient that is too much.
//
// # Groups
//
// Who may send to a group is decided at RCPT by the reverse-path (store/directory.MayPost): 550 5.7.2 for others, and for
// whoever claims an address of a domain here without having signed in. After DATA, 550 5.7.2 for automatic answers (RFC 3834), 554
// 5.4.6 for the group's own mail. A group that is a member of another gets its mail whatever its own policy says: who put it there has
// said so.
package forwarding
