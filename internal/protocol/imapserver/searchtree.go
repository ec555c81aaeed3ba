package imapserver

import (
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// searchTree is the query that a client's search keys stand for.
func (s *session) searchTree(key imap.SearchKey) search.Key {
	switch k := key.(type) {
	case imap.SearchAnd:
		return search.And(s.searchTrees(k))
	case imap.SearchOr:
		return search.Or(s.searchTrees(k))
	case imap.SearchNot:
		return search.Not{Key: s.searchTree(k.Key)}
	case imap.SearchAll:
		return search.All{}
	case imap.SearchFlag:
		return search.Flag{Name: k.Name}
	case imap.SearchText:
		return search.Text{In: searchFields[k.In], Value: k.Value}
	case imap.SearchHeader:
		return search.Header{Name: k.Field, Value: k.Value}
	case imap.SearchDate:
		return search.Date{Sent: k.Sent, Op: searchDays[k.Op], Day: k.Day}
	case imap.SearchModSeq:
		return search.ModSeq{Least: k.Least}
	case imap.SearchSize:
		if k.Larger {
			return search.Larger{Octets: k.Octets}
		}
		return search.Smaller{Octets: k.Octets}
	case imap.SearchObjectID:
		if k.Thread {
			return search.Thread{ID: k.ID}
		}
		return search.Email{ID: k.ID}
	case imap.Numbers:
		return searchNumbers(k)
	}
	for _, translate := range s.server.offers.searchKeys {
		if k := translate(s, key); k != nil {
			return k
		}
	}
	return search.Or{} // a key of rfc/imap that is missing here finds nothing
}

func (s *session) searchTrees(keys []imap.SearchKey) []search.Key {
	out := make([]search.Key, len(keys))
	for i, k := range keys {
		out[i] = s.searchTree(k)
	}
	return out
}

func searchNumbers(n imap.Numbers) search.Key {
	switch {
	case n.Saved: // "$" (RFC 5182)
		return search.Saved{}
	case n.UID:
		return search.UIDs{Set: n.Set}
	}
	return search.Seqs{Set: n.Set}
}

var searchFields = map[imap.TextField]search.Field{
	imap.InText: search.Anywhere, imap.InBody: search.Body, imap.InSubject: search.Subject,
	imap.InFrom: search.From, imap.InTo: search.To, imap.InCc: search.Cc, imap.InBcc: search.Bcc,
}

var searchDays = map[imap.DateOp]search.DateOp{imap.Before: search.Before, imap.On: search.On, imap.Since: search.Since}
