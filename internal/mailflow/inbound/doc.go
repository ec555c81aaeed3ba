// Package inbound takes mail from other hosts: it decides on each recipient when it is named, reads the content once, and
// accepts it in one commit.
//
// # Order of durable steps
//
//  1. The content, with Return-Path and Received before it, is sealed and synced (store/bodies). It is kept byte for byte, but
//     for a Return-Path of the sender's own, which goes (RFC 5321 4.4); LMTP's stays.
//  2. One commit under a random key gives it a UID in the INBOX of every account it is for, and rows in the spool for all it goes
//     on to (mailflow/forwarding), and for the report to a sender who asked to be told (RFC 3461).
//  3. Only then Receive returns, and the door says 250.
//
// A crash before 2 leaves bytes that nobody names; the collector removes them. When the answer to 2 is lost, the commit is
// repeated under the same key, which delivers once.
//
// # What is refused, and when
//
//	at RCPT     no such user 550 5.1.1 · not our domain 550 5.7.1 · account or domain disabled 550 5.2.1 · mailbox full 452
//	            4.2.2 · more than 100 accounts in one transaction 452 4.5.3 · goes on to more addresses than a commit takes 452
//	            4.5.3 · not allowed to send to the group 550 5.7.2 · no report of ours 550 5.1.1, 5.7.1 (mailflow/forwarding)
//	after DATA  more than 100 Received fields 554 5.4.6 (RFC 5321 6.3) · header over 1 MiB 552 5.3.4, of more than 2,000 fields
//	            552 5.6.0 · has passed all of its recipients before 554 5.4.6 · an account was removed or moved since RCPT 451
//	            4.2.0 · the store fails 451 4.3.0
//
// Nothing that was taken at RCPT is refused after DATA for one recipient alone, but for mail in circles; then, over SMTP, the
// sender is told by a report. A mailbox that fills up between the two overshoots its quota by what was in flight. An account
// that goes between the two defers the message for all: nothing is written, and when the client comes again it hears at RCPT
// what became of that recipient. Nothing the store says after DATA refuses mail for good.
//
// # Mail of the spool
//
// Local is the queue's transport for addresses here: reports, what groups and our own users send. It asks again whom each
// recipient stands for, and delivers under keys made of the message in the spool and the account, so that a job that comes
// again delivers nothing twice. A full mailbox defers.
//
// # Log
//
// Each step is a line with the transaction's id: "stored", then "delivered" for each account and "forwarded" for each address
// that leads further; "received", with what the client said and was told, is the door's, and so is what was refused.
//
// Judging mail (SPF, DKIM, DMARC, spam) comes here, between reading and the commit.
package inbound
