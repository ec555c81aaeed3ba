// Package pop3server is the POP3 door: RFC 1939, and the extensions of Capabilities.
//
// A session reads a line, asks one room of the store, and writes the answer. It decides nothing about mail: who may sign
// in, what removing a message means, is the rooms'. docs/rfc lists what the standards ask, each with its test.
//
// # What it promises
//
//   - A session sees one state of INBOX, a mailbox.View, from its sign-in to its end: numbers, sizes and unique ids stay,
//     whatever arrives or goes meanwhile.
//   - RETR and TOP send the octets of the message that had the number at sign-in, or -ERR where it was removed meanwhile;
//     never those of another one. They are found by the email's id, which is never given again.
//   - Messages are deleted by QUIT only, and just those that this session has marked, by UID. A connection that ends in any
//     other way, a drain of the server included, deletes nothing.
//   - The size that LIST tells is the number of octets of the message, which is IMAP's RFC822.SIZE. They are sent as they
//     were received. Where they do not end with CR LF, the end of the reply adds it.
//   - A message with an internationalized header (RFC 6532) goes as it is to clients that said UTF8, and to others as a
//     surrogate (rfc/message/surrogate), a little larger than LIST says: opening every message for its size would cost
//     more than RFC 6856's SHOULD is worth.
//   - Content is streamed, in pieces of 16 KiB. A session that waits holds no buffers.
//
// # Durable steps
//
// QUIT removes messages with mailbox.Remove, in as many commits as it takes, and answers +OK when all are on stable
// storage. When one fails, those before it stand, and the answer is -ERR [SYS/TEMP]: the client will find the others again.
//
// # Limits and what a client is told
//
//	connections in all, per host        -ERR [SYS/TEMP] at once
//	TLS handshake longer than 30 s      connection closed
//	no sign-in after 10 minutes in all  connection closed without a word (RFC 1939 3)
//	or 10 s while the door is crowded   the same, see infra/listen
//	50 commands before sign-in          -ERR, closed
//	3 failed sign-ins                   closed after the last -ERR [AUTH]
//	too many of them, see store/auth    -ERR [SYS/TEMP]
//	20 lines in a row that are not POP3 -ERR, closed
//	nothing sent for 10 minutes         connection closed without a word (RFC 1939 3)
//	a line that takes over 1 minute     connection closed without a word
//	a line of more than 8 KiB           -ERR, closed
//	a line that ends with LF            -ERR
//	replies not taken for 1 minute      connection closed
//
// When the server stops, sessions that wait get -ERR [SYS/TEMP] at once, and the command under way may end within
// Limits.Drain.
//
// A fault of the store is logged with its cause and answered -ERR [SYS/TEMP]; nothing was changed then. A fault in the
// middle of a message ends the connection, without the dot that would end the message. A panic ends the session.
//
// # Choices
//
//   - No session locks the maildrop. RFC 1939 4 wants a lock "as necessary to prevent messages from being modified or
//     removed", but the same mail is open over IMAP, and a lock that a telephone holds after it lost its network keeps its
//     owner out for ten minutes. What the lock is for holds without it: numbers keep their meaning, since messages never
//     change, and no id or UID is given twice. All that a session can notice is that a message is gone.
//   - The unique id of UIDL is the email's id, which IMAP tells as EMAILID (RFC 8474) and JMAP as the Email's id. UIDVALIDITY
//     and UID would do as well until a backup is restored, which gives new UIDVALIDITYs: every client that leaves its mail
//     on the server would fetch all of it again. An email is in a mailbox at most once, so its id is unique there.
//   - A message that was moved to another mailbox can still be read in the session that saw it in INBOX; deleting it there
//     deletes nothing.
//   - Reading a message does not make it \Seen: who also has an IMAP client would lose sight of new mail. \Deleted is IMAP's
//     matter too, and means nothing here.
//   - APOP is not offered. It needs passwords that the server can read, and proves them with MD5; RFC 2595 and SCRAM took
//     its place. Nor is LAST, which RFC 1939 dropped.
//   - EXPIRE NEVER and LOGIN-DELAY 0: mail stays until its owner removes it, and who looks for mail often costs little.
//   - AUTH without a mechanism lists those there are, for clients older than CAPA.
package pop3server
