package search

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// Key is a node of a query: one of the types of this file. A door builds it from what its protocol says.
type Key interface{ key() }

type (
	All struct{}          // every message
	And []Key             // all match; empty: everything matches
	Or  []Key             // at least one matches
	Not struct{ Key Key } // Key does not match

	Flag struct{ Name string } // has a flag or keyword; \Recent is possible

	// Text matches messages that hold a string, as RFC 5051 compares; an empty one matches all.
	Text struct {
		In    Field
		Value string
	}

	// Words matches messages that hold all words of a text, each as the beginning of a word, whatever its case and its
	// accents; words in double quotes stand next to each other. It is what people mean who type words, and has a Ranking.
	Words struct {
		In    Field
		Value string
	}

	// Header matches messages with a field of that name which holds Value; an empty one matches any such field.
	Header struct{ Name, Value string }

	// Date compares days without regard to time and zone.
	Date struct {
		Sent bool // the Date field instead of the time of arrival
		Op   DateOp
		Day  time.Time
	}

	// Received matches messages that arrived at From or later, and at To or earlier, to the second. Zero is no bound.
	Received struct{ From, To time.Time }

	// SavedDate compares the day on which a message came into its mailbox, as Date does.
	SavedDate struct {
		Op  DateOp
		Day time.Time
	}

	Larger  struct{ Octets int64 } // strictly
	Smaller struct{ Octets int64 } // strictly

	ModSeq struct{ Least mail.ModSeq } // changed with this number or later

	Seqs  struct{ Set imap.Set } // sequence numbers; imap.Star is the highest
	UIDs  struct{ Set imap.Set } // likewise
	Saved struct{}               // Scope.Saved

	Email  struct{ ID string } // as mail.EmailID prints
	Thread struct{ ID string } // as mail.ThreadID prints

	// Where an email lies, for queries over several mailboxes: in one of them, or in one that is none of them.
	Within    struct{ Mailboxes []mail.MailboxID }
	Elsewhere struct{ Than []mail.MailboxID }

	Attachment struct{} // has one (RFC 8621 4.1.4)

	// ThreadFlag matches messages of whose thread some, or all, have a flag or keyword.
	ThreadFlag struct {
		Name string
		All  bool
	}
)

// Field is where a Text key looks.
type Field int

const (
	Anywhere Field = iota // headers, those of parts included, and body
	Body
	Subject
	From
	To
	Cc
	Bcc
)

// DateOp is how a Date key compares.
type DateOp int

const (
	Before DateOp = iota // earlier than the day
	On
	Since // on the day or later
)

func (All) key()        {}
func (And) key()        {}
func (Or) key()         {}
func (Not) key()        {}
func (Flag) key()       {}
func (Text) key()       {}
func (Words) key()      {}
func (Header) key()     {}
func (Date) key()       {}
func (Received) key()   {}
func (SavedDate) key()  {}
func (Larger) key()     {}
func (Smaller) key()    {}
func (ModSeq) key()     {}
func (Seqs) key()       {}
func (UIDs) key()       {}
func (Saved) key()      {}
func (Email) key()      {}
func (Thread) key()     {}
func (Within) key()     {}
func (Elsewhere) key()  {}
func (Attachment) key() {}
func (ThreadFlag) key() {}

// flagBit stands in a planned query for a Flag that has a bit.
type flagBit mail.Flag

func (flagBit) key() {}

// needle is what stands in a planned query for a Text or Header key that looks into content: its number in Query.needles.
type needle int

func (needle) key() {}
