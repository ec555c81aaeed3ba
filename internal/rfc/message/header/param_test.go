package header

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseMediaType(t *testing.T) {
	tests := []struct {
		in, mainType, subtype string
		params                Params
	}{
		{"text/plain", "text", "plain", nil},
		{"TEXT/HTML; Charset=UTF-8", "text", "html", Params{{"charset", "UTF-8"}}},
		{" text / plain ; a = b ;; c=\"d;e\\\"f\" ; ", "text", "plain", Params{{"a", "b"}, {"c", `d;e"f`}}},
		{"text", "text", "plain", nil},
		{"text; charset=x", "text", "plain", Params{{"charset", "x"}}},
		{"application", "", "", nil},
		{"", "", "", nil},
		{"/", "", "", nil},
		{"text/;a=b", "", "", nil},
		{"text/plain charset=x", "text", "plain", Params{{"charset", "x"}}},
		{"text/plain; charset", "text", "plain", nil},
		{"text/plain; charset=", "text", "plain", Params{{"charset", ""}}},
		{"text/plain; =x; a=b", "text", "plain", Params{{"a", "b"}}},
		{"text/plain; a=b; a=c", "text", "plain", Params{{"a", "b"}}},
		{"text/plain; name=my file.txt; x=y", "text", "plain", Params{{"name", "my file.txt"}, {"x", "y"}}},
		{"text/plain; name=\"my file.txt", "text", "plain", Params{{"name", "my file.txt"}}},
		{"text/plain; charset=us-ascii (Plain text)", "text", "plain", Params{{"charset", "us-ascii"}}},
		{"text/plain; charset=\"utf-8\"; format=flowed (x", "text", "plain", Params{{"charset", "utf-8"}, {"format", "flowed"}}},
		{"a/b; filename*=utf-8''%e2%82%ac.txt", "a", "b", Params{{"filename*", "utf-8''%e2%82%ac.txt"}}},
		{"a/b; n*1=c; n*0=b; n*2=d", "a", "b", Params{{"n", "bcd"}}},
		{"a/b; n*0*=utf-8''%c3; n*1*=%b6; n*2=\"a b\"", "a", "b", Params{{"n*", "utf-8''%c3%b6a%20b"}}},
		{"a/b; n*0=x; n*1*=%b6", "a", "b", Params{{"n*", "''x%b6"}}},
		{"a/b; n*0=x; n*0=y; n*5=z", "a", "b", Params{{"n", "xz"}}},
		{"a/b; n*x=1; n**=2", "a", "b", Params{{"n*x", "1"}, {"n**", "2"}}},
	}
	for _, test := range tests {
		mainType, subtype, params, ok := ParseMediaType(test.in)
		if mainType != test.mainType || subtype != test.subtype || ok != (test.mainType != "") || len(params)+len(test.params) > 0 && !reflect.DeepEqual(params, test.params) {
			t.Errorf("%q\n got %s/%s %q\nwant %s/%s %q", test.in, mainType, subtype, params, test.mainType, test.subtype, test.params)
		}
	}
	_, _, params, _ := ParseMediaType("a/b" + strings.Repeat(";a", 1000) + strings.Repeat("; x*9=y", 1000))
	if len(params) != 1 || len(params[0].Value) != 1 {
		t.Errorf("%d parameters", len(params))
	}
}

func TestParams(t *testing.T) {
	for in, want := range map[string]string{
		"a; name=x":                                   "x",
		"a; NAME=x":                                   "x",
		"a; name==?utf-8?q?J=C3=B6?=":                 "Jö",
		"a; name=J\xf6":                               "Jö",
		"a; name*=iso-8859-1'de'J%F6":                 "Jö",
		"a; name*=utf-8''J%C3%B6; name=J":             "Jö",
		"a; name=J; name*=utf-8''J%C3%B6":             "Jö",
		"a; name*=J%C3%B6":                            "Jö",
		"a; name*0*=utf-8''J%C3; name*1*=%B6":         "Jö",
		"a; name*=utf-8''%":                           "%",
		"a; name*0*=gb18030''%D6%D0; name*1*=%CE%C4;": "中文",
		"a; other=x":                                  "",
	} {
		value, params := ParseDisposition(in)
		if value != "a" || params.Get("name") != want {
			t.Errorf("%q: %q, want %q", in, params.Get("name"), want)
		}
	}
	_, params := ParseDisposition("a; x=1; filename=plain; filename*=utf-8''J%C3%B6; y*0*=''a; y*1=b")
	if got := params.Decoded(); !reflect.DeepEqual(got, Params{{"x", "1"}, {"filename", "Jö"}, {"y", "ab"}}) {
		t.Errorf("decoded: %q", got)
	}
	if value, params := ParseDisposition("; x=y"); value != "" || params != nil {
		t.Errorf("%q %v", value, params)
	}
	if got := ParseToken(" (c) BASE64 (d) x"); got != "base64" {
		t.Errorf("token %q", got)
	}
	if got := ParseLanguages("de, en-US,,(c) fr"); !reflect.DeepEqual(got, []string{"de", "en-US", "fr"}) {
		t.Errorf("languages %q", got)
	}
	if got := (Params{{"boundary", "=?x"}}).Raw("boundary"); got != "=?x" {
		t.Errorf("raw %q", got)
	}
}
