package header

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseAddresses(t *testing.T) {
	box := func(name, local, domain string) Address { return Address{Name: name, Local: local, Domain: domain} }
	start := func(name string) Address { return Address{Kind: GroupStart, Name: name} }
	end := Address{Kind: GroupEnd}
	tests := []struct {
		in   string
		want []Address
	}{
		{"", nil},
		{" , ,", nil},
		{"a@b.example", []Address{box("", "a", "b.example")}},
		{"<a@b>", []Address{box("", "a", "b")}},
		{"Joe Q. Public <john.q.public@example.com>", []Address{box("Joe Q. Public", "john.q.public", "example.com")}},
		{`"Doe, John" <j@x>, b@y`, []Address{box("Doe, John", "j", "x"), box("", "b", "y")}},
		{`"Joe \"the\" Public" <j@x>`, []Address{box(`Joe "the" Public`, "j", "x")}},
		{"j@x (John Doe)", []Address{box("John Doe", "j", "x")}},
		{"j@x (John (Jo) \\) Doe)", []Address{box("John (Jo) ) Doe", "j", "x")}},
		{"John (the man) Doe <j@x> (comment)", []Address{box("John Doe", "j", "x")}},
		{"=?utf-8?q?J=C3=B6?= <j@x>", []Address{box("=?utf-8?q?J=C3=B6?=", "j", "x")}},
		{"J\xf6rg <j@x>", []Address{box("J\xf6rg", "j", "x")}},
		{"Jörg <jörg@bücher.example>", []Address{box("Jörg", "jörg", "bücher.example")}},

		{"Friends: a@x, B <b@y>;, c@z", []Address{start("Friends"), box("", "a", "x"), box("B", "b", "y"), end, box("", "c", "z")}},
		{"undisclosed-recipients:;", []Address{start("undisclosed-recipients"), end}},
		{"Open: a@x", []Address{start("Open"), box("", "a", "x"), end}},
		{"A:;B:;", []Address{start("A"), end, start("B"), end}},
		{"a@x; b@y", []Address{box("", "a", "x"), box("", "b", "y")}},
		{"A <a@x>; B <b@y>;", []Address{box("A", "a", "x"), box("B", "b", "y")}},
		{"G: A <a@x>;, b@y", []Address{start("G"), box("A", "a", "x"), end, box("", "b", "y")}},

		{"<@a.example,@b.example:c@d>", []Address{{Route: "@a.example,@b.example", Local: "c", Domain: "d"}}},
		{"X <@a, @b : c@d>", []Address{{Name: "X", Route: "@a,@b", Local: "c", Domain: "d"}}},
		{"<@a:>", nil},

		{`"a b"@c`, []Address{box("", "a b", "c")}},
		{`"a@b"@c`, []Address{box("", "a@b", "c")}},
		{`<"a>b,c"@d>`, []Address{box("", "a>b,c", "d")}},
		{"a . b @ c . d", []Address{box("", "a.b", "c.d")}},
		{"a@b@c", []Address{box("", "a@b", "c")}},
		{"a@[192.0.2.1]", []Address{box("", "a", "[192.0.2.1]")}},
		{"a@[IPv6:2001:db8::1]", []Address{box("", "a", "[IPv6:2001:db8::1]")}},
		{"X <a@[IPv6:2001:db8::1]>", []Address{box("X", "a", "[IPv6:2001:db8::1]")}},

		{"root", []Address{box("", "root", "")}},
		{"John Doe", []Address{box("", "John Doe", "")}},
		{"Nobody <>", []Address{box("Nobody", "", "")}},
		{"<>", nil},
		{"X <root>", []Address{box("X", "root", "")}},
		{"@b", []Address{box("", "", "b")}},
		{"a@", []Address{box("", "a", "")}},
		{"@", nil},

		{"A <a@x", []Address{box("A", "a", "x")}},
		{"A <a@x, B <b@y>", []Address{box("A", "a", "x"), box("B", "b", "y")}},
		{"A <a@x> B <b@y>", []Address{box("A", "a", "x"), box("B", "b", "y")}},
		{"A <<a@x>>", []Address{box("A", "a", "x")}},
		{"A <a@x>> junk, b@y", []Address{box("A", "a", "x"), box("", "b", "y")}},
		{`"A <a@x>`, []Address{box(`"A`, "a", "x")}},
		{`A" <a@x>, "B" <b@y>`, []Address{box(`A <a@x>, B"`, "b", "y")}},
		{"A (never closed <a@x>", []Address{box("A (never closed", "a", "x")}},
		{"a@b (never closed", []Address{box("", "a", "b(neverclosed")}},
		{"a@x [b@y", []Address{box("", "a@x[b", "y")}},
		{"mailto:a@x", []Address{start("mailto"), box("", "a", "x"), end}},
	}
	for _, test := range tests {
		if got := ParseAddresses(test.in, 100); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q\n got %+v\nwant %+v", test.in, got, test.want)
		}
	}
}

func TestAddressLimit(t *testing.T) {
	if got := ParseAddresses("g: a, b, c, d;", 3); len(got) != 4 || got[3].Kind != GroupEnd {
		t.Errorf("%+v", got)
	}
	if got := ParseAddresses(strings.Repeat("a,", 2*MaxAddresses), 1<<30); len(got) != MaxAddresses {
		t.Errorf("%d addresses", len(got))
	}
	if got := ParseAddresses("a", 0); got != nil {
		t.Errorf("%+v", got)
	}
}

func TestSpec(t *testing.T) {
	if a := (Address{Local: "a", Domain: "b"}); a.Spec() != "a@b" {
		t.Error(a.Spec())
	}
	if a := (Address{Local: "root"}); a.Spec() != "root" {
		t.Error(a.Spec())
	}
}
