package queries_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// letter is a message with a size and a day of its own.
func letter(n int, headers string) string {
	return fmt.Sprintf("Date: %d Mar 2024 10:00:00 +0000\r\nMessage-ID: <%d@example.org>\r\nFrom: Writer %c <w%d@example.org>\r\nSubject: letter %d\r\n%s\r\nbody of %d\r\n",
		1+n%28, n, 'a'+n%7, n, n%5, headers, n)
}

func TestPages(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for n := range 10 {
			s.Deliver(ann, "INBOX", letter(n, ""))
		}
		all := s.ids(object{})
		if len(all) != 10 || !slices.IsSortedFunc(all, func(a, b string) int { return -compareIDs(a, b) }) {
			t.Fatalf("all are %v", all)
		}
		for _, c := range []struct {
			args     object
			want     []string
			position int
		}{
			{object{"limit": 3}, all[:3], 0},
			{object{"position": 3, "limit": 3}, all[3:6], 3},
			{object{"position": 8, "limit": 3}, all[8:], 8},
			{object{"position": 10}, nil, 10},
			{object{"position": 99}, nil, 99},
			{object{"position": -3}, all[7:], 7},
			{object{"position": -30, "limit": 2}, all[:2], 0},
			{object{"limit": 0}, nil, 0},
			{object{"anchor": all[4], "limit": 2}, all[4:6], 4},
			{object{"anchor": all[4], "anchorOffset": -2, "limit": 2, "position": 9}, all[2:4], 2},
			{object{"anchor": all[4], "anchorOffset": -20, "limit": 2}, all[:2], 0},
			{object{"anchor": all[4], "anchorOffset": 4}, all[8:], 8},
			{object{"anchor": all[4], "anchorOffset": 40}, nil, 44},
			{object{"anchorOffset": 4, "limit": 1}, all[:1], 0},
			{object{"sort": nil, "filter": nil, "limit": 1}, all[:1], 0},
		} {
			got := s.call("Email/query", c.args)
			if ids := s.ids(c.args); !slices.Equal(ids, c.want) || int(got["position"].(float64)) != c.position {
				t.Errorf("%v: %v at %v, want %v", c.args, ids, got["position"], c.want)
			}
			if _, told := got["total"]; told {
				t.Errorf("%v: a total nobody asked for", c.args)
			}
		}
		got := s.call("Email/query", object{"limit": 3, "calculateTotal": true})
		if got["total"] != 10.0 || got["canCalculateChanges"] != true || got["limit"] != nil {
			t.Errorf("got %v", got)
		}
		if got := s.call("Email/query", object{"limit": 1 << 30}); got["limit"] != 10_000.0 {
			t.Errorf("got %v", got)
		}
		s.fails("Email/query", object{"anchor": "Mzzzz"}, method.AnchorNotFound)
		s.fails("Email/query", object{"anchor": "x"}, method.AnchorNotFound)
	})
}

func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return slices.Compare([]byte(a), []byte(b))
}

func TestQueryRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		long := make([]object, 600)
		for i := range long {
			long[i] = object{}
		}
		var texts string
		for i := range 60 {
			texts += fmt.Sprintf("word%d ", i)
		}
		sorts := make([]object, 11)
		for i := range sorts {
			sorts[i] = object{"property": "size"}
		}
		for _, c := range []struct {
			args object
			want method.ErrorType
		}{
			{object{"accountId": "Azz"}, method.AccountNotFound},
			{object{"accountId": "nonsense"}, method.AccountNotFound},
			{object{"accountId": bob.String()}, method.AccountNotFound},
			{object{"accountId": 3}, method.InvalidArguments},
			{object{"accountId": ""}, method.InvalidArguments}, // as where it is missing
			{object{"position": "1"}, method.InvalidArguments},
			{object{"position": 1.5}, method.InvalidArguments},
			{object{"position": 1 << 60}, method.InvalidArguments},
			{object{"limit": -1}, method.InvalidArguments},
			{object{"anchor": 1}, method.InvalidArguments},
			{object{"collapseThreads": 1}, method.InvalidArguments},
			{object{"calculateTotal": "yes"}, method.InvalidArguments},
			{object{"unknown": true}, method.InvalidArguments},
			{object{"sort": object{}}, method.InvalidArguments},
			{object{"sort": []object{{"property": "colour"}}}, method.UnsupportedSort},
			{object{"sort": []object{{"property": "subject", "collation": "i;none"}}}, method.UnsupportedSort},
			{object{"sort": []object{{"property": "hasKeyword"}}}, method.InvalidArguments},
			{object{"sort": []object{{"isAscending": false}}}, method.UnsupportedSort},
			{object{"sort": sorts}, method.UnsupportedSort},
			{object{"filter": []int{}}, method.InvalidArguments},
			{object{"filter": "text"}, method.InvalidArguments},
			{object{"filter": object{"colour": "red"}}, method.UnsupportedFilter},
			{object{"filter": object{"operator": "XOR", "conditions": []object{}}}, method.InvalidArguments},
			{object{"filter": object{"operator": "AND"}}, method.InvalidArguments},
			{object{"filter": object{"operator": "AND", "conditions": []object{}, "text": "x"}}, method.InvalidArguments},
			{object{"filter": object{"operator": "AND", "conditions": []any{nil}}}, method.InvalidArguments},
			{object{"filter": object{"operator": "OR", "conditions": long}}, method.UnsupportedFilter},
			{object{"filter": object{"text": texts}}, method.UnsupportedFilter},
			{object{"filter": object{"inMailbox": 1}}, method.InvalidArguments},
			{object{"filter": object{"inMailbox": nil}}, method.InvalidArguments},
			{object{"filter": object{"inMailboxOtherThan": "F1"}}, method.InvalidArguments},
			{object{"filter": object{"before": "yesterday"}}, method.InvalidArguments},
			{object{"filter": object{"after": "2024-01-01T00:00:00+01:00"}}, method.InvalidArguments},
			{object{"filter": object{"minSize": -1}}, method.InvalidArguments},
			{object{"filter": object{"maxSize": 1.5}}, method.InvalidArguments},
			{object{"filter": object{"maxSize": 1 << 53}}, method.InvalidArguments},
			{object{"filter": object{"hasKeyword": true}}, method.InvalidArguments},
			{object{"filter": object{"hasAttachment": "true"}}, method.InvalidArguments},
			{object{"filter": object{"text": 5}}, method.InvalidArguments},
			{object{"filter": object{"header": "Subject"}}, method.InvalidArguments},
			{object{"filter": object{"header": []string{}}}, method.InvalidArguments},
			{object{"filter": object{"header": []string{"a", "b", "c"}}}, method.InvalidArguments},
			{object{"filter": object{"header": []string{"a b"}}}, method.InvalidArguments},
		} {
			s.fails("Email/query", c.args, c.want)
		}
	})
}

// What JMAP does not show is not found: what has \Deleted, until it has it no more.
func TestDeletedIsHidden(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		uids := s.Deliver(ann, "INBOX", letter(1, ""), letter(2, ""))
		all := s.ids(object{})
		s.flag("INBOX", uids[0], mailbox.AddFlags, `\Deleted`)
		if got := s.ids(object{}); !slices.Equal(got, all[:1]) {
			t.Errorf("found %v of %v", got, all)
		}
		s.flag("INBOX", uids[0], mailbox.RemoveFlags, `\Deleted`)
		if got := s.ids(object{}); !slices.Equal(got, all) {
			t.Errorf("found %v of %v", got, all)
		}
	})
}
