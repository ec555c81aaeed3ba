package history

import (
	"fmt"
	"strings"
	"time"
)

// Key names a message of an account.
type Key struct{ Account, Message string }

func (k Key) String() string { return k.Message + " of " + k.Account }

// Place is a mailbox that the load knows.
type Place uint8

const (
	Nowhere Place = iota
	Inbox
	Archive
	Copies
	places
)

var placeNames = [places]string{"", "INBOX", "Archive", "Copies"}

// String is the name of the mailbox.
func (p Place) String() string { return placeNames[p] }

// UIDNext and HighestModSeq name numbers of a mailbox that only grow, for a Recorder.
func (p Place) UIDNext() string       { return "UIDNEXT of " + p.String() }
func (p Place) HighestModSeq() string { return "HIGHESTMODSEQ of " + p.String() }

// PlaceOf is the place of a mailbox's name; false for a mailbox that the load does not use.
func PlaceOf(mailbox string) (Place, bool) {
	for p := Inbox; p < places; p++ {
		if strings.EqualFold(placeNames[p], mailbox) {
			return p, true
		}
	}
	return Nowhere, false
}

// Places is a set of them.
type Places uint8

// In is the set of some places.
func In(in ...Place) (s Places) {
	for _, p := range in {
		s |= 1 << p
	}
	return s
}

// Has says whether p is in the set.
func (s Places) Has(p Place) bool { return s&(1<<p) != 0 }

func (s Places) String() string {
	var names []string
	for p := Inbox; p < places; p++ {
		if s.Has(p) {
			names = append(names, p.String())
		}
	}
	return strings.Join(names, "+")
}

// Flags is a set of the flags that the load sets.
type Flags uint8

const (
	Seen Flags = 1 << iota
	Flagged
	Answered
	Forwarded
	AllFlags = Seen | Flagged | Answered | Forwarded
)

var flagNames = []struct {
	flag       Flags
	imap, jmap string
}{
	{Seen, `\Seen`, "$seen"},
	{Flagged, `\Flagged`, "$flagged"},
	{Answered, `\Answered`, "$answered"},
	{Forwarded, "$Forwarded", "$forwarded"},
}

// IMAP is the flags as a list without parentheses.
func (f Flags) IMAP() string {
	var names []string
	for _, n := range flagNames {
		if f&n.flag != 0 {
			names = append(names, n.imap)
		}
	}
	return strings.Join(names, " ")
}

func (f Flags) String() string { return "(" + f.IMAP() + ")" }

// JMAP are the keywords.
func (f Flags) JMAP() (names []string) {
	for _, n := range flagNames {
		if f&n.flag != 0 {
			names = append(names, n.jmap)
		}
	}
	return names
}

// Flag is the one that IMAP or JMAP calls so, 0 for one that the load does not use.
func Flag(name string) Flags {
	for _, n := range flagNames {
		if strings.EqualFold(name, n.imap) || strings.EqualFold(name, n.jmap) {
			return n.flag
		}
	}
	return 0
}

// Kind is what an operation does.
type Kind uint8

const (
	Deliver Kind = iota // the message comes to To, with the flags Add
	Relay               // the message is accepted for an address from where it is owed to the account; it comes later
	ReadIn              // its flags in From, under UID
	Read                // all of it
	Store               // flags Add and Clear of what is in From under UID
	Delete              // it gets \Deleted in From, if it is there under UID
	Expunge             // it goes from From, if it has \Deleted there under UID
	Move                // from From to To
	Copy                // from From to To as well
	Patch               // flags, and from From to To where these are given, wherever it is
	Destroy             // it goes from everywhere
	kinds
)

var kindNames = [kinds]string{"deliver", "relay", "read in", "read", "store", "delete", "expunge", "move", "copy", "patch", "destroy"}

func (k Kind) String() string { return kindNames[k] }

// Outcome is what the client knows of its operation.
type Outcome uint8

const (
	Acknowledged Outcome = iota
	Refused              // for good: it did not happen
	Deferred             // to be tried again: it may have happened, as a server says so too that does not know itself
	Unknown              // the connection was lost, or patience
	outcomes
)

var outcomeNames = [outcomes]string{"acknowledged", "refused", "deferred", "unknown"}

func (o Outcome) String() string { return outcomeNames[o] }

// Operation is one attempt of a client on one message. Which fields count says Kind.
type Operation struct {
	Client      string
	Kind        Kind
	From, To    Place
	Add, Clear  Flags
	Whole       bool   // a Store sets the flags as a whole, so that \Deleted goes too
	UID, NewUID uint32 // in From, in To; 0: not told
	Outcome     Outcome

	// Of what was acknowledged:
	Found  bool // the message was where it was looked for
	Saw    Flags
	SawIn  Places
	Call   time.Duration // since the beginning of the record
	Return time.Duration
}

// happened says that the operation may have had an effect.
func (o *Operation) happened() bool {
	return o.Outcome == Unknown || o.Outcome == Deferred || o.Outcome == Acknowledged && (o.Found || !o.Kind.finds())
}

// finds says that an operation of the kind is told whether the message was there.
func (k Kind) finds() bool { return k > Relay && k != Delete && k != Expunge }

// removes says that the operation may take the message from somewhere.
func (o *Operation) removes() bool {
	switch o.Kind {
	case Expunge, Move, Destroy:
		return o.happened()
	case Patch:
		return o.From != Nowhere && o.happened()
	}
	return false
}

func (o Operation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%9.3f to %9.3f s  %-14s %s", o.Call.Seconds(), o.Return.Seconds(), o.Client, o.Kind)
	if o.From != Nowhere {
		fmt.Fprintf(&b, " %s", o.From)
		if o.UID != 0 {
			fmt.Fprintf(&b, "/%d", o.UID)
		}
	}
	if o.To != Nowhere {
		fmt.Fprintf(&b, " to %s", o.To)
		if o.NewUID != 0 {
			fmt.Fprintf(&b, "/%d", o.NewUID)
		}
	}
	if o.Add != 0 {
		fmt.Fprintf(&b, " +%s", o.Add)
	}
	if o.Clear != 0 {
		fmt.Fprintf(&b, " -%s", o.Clear)
	}
	fmt.Fprintf(&b, ": %s", o.Outcome)
	if o.Outcome == Acknowledged && o.Kind.finds() {
		b.WriteString(o.result())
	}
	return b.String()
}

func (o *Operation) result() string {
	switch {
	case !o.Found:
		return ", it is not there"
	case o.Kind == Read:
		return fmt.Sprintf(", in %s with %s", o.SawIn, o.Saw)
	case o.Kind == ReadIn:
		return fmt.Sprintf(", with %s", o.Saw)
	}
	return ""
}
