// Package mailboxes is what JMAP clients do with mailboxes: Mailbox/get, /changes, /query, /queryChanges and /set (RFC 8621 2).
//
// # Choices
//
//   - The mailbox that IMAP calls INBOX has the name "Inbox". It keeps name, parent and role, and cannot be destroyed.
//   - What is \Deleted counts nowhere (RFC 8621 4.1.1). unreadThreads are those that RFC 8621 2 wants of a quality implementation;
//     who is not the owner is told of threads with an unread email in the mailbox itself, since the others may be none of the
//     user's business.
//   - A name has no "/", which separates the levels of IMAP's names, and two mailboxes beside each other are not both INBOX in
//     capitals or small letters.
//   - A role that another mailbox has is refused; a client that passes one on takes it away first, or does both in one Mailbox/set.
//   - What is valid when all of a Mailbox/set is done is allowed (RFC 8620 5.3), in whatever order it must be done: a mailbox may
//     take the name or the role of one that the same call renames, moves or destroys, and two may exchange theirs.
//   - Users other than the owner see a mailbox if they have the right "l". One whose parent they do not see is at the top for
//     them. They have subscriptions of their own: those that IMAP knows by the name that the mailbox has for them.
//   - Clients that use RFC 9670 are told by shareWith what others may do in a mailbox; they cannot set it.
//   - Mailboxes are destroyed from the leaves up, and created from the top down, whatever the order in a Mailbox/set.
//   - /changes names a mailbox also when a flag of a message in another has changed its unreadThreads, and stops within what
//     one message has changed where that is more than maxChanges. To a user who is not the owner it answers
//     cannotCalculateChanges when rights have changed.
//
// # Limits
//
//   - 20 mailboxes that take each other's names, places and roles in a circle, and 10 rounds of what waits for other parts of a
//     Mailbox/set: what is more is refused for what stands in its way.
//   - Those of store/mailbox for numbers and names of mailboxes (overQuota, invalidProperties).
//   - method.MaxObjectsInGet mailboxes a Mailbox/get that names ids, all where it names none.
//   - a filter has as many conditions as method.ParseFilter takes (unsupportedFilter).
package mailboxes
