// Package imapurl reads IMAP URLs that name a message or a part of one (RFC 5092, with PARTIAL as RFC 5550 2.7.1 has it).
//
//	imap://ann@mail.example/Drafts;UIDVALIDITY=7/;UID=20/;SECTION=1.2/;PARTIAL=0.1024
//	/Drafts/;UID=20                 a path: a message of this server
//	;UID=20/;SECTION=TEXT           in the mailbox that is the base
//
// It is pure, and knows no server or account: who may read what a URL names is the caller's to decide.
//
// Not taken: URLs of servers, mailboxes and searches, which name no message; URLs with URLAUTH (RFC 4467), which are for
// others than their owner; dot segments, since mailboxes may have such names.
package imapurl
