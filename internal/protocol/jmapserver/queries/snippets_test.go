package queries_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func TestSnippets(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.Deliver(ann, "INBOX", "From: Foo <foo@example.org>\r\nSubject: =?utf-8?q?Caf=C3=A9_&_Foosball?=\r\nContent-Type: text/html\r\n\r\n<p>The <b>foo</b>sball &lt;competition&gt;")
		s.Deliver(ann, "INBOX", "From: a@example.org\r\nSubject: other\r\n\r\nnothing here\r\n")
		ids := s.ids(object{"sort": []object{{"property": "receivedAt"}}})
		for _, c := range []struct {
			filter  object
			subject any
			preview any
		}{
			{object{"text": "foo"}, "Café &amp; <mark>Foo</mark>sball", "The <mark>foo</mark>sball &lt;competition&gt;"},
			{object{"subject": "CAFÉ"}, "<mark>Café</mark> &amp; Foosball", nil},
			{object{"body": "'the foosball' competition"}, nil, "<mark>The foosball</mark> &lt;<mark>competition</mark>&gt;"},
			{object{"from": "foo"}, nil, nil},
			{object{"header": []string{"Subject", "foo"}}, nil, nil},
			{object{"hasKeyword": "$seen"}, nil, nil},
			{nil, nil, nil},
			{object{"operator": "NOT", "conditions": []object{{"text": "foo"}}}, nil, nil},
			{object{"operator": "NOT", "conditions": []object{{"operator": "NOT", "conditions": []object{{"subject": "foo"}}}}}, "Café &amp; <mark>Foo</mark>sball", nil},
			{object{"operator": "OR", "conditions": []object{{"subject": "foo"}, {"body": "xyz"}}}, "Café &amp; <mark>Foo</mark>sball", nil},
			{object{"text": ""}, nil, nil},
		} {
			got := s.call("SearchSnippet/get", object{"filter": c.filter, "emailIds": ids})
			list := got["list"].([]any)
			first, second := list[0].(map[string]any), list[1].(map[string]any)
			if first["emailId"] != ids[0] || first["subject"] != c.subject || first["preview"] != c.preview {
				t.Errorf("%v: %v", c.filter, first)
			}
			if second["subject"] != nil || second["preview"] != nil || got["notFound"] != nil {
				t.Errorf("%v: %v", c.filter, got)
			}
		}
		got := s.call("SearchSnippet/get", object{"filter": object{"text": "foo"}, "emailIds": []string{"x", ids[0], "Mzz", ids[0]}})
		if len(got["list"].([]any)) != 1 || fmt.Sprint(got["notFound"]) != "[x Mzz]" {
			t.Errorf("got %v", got)
		}
		s.flag("INBOX", 1, mailbox.AddFlags, `\Deleted`)
		if got := s.call("SearchSnippet/get", object{"filter": object{"text": "foo"}, "emailIds": ids[:1]}); got["notFound"] == nil {
			t.Errorf("of what is hidden: %v", got)
		}
		s.fails("SearchSnippet/get", object{"filter": nil}, method.InvalidArguments)
		s.fails("SearchSnippet/get", object{"emailIds": []int{1}}, method.InvalidArguments)
		s.fails("SearchSnippet/get", object{"emailIds": strings.Split(strings.Repeat("x ", 501), " ")}, method.RequestTooLarge)
		s.fails("SearchSnippet/get", object{"emailIds": []string{}, "filter": object{"x": 1}}, method.UnsupportedFilter)
		s.fails("SearchSnippet/get", object{"accountId": bob.String(), "emailIds": ids}, method.AccountNotFound)
	})
}

// Of mail in mailboxes that one may not read there are no snippets.
func TestSnippetsOfOthers(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.Deliver(ann, "INBOX", letter(1, ""))
		s.Deliver(ann, "Archive", letter(2, ""))
		s.Must(s.Tx.Write(t.Context(), []mail.AccountID{ann, bob}, func(tt *tx.Tx) error {
			return s.Mailbox.As(ann).Grant(tt, ann, s.Path(ann, "Archive").ID, mailbox.SetRights, mailbox.Grant{Grantee: bob, Rights: mail.RightLookup | mail.RightRead})
		}))
		all := s.ids(object{"sort": []object{{"property": "receivedAt"}}})
		got := s.callAs(bob, "SearchSnippet/get", object{"filter": object{"body": "body"}, "emailIds": all})
		if list := got["list"].([]any); len(list) != 1 || list[0].(map[string]any)["emailId"] != all[1] || fmt.Sprint(got["notFound"]) != "["+all[0]+"]" {
			t.Errorf("Bob gets %v", got)
		}
	})
}
