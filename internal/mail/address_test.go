package mail

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseAddress(t *testing.T) {
	long := strings.Repeat
	for _, c := range []struct {
		in   string
		want Address
		out  string // when it differs from in
	}{
		{"ann@example.org", Address{"ann", "example.org"}, ""},
		{"Ann@EXAMPLE.org", Address{"Ann", "example.org"}, "Ann@example.org"},
		{"ann+tag@example.org", Address{"ann+tag", "example.org"}, ""},
		{"!#$%&'*+-/=?^_`{|}~@x", Address{"!#$%&'*+-/=?^_`{|}~", "x"}, ""},
		{`"ann"@example.org`, Address{"ann", "example.org"}, "ann@example.org"},
		{`"ann lee"@example.org`, Address{"ann lee", "example.org"}, ""},
		{`"a@b\"c\\d"@example.org`, Address{`a@b"c\d`, "example.org"}, ""},
		{`"\a\n\n"@example.org`, Address{"ann", "example.org"}, "ann@example.org"},
		{`""@example.org`, Address{"", "example.org"}, ""},
		{"a..b.@example.org", Address{"a..b.", "example.org"}, `"a..b."@example.org`},
		{"x@my_host.example", Address{"x", "my_host.example"}, ""},
		{"x@[192.0.2.1]", Address{"x", "[192.0.2.1]"}, ""},
		{"x@[ipv6:2001:DB8:0::1]", Address{"x", "[IPv6:2001:db8::1]"}, "x@[IPv6:2001:db8::1]"},
		{"bjørn@blåbær.example", Address{"bjørn", "blåbær.example"}, ""},
		{`"bjørn lie"@x`, Address{"bjørn lie", "x"}, ""},
		{long("a", 64) + "@x", Address{long("a", 64), "x"}, ""},
		{"a@" + long("b", 63) + ".c", Address{"a", long("b", 63) + ".c"}, ""},
		{"\uFFFD@x", Address{"\uFFFD", "x"}, ""},
	} {
		got, err := ParseAddress(c.in)
		if err != nil || got != c.want {
			t.Errorf("ParseAddress(%q) = %+v, %v; want %+v", c.in, got, err, c.want)
			continue
		}
		if c.out == "" {
			c.out = c.in
		}
		if got.String() != c.out {
			t.Errorf("ParseAddress(%q).String() = %q, want %q", c.in, got.String(), c.out)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	long := strings.Repeat
	for _, in := range []string{
		"", "@", "ann", "ann@", "@example.org", "ann@@example.org", "ann lee@example.org", " ann@example.org",
		"ann@example.org ", "ann@.org", "ann@example.", "ann@a..b", "ann@-a.org", "ann@a-.org", "ann@exa mple",
		`"ann@example.org`, `"ann`, `"ann\`, `"ann"x@example.org`, "\"a\nb\"@x", "\"a\\\rb\"@x", "a\x00b@x", "a\x7f@x",
		"a\xff@x", "\"a\xff\"@x", "a@x\xff", "a\u0085@x", "a@b\u2028c", "a\u00a0b@x",
		"x@[192.0.2]", "x@[192.0.2.1", "x@[192.0.2.1]]", "x@[IPv6:1.2.3.4]", "x@[2001:db8::1]", "x@[IPv6:fe80::1%eth0]",
		"x@[X:1]", "x@[]", "a,b@x", "a:b@x", "a<b@x", "a@b>c", "a@b,c", "a@b(c)", "a@b/c", "a@b+c",
		long("a", 65) + "@x", `"` + long(`\"`, 32) + `"@x`, "a@" + long("b", 64), "a@" + long("bbb.", 63) + "cccc",
	} {
		if got, err := ParseAddress(in); err == nil || !Is(err, Invalid) || got != (Address{}) {
			t.Errorf("ParseAddress(%q) = %+v, %v; want an Invalid error", in, got, err)
		}
	}
}

// The error names the fault, not what it led to.
func TestParseAddressNamesTheFault(t *testing.T) {
	for in, want := range map[string]string{
		"ann(c)@x":  `may not hold "(" outside quotes`,
		"(c)ann@x":  `may not hold "(" outside quotes`,
		"ann lee@x": `may not hold " " outside quotes`,
		"a,b":       `may not hold "," outside quotes`,
		"a\xff@x":   `may not hold "\xff" outside quotes`,
		"a\u0085@x": `may not hold "\u0085" outside quotes`,
		`"ann"x@y`:  `"x" follows the quoted local part`,
		`"ann"`:     `no "@domain"`,
		"ann":       `no "@domain"`,
		"":          "the local part is empty",
		"@x":        "the local part is empty",
		"ann@x(c)":  `a domain may not hold '('`,
		"ann@":      "the domain is empty",
	} {
		if _, err := ParseAddress(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestAddressWords(t *testing.T) {
	if null := (Address{}); !null.IsNull() || null.String() != "" || !null.IsASCII() {
		t.Error("the zero Address is not the null reverse-path")
	}
	if a := (Address{Local: "Postmaster"}); a.IsNull() || a.String() != "Postmaster" {
		t.Errorf("bare postmaster is written %q", a.String())
	}
	if (Address{"ø", "x"}).IsASCII() || (Address{"x", "ø"}).IsASCII() {
		t.Error("UTF-8 is called ASCII")
	}
	if !(Address{"x", "[192.0.2.1]"}).IsLiteral() || (Address{"x", "y"}).IsLiteral() {
		t.Error("IsLiteral is wrong")
	}
}

// What String writes, ParseAddress reads back, whatever the local part holds.
func TestAddressRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Address{
			Local:  rapid.StringMatching(`[ -~éß世]{0,20}`).Draw(t, "local"),
			Domain: rapid.StringMatching(`[a-z0-9é]{1,10}(\.[a-z0-9]{1,10}){0,3}`).Draw(t, "domain"),
		}
		got, err := ParseAddress(a.String())
		if len(quoteLocal(a.Local)) > MaxLocalLength {
			if err == nil {
				t.Fatalf("%q is too long and was read", a)
			}
			return
		}
		if err != nil || got != a {
			t.Fatalf("%+v is written %q and read as %+v, %v", a, a, got, err)
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"ann@example.org", `"a b\"c"@[IPv6:::1]`, "ø@å.no", "a..b@x", `"`, "@", "a@[1.2.3.4]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		out := a.String()
		if strings.ContainsAny(out, "\r\n\x00") || len(out) > MaxAddressLength {
			t.Fatalf("%q was read as the unsafe address %q", s, out)
		}
		if b, err := ParseAddress(out); err != nil || b != a {
			t.Fatalf("%q was read as %+v, whose text %q is read as %+v, %v", s, a, out, b, err)
		}
	})
}
