package imapserver

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

func fuzzyExtension() extension {
	return extension{capabilities: announced("SEARCH=FUZZY"), searchKeys: []searchKey{searchFuzzy}}
}

// searchFuzzy looks for the words that are given instead of the string (RFC 6203 3). What has no words is compared exactly, as
// section 5 allows.
func searchFuzzy(s *session, key imap.SearchKey) search.Key {
	if k, is := key.(imap.SearchFuzzy); is {
		return fuzzy(s.searchTree(k.Key))
	}
	return nil
}

func fuzzy(key search.Key) search.Key {
	switch k := key.(type) {
	case search.And:
		return search.And(fuzzyAll(k))
	case search.Or:
		return search.Or(fuzzyAll(k))
	case search.Not:
		return search.Not{Key: fuzzy(k.Key)}
	case search.Text:
		return search.Words(k)
	}
	return key
}

func fuzzyAll(keys []search.Key) []search.Key {
	out := make([]search.Key, len(keys))
	for i, k := range keys {
		out[i] = fuzzy(k)
	}
	return out
}

// ranks reports whether a question asks how relevant messages are.
func (q *question) ranks() bool {
	return q.wanted.Relevancy || slices.ContainsFunc(q.order, func(k imap.SortKey) bool { return k.By == imap.SortRelevancy })
}

// score is how relevant a message is, 0 where nobody asked.
func (f *findings) score(seq uint32) uint8 {
	if f.scores == nil {
		return 0
	}
	return f.scores[seq]
}

// relevancy lists the scores of the messages that an answer tells: of PARTIAL, or of all.
func (s *session) relevancy(wanted imap.SearchReturn, f findings) (scores []uint8) {
	if !wanted.Relevancy {
		return nil
	}
	told := f.uids
	if wanted.Partial != (imap.PartialRange{}) {
		told = wanted.Partial.Of(told)
	}
	for uid := range told.All() {
		_, seq := s.selected.view.Find(mail.UID(uid))
		scores = append(scores, f.score(uint32(seq)))
	}
	return scores
}
