package field

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

func TestValue(t *testing.T) {
	const list = "\r\n \"  James Smythe\" <james@example.com>, Friends:\r\n  jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?=\r\n  <john@example.com>;\r\n"
	for _, test := range []struct {
		form      Form
		raw, want string
	}{
		// RFC 8621 4.1.2.3 and 4.1.2.4 (where the example has lost an accent).
		{Addresses, list, `[{"name":"James Smythe","email":"james@example.com"},{"name":null,"email":"jane@example.com"},{"name":"John Smîth","email":"john@example.com"}]`},
		{GroupedAddresses, list, `[{"name":null,"addresses":[{"name":"James Smythe","email":"james@example.com"}]},
			{"name":"Friends","addresses":[{"name":null,"email":"jane@example.com"},{"name":"John Smîth","email":"john@example.com"}]}]`},
		{GroupedAddresses, " a@x, A:;, B: b@x;, c@x, d@x\r\n", `[{"name":null,"addresses":[{"name":null,"email":"a@x"}]},{"name":"A","addresses":[]},
			{"name":"B","addresses":[{"name":null,"email":"b@x"}]},{"name":null,"addresses":[{"name":null,"email":"c@x"},{"name":null,"email":"d@x"}]}]`},
		{Addresses, " a@x (Ann)", `[{"name":"Ann","email":"a@x"}]`},
		{Addresses, ` "a b"@x, root, "=?utf-8?q?=C3=B6?=" <c@x>, J` + "\xf6" + `rg <j@x>`,
			`[{"name":null,"email":"\"a b\"@x"},{"name":null,"email":"root"},{"name":"ö","email":"c@x"},{"name":"Jörg","email":"j@x"}]`},
		{Addresses, " \r\n", `[]`},
		{GroupedAddresses, "", `[]`},

		{Raw, " a\r\n b\r\n", `" a\r\n b"`},
		{Raw, " a\n b\n", `" a\n b"`},
		{Raw, " a\x00b\xff\xfe\xc3\xb6\r\n", `" ab\ufffdö"`},
		{Raw, "", `""`},

		{Text, "  a\r\n b  \r\n", `"a b"`},
		{Text, " =?utf-8?q?o=CC=88?= x=?utf-8?q?a?=\r\n", `"ö x=?utf-8?q?a?="`},
		{Text, " =?x-none?q?a?= =?utf-8?q?=00b?=\r\n", `"=?x-none?q?a?= b"`},

		{MessageIDs, " <a@x>\r\n <b@x> (comment)\r\n", `["a@x","b@x"]`},
		{MessageIDs, " nothing", `null`},
		{Date, " Thu, 30 Oct 2014 14:12:00 +0800\r\n", `"2014-10-30T14:12:00+08:00"`},
		{Date, " Thu, 30 Oct 2014 06:12:00 GMT\r\n", `"2014-10-30T06:12:00Z"`},
		{Date, " tomorrow", `null`},
		{URLs, " (Use this:) <mailto:list@x?subject=(a)>,\r\n\t<https://x/ y> (or <none>)\r\n", `["mailto:list@x?subject=(a)","https://x/y"]`},
		{URLs, " NO (posting not allowed)", `null`},
		{URLs, " <http://x", `null`},
	} {
		got, err := ijson.Append(nil, test.form.Value([]byte(test.raw)))
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		json.Unmarshal(got, &a)
		if err := json.Unmarshal([]byte(test.want), &b); err != nil {
			t.Fatalf("%s: %v", test.want, err)
		}
		x, _ := json.Marshal(a)
		if y, _ := json.Marshal(b); string(x) != string(y) {
			t.Errorf("%s of %q:\n got %s\nwant %s", test.form, test.raw, x, y)
		}
	}
}

func TestOf(t *testing.T) {
	block := "Subject: one\r\nX-A: 1\r\nsubject: two\r\nx-a: 2\r\n\r\n"
	var fields []header.Field
	for f := range header.Fields([]byte(block)) {
		fields = append(fields, f)
	}
	for key, want := range map[string]string{
		"header:SUBJECT":        `" two"`,
		"header:Subject:asText": `"two"`,
		"header:X-A:all":        `[" 1"," 2"]`,
		"header:X-A:asText:all": `["1","2"]`,
		"header:X-B":            `null`,
		"header:X-B:asURLs:all": `[]`,
	} {
		p, err := Parse(key)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(p.Of(fields)); string(got) != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

// FuzzHeaderProperty asks for any property of any header.
func FuzzHeaderProperty(f *testing.F) {
	for form := range formNames {
		f.Add("header:X:as"+formNames[form]+":all", "X: \"a\" <b@c>, G: d@e;\r\n =?utf-8?q?=C3=B6?= <mailto:x> Thu, 30 Oct 2014 14:12:00 +0800\r\nX: \xff\x00\r\n")
	}
	f.Add("header:subject", "Subject: a\nb: c")
	f.Fuzz(func(t *testing.T, key, block string) {
		p, err := Parse(key)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("an error without words")
			}
			return
		}
		if p.Key != key || p.Name == "" {
			t.Fatalf("%q is read as %+v", key, p)
		}
		var fields []header.Field
		for field := range header.Fields([]byte(block)) {
			fields = append(fields, field)
		}
		checkText(t, p.Of(fields))
	})
}

// checkText fails where a value holds text that is no UTF-8, or NUL.
func checkText(t *testing.T, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), `\u0000`) {
		t.Errorf("NUL in %s", text)
	}
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) {
			t.Errorf("%q is no UTF-8", v)
		}
	case []any:
		for _, e := range v {
			checkText(t, e)
		}
	case []string:
		for _, e := range v {
			checkText(t, e)
		}
	case []Group:
		for _, g := range v {
			checkText(t, g.Addresses)
			if g.Name != nil {
				checkText(t, *g.Name)
			}
		}
	case addressList:
		for _, a := range v {
			checkText(t, a.Email)
			if a.Name != nil {
				checkText(t, *a.Name)
			}
		}
	}
}
