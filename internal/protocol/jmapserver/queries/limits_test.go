package queries_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/access"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/queries"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// A query ends when nobody waits for it any more, and with it its place among the account's searches.
func TestQueryEndsWithItsClient(t *testing.T) {
	t.Parallel()
	s := open(t, dbtest.OnSQLite)
	letters := make([]string, 100)
	for i := range letters {
		letters[i] = letter(i, "")
	}
	s.Deliver(ann, "INBOX", letters...)
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("the client is gone")
	var opened atomic.Int64
	s.Blobs.Fail = func(string) error {
		if opened.Add(1) == 5 {
			cancel(gone)
		}
		return nil
	}
	args, err := ijson.Marshal(object{"accountId": ann.String(), "filter": object{"body": "nowhere"}})
	s.Must(err)
	s.Registry.Run(ctx, s.User(ann), &method.Request{Using: s.All(), Calls: []method.Invocation{{Name: "Email/query", Args: args, ID: "0"}}},
		method.Options{Account: access.New(s.Tx, s.Mailbox).Account})
	if n := opened.Load(); n > 6 {
		t.Errorf("%d messages were read, for nobody", n)
	}
	if got := s.ids(object{"filter": object{"body": "body of 7"}}); len(got) == 0 {
		t.Error("what follows finds nothing")
	}
	if n := opened.Load(); n < 100 {
		t.Errorf("a search that was given up was taken for done: %d messages were read", n)
	}
}

// The text of messages is searched once for a question that is asked again, and then of new messages only.
func TestSearchOnce(t *testing.T) {
	t.Parallel()
	s := open(t, dbtest.OnSQLite)
	s.Deliver(ann, "INBOX", letter(1, ""), letter(2, ""), letter(3, ""))
	var opened atomic.Int64
	s.Blobs.Fail = func(operation string) error {
		if operation == "open" {
			opened.Add(1)
		}
		return nil
	}
	query := object{"filter": object{"body": "body of"}}
	for _, want := range []struct {
		read, found int
		do          func()
	}{
		{3, 3, func() {}}, {0, 3, func() {}},
		{1, 4, func() { s.Deliver(ann, "INBOX", letter(4, "")) }},
		{0, 3, func() { s.flag("INBOX", 1, mailbox.AddFlags, `\Deleted`) }},
	} {
		want.do()
		opened.Store(0)
		if got := s.ids(query); len(got) != want.found || int(opened.Load()) != want.read {
			t.Errorf("found %d with %d messages read, want %d and %d", len(got), opened.Load(), want.found, want.read)
		}
	}
}

// Many changes at once, and a change log that does not reach back any more.
func TestFarBehind(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.fill(1200)
		query := object{"filter": object{"notKeyword": "$seen"}, "calculateTotal": true, "sort": []object{{"property": "hasKeyword", "keyword": "$seen"}, {"property": "size"}}}
		if got := s.call("Email/query", query); got["total"] != 400.0 {
			t.Fatalf("%v are unread", got["total"])
		}
		_, err := s.Mailbox.As(ann).StoreFlags(t.Context(), ann, s.Path(ann, "INBOX").ID, imap.Set{{Start: 1, Stop: 1200}},
			mailbox.FlagChange{Op: mailbox.AddFlags, Flags: mail.Flags{Bits: mail.Seen}})
		s.Must(err)
		if got := s.call("Email/query", query); got["total"] != 0.0 {
			t.Errorf("%v are unread", got["total"])
		}
		s.flag("INBOX", 7, mailbox.RemoveFlags, `\Seen`)
		s.forgetLog()
		if got := s.call("Email/query", query); got["total"] != 1.0 {
			t.Errorf("%v are unread", got["total"])
		}
	})
}

// Many ask at a time while mail comes, with next to nothing kept.
func TestConcurrentQueries(t *testing.T) {
	for _, bytes := range []int64{0, 2000} {
		t.Run(fmt.Sprint(bytes), func(t *testing.T) {
			t.Parallel()
			s := open(t, dbtest.OnSQLite, func(o *queries.Options) { o.Bytes = bytes })
			var group sync.WaitGroup
			for n := range 4 {
				group.Go(func() {
					for i := range 15 {
						query := object{"filter": object{"operator": "AND", "conditions": []object{{"subject": fmt.Sprint("letter ", (n+i)%3)}, {"body": "body"}}},
							"sort": []object{{"property": []string{"subject", "receivedAt", "from"}[i%3]}}, "collapseThreads": i%2 == 0}
						s.ids(query)
					}
				})
			}
			for i := range 30 {
				s.Deliver(ann, "INBOX", letter(i, ""))
			}
			group.Wait()
			if got := s.ids(object{"filter": object{"subject": "'letter 3'"}}); len(got) != 6 {
				t.Errorf("found %v", got)
			}
		})
	}
}

func TestPhrases(t *testing.T) {
	t.Parallel()
	s := open(t, dbtest.OnSQLite)
	s.Deliver(ann, "INBOX", "Subject: one two three\r\n\r\nit's \"so\" and a\\b, O'Brien\r\n")
	for text, found := range map[string]bool{
		"one": true, "three one": true, "one four": false, `"one two"`: true, `'two three'`: true, `"two one"`: false, `"one two" three`: true,
		`"one`: false, `one"`: false, "it's": true, "o'brien": true, `'it\'s "so"'`: true, `"\"so\" and"`: true, `"a\\b"`: true, `a\b`: true, `"a\b"`: true,
		"": true, "  ": true, `""`: true, "''": true, `"one"two`: false, "one\ttwo\nthree": true, "one\u3000two": true,
	} {
		if got := s.ids(object{"filter": object{"text": text}}); (len(got) == 1) != found {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// Sorting by text holds what a collation makes of it, and of equal texts the order is that of the ids.
func TestCollations(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for _, subject := range []string{"zebra", "=?utf-8?q?=C3=A4pfel?=", "Apfel", "apfel", "", "Re: apfel"} {
			s.Deliver(ann, "INBOX", "Subject: "+subject+"\r\n\r\nx\r\n")
		}
		all := s.ids(object{"sort": []object{{"property": "receivedAt"}}})
		at := func(order ...int) (ids []string) {
			for _, i := range order {
				ids = append(ids, all[i])
			}
			return ids
		}
		for collation, want := range map[string][]string{"": at(4, 2, 3, 5, 1, 0), "i;unicode-casemap": at(4, 2, 3, 5, 1, 0), "i;ascii-casemap": at(4, 2, 3, 5, 0, 1)} {
			by := object{"property": "subject", "collation": collation}
			if got := s.ids(object{"sort": []object{by}}); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", collation, got, want)
			}
			by["isAscending"] = false
			slices.Reverse(want)
			if got := s.ids(object{"sort": []object{by}}); !slices.Equal(got, want) {
				t.Errorf("%s, backward: %v, want %v", collation, got, want)
			}
		}
	})
}
