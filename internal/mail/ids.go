package mail

import (
	"encoding/base32"
	"fmt"
	"strconv"
)

// Ids are global over all shards, positive, never reused, and hold the number of the shard they were born on in
// their upper bits (see ShardBits). Zero is never an id.
type (
	AccountID int64
	MailboxID int64
	EmailID   int64
	ThreadID  int64
	ObjectID  int64
	DomainID  int64
	SpoolID   int64

	SubmissionID int64
	IdentityID   int64
)

// ShardBits is how far the shard number is shifted inside an id: 48 bits count, 15 bits name the shard.
const ShardBits = 48

// UID is a message's number in one mailbox (RFC 9051 2.3.1.1).
type UID uint32

// ModSeq numbers every change of an account; it is IMAP's mod-sequence (RFC 7162) and JMAP's state.
type ModSeq int64

// BlobID names a body within one account: a keyed hash of its content under that account's key, so that two accounts
// cannot compare their mail.
type BlobID [20]byte

func (id BlobID) String() string { return "B" + blobEncoding.EncodeToString(id[:]) }

var blobEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ParseBlobID reads what BlobID.String wrote.
func ParseBlobID(s string) (BlobID, error) {
	var id BlobID
	if len(s) == 33 && s[0] == 'B' {
		if n, err := blobEncoding.Decode(id[:], []byte(s[1:])); err == nil && n == len(id) {
			return id, nil
		}
	}
	return BlobID{}, &Error{Op: "mail.ParseBlobID", Kind: Invalid, Err: fmt.Errorf("%.40q is not a blob id", s)}
}

func (id AccountID) String() string { return "A" + strconv.FormatInt(int64(id), 36) }
func (id MailboxID) String() string { return "F" + strconv.FormatInt(int64(id), 36) }
func (id EmailID) String() string   { return "M" + strconv.FormatInt(int64(id), 36) }
func (id ThreadID) String() string  { return "T" + strconv.FormatInt(int64(id), 36) }
func (id SpoolID) String() string   { return "Q" + strconv.FormatInt(int64(id), 36) }

// ParseSpoolID reads what SpoolID.String wrote, in either case.
func ParseSpoolID(s string) (SpoolID, error) {
	if len(s) > 1 && (s[0] == 'Q' || s[0] == 'q') {
		if n, err := strconv.ParseInt(s[1:], 36, 64); err == nil && n > 0 {
			return SpoolID(n), nil
		}
	}
	return 0, &Error{Op: "mail.ParseSpoolID", Kind: Invalid, Err: fmt.Errorf("%.40q is not the id of a message in the queue: those begin with Q", s)}
}

func (id SubmissionID) String() string { return "S" + strconv.FormatInt(int64(id), 36) }
func (id IdentityID) String() string   { return "I" + strconv.FormatInt(int64(id), 36) }

// StateChange says "this account is now at this number". It carries no content: the store is the truth, and a reader
// asks it for what came after the number it knows.
type StateChange struct {
	Account AccountID
	State   ModSeq
}

// SpoolAccount is the account that holds the bodies of spooled mail. It has a row and a key, and no mailboxes.
const SpoolAccount AccountID = 1

// ParseMailboxID, and those below, read what the String of an id wrote, and nothing else.
func ParseMailboxID(s string) (MailboxID, error) { return parseID[MailboxID]('F', s, "a mailbox") }

// ParseEmailID reads what EmailID.String wrote.
func ParseEmailID(s string) (EmailID, error) { return parseID[EmailID]('M', s, "an email") }

// ParseThreadID reads what ThreadID.String wrote.
func ParseThreadID(s string) (ThreadID, error) { return parseID[ThreadID]('T', s, "a thread") }

// ParseAccountID reads what AccountID.String wrote.
func ParseAccountID(s string) (AccountID, error) { return parseID[AccountID]('A', s, "an account") }

// ParseSubmissionID reads what SubmissionID.String wrote.
func ParseSubmissionID(s string) (SubmissionID, error) {
	return parseID[SubmissionID]('S', s, "a submission")
}

// ParseIdentityID reads what IdentityID.String wrote.
func ParseIdentityID(s string) (IdentityID, error) {
	return parseID[IdentityID]('I', s, "an identity")
}

func parseID[T ~int64](letter byte, s, what string) (T, error) {
	if len(s) > 1 && s[0] == letter {
		// Written again it must be the same: JMAP compares ids octet by octet (RFC 8620 1.2).
		if n, err := strconv.ParseInt(s[1:], 36, 64); err == nil && n > 0 && strconv.FormatInt(n, 36) == s[1:] {
			return T(n), nil
		}
	}
	return 0, &Error{Op: "mail.ParseID", Kind: Invalid, Err: fmt.Errorf("%.40q is not the id of %s: those begin with %c", s, what, letter)}
}
