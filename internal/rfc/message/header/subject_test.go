package header

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBaseSubject(t *testing.T) {
	tests := []struct {
		in, want string
		reply    bool
	}{
		{"", "", false},
		{"hello", "hello", false},
		{"  hello \t world ", "hello world", false},
		{"Re: hello", "hello", true},
		{"re : hello", "hello", true},
		{"RE:FW:Fwd: hello", "hello", true},
		{"Re[2]: hello", "hello", true},
		{"Re [2] : hello", "hello", true},
		{"[list] Re: hello", "hello", true},
		{"[list] hello", "hello", false},
		{"Re: [list] hello", "hello", true},
		{"[a] [b] hello", "hello", false},
		{"[list]", "[list]", false},
		{"Re: [list]", "[list]", true},
		{"[a] [b]", "[b]", false},
		{"hello (fwd)", "hello", true},
		{"hello (fwd) (FWD) ", "hello", true},
		{"[fwd: hello]", "hello", true},
		{"[Fwd: Re: [fwd: hello]]", "hello", true},
		{"[fwd: hello", "[fwd: hello", false},
		{"Reply: hello", "Reply: hello", false},
		{"Regarding", "Regarding", false},
		{"re", "re", false},
		{"Re:", "", true},
		{"Re: ", "", true},
		{"[[[[ x", "[[[[ x", false},
		{"[a[b] x", "[a[b] x", false},
		{"=?utf-8?q?Re:_J=C3=B6rg?=", "Jörg", true},
		{"Re: =?utf-8?q?a?= =?utf-8?q?b?=", "ab", true},
		{"Re\u00a0: x", "x", true},
		{"=?utf-8?q?a=00=0Ab?=", "a b", false},
	}
	for _, test := range tests {
		got, reply := BaseSubject(test.in)
		if got != test.want || reply != test.reply {
			t.Errorf("%q: %q %v, want %q %v", test.in, got, reply, test.want, test.reply)
		}
	}
	if got, _ := BaseSubject(strings.Repeat("ö", 1000)); len(got) > MaxBaseSubject || !utf8.ValidString(got) {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzBaseSubject(f *testing.F) {
	f.Add("Re: [a] [fwd: x (fwd)]")
	f.Fuzz(func(t *testing.T, s string) {
		base, _ := BaseSubject(s)
		if !utf8.ValidString(base) || len(base) > MaxBaseSubject {
			t.Errorf("%q", base)
		}
		if !strings.Contains(base, "=?") && len(base) < MaxBaseSubject-utf8.UTFMax {
			if again, reply := BaseSubject(base); again != base || reply {
				t.Errorf("the base of %q is %q, of which it is %q", s, base, again)
			}
		}
	})
}

func TestParseMessageIDs(t *testing.T) {
	tests := []struct {
		in    string
		limit int
		want  []string
	}{
		{"", 9, nil},
		{"<a@b>", 9, []string{"a@b"}},
		{"<a@b> <c@d>,<e@f>", 9, []string{"a@b", "c@d", "e@f"}},
		{"<a@b><a@b>", 9, []string{"a@b"}},
		{"text <a@b> (c)", 9, []string{"a@b"}},
		{"<a @b>", 9, []string{"a@b"}},
		{"<<a@b>>", 9, []string{"a@b"}},
		{"<a@b <c@d>", 9, []string{"c@d"}},
		{"<a@b", 9, nil},
		{"<>", 9, nil},
		{"a@b c", 9, []string{"a@b"}},
		{"<1> <2> <3> <4> <5>", 3, []string{"1", "4", "5"}},
		{"<1> <2>", 1, []string{"1"}},
		{"<\xe9@x>", 9, []string{"é@x"}},
		{"<" + strings.Repeat("x", 1000) + ">", 9, nil},
	}
	for _, test := range tests {
		if got := ParseMessageIDs(test.in, test.limit); !slices.Equal(got, test.want) {
			t.Errorf("%.40q: %q, want %q", test.in, got, test.want)
		}
	}
	if got := ParseMessageIDs(strings.Repeat("<a@b>", 100000), 5); !reflect.DeepEqual(got, []string{"a@b"}) {
		t.Errorf("%d ids", len(got))
	}
}

func FuzzAddresses(f *testing.F) {
	f.Add(`"A \" b" <@x,@y:a@[1::2]>, g: (c) d@e, f;, <`)
	f.Fuzz(func(t *testing.T, s string) {
		list := ParseAddresses(s, 100)
		depth, total := 0, 0
		for _, a := range list {
			total += len(a.Name) + len(a.Route) + len(a.Local) + len(a.Domain)
			switch a.Kind {
			case GroupStart:
				depth++
			case GroupEnd:
				depth--
			}
			if depth < 0 || depth > 1 {
				t.Fatalf("%q: groups do not close: %+v", s, list)
			}
			if a.Kind == Mailbox && a.Name == "" && a.Local == "" && a.Domain == "" {
				t.Fatalf("%q: an empty address", s)
			}
		}
		if depth != 0 || len(list) > 101 || total > 2*len(s) {
			t.Fatalf("%q: %d elements of %d bytes, group open %d", s, len(list), total, depth)
		}
	})
}
