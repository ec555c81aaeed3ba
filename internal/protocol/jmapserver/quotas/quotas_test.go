package quotas_test

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/quotas"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// open makes a server whose Ann has limits of bytes and messages, and one message.
func open(t *testing.T, on doortest.Engine) (*jmapservertest.Server, map[string]string) {
	s := jmapservertest.Open(t, on, func(r *method.Registry, rooms *doortest.Rooms) {
		quotas.New(quotas.Options{Tx: rooms.Tx, Directory: rooms.Directory, Mailbox: rooms.Mailbox}).Register(r)
		r.Capability("urn:ietf:params:jmap:mail", struct{}{}, nil)
	})
	s.Write(doortest.Ann, func(t *tx.Tx) error {
		return s.Directory.SetQuota(t, doortest.Ann, directory.Quota{Bytes: 1000, Messages: 10})
	})
	s.Deliver(doortest.Ann, mailbox.Inbox, "Subject: x\r\n\r\n")
	return s, nil
}

func TestGolden(t *testing.T) {
	for name, engine := range map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			jmapservertest.Golden(t, "testdata/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) { return open(t, engine) })
		})
	}
}

// What is used and what limits are set: both are told by Quota/changes, each as what it is.
func TestChanges(t *testing.T) {
	s, _ := open(t, dbtest.OnSQLite)
	account := doortest.Ann.String()
	_, got := s.Call("Quota/get", map[string]any{"accountId": account, "ids": nil})
	state := got["state"].(string)
	changes := func(most any) (string, map[string]any) {
		return s.Call("Quota/changes", map[string]any{"accountId": account, "sinceState": state, "maxChanges": most})
	}
	want := func(what string, created, updated, destroyed, properties any) {
		t.Helper()
		name, got := changes(nil)
		for member, want := range map[string]any{"created": created, "updated": updated, "destroyed": destroyed, "updatedProperties": properties} {
			if !equal(got[member], want) {
				t.Errorf("%s: %s: %s is %v, want %v", what, name, member, got[member], want)
			}
		}
	}
	none := []string{}
	want("nothing", none, none, none, nil)
	s.Deliver(doortest.Ann, mailbox.Inbox, "Subject: y\r\n\r\n")
	want("mail", none, []string{"emails", "octets"}, none, []string{"used"})
	_, first := changes(1)
	_, rest := s.Call("Quota/changes", map[string]any{"accountId": account, "sinceState": first["newState"], "maxChanges": 1})
	if !equal(first["updated"], []string{"emails"}) || first["hasMoreChanges"] != true || !equal(rest["updated"], []string{"octets"}) || rest["hasMoreChanges"] != false {
		t.Errorf("one by one: %v, then %v", first, rest)
	}
	s.Write(doortest.Ann, func(t *tx.Tx) error {
		_, err := s.Mailbox.Create(t, doortest.Ann, "more", "")
		return err
	})
	want("a mailbox", none, []string{"emails", "octets", "mailboxes"}, none, []string{"used"})
	s.Write(doortest.Ann, func(t *tx.Tx) error {
		return s.Directory.SetQuota(t, doortest.Ann, directory.Quota{Bytes: 2000, Mailboxes: 30})
	})
	want("limits", none, []string{"octets", "mailboxes"}, []string{"emails"}, nil)
	_, got = s.Call("Quota/get", map[string]any{"accountId": account, "ids": nil})
	state = got["state"].(string)
	s.Write(doortest.Ann, func(t *tx.Tx) error {
		return s.Directory.SetQuota(t, doortest.Ann, directory.Quota{Bytes: 2000, Messages: 5, Mailboxes: 30})
	})
	want("a new limit", []string{"emails"}, none, none, nil)
}

// equal compares ids in any order, null as null.
func equal(got, want any) bool {
	ids, is := want.([]string)
	list, isList := got.([]any)
	if !is {
		return got == nil
	}
	there := map[any]bool{}
	for _, id := range list {
		there[id] = true
	}
	for _, id := range ids {
		if !there[id] {
			return false
		}
	}
	return isList && len(list) == len(ids)
}
