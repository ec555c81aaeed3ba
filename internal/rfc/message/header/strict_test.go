package header

import (
	"testing"
	"unicode/utf8"
)

func TestDecodeText(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                                          "plain",
		"=?utf-8?q?J=C3=B6?=":                            "Jö",
		"a =?utf-8?q?J=C3=B6?= b":                        "a Jö b",
		"=?utf-8?q?a?= =?utf-8?q?b?=":                    "ab",
		"=?utf-8?q?a?=  \t =?iso-8859-1?q?=F6?= c":       "aö c",
		"=?utf-8?b?w7Y=?= =?utf-8?b?w7Y=?=":              "öö",
		"=?utf-8?q?=C3?= =?utf-8?q?=B6?=":                "ö",
		"=?utf-8*de?q?a?=":                               "a",
		"=?utf-8?q?a=00=07=0D=0Ab=C2=85?=":               "ab",
		"caf\xe9":                                        "café",
		"x=?utf-8?q?a?=":                                 "x=?utf-8?q?a?=", // placement
		"=?utf-8?q?a?=x":                                 "=?utf-8?q?a?=x",
		"=?utf-8?q?a?==?utf-8?q?b?=":                     "=?utf-8?q?a?==?utf-8?q?b?=",
		"=?utf-8?q?a b?=":                                "=?utf-8?q?a b?=",
		"=?x-never-heard-of?q?a?=":                       "=?x-never-heard-of?q?a?=",
		"=?utf-8?z?a?=":                                  "=?utf-8?z?a?=",
		"=?utf-8?q?a?= x =?utf-8?q?b?= =?utf-8?q?c?= y ": "a x bc y ",
		"=?us-ascii?q?a?=":                               "a",
		"=??q?a?=":                                       "=??q?a?=",
		"=?":                                             "=?",
	} {
		if got := DecodeText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzDecodeText(f *testing.F) {
	f.Add("a =?utf-8?q?J=C3=B6?= =?utf-8?b?w7Y=?= b =?")
	f.Fuzz(func(t *testing.T, s string) {
		if out := DecodeText(s); !utf8.ValidString(out) {
			t.Errorf("%q: %q", s, out)
		}
	})
}
