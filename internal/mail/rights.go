package mail

import (
	"fmt"
	"strings"
)

// Rights are what somebody may do with a mailbox (RFC 4314 2.1). The values are stored: never renumber, only append.
type Rights uint16

const (
	RightLookup         Rights = 1 << iota // l: see that it is there
	RightRead                              // r: read it
	RightSeen                              // s: change \Seen
	RightWrite                             // w: change other flags than \Seen and \Deleted
	RightInsert                            // i: put messages into it
	RightPost                              // p: send mail to it; IMAP does not ask for it
	RightCreate                            // k: make mailboxes below it
	RightDelete                            // x: delete or rename it
	RightDeleteMessages                    // t: change \Deleted
	RightExpunge                           // e: remove messages that are \Deleted
	RightAdminister                        // a: see and change the rights of others
)

// AllRights are those of the owner.
const AllRights = RightAdminister<<1 - 1

// rightLetters has the letter of each right, in the order of their values.
const rightLetters = "lrswipkxtea"

// RFC 4314 2.1.1: what the rights "c" and "d" of older clients stand for.
const (
	rightsOfC = RightCreate | RightDelete
	rightsOfD = RightDeleteMessages | RightExpunge
)

// ParseRights reads rights as IMAP writes them. A letter that is none is an error.
func ParseRights(letters string) (r Rights, err error) {
	for _, letter := range letters {
		i := strings.IndexRune(rightLetters, letter)
		switch {
		case i >= 0:
			r |= 1 << i
		case letter == 'c':
			r |= rightsOfC
		case letter == 'd':
			r |= rightsOfD
		default:
			return 0, E("mail.ParseRights", Invalid, fmt.Errorf("%q is no right: they are %s, and c and d of old", letter, rightLetters))
		}
	}
	return r, nil
}

// Has reports whether all of some rights are among r.
func (r Rights) Has(all Rights) bool { return r&all == all }

// HasAny reports whether one of some rights is among r.
func (r Rights) HasAny(some Rights) bool { return r&some != 0 }

// String writes the letters of the rights.
func (r Rights) String() string {
	var b strings.Builder
	for i := range len(rightLetters) {
		if r&(1<<i) != 0 {
			b.WriteByte(rightLetters[i])
		}
	}
	return b.String()
}

// WithOld is String with "c" and "d" where one of the rights that they stand for is there, as RFC 4314 2.1.1 wants it told.
func (r Rights) WithOld() string {
	s := r.String()
	if r.HasAny(rightsOfC) {
		s += "c"
	}
	if r.HasAny(rightsOfD) {
		s += "d"
	}
	return s
}

// Flags are those that the rights allow to change, and whether keywords are among them.
func (r Rights) Flags() (bits Flag, keywords bool) {
	if r.Has(RightSeen) {
		bits |= Seen
	}
	if r.Has(RightDeleteMessages) {
		bits |= Deleted
	}
	if r.Has(RightWrite) {
		bits |= ^(Seen | Deleted)
	}
	return bits, r.Has(RightWrite)
}

// Permitted are the flags of f that the rights allow to set.
func (r Rights) Permitted(f Flags) Flags {
	bits, keywords := r.Flags()
	f.Bits &= bits
	if !keywords {
		f.Keywords = nil
	}
	return f
}
