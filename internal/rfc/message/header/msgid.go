package header

import (
	"strings"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/message/charset"
)

// MaxMessageID is the longest message id returned; RFC 5322 2.1.1 allows no longer line.
const MaxMessageID = 998

// ParseMessageIDs returns the message ids of a Message-ID, In-Reply-To or References field without their angle
// brackets, in order, without repetitions, at most limit of them; where there are more, the first and the last ones
// (RFC 5256 and RFC 5322 3.6.4 need the root and the nearest ancestors of a thread).
//
// The ids are valid UTF-8. White space inside an id, the mark of a bad fold, is removed. A field without any "<" yields its words with an "@".
func ParseMessageIDs(s string, limit int) []string {
	ids := bracketed(s)
	if strings.IndexByte(s, '<') < 0 {
		ids = ids[:0]
		for word := range strings.FieldsSeq(s) {
			if strings.IndexByte(word, '@') > 0 && len(word) <= MaxMessageID {
				ids = append(ids, word)
			}
		}
	}
	for i, id := range ids {
		if !utf8.ValidString(id) {
			ids[i] = charset.Decode("", []byte(id))
		}
	}
	ids = unique(ids)
	if limit > 0 && len(ids) > limit {
		ids = append(ids[:1:1], ids[len(ids)-limit+1:]...)
	}
	return ids
}

func bracketed(s string) []string {
	var ids []string
	for {
		start := strings.IndexByte(s, '<')
		if start < 0 {
			return ids
		}
		s = s[start+1:]
		end := strings.IndexAny(s, "<>")
		if end < 0 {
			return ids
		}
		id := s[:end]
		if strings.ContainsAny(id, " \t") {
			id = strings.Join(strings.Fields(id), "")
		}
		if s[end] == '>' && id != "" && len(id) <= MaxMessageID {
			ids = append(ids, id)
		}
		s = s[end:]
	}
}

func unique(ids []string) []string {
	if len(ids) < 2 {
		return ids
	}
	seen := make(map[string]bool, len(ids))
	out := ids[:0]
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
