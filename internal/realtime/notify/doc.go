// Package notify decides which mail deserves a notification, and sends it: to the connected clients that want notifications, and by
// Web Push. It is the one place that decides.
//
// # What is told of
//
// Mail that was delivered and lies in INBOX, unread, in a thread that is not muted, as the account's rules say (store/notifications):
//
//	all        any
//	contacts   from people the account knows (store/contacts), and answers in threads that the account has written in
//	mentions   written to an address of the account, in To, or whose text begins with such an address or "@name"
//	none       none
//
// In quiet hours only mail of contacts that may break through is told of, and, if the account likes, mail that its sender has marked as
// urgent (Importance, Priority, X-Priority): what breaks through must deserve a notification at other times, too. What comes in
// quiet hours is not told of afterwards.
//
// # What it promises
//
//   - A notification is decided after the commit, by what is there then: mail that a filter or a person has moved or read meanwhile
//     is not told of. It costs the delivery nothing but a notice on the bus.
//   - It is sent at most once to each client. A node that stops, or a notice that is lost, loses notifications and never mail: the
//     change itself is pushed as every other.
//   - It has the sender, the subject and the beginning of the text, or none of them, as the account wants.
//
// # Limits
//
// MaxWaiting mails wait to be decided on at a node; beyond that the newest are not told of. A notification is shorter than what a push
// service takes.
package notify
