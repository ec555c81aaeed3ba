package mail

import (
	"slices"
	"strings"
)

// Flag is one bit of a system flag or of a keyword so common that it has a bit of its own. All other keywords are kept
// as text. The values are stored: never renumber, only append.
type Flag uint32

const (
	Seen Flag = 1 << iota
	Answered
	Flagged
	Draft
	Deleted // belongs to the membership of a message in a mailbox, not to the email
	Forwarded
	MDNSent
	Junk
	NotJunk
	Phishing
	Important
	SubmitPending
	Submitted
)

// SystemFlags are those of RFC 9051 2.3.2; the others are keywords.
const SystemFlags = Seen | Answered | Flagged | Draft | Deleted

// flagNames is the one list of names: IMAP's spelling, in bit order.
var flagNames = []string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`, `\Deleted`,
	"$Forwarded", "$MDNSent", "$Junk", "$NotJunk", "$Phishing", "$Important", "$SubmitPending", "$Submitted"}

// Limits of keywords; a door answers NO [LIMIT] above them.
const (
	MaxKeywords      = 100 // per message, besides those with a bit
	MaxKeywordLength = 255 // bytes (RFC 8621 4.1.1)
)

// Flags is the whole set of a message: bits, and other keywords sorted, unique, in the case they were first given.
type Flags struct {
	Bits     Flag
	Keywords []string
}

// FlagNamed returns the bit for an IMAP flag or keyword name (compared without case, RFC 9051 2.3.2), or false when it
// has none.
func FlagNamed(name string) (Flag, bool) {
	for i, n := range flagNames {
		if strings.EqualFold(n, name) {
			return 1 << i, true
		}
	}
	return 0, false
}

// Names lists the set in IMAP's spelling.
func (f Flags) Names() []string {
	names := make([]string, 0, len(f.Keywords)+4)
	for i, n := range flagNames {
		if f.Bits&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return append(names, f.Keywords...)
}

// ParseFlags makes a set of IMAP names. Unknown names starting with a backslash are refused: RFC 9051 2.3.2 lets only
// the standard define them.
func ParseFlags(names []string) (Flags, error) {
	var f Flags
	for _, name := range names {
		if bit, ok := FlagNamed(name); ok {
			f.Bits |= bit
			continue
		}
		if err := checkKeyword(name); err != nil {
			return Flags{}, err
		}
		f.Keywords = append(f.Keywords, name)
	}
	f.normalize()
	if len(f.Keywords) > MaxKeywords {
		return Flags{}, E("mail.ParseFlags", Limit, errTooManyKeywords)
	}
	return f, nil
}

func (f *Flags) normalize() {
	if len(f.Keywords) < 2 {
		return
	}
	f.Keywords = slices.Clone(f.Keywords)
	slices.SortStableFunc(f.Keywords, compareFold)
	f.Keywords = slices.CompactFunc(f.Keywords, strings.EqualFold)
}

// Add returns f with all of g.
func (f Flags) Add(g Flags) Flags {
	out := Flags{Bits: f.Bits | g.Bits, Keywords: append(slices.Clip(f.Keywords), g.Keywords...)}
	out.normalize()
	return out
}

// Remove returns f without any of g.
func (f Flags) Remove(g Flags) Flags {
	out := Flags{Bits: f.Bits &^ g.Bits}
	for _, k := range f.Keywords {
		if !g.Has(k) {
			out.Keywords = append(out.Keywords, k)
		}
	}
	return out
}

// Has reports whether the set holds the flag or keyword of that name.
func (f Flags) Has(name string) bool {
	if bit, ok := FlagNamed(name); ok {
		return f.Bits&bit != 0
	}
	return slices.ContainsFunc(f.Keywords, func(k string) bool { return strings.EqualFold(k, name) })
}

// Equal reports whether both sets hold the same flags and keywords.
func (f Flags) Equal(g Flags) bool {
	return f.Bits == g.Bits && slices.EqualFunc(f.Keywords, g.Keywords, strings.EqualFold)
}
