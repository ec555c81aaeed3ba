// Package smtpserver is the door for mail from other hosts, SMTP as a mail exchanger (RFC 5321, port 25) and LMTP
// (RFC 2033), and from our users: submission (RFC 6409, port 587, and with TLS from the start port 465, RFC 8314). It turns
// commands into calls of an Inbound and the results into replies. It knows no accounts, no rules and no storage; what the
// words of the protocol look like is package rfc/smtp's.
//
// # Submission
//
// Nothing is taken before the client has signed in, and AUTH (RFC 4954: PLAIN, LOGIN, SCRAM-SHA-256, SCRAM-SHA-256-PLUS) is
// neither offered nor taken before TLS, from this machine as little as from others. Who has signed in stands in
// smtp.Session; what he may send is for the room to say, which is asked at MAIL already (Senders). A sign-in that was
// taken away ends within a minute. FUTURERELEASE, DELIVERBY and MT-PRIORITY, which only this door offers, and REQUIRETLS, which a
// mail exchanger takes from other hosts, too, become fields of the envelope.
//
// # What it promises
//
//   - 2yz after the content is sent only when Inbound.Receive has said that all is durable. When Receive fails, whatever
//     the cause, the client hears 4yz or 5yz and keeps its copy. When the client goes away in the middle, nothing is kept.
//   - Content reaches Receive byte for byte, streamed through one buffer of 32 KiB, NUL and 8-bit bytes included. Only
//     the dots of RFC 5321 4.5.2 are taken off.
//   - Content ends at CR LF "." CR LF and nowhere else, or where BDAT said. A CR or LF that stands alone never ends
//     a line, a command or a message, and what holds one is refused (RFC 5321 2.3.8): nobody can make one server see
//     two messages where another sees one. BODY=BINARYMIME with BDAT is the exception: it may hold anything.
//   - Nothing sent in clear is acted on after STARTTLS, and nothing learned before it is kept (RFC 3207 4.2).
//   - A client that does not read its replies is waited for, not buffered for: at most 4 KiB of replies are held.
//   - A connection waiting between two transactions holds no buffers.
//
// # Shutdown
//
// When Serve's context ends, the listener is closed, connections waiting for a command are told 421 4.3.2 and closed, and
// messages under way have Limits.Drain to finish. Then their connections are closed and the context given to Inbound ends.
//
// # Limits and their replies
//
//	command line over 512 bytes, MAIL and RCPT 2,048       500 5.5.2; 32 KiB without an LF: 500 5.5.2, closed
//	line of content over 998 bytes (RFC 5321 4.5.3.1.6)    accepted: mail in use has them, nothing here depends on it
//	command holds a bare CR, a control character, no UTF-8 500 5.5.2
//	command ends with a bare LF                            500 5.5.2, closed
//	content holds a bare CR or LF                          550 5.6.0, after the content was read
//	BDAT size unreadable                                   501 5.5.4, closed: the next command cannot be found
//	SIZE= or content over Limits.MessageSize               552 5.3.4; content over twice that: closed too
//	chunk of BDAT over Limits.MessageSize                  552 5.3.4, closed
//	header too large, too many fields, mail loop           Inbound's reply (mailflow/inbound: 552 5.3.4, 552 5.6.0, 554 5.4.6)
//	MIME nested too deep                                   accepted; package message does not look into what is deeper
//	recipients over Limits.Recipients                      452 4.5.3; over ten times that: 421 4.7.0, closed
//	5yz replies over Limits.Errors                         421 4.7.0, closed
//	commands without mail over Limits.Commands             421 4.7.0, closed
//	commands a second over Limits.CommandRate              answered later
//	connections over Limits.Connections                    421 4.3.2, closed
//	connections of a host over Limits.ConnectionsPerHost   421 4.7.0, closed; in a crowded door over a tenth of it
//	failed sign-ins of a connection: Limits.SignIns        421 4.7.0, closed
//	line of an AUTH exchange over 12,288 bytes             500 5.5.6
//	no whole command, no content within Limits.Idle        421 4.4.2, closed
//	  in a crowded door, before a recipient: 10 s          421 4.4.2, closed
//	content slower than Limits.MinDataRate                 421 4.4.2, closed, after Limits.DataGrace
//	  in a crowded door: after 10 s                        421 4.4.2, closed
//	TLS handshake longer than Limits.TLSHandshake          closed
//	replies not taken within Limits.Write                  closed
//	plaintext behind STARTTLS                              503 5.5.1, closed
//	HTTP instead of SMTP                                   500 5.5.1, closed
//
// A door is crowded while more than three quarters of Limits.Connections are taken (package listen).
//
// # Errors of Inbound and their replies
//
// A mail.Reply is sent as it stands. Otherwise the mail.Kind decides:
//
//	                RCPT         content
//	NotFound        550 5.1.1    550 5.1.1
//	Denied          550 5.7.1    550 5.7.1
//	Disabled        550 5.2.1    550 5.2.1
//	OverQuota       452 4.2.2    452 4.2.2
//	TooLarge        552 5.3.4    552 5.3.4
//	Limit           452 4.5.3    452 4.5.3
//	Invalid         553 5.1.3    550 5.6.0
//	all others      451 4.3.0    451 4.3.0     the cause is logged, the client does not learn it
package smtpserver
