package casemap

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":           "",
		"Hello 1!":   "HELLO 1!",
		"é":          "E\u0301",
		"e\u0301":    "E\u0301",
		"\u01c4":     "DZ\u030c", // the example of RFC 5051 2
		"\u01c6":     "DZ\u030c",
		"ﬁn":         "FIN",
		"Ａｂ":         "AB",
		"straße":     "STRAßE",
		"ΣΊΣΥΦΟΣ":    "ΣΙ\u0301ΣΥΦΟΣ",
		"σίσυφος":    "ΣΙ\u0301ΣΥΦΟΣ",
		"привет":     "ПРИВЕТ",
		"日本語":        "日本語",
		"ガ":          "カ\u3099",
		"ｶﾞ":         "カ\u3099",
		"각":          "각",
		"a\xffb":     "A\xffB",
		"\xe2\x82":   "\xe2\x82",
		"\U0001d400": "A", // MATHEMATICAL BOLD CAPITAL A
		"\U00010428": "\U00010400",
		"\ufffdx":    "\ufffdX",
	} {
		if got := Fold(in); got != want {
			t.Errorf("%q: %+q, want %+q", in, got, want)
		}
	}
}

// A form is its own form, and case does not matter to it.
func TestEveryCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		got := Fold(string(r))
		if again := Fold(got); again != got {
			t.Fatalf("%U: %+q, and again %+q", r, got, again)
		}
		if title := Fold(string(unicode.ToTitle(r))); title != got {
			t.Fatalf("%U: %+q, its titlecase %+q", r, got, title)
		}
	}
}

// What is contained stays contained, and pieces make the whole.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b"), rapid.String().Draw(t, "c")
		whole := Fold(a + b + c)
		if whole != Fold(a)+Fold(b)+Fold(c) || !strings.Contains(whole, Fold(b)) {
			t.Fatalf("%+q is not %+q, %+q and %+q", whole, Fold(a), Fold(b), Fold(c))
		}
	})
}

func BenchmarkASCII(b *testing.B) { benchmark(b, strings.Repeat("The quick brown fox jumps. ", 150)) }
func BenchmarkRussian(b *testing.B) {
	benchmark(b, strings.Repeat("Съешь же ещё этих мягких булок. ", 80))
}
func BenchmarkChinese(b *testing.B) {
	benchmark(b, strings.Repeat("敏捷的棕色狐狸跳过懒狗。", 110))
}

func benchmark(b *testing.B, text string) {
	src, dst := []byte(text), []byte(nil)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		dst = Append(dst[:0], src)
	}
}
