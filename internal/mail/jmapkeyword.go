package mail

import "strings"

// jmapSystem are the system flags as JMAP writes them (RFC 8621 4.1.1). \Deleted and \Recent are no keywords there.
var jmapSystem = []struct {
	bit  Flag
	name string
}{{Seen, "$seen"}, {Answered, "$answered"}, {Flagged, "$flagged"}, {Draft, "$draft"}}

// JMAPKeywords lists a set as JMAP wants it, in lower case. \Deleted is left out.
func JMAPKeywords(f Flags) map[string]bool {
	out := make(map[string]bool, len(f.Keywords)+2)
	for _, s := range jmapSystem {
		if f.Bits&s.bit != 0 {
			out[s.name] = true
		}
	}
	f.Bits &^= SystemFlags
	for _, name := range f.Names() {
		out[strings.ToLower(name)] = true
	}
	return out
}

// ParseJMAPKeywords makes a set of keywords that a JMAP client names. The error is Invalid or, for too many or one that is too
// long, Limit.
func ParseJMAPKeywords(names []string) (Flags, error) {
	var system Flag
	rest := make([]string, 0, len(names))
	for _, name := range names {
		bit := Flag(0)
		for _, s := range jmapSystem {
			if strings.EqualFold(s.name, name) {
				bit = s.bit
			}
		}
		if system |= bit; bit != 0 {
			continue
		}
		if err := checkKeyword(name); err != nil { // "\Seen" is no keyword here
			return Flags{}, err
		}
		rest = append(rest, name)
	}
	f, err := ParseFlags(rest)
	f.Bits |= system
	return f, err
}
