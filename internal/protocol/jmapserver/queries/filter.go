package queries

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// filter is a filter of Email/query (RFC 8621 4.4.1).
type filter struct {
	key     search.Key      // nil: every email
	hash    [32]byte        // of its text: the same filter again has the same
	mutable bool            // it asks for what may change
	thread  map[string]bool // it asks whether emails of a thread have these flags
	texts   []search.Text   // what it looks for in texts, for snippets
	parts   int             // conditions and operators
}

var errLongFilter = method.Fail(method.UnsupportedFilter, "a filter has at most %d conditions, operators and words", MaxFilter)

func parseFilter(text ijson.Value) (*filter, error) {
	f := &filter{thread: map[string]bool{}}
	if len(text) == 0 || string(text) == "null" {
		return f, nil
	}
	f.hash = sha256.Sum256(text)
	var err error
	f.key, err = f.parse(text, false)
	return f, err
}

// count bounds the size of a filter.
func (f *filter) count() error {
	if f.parts++; f.parts > MaxFilter {
		return errLongFilter
	}
	return nil
}

// parse reads an operator or a condition. In one that is negated, texts are not what a snippet shows.
func (f *filter) parse(text ijson.Value, negated bool) (search.Key, error) {
	if err := f.count(); err != nil {
		return nil, err
	}
	var members map[string]ijson.Value
	if err := ijson.Unmarshal(text, &members); err != nil || members == nil {
		return nil, method.Fail(method.InvalidArguments, "a filter is an object")
	}
	if _, is := members["operator"]; is {
		return f.operator(text, negated)
	}
	var keys search.And
	for _, c := range conditions {
		value, is := members[c.name]
		if !is {
			continue
		}
		delete(members, c.name)
		if err := f.count(); err != nil {
			return nil, err
		}
		key, err := c.parse(f, value, negated)
		if err != nil {
			return nil, wrong(c.name, err)
		}
		f.mutable = f.mutable || c.mutable
		keys = append(keys, key)
	}
	for name := range members {
		return nil, method.Fail(method.UnsupportedFilter, "a filter cannot ask for %.100q", name)
	}
	return keys, nil
}

func wrong(name string, err error) error {
	if told, is := err.(*method.Error); is {
		return told
	}
	return method.Fail(method.InvalidArguments, "filter: %s: %v", name, strings.TrimPrefix(err.Error(), "json: "))
}

// operator reads a FilterOperator (RFC 8620 5.5).
func (f *filter) operator(text ijson.Value, negated bool) (search.Key, error) {
	var o struct {
		Operator   string        `json:"operator"`
		Conditions []ijson.Value `json:"conditions"`
	}
	if err := ijson.Strict(text, &o); err != nil {
		return nil, wrong("operator", err)
	}
	if o.Conditions == nil {
		return nil, method.Fail(method.InvalidArguments, "a filter operator has an array of conditions")
	}
	keys := make([]search.Key, len(o.Conditions))
	for i, c := range o.Conditions {
		var err error
		if keys[i], err = f.parse(c, negated != (o.Operator == "NOT")); err != nil {
			return nil, err
		}
	}
	switch o.Operator {
	case "AND":
		return search.And(keys), nil
	case "OR":
		return search.Or(keys), nil
	case "NOT": // none of them matches
		return search.Not{Key: search.Or(keys)}, nil
	}
	return nil, method.Fail(method.InvalidArguments, "the operators of a filter are AND, OR and NOT, not %.40q", o.Operator)
}

// condition is a property of a FilterCondition.
type condition struct {
	name    string
	mutable bool
	parse   func(f *filter, value ijson.Value, negated bool) (search.Key, error)
}

var conditions = []condition{
	{"inMailbox", true, with(func(id string) search.Key { return search.Within{Mailboxes: mailboxIDs([]string{id})} })},
	{"inMailboxOtherThan", true, with(func(ids []string) search.Key { return search.Elsewhere{Than: mailboxIDs(ids)} })},
	// Times are those that clients see, in whole seconds.
	{"before", false, with(func(t utcDate) search.Key { return search.Received{To: time.Time(t).Add(-1).Truncate(time.Second)} })},
	{"after", false, with(func(t utcDate) search.Key { return search.Received{From: time.Time(t)} })},
	{"minSize", false, with(func(n unsigned) search.Key { return search.Larger{Octets: int64(n) - 1} })},
	{"maxSize", false, with(func(n unsigned) search.Key { return search.Smaller{Octets: int64(n)} })},
	{"allInThreadHaveKeyword", true, threadFlag(func(name string) search.Key { return search.ThreadFlag{Name: name, All: true} })},
	{"someInThreadHaveKeyword", true, threadFlag(func(name string) search.Key { return search.ThreadFlag{Name: name} })},
	{"noneInThreadHaveKeyword", true, threadFlag(func(name string) search.Key { return search.Not{Key: search.ThreadFlag{Name: name}} })},
	{"hasKeyword", true, with(func(k keyword) search.Key { return k.flag() })},
	{"notKeyword", true, with(func(k keyword) search.Key { return search.Not{Key: k.flag()} })},
	{"hasAttachment", false, with(func(has bool) search.Key {
		if has {
			return search.Attachment{}
		}
		return search.Not{Key: search.Attachment{}}
	})},
	{"text", false, text(search.Anywhere)},
	{"from", false, text(search.From)},
	{"to", false, text(search.To)},
	{"cc", false, text(search.Cc)},
	{"bcc", false, text(search.Bcc)},
	{"subject", false, text(search.Subject)},
	{"body", false, text(search.Body)},
	{"header", false, parseHeader},
}

// with is a condition whose value is a T.
func with[T any](key func(T) search.Key) func(*filter, ijson.Value, bool) (search.Key, error) {
	return func(_ *filter, value ijson.Value, _ bool) (search.Key, error) {
		v, err := read[T](value)
		if err != nil {
			return nil, err
		}
		return key(v), nil
	}
}

// read reads a value that is not null.
func read[T any](value ijson.Value) (v T, err error) {
	if string(value) == "null" {
		return v, fmt.Errorf("null is no value here: leave it out")
	}
	return v, ijson.Strict(value, &v)
}

// mailboxIDs reads ids. One that is no id names no mailbox.
func mailboxIDs(texts []string) (ids []mail.MailboxID) {
	for _, text := range texts {
		if id, err := mail.ParseMailboxID(text); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// keyword is a keyword as JMAP writes it; what cannot be one, no email has.
type keyword string

func (k keyword) flag() search.Key {
	if name, ok := k.name(); ok {
		return search.Flag{Name: name}
	}
	return search.Or{}
}

// name is the flag or keyword that it is in the rooms.
func (k keyword) name() (string, bool) {
	flags, err := mail.ParseJMAPKeywords([]string{string(k)})
	if names := flags.Names(); err == nil && len(names) == 1 {
		return names[0], true
	}
	return "", false
}

func threadFlag(key func(name string) search.Key) func(*filter, ijson.Value, bool) (search.Key, error) {
	return func(f *filter, value ijson.Value, _ bool) (search.Key, error) {
		k, err := read[keyword](value)
		if err != nil {
			return nil, err
		}
		name, ok := k.name()
		if !ok {
			name = "" // no email has it
		}
		f.thread[name] = true
		return key(name), nil
	}
}

// text is a condition on a text: all its words and phrases are in it.
func text(in search.Field) func(*filter, ijson.Value, bool) (search.Key, error) {
	return func(f *filter, value ijson.Value, negated bool) (search.Key, error) {
		s, err := read[string](value)
		if err != nil {
			return nil, err
		}
		var keys search.And
		for _, phrase := range phrases(s) {
			if err := f.count(); err != nil {
				return nil, err
			}
			k := search.Text{In: in, Value: phrase}
			keys = append(keys, k)
			if !negated {
				f.texts = append(f.texts, k)
			}
		}
		return keys, nil
	}
}

// phrases takes a text apart (RFC 8621 4.4.1): at white space, but not within quotes, where a backslash stands before
// what would end the phrase. A quote that nothing ends, or that stands within a word, is a character like others.
func phrases(s string) (list []string) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if phrase, rest, is := quoted(s); is {
			if phrase != "" {
				list = append(list, phrase)
			}
			s = rest
			continue
		}
		end := strings.IndexFunc(s, isSpace)
		if end < 0 {
			end = len(s)
		}
		list = append(list, s[:end])
		s = s[end:]
	}
	return list
}

func isSpace(r rune) bool { return strings.ContainsRune(" \t\r\n\u00a0\u3000", r) }

// quoted reads a phrase in quotes at the beginning of s.
func quoted(s string) (phrase, rest string, is bool) {
	if s[0] != '"' && s[0] != '\'' {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`'"\`, s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case c == s[0]:
			rest = s[i+1:]
			return b.String(), rest, rest == "" || strings.IndexFunc(rest, isSpace) == 0
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// parseHeader reads the name of a field and, perhaps, what is looked for in it.
func parseHeader(f *filter, value ijson.Value, _ bool) (search.Key, error) {
	list, err := read[[]string](value)
	switch {
	case err != nil:
		return nil, err
	case len(list) < 1 || len(list) > 2:
		return nil, fmt.Errorf("it is the name of a header field and, if need be, a text")
	case list[0] == "" || strings.ContainsFunc(list[0], func(r rune) bool { return r < '!' || r > '~' || r == ':' }):
		return nil, fmt.Errorf("%.80q is not the name of a header field", list[0])
	case len(list) == 1:
		return search.Header{Name: list[0]}, nil
	}
	return search.Header{Name: list[0], Value: list[1]}, nil
}

// unsigned is an UnsignedInt (RFC 8620 1.3).
type unsigned uint64

const maxInt = 1<<53 - 1

func (n *unsigned) UnmarshalJSON(text []byte) error {
	var v uint64
	if err := json.Unmarshal(text, &v); err != nil || v > maxInt {
		return fmt.Errorf("it is a whole number from 0 to 2^53-1")
	}
	*n = unsigned(v)
	return nil
}

// utcDate is a UTCDate (RFC 8620 1.4).
type utcDate time.Time

func (d *utcDate) UnmarshalJSON(text []byte) error {
	var s string
	err := json.Unmarshal(text, &s)
	t, errTime := time.Parse(time.RFC3339Nano, s)
	if err != nil || errTime != nil || !strings.HasSuffix(s, "Z") {
		return fmt.Errorf("it is a date such as 2014-10-30T06:12:00Z")
	}
	*d = utcDate(t)
	return nil
}
