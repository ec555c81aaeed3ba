package queries_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// changed asks for what changed since a state.
func (s *server) changed(since string, args object) (removed, added []string, state string) {
	s.T.Helper()
	with := object{"sinceQueryState": since}
	for name, value := range args {
		with[name] = value
	}
	got := s.call("Email/queryChanges", with)
	for _, a := range got["added"].([]any) {
		item := a.(map[string]any)
		added = append(added, fmt.Sprintf("%v@%v", item["id"], item["index"]))
	}
	return textsOf(got["removed"]), added, got["newQueryState"].(string)
}

// Where neither filter nor sort asks for what can change, only what comes and goes is told, and nothing behind upToId.
func TestExactChanges(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		uids := s.Deliver(ann, "INBOX", letter(1, ""), letter(2, ""), letter(3, ""))
		query := object{"sort": []object{{"property": "size"}, {"property": "receivedAt"}}}
		state := s.call("Email/query", query)["queryState"].(string)
		all := s.ids(query)
		check := func(what string, args object, removed, added []string) {
			t.Helper()
			for name, value := range query {
				args[name] = value
			}
			gone, come, _ := s.changed(state, args)
			if !slices.Equal(gone, removed) || !slices.Equal(come, added) {
				t.Errorf("%s: removed %v, added %v; want %v, %v", what, gone, come, removed, added)
			}
		}
		check("nothing", object{}, nil, nil)
		s.flag("INBOX", uids[0], mailbox.AddFlags, `\Seen`)
		s.flag("INBOX", uids[1], mailbox.AddFlags, `\Deleted`)
		check("seen and deleted", object{}, []string{all[1]}, nil)
		state = s.call("Email/query", query)["queryState"].(string)
		s.flag("INBOX", uids[1], mailbox.RemoveFlags, `\Deleted`)
		check("not deleted", object{}, []string{all[1]}, []string{all[1] + "@1"})
		s.Deliver(ann, "INBOX", letter(4, "X-Long: "+fmt.Sprintf("%0500d", 1)+"\r\n"))
		now := s.ids(query)
		check("delivered", object{}, []string{all[1]}, []string{all[1] + "@1", now[3] + "@3"})
		check("up to the second", object{"upToId": all[1]}, []string{all[1]}, []string{all[1] + "@1"})
		check("up to the first", object{"upToId": all[0]}, nil, nil)
		check("up to none", object{"upToId": "Mzz"}, []string{all[1]}, []string{all[1] + "@1", now[3] + "@3"})
	})
}

func TestChangesRefuse(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		uids := s.Deliver(ann, "INBOX", letter(1, ""))
		state := s.call("Email/query", object{})["queryState"].(string)
		unread := object{"notKeyword": "$seen"}
		s.flag("INBOX", uids[0], mailbox.AddFlags, `\Seen`)
		s.Deliver(ann, "INBOX", letter(2, ""))
		s.fails("Email/queryChanges", object{"sinceQueryState": state, "filter": unread, "maxChanges": 1}, method.TooManyChanges)
		if removed, added, _ := s.changed(state, object{"filter": unread, "maxChanges": 2}); len(removed) != 1 || len(added) != 1 {
			t.Errorf("removed %v, added %v", removed, added)
		}
		for _, since := range []string{"", "x", "1-zzzzz", "2-1", state + "-1"} {
			s.fails("Email/queryChanges", object{"sinceQueryState": since}, method.CannotCalculateChanges)
		}
		s.fails("Email/queryChanges", object{}, method.CannotCalculateChanges)
		s.fails("Email/queryChanges", object{"sinceQueryState": 1}, method.InvalidArguments)
		s.fails("Email/queryChanges", object{"sinceQueryState": state, "maxChanges": -1}, method.InvalidArguments)
		s.fails("Email/queryChanges", object{"sinceQueryState": state, "upToId": 1}, method.InvalidArguments)
		s.fails("Email/queryChanges", object{"sinceQueryState": state, "filter": object{"x": 1}}, method.UnsupportedFilter)
		s.fails("Email/queryChanges", object{"sinceQueryState": state, "sort": []object{{"property": "x"}}}, method.UnsupportedSort)
		s.forgetLog()
		s.fails("Email/queryChanges", object{"sinceQueryState": state}, method.CannotCalculateChanges)
	})
}

// forgetLog raises the floor of the change log to where it is.
func (s *server) forgetLog() {
	s.Write(ann, func(t *tx.Tx) error {
		_, err := t.SQL().Exec(`UPDATE account SET log_floor = modseq WHERE id = $1`, ann)
		return err
	})
}

// Others see what lies where they may read, and hear of nothing else.
func TestSharedChanges(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		share := func(path string, rights mail.Rights) {
			s.Must(s.Tx.Write(t.Context(), []mail.AccountID{ann, bob}, func(tt *tx.Tx) error {
				return s.Mailbox.As(ann).Grant(tt, ann, s.Path(ann, path).ID, mailbox.SetRights, mailbox.Grant{Grantee: bob, Rights: rights})
			}))
		}
		share("Archive", mail.RightLookup|mail.RightRead)
		s.Deliver(ann, "INBOX", letter(1, ""))
		s.Deliver(ann, "Archive", letter(2, ""))
		got := s.callAs(bob, "Email/query", object{"calculateTotal": true})
		if got["total"] != 1.0 {
			t.Fatalf("Bob finds %v", got)
		}
		state := got["queryState"]
		s.Deliver(ann, "INBOX", letter(3, ""))
		s.flag("INBOX", 1, mailbox.AddFlags, `\Seen`)
		got = s.callAs(bob, "Email/queryChanges", object{"sinceQueryState": state})
		if len(textsOf(got["removed"])) != 0 || len(got["added"].([]any)) != 0 {
			t.Errorf("Bob hears %v", got)
		}
		if ids := s.callAs(bob, "Email/query", object{"filter": object{"inMailbox": s.Path(ann, "INBOX").ID.String()}})["ids"].([]any); len(ids) != 0 {
			t.Errorf("Bob finds %v in a mailbox that he may not read", ids)
		}
		share("INBOX", mail.RightLookup|mail.RightRead)
		if response, got := s.CallAs(bob, "Email/queryChanges", object{"accountId": ann.String(), "sinceQueryState": state}); got["type"] != "cannotCalculateChanges" {
			t.Errorf("after the rights changed: %v %v", response, got)
		}
		if got := s.callAs(bob, "Email/query", object{"calculateTotal": true}); got["total"] != 3.0 {
			t.Errorf("Bob finds %v", got)
		}
	})
}
