package field

import "testing"

func TestParse(t *testing.T) {
	for key, want := range map[string]Property{
		"header:subject":                            {Name: "subject"},
		"header:Subject:asText":                     {Name: "Subject", Form: Text},
		"header:X-Thing:all":                        {Name: "X-Thing", All: true},
		"header:Resent-To:asAddresses:all":          {Name: "Resent-To", Form: Addresses, All: true},
		"header:all":                                {Name: "all"},
		"header:From:asGroupedAddresses":            {Name: "From", Form: GroupedAddresses},
		"header:Date:asDate":                        {Name: "Date", Form: Date},
		"header:List-Post:asURLs":                   {Name: "List-Post", Form: URLs},
		"header:List-Id:asMessageIds":               {Name: "List-Id", Form: MessageIDs},
		"header:X-Other:asURLs:all":                 {Name: "X-Other", Form: URLs, All: true},
		"header:Disposition-Notification-To:asText": {Name: "Disposition-Notification-To", Form: Text},
	} {
		want.Key = key
		if got, err := Parse(key); err != nil || got != want {
			t.Errorf("%s: %+v %v", key, got, err)
		}
	}
	for _, key := range []string{"", "subject", "header:", "header::all", "header:a b", "header:Bücher", "header:X:all:asText", "header:X:asRaw", "header:X:asraw",
		"header:X:astext", "header:X:all:all", "header:X:asText:asText", "header:X:", "header:From:asDate", "header:From:asText", "header:Subject:asAddresses",
		"header:DATE:asText", "header:Received:asText", "header:List-Post:asText", "header:Return-Path:asAddresses"} {
		if got, err := Parse(key); err == nil {
			t.Errorf("%s: %+v", key, got)
		}
	}
}

func TestNamed(t *testing.T) {
	for key := range named {
		p, ok := Named(key)
		if q, err := Parse(Prefix + p.Name + ":as" + p.Form.String()); !ok || err != nil || q.Form != p.Form || p.Key != key {
			t.Errorf("%s: %+v %v", key, p, err)
		}
	}
	if p, ok := Named("size"); ok {
		t.Errorf("%+v", p)
	}
}
