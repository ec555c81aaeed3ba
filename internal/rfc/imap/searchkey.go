package imap

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// SearchKey is a node of a search: one of the Search types of this file, or Numbers. Keys that RFC 9051 defines by others
// (NEW, OLD, UNSEEN ...) are those others.
type SearchKey interface {
	// appendTo appends the key as a command writes it.
	appendTo(b []byte) []byte
}

type (
	SearchAnd []SearchKey             // all match; empty: everything matches
	SearchOr  []SearchKey             // at least two, of which one matches
	SearchNot struct{ Key SearchKey } // Key does not match
	SearchAll struct{}                // every message

	// SearchFlag matches messages that have a flag or keyword. \Recent is possible (RFC 3501).
	SearchFlag struct{ Name string }

	// SearchText matches messages that hold a string, without regard to case. It is UTF-8; an empty one matches all.
	SearchText struct {
		In    TextField
		Value string
	}

	// SearchHeader matches messages with a field of that name which holds Value; an empty one matches any such field.
	SearchHeader struct{ Field, Value string }

	// SearchDate compares days, of the messages' own time zone, without regard to time.
	SearchDate struct {
		Sent bool // the Date field instead of INTERNALDATE
		Op   DateOp
		Day  time.Time // as of ParseDate
	}

	// SearchSize matches messages strictly larger, or smaller, than Octets.
	SearchSize struct {
		Larger bool
		Octets int64
	}

	// SearchModSeq matches messages whose mod-sequence is Least or more (RFC 7162 3.1.5). Entry and EntryType are as written
	// and may be ignored by a server without mod-sequences for single flags.
	SearchModSeq struct {
		Entry, EntryType string
		Least            mail.ModSeq
	}

	// SearchObjectID matches a message by its EMAILID or THREADID (RFC 8474 5.3).
	SearchObjectID struct {
		Thread bool
		ID     string
	}
)

// TextField is where a SearchText key looks.
type TextField string

const (
	InBcc     TextField = "BCC"
	InBody    TextField = "BODY"
	InCc      TextField = "CC"
	InFrom    TextField = "FROM"
	InSubject TextField = "SUBJECT"
	InText    TextField = "TEXT" // header and body
	InTo      TextField = "TO"
)

// DateOp is how a SearchDate key compares.
type DateOp string

const (
	Before DateOp = "BEFORE" // earlier than the day
	On     DateOp = "ON"
	Since  DateOp = "SINCE" // on the day or later
)

// searchKeys are those of RFC 9051 6.4.4, RFC 3501 6.4.4, RFC 7162 3.1.5 and RFC 8474 5.3.
func searchKeys() map[string]func(*parser) SearchKey {
	return map[string]func(*parser) SearchKey{
		"ALL": func(*parser) SearchKey { return SearchAll{} },

		"ANSWERED": hasFlag(`\Answered`), "UNANSWERED": lacksFlag(`\Answered`),
		"DELETED": hasFlag(`\Deleted`), "UNDELETED": lacksFlag(`\Deleted`),
		"DRAFT": hasFlag(`\Draft`), "UNDRAFT": lacksFlag(`\Draft`),
		"FLAGGED": hasFlag(`\Flagged`), "UNFLAGGED": lacksFlag(`\Flagged`),
		"SEEN": hasFlag(`\Seen`), "UNSEEN": lacksFlag(`\Seen`),
		"KEYWORD":   keywordKey,
		"UNKEYWORD": func(p *parser) SearchKey { return SearchNot{keywordKey(p)} },

		// RFC 3501 6.4.4
		"RECENT": hasFlag(`\Recent`), "OLD": lacksFlag(`\Recent`),
		"NEW": func(*parser) SearchKey { return SearchAnd{SearchFlag{`\Recent`}, SearchNot{SearchFlag{`\Seen`}}} },

		"BCC": textKey(InBcc), "BODY": textKey(InBody), "CC": textKey(InCc), "FROM": textKey(InFrom),
		"SUBJECT": textKey(InSubject), "TEXT": textKey(InText), "TO": textKey(InTo),
		"HEADER": headerKey,

		"BEFORE": dateKey(false, Before), "ON": dateKey(false, On), "SINCE": dateKey(false, Since),
		"SENTBEFORE": dateKey(true, Before), "SENTON": dateKey(true, On), "SENTSINCE": dateKey(true, Since),
		"LARGER": sizeKey(true), "SMALLER": sizeKey(false),

		"UID":      func(p *parser) SearchKey { p.sp(); return p.numbers(true) },
		"MODSEQ":   modSeqKey,
		"EMAILID":  objectIDKey(false),
		"THREADID": objectIDKey(true),

		"NOT": func(p *parser) SearchKey { return SearchNot{p.nextKey()} },
		"OR":  func(p *parser) SearchKey { return or(p.nextKey(), p.nextKey()) },
	}
}

func keywordKey(p *parser) SearchKey {
	p.sp()
	return SearchFlag{p.atom("a keyword", isAtom)}
}

func hasFlag(name string) func(*parser) SearchKey {
	return func(*parser) SearchKey { return SearchFlag{name} }
}

func lacksFlag(name string) func(*parser) SearchKey {
	return func(*parser) SearchKey { return SearchNot{SearchFlag{name}} }
}

func textKey(in TextField) func(*parser) SearchKey {
	return func(p *parser) SearchKey { return SearchText{in, p.searchText()} }
}

func headerKey(p *parser) SearchKey {
	p.sp()
	field := p.fieldName()
	return SearchHeader{field, p.searchText()}
}

func dateKey(sent bool, op DateOp) func(*parser) SearchKey {
	return func(p *parser) SearchKey { return SearchDate{sent, op, p.date()} }
}

// date takes a space and a date.
func (p *parser) date() time.Time {
	p.sp()
	day, err := ParseDate(p.stringOr("a date", isAtom))
	if err != nil {
		p.bad(err.Error())
	}
	return day
}

func sizeKey(larger bool) func(*parser) SearchKey {
	return func(p *parser) SearchKey { p.sp(); return SearchSize{larger, p.number64("a size")} }
}

// modSeqKey reads MODSEQ [entry SP type SP] value.
func modSeqKey(p *parser) SearchKey {
	p.sp()
	var k SearchModSeq
	if p.peek() == '"' {
		k.Entry = p.quoted()
		p.sp()
		k.EntryType = strings.ToLower(p.name("priv, shared or all"))
		if t := k.EntryType; t != "priv" && t != "shared" && t != "all" {
			p.bad("expected priv, shared or all")
		}
		p.sp()
	}
	k.Least = p.modSeq("MODSEQ", 0)
	return k
}

func objectIDKey(thread bool) func(*parser) SearchKey {
	return func(p *parser) SearchKey {
		p.sp()
		id := p.atom("an object id", isObjectID)
		if len(id) > 255 { // RFC 8474 7
			p.bad("an object id has at most 255 characters")
		}
		return SearchObjectID{thread, id}
	}
}

// isObjectID is an octet of objectid in RFC 8474 7.
func isObjectID(c byte) bool {
	return isDigit(c) || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-'
}

// Inner returns the keys that a key is made of; nil for one that is made of none. A further key that holds others has a
// method of this name.
func Inner(k SearchKey) []SearchKey {
	if made, ok := k.(interface{ Inner() []SearchKey }); ok {
		return made.Inner()
	}
	return nil
}

func (a SearchAnd) Inner() []SearchKey { return a }
func (o SearchOr) Inner() []SearchKey  { return o }
func (n SearchNot) Inner() []SearchKey { return []SearchKey{n.Key} }

// with adds a key, or the keys of another And.
func (a SearchAnd) with(k SearchKey) SearchAnd {
	if inner, ok := k.(SearchAnd); ok {
		return append(a, inner...)
	}
	return append(a, k)
}

func (a SearchAnd) simplify() SearchKey {
	if len(a) == 1 {
		return a[0]
	}
	return a
}

// or joins nested ORs, which is the only way in which a client can write more than two, into one node.
func or(a, b SearchKey) SearchKey {
	var keys SearchOr
	for _, k := range []SearchKey{a, b} {
		if inner, ok := k.(SearchOr); ok {
			keys = append(keys, inner...)
		} else {
			keys = append(keys, k)
		}
	}
	return keys
}

// AppendSearchKey appends a key as a SEARCH command writes it. Text that a quoted string cannot hold goes out as a
// non-synchronizing literal.
func AppendSearchKey(b []byte, k SearchKey) []byte { return k.appendTo(b) }

func (SearchAll) appendTo(b []byte) []byte { return append(b, "ALL"...) }

func (a SearchAnd) appendTo(b []byte) []byte {
	if len(a) == 0 {
		return append(b, "ALL"...)
	}
	b = append(b, '(')
	for i, k := range a {
		if i > 0 {
			b = append(b, ' ')
		}
		b = k.appendTo(b)
	}
	return append(b, ')')
}

func (o SearchOr) appendTo(b []byte) []byte {
	for i, k := range o {
		if i > 0 {
			b = append(b, ' ')
		}
		if i < len(o)-1 {
			b = append(b, "OR "...)
		}
		b = k.appendTo(b)
	}
	return b
}

func (n SearchNot) appendTo(b []byte) []byte { return n.Key.appendTo(append(b, "NOT "...)) }

func (f SearchFlag) appendTo(b []byte) []byte {
	if system, ok := strings.CutPrefix(f.Name, `\`); ok {
		return append(b, strings.ToUpper(system)...)
	}
	return append(append(b, "KEYWORD "...), f.Name...)
}

func (t SearchText) appendTo(b []byte) []byte {
	return appendClientString(append(append(b, t.In...), ' '), t.Value)
}

func (h SearchHeader) appendTo(b []byte) []byte {
	b = appendClientString(append(b, "HEADER "...), h.Field)
	return appendClientString(append(b, ' '), h.Value)
}

func (d SearchDate) appendTo(b []byte) []byte {
	if d.Sent {
		b = append(b, "SENT"...)
	}
	return AppendDate(append(append(b, d.Op...), ' '), d.Day)
}

func (s SearchSize) appendTo(b []byte) []byte {
	name := "SMALLER "
	if s.Larger {
		name = "LARGER "
	}
	return strconv.AppendInt(append(b, name...), s.Octets, 10)
}

func (n Numbers) appendTo(b []byte) []byte {
	if n.UID {
		b = append(b, "UID "...)
	}
	return n.AppendTo(b)
}

func (m SearchModSeq) appendTo(b []byte) []byte {
	b = append(b, "MODSEQ "...)
	if m.EntryType != "" {
		b = appendClientString(b, m.Entry)
		b = append(append(append(b, ' '), m.EntryType...), ' ')
	}
	return strconv.AppendInt(b, int64(m.Least), 10)
}

func (o SearchObjectID) appendTo(b []byte) []byte {
	name := "EMAILID "
	if o.Thread {
		name = "THREADID "
	}
	return append(append(b, name...), o.ID...)
}

// appendClientString appends s as a client would write it.
func appendClientString(b []byte, s string) []byte {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "\r\n\x00") {
		return appendQuoted(b, s)
	}
	b = strconv.AppendInt(append(b, '{'), int64(len(s)), 10)
	return append(append(b, "+}\r\n"...), s...)
}
