package imap

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestUTF7(t *testing.T) {
	for encoded, want := range map[string]string{
		"":                                "",
		"INBOX":                           "INBOX",
		"a&-b":                            "a&b",
		"&-&-":                            "&&",
		"&AOk-&-":                         "é&",
		"~peter/mail/&U,BTFw-/&ZeVnLIqe-": "~peter/mail/台北/日本語", // RFC 3501 5.1.3
		"&2D3eAA-":                        "😀",
		"&AAc-":                           "\a",
		"&,wA-":                           "\uff00",
	} {
		got, err := DecodeUTF7(encoded)
		if err != nil || got != want {
			t.Errorf("%s: %q %v", encoded, got, err)
		}
		if back := EncodeUTF7(want); back != encoded {
			t.Errorf("%q is written %s, want %s", want, back, encoded)
		}
	}
	for name, encoded := range map[string]string{
		"unclosed":           "a&AOk",
		"lone ampersand":     "R&D",
		"needless shift":     "&AGE-",
		"two shifts for one": "&AOk-&AOk-",
		"padding":            "&AOkAAA=-",
		"spare bits":         "&AOl-x&AOm-",
		"odd octets":         "&AA-",
		"slash":              "&U/BTFw-",
		"low surrogate":      "&3gA-",
		"high surrogate":     "&2D0-",
		"surrogates swapped": "&3gDYPQ-",
		"8-bit":              "é",
		"control":            "a\tb",
		"shifted ampersand":  "&ACY-",
	} {
		if got, err := DecodeUTF7(encoded); err == nil {
			t.Errorf("%s: %s is read as %q", name, encoded, got)
		}
	}
}

func TestUTF7RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		if got, err := DecodeUTF7(EncodeUTF7(name)); err != nil || got != name {
			t.Fatalf("%q comes back as %q, %v", name, got, err)
		}
	})
}

func TestMailboxName(t *testing.T) {
	utf8 := Dialect{Rev2: true}
	tests := []struct {
		dialect Dialect
		in      string
		want    string // "" when refused
	}{
		{utf8, "iNbOx", "INBOX"},
		{Dialect{}, "inbox", "INBOX"},
		{utf8, "inbox ", "inbox "},
		{utf8, "\u0131nbox", "\u0131nbox"}, // a dotless i folds to no I
		{utf8, "INBO\u212A", "INBOK"},      // normalizing changes the letter, not the rule
		{utf8, "", ""},
		{utf8, "a\xff", ""},
		{utf8, "a\x1fb", ""},
		{utf8, "a\x7f", ""},
		{utf8, "a\u0085", ""},
		{utf8, "a\u2028b", ""},
		{utf8, strings.Repeat("x", MaxMailboxName), strings.Repeat("x", MaxMailboxName)},
		{utf8, strings.Repeat("x", MaxMailboxName+1), ""},
		{utf8, "\u1e9b\u0323", "\u1e9b\u0323"},
		{utf8, "A\u030a", "\u00c5"},
	}
	for _, tt := range tests {
		got, err := tt.dialect.MailboxName(tt.in)
		if tt.want == "" && err == nil || got != tt.want && tt.want != "" {
			t.Errorf("%q: %q %v, want %q", tt.in, got, err, tt.want)
		}
		if tt.want != "" && CheckMailboxName(tt.want) != nil {
			t.Errorf("%q is not a good name by itself", tt.want)
		}
	}
}

func TestPattern(t *testing.T) {
	tests := []struct {
		reference, pattern string
		yes, no            []string
	}{
		{"", "*", []string{"", "INBOX", "a/b/c"}, nil},
		{"", "%", []string{"", "INBOX", "a"}, []string{"a/b"}},
		{"", "a", []string{"a"}, []string{"", "ab", "A", "b"}},
		{"a/", "%", []string{"a/b", "a/"}, []string{"a", "a/b/c", "b/a"}},
		{"", "a*", []string{"a", "ab", "a/b/c"}, []string{"b", ""}},
		{"", "*c", []string{"c", "a/b/c", "cc"}, []string{"cb"}},
		{"", "%/%", []string{"a/b", "/"}, []string{"a", "a/b/c"}},
		{"", "%/c", []string{"a/c"}, []string{"a/b/c"}},
		{"", "*/c", []string{"a/c", "a/b/c"}, []string{"c"}},
		{"", "a%*b", []string{"ab", "a/xb", "axb"}, []string{"a", "abc"}},
		{"", "%b%", []string{"abc", "b"}, []string{"a/b", "ac"}},
		{"", "inbox", []string{"INBOX"}, []string{"inbox2", "INBOX/a"}},
		{"", "in%", []string{"INBOX"}, []string{"INDEX", "INBOX/a"}},
		{"", "inbox/%", []string{"INBOX/a"}, []string{"INBOX", "INBOX/a/b"}},
		{"", "inbox/A", []string{"INBOX/A"}, []string{"INBOX/a"}},
		{"", "inboxes", nil, []string{"INBOXES", "INBOX"}},
		{"", "é%", []string{"é", "éé"}, []string{"e"}},
		{"", "", []string{""}, []string{"a"}},
	}
	for _, tt := range tests {
		p := NewPattern(tt.reference, tt.pattern, '/')
		for _, name := range tt.yes {
			if !p.Match(name) {
				t.Errorf("%s%s does not match %s", tt.reference, tt.pattern, name)
			}
		}
		for _, name := range tt.no {
			if p.Match(name) {
				t.Errorf("%s%s matches %s", tt.reference, tt.pattern, name)
			}
		}
	}
	if !NewPattern("", "%x", 0).Match("a/x") {
		t.Error("in a flat hierarchy % stops at /")
	}
}

// The pattern agrees with the definition of its wildcards.
func TestPatternModel(t *testing.T) {
	var match func(pattern, name string) bool
	match = func(pattern, name string) bool {
		switch {
		case pattern == "":
			return name == ""
		case pattern[0] == '*' || pattern[0] == '%':
			return match(pattern[1:], name) || name != "" && (pattern[0] == '*' || name[0] != '/') && match(pattern, name[1:])
		}
		return name != "" && pattern[0] == name[0] && match(pattern[1:], name[1:])
	}
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab/*%]{0,8}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab/]{0,8}`).Draw(t, "name")
		if got := NewPattern("", pattern, '/').Match(name); got != match(pattern, name) {
			t.Fatalf("%s on %s: %v", pattern, name, got)
		}
	})
}

// A pattern made to be slow takes no longer than its length times that of the name.
func TestPatternIsNotSlow(t *testing.T) {
	p := NewPattern("", strings.Repeat("a*%", 300)+"b", '/')
	name := strings.Repeat("a", MaxMailboxName)
	if p.Match(name) || !p.Match(name+"b") {
		t.Error("wrong match")
	}
}

func TestDates(t *testing.T) {
	for _, text := range []string{"17-Jul-1996 02:44:25 -0700", " 1-Feb-2020 00:00:00 +0000", "31-Dec-9999 23:59:59 +1400"} {
		got, err := ParseDateTime(text)
		if err != nil || string(AppendDateTime(nil, got)) != text {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	if got, err := ParseDateTime("01-feb-2020 00:00:00 +0000"); err != nil || !got.Equal(day(2020, 2, 1)) {
		t.Errorf("got %v %v", got, err)
	}
	for _, text := range []string{"", "1-Jul-1996 02:44:25 -0700", "31-Feb-1996 02:44:25 -0700", "17-Jul-1996 25:44:25 -0700",
		"17-Jul-1996 02:44:25 -07:0", "17-Jul-1996 02:44:25  0700", "17-Jul-1996 02:44:25 -070x", "17 Jul 1996 02:44:25 -0700"} {
		if got, err := ParseDateTime(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	for text, want := range map[string]string{"1-Feb-1994": "1-Feb-1994", "01-FEB-1994": "1-Feb-1994", "29-Feb-2024": "29-Feb-2024"} {
		got, err := ParseDate(text)
		if err != nil || string(AppendDate(nil, got)) != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1-Feb-94", "29-Feb-2023", "0-Feb-1994", "1-Foo-1994", "001-Feb-1994", " 1-Feb-1994"} {
		if got, err := ParseDate(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	for year, want := range map[int]string{-5: " 2-Jan-0000 00:00:00 +0000", 12000: "31-Dec-9999 23:59:59 +0000"} {
		if got := string(AppendDateTime(nil, day(year, 5, 5))); got != want {
			t.Errorf("year %d: %s", year, got)
		}
	}
}
