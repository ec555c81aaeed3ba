package emails_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// get gets one object, nil where it is not found.
func get(s *jmapservertest.Server, method, id string, properties ...string) map[string]any {
	s.T.Helper()
	args := map[string]any{"accountId": doortest.Ann.String(), "ids": []string{id}}
	if properties != nil {
		args["properties"] = properties
	}
	name, got := s.Call(method, args)
	if name == "error" {
		s.T.Fatalf("%s: %v", method, got)
	}
	if list := got["list"].([]any); len(list) == 1 {
		return list[0].(map[string]any)
	}
	return nil
}

func flag(s *jmapservertest.Server, path string, uid uint32, op mailbox.FlagOp, name string) {
	s.T.Helper()
	flags, err := mail.ParseFlags([]string{name})
	s.Must(err)
	_, err = s.Mailbox.As(doortest.Ann).StoreFlags(s.T.Context(), doortest.Ann, s.Path(doortest.Ann, path).ID,
		imap.Set{{Start: uid, Stop: uid}}, mailbox.FlagChange{Op: op, Flags: flags})
	s.Must(err)
}

// RFC 8621 4.1.1: what has \Deleted is not there.
func TestDeletedIsHidden(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	s.Deliver(doortest.Ann, "INBOX", "Message-ID: <1@x>\r\nSubject: a\r\n\r\n", "Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\nSubject: a\r\n\r\n")
	e := last(s, doortest.Ann)
	inbox, archive := s.Path(doortest.Ann, "INBOX").ID, s.Path(doortest.Ann, "Archive").ID
	_, err := s.Mailbox.As(doortest.Ann).Copy(t.Context(), mailbox.Route{From: doortest.Ann, Source: inbox, To: doortest.Ann, Target: archive}, imap.Set{{Start: 2, Stop: 2}})
	s.Must(err)
	flag(s, "INBOX", 2, mailbox.AddFlags, `\Deleted`)
	object := get(s, "Email/get", e.ID.String(), "mailboxIds", "keywords")
	if ids := slices.Collect(maps.Keys(object["mailboxIds"].(map[string]any))); len(ids) != 1 || ids[0] != archive.String() || len(object["keywords"].(map[string]any)) != 0 {
		t.Errorf("an email that is deleted in one of its mailboxes: %v", object)
	}
	flag(s, "Archive", 1, mailbox.AddFlags, `\Deleted`)
	if object := get(s, "Email/get", e.ID.String()); object != nil {
		t.Errorf("an email that is deleted in all of its mailboxes: %v", object)
	}
	if emails := get(s, "Thread/get", e.Thread.String())["emailIds"].([]any); len(emails) != 1 || emails[0] == e.ID.String() {
		t.Errorf("its thread: %v", emails)
	}
	flag(s, "INBOX", 2, mailbox.RemoveFlags, `\Deleted`)
	if object := get(s, "Email/get", e.ID.String()); object == nil {
		t.Error("an email that is not deleted any more stays hidden")
	}
}

// An email whose body is lost is no email that was destroyed: the operator hears of it.
func TestLostBody(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	s.Deliver(doortest.Ann, "INBOX", "Subject: a\r\n\r\nb")
	id := last(s, doortest.Ann).ID.String()
	s.Write(doortest.Ann, func(t *tx.Tx) error {
		_, err := t.SQL().Exec(`DELETE FROM blob WHERE account_id = $1`, doortest.Ann)
		return err
	})
	if object := get(s, "Email/get", id, "subject", "preview"); object == nil || object["subject"] != "a" {
		t.Errorf("what rows tell of it: %v", object)
	}
	name, got := s.Call("Email/get", map[string]any{"accountId": doortest.Ann.String(), "ids": []string{id}, "properties": []string{"headers"}})
	if name != "error" || got["type"] != "serverFail" {
		t.Errorf("%s %v", name, got)
	}
}

func TestThreadsAreSortedByDate(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	s.Deliver(doortest.Ann, "INBOX", "Message-ID: <1@x>\r\nSubject: a\r\n\r\n")
	first := last(s, doortest.Ann)
	var want []any
	for _, year := range []int{2003, 2001, 2002, 2001} {
		var added mailbox.Appended
		s.Write(doortest.Ann, func(t *tx.Tx) (err error) {
			if err := s.Bodies.HoldAgain(t, doortest.Ann, first.Blob); err != nil {
				return err
			}
			added, err = s.Mailbox.Append(t, doortest.Ann, s.Path(doortest.Ann, "INBOX").ID, mailbox.Message{Blob: first.Blob, Size: first.Size, Summary: first.Summary,
				MessageIDs: []string{"1@x"}, BaseSubject: "a", Received: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)})
			return err
		})
		want = append(want, added.Email.String())
	}
	want = []any{want[1], want[3], want[2], want[0], first.ID.String()}
	for range 3 {
		if got := get(s, "Thread/get", first.Thread.String())["emailIds"].([]any); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// RFC 8621 4.2.
func TestDefaultProperties(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	s.Deliver(doortest.Ann, "INBOX", "Subject: a\r\n\r\nb")
	object := get(s, "Email/get", last(s, doortest.Ann).ID.String())
	want := strings.Fields(`attachments bcc blobId bodyValues cc from hasAttachment htmlBody id inReplyTo keywords mailboxIds messageId preview receivedAt
		references replyTo sender sentAt size subject textBody threadId to`)
	if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, want) {
		t.Errorf("an email has %q", got)
	}
	part := object["textBody"].([]any)[0].(map[string]any)
	want = strings.Fields("blobId charset cid disposition language location name partId size type")
	if got := slices.Sorted(maps.Keys(part)); !slices.Equal(got, want) {
		t.Errorf("a part has %q", got)
	}
}
