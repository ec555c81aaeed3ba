package imap

import (
	"reflect"
	"strings"
	"testing"
)

func TestReadNotify(t *testing.T) {
	both := MessageNew | MessageExpunge
	for line, want := range map[string]Notify{
		"NOTIFY NONE": {},
		"notify set status (selected (MessageNew (uid body.peek[header.fields (from)]) MessageExpunge)) (subtree Lists (MessageNew MessageExpunge))": {
			Set: true, Status: true, Groups: []EventGroup{
				{Filter: FilterSelected, Events: both, Fetch: []FetchItem{{Kind: FetchUID}, {Kind: FetchBodySection, Peek: true,
					Section: Section{Kind: SectionHeaderFields, Fields: []string{"from"}}}}},
				{Filter: FilterSubtree, Mailboxes: []string{"Lists"}, Events: both}}},
		"NOTIFY SET (SELECTED-DELAYED (FlagChange MessageNew MessageExpunge)) (inboxes NONE)": {Set: true, Groups: []EventGroup{
			{Filter: FilterSelectedDelayed, Events: MessageEvents}, {Filter: FilterInboxes}}},
		"NOTIFY SET (mailboxes (inbox &AOk-) (MailboxName SubscriptionChange)) (personal (MailboxMetadataChange ServerMetadataChange)) (subscribed (MessageExpunge MessageNew))": {
			Set: true, Groups: []EventGroup{{Filter: FilterMailboxes, Mailboxes: []string{"INBOX", "é"}, Events: MailboxName | SubscriptionChange},
				{Filter: FilterPersonal, Events: MailboxMetadataChange | ServerMetadataChange},
				{Filter: FilterSubscribed, Events: both}}},
	} {
		if got := read(t, "a "+line+"\r\n", Dialect{}, Authenticated).Command; !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", line, got, want)
		}
	}
}

func TestNotifyRefusals(t *testing.T) {
	for line, want := range map[string]string{
		"NOTIFY":                                                             "BAD  expected a space",
		"NOTIFY MAYBE":                                                       "BAD  expected SET or NONE",
		"NOTIFY NONE (personal NONE)":                                        "BAD  expected the end",
		"NOTIFY SET":                                                         "BAD  expected a space",
		"NOTIFY SET STATUS":                                                  "BAD  expected a space",
		"NOTIFY SET ALL (personal NONE)":                                     "BAD  expected STATUS",
		"NOTIFY SET (everything NONE)":                                       "BAD  unknown choice of mailboxes EVERYTHING",
		"NOTIFY SET (personal)":                                              "BAD  expected a space",
		"NOTIFY SET (personal ())":                                           "BAD  the list of events",
		"NOTIFY SET (personal SOME)":                                         "BAD  expected a list of events",
		"NOTIFY SET (mailboxes () NONE)":                                     "BAD  the list of mailboxes",
		"NOTIFY SET (personal (MessageNew))":                                 "BAD  events of messages",
		"NOTIFY SET (personal (FlagChange))":                                 "BAD  events of messages",
		"NOTIFY SET (personal (FlagChange MessageExpunge))":                  "BAD  events of messages",
		"NOTIFY SET (selected (MailboxName))":                                "BAD  of the selected mailbox",
		"NOTIFY SET (selected NONE) (selected-delayed NONE)":                 "BAD  one group only",
		"NOTIFY SET (personal (MessageNew (UID) MessageExpunge))":            "BAD  items to fetch",
		"NOTIFY SET (selected (MessageNew () MessageExpunge))":               "BAD  the list of items",
		"NOTIFY SET (selected (MessageNew (ALL) MessageExpunge))":            "BAD  unknown FETCH item ALL",
		"NOTIFY SET (personal (MessageNew MessageExpunge AnnotationChange))": "NO BADEVENT (MessageNew ",
		"NOTIFY SET (personal (Thunder))":                                    "NO BADEVENT (MessageNew ",
		"NOTIFY SET" + strings.Repeat(" (personal NONE)", 101):               "BAD LIMIT ",
	} {
		e := refusal(t, newTestReader("a "+line+"\r\n", Config{Limits: Limits{ListItems: 100}}))
		if !strings.HasPrefix(string(e.Condition)+" "+string(e.Code)+" "+e.Text, want) {
			t.Errorf("%.80s: %v", line, e)
		}
	}
}
