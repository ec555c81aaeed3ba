package imap

import (
	"slices"
	"strconv"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Code is a response code without its brackets (RFC 9051 7.1, RFC 5530).
type Code string

// Codes without arguments.
const (
	CodeAlert                Code = "ALERT"
	CodeAlreadyExists        Code = "ALREADYEXISTS"
	CodeAuthenticationFailed Code = "AUTHENTICATIONFAILED"
	CodeAuthorizationFailed  Code = "AUTHORIZATIONFAILED"
	CodeCannot               Code = "CANNOT"
	CodeClientBug            Code = "CLIENTBUG"
	CodeClosed               Code = "CLOSED"
	CodeContactAdmin         Code = "CONTACTADMIN"
	CodeCorruption           Code = "CORRUPTION"
	CodeExpired              Code = "EXPIRED"
	CodeExpungeIssued        Code = "EXPUNGEISSUED"
	CodeHasChildren          Code = "HASCHILDREN"
	CodeInUse                Code = "INUSE"
	CodeLimit                Code = "LIMIT"
	CodeNoModSeq             Code = "NOMODSEQ" // RFC 7162 3.1.2.2
	CodeNonExistent          Code = "NONEXISTENT"
	CodeNoPerm               Code = "NOPERM"
	CodeNotSaved             Code = "NOTSAVED"
	CodeOverQuota            Code = "OVERQUOTA"
	CodeParse                Code = "PARSE"
	CodePrivacyRequired      Code = "PRIVACYREQUIRED"
	CodeReadOnly             Code = "READ-ONLY"
	CodeReadWrite            Code = "READ-WRITE"
	CodeServerBug            Code = "SERVERBUG"
	CodeTooBig               Code = "TOOBIG" // RFC 4469, RFC 7888 5
	CodeTooFew               Code = "TOOFEW" // RFC 10022 3.1.3.2
	CodeTryCreate            Code = "TRYCREATE"
	CodeUIDNotSticky         Code = "UIDNOTSTICKY"
	CodeUIDRequired          Code = "UIDREQUIRED" // RFC 9586 3
	CodeUnavailable          Code = "UNAVAILABLE"
	CodeUnknownCTE           Code = "UNKNOWN-CTE"
	CodeUseAttr              Code = "USEATTR" // RFC 6154 3

	// CodeBadCharset lists the charsets of SEARCH that every server has (RFC 9051 6.4.4).
	CodeBadCharset Code = "BADCHARSET (US-ASCII UTF-8)"
)

// CodeCapability is the list of capabilities within a greeting or a tagged OK.
func CodeCapability(names []string) Code {
	return Code(appendWords([]byte("CAPABILITY"), names))
}

// CodePermanentFlags lists the flags that a client can change; canCreate adds "\*".
func CodePermanentFlags(flags []string, canCreate bool) Code {
	if canCreate {
		flags = append(slices.Clip(flags), `\*`)
	}
	return Code(append(appendList([]byte("PERMANENTFLAGS ("), flags), ')'))
}

func CodeUIDNext(uid mail.UID) Code        { return codeNumber("UIDNEXT ", uint64(uid)) }
func CodeUIDValidity(validity uint32) Code { return codeNumber("UIDVALIDITY ", uint64(validity)) }
func CodeUnseen(seq uint32) Code           { return codeNumber("UNSEEN ", uint64(seq)) }

// CodeHighestModSeq is of RFC 7162 3.1.2.1.
func CodeHighestModSeq(modseq mail.ModSeq) Code { return codeNumber("HIGHESTMODSEQ ", uint64(modseq)) }

func codeNumber(name string, n uint64) Code { return Code(strconv.AppendUint([]byte(name), n, 10)) }

// CodeAppendUID says where APPEND put its messages (RFC 4315 3, RFC 3502).
func CodeAppendUID(validity uint32, uids Set) Code {
	b := strconv.AppendUint([]byte("APPENDUID "), uint64(validity), 10)
	return Code(uids.AppendTo(append(b, ' ')))
}

// CodeCopyUID says which UIDs COPY or MOVE gave (RFC 4315 3). Both sets have the order in which the messages were copied, and
// source and target stand in the same place; a set made with Set.Add is in order.
func CodeCopyUID(validity uint32, source, target Set) Code {
	b := strconv.AppendUint([]byte("COPYUID "), uint64(validity), 10)
	b = source.AppendTo(append(b, ' '))
	return Code(target.AppendTo(append(b, ' ')))
}

// CodeModified names the messages that STORE (UNCHANGEDSINCE) left alone (RFC 7162 3.1.3).
func CodeModified(set Set) Code { return Code(set.AppendTo([]byte("MODIFIED "))) }

// CodeMailboxID is of RFC 8474 4.
func CodeMailboxID(id string) Code { return Code("MAILBOXID (" + id + ")") }

// appendWords appends each word with a space before it.
func appendWords(b []byte, words []string) []byte {
	for _, w := range words {
		b = append(append(b, ' '), w...)
	}
	return b
}

// appendList appends words with spaces between them.
func appendList(b []byte, words []string) []byte {
	for i, w := range words {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, w...)
	}
	return b
}
