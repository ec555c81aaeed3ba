// Package thread puts messages into threads as the THREAD command of IMAP wants it: ORDEREDSUBJECT and REFERENCES of RFC
// 5256 3, and REFS of draft-ietf-morg-inthread, which is REFERENCES without its merging by subject, the thread with the newest
// message last.
//
// A Builder takes the messages in the order of their mailbox and keeps some fifty octets of each and of each message id
// that is named but not there. Ids and subjects are kept as hashes under a key of the Builder's own: nobody who writes mail
// can choose two that meet. Nothing recurses, however deep a thread is.
//
// # Limits
//
// A Builder holds as much as its caller allows; then Add fails with mail.Limit. To keep links from closing a ring, ancestors are
// looked through; where messages are made so that this becomes more than maxSteps in all, links that would still need it are
// left out. Of a message's references those count that its summary keeps: the first and the last ones.
package thread
