package header

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                                        "",
		"plain":                                   "plain",
		"raw Jörg":                                "raw Jörg",
		"raw J\xf6rg":                             "raw Jörg",
		"=?utf-8?q?J=C3=B6rg?=":                   "Jörg",
		"=?UTF-8?Q?a_b?=":                         "a b",
		"=?iso-8859-1?q?J=F6rg?= x":               "Jörg x",
		"=?utf-8?b?SsO2cmc=?=":                    "Jörg",
		"=?utf-8?B?SsO2cmc?=":                     "Jörg",
		"=?utf-8?q?a?= =?utf-8?q?b?=":             "ab",
		"=?utf-8?q?a?= \t =?iso-8859-1?q?=F6?=":   "aö",
		"=?utf-8?q?a?==?utf-8?q?b?=":              "ab",
		"=?utf-8?q?a?= b =?utf-8?q?c?=":           "a b c",
		"x =?utf-8?q?a?=":                         "x a",
		"x=?utf-8?q?a?=y":                         "xay",
		"=?utf-8?q?=C3?= =?utf-8?q?=B6?=":         "ö", // a character split between words
		"=?utf-8?b?SsM=?= =?utf-8?b?tnJn?=":       "Jörg",
		"=?utf-8*en?q?a?=":                        "a",
		"\"=?utf-8?q?a?=\"":                       "\"a\"",
		"=?utf-8?q?with space?=":                  "with space",
		"=?utf-8?q?=zz=4?=":                       "=zz=4",
		"=?gb2312?b?1tDOxA==?=":                   "中文",
		"=?gb18030?b?1tDOxA==?=":                  "中文",
		"=?shift_jis?b?k/qWew==?=":                "日本",
		"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=":      "日本",
		"=?koi8-r?q?=CD=C9=D2?=":                  "мир",
		"=?big5?b?pKSk5Q==?=":                     "中文",
		"=?euc-kr?b?x9GxuQ==?=":                   "한국",
		"=?windows-1251?q?=EC=E8=F0?=":            "мир",
		"=?utf-7?q?+AGE-?=":                       "a",
		"=?x-nowhere?q?=F6?=":                     "ö",
		"=?utf-8?q?=ff?=":                         "ÿ",
		"=?us-ascii?q?caf=E9?=":                   "café",
		"=?utf-8?x?a?=":                           "=?utf-8?x?a?=",
		"=??q?a?=":                                "=??q?a?=",
		"=?utf-8?q?never closed":                  "=?utf-8?q?never closed",
		"=?utf-8?q?a=00b=0D=0Ac?=":                "a b  c",
		"=?":                                      "=?",
		"=?a?=?=?=":                               "=?a?=?=?=",
		"=?utf-8?q??=":                            "",
		"=?utf-8?q??= =?utf-8?q?a?=":              "a",
		"=?unfinished =?utf-8?q?a?=":              "=?unfinished a",
		"=?utf-8?q?a?b?=":                         "a?b",
		"=?utf-8?Q?=E2=82=AC?= 5":                 "€ 5",
		"=?utf-8?b?4oKs?= =?utf-8?q?_5?=":         "€ 5",
		"=?utf-8?b?!!4o!Ks?=":                     "€",
		strings.Repeat("=?utf-8?q?a?= ", 3) + "b": "aaa b",
	} {
		if got := DecodeWords(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzDecodeWords(f *testing.F) {
	f.Add("=?utf-8?q?a?= =?iso-2022-jp?b?GyRCRnxLXBsoQg==?= x\xff")
	f.Add("=?utf-16?b?AP8=?= =?utf-7?q?+2D8-?= =?hz-gb-2312?q?~{?=")
	f.Fuzz(func(t *testing.T, s string) {
		out := DecodeWords(s)
		if !utf8.ValidString(out) {
			t.Errorf("%q gives %q", s, out)
		}
		if len(out) > 6*len(s)+16 {
			t.Errorf("%d bytes become %d", len(s), len(out))
		}
	})
}
