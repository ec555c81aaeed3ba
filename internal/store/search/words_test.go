package search

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
)

func TestTerms(t *testing.T) {
	for typed, want := range map[string][]string{
		"":                       nil,
		" , - ":                  nil,
		"Invoice 2026":           {"INVOICE", "2026"},
		"e-mail":                 {"E", "MAIL"},
		`the "Second  Floor"`:    {"THE", "SECOND FLOOR"},
		`open "quote`:            {"OPEN", "QUOTE"},
		"Crème brûlée":           {"CREME", "BRULEE"},
		"東京":                     {"東京"},
		"東京都庁":                   {"東京", "京都", "都庁"},
		"USB充電器":                 {"USB", "充電", "電器"},
		"서울에서":                   {"서울에서"},
		strings.Repeat("a ", 50): slices.Repeat([]string{"A"}, maxTerms),
	} {
		if got := terms(typed); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

// letterOf is a letter with a subject and a text.
func letterOf(subject, body string) *letter {
	return &letter{text: "Subject: " + subject + "\r\nFrom: Ann <ann@example.org>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body + "\r\n"}
}

func TestWords(t *testing.T) {
	m := letterOf("Der Café-Plan", "We met on the second, floor: invoices for the crèmes.\r\n東京都の天気。 1.5 GB")
	for _, tt := range []struct {
		in    Field
		typed string
		want  bool
	}{
		{Anywhere, "invoice", true},
		{Anywhere, "voice", false},
		{Anywhere, "INVOICES we", true},
		{Anywhere, "invoice missing", false},
		{Anywhere, "cafe", true},
		{Anywhere, "CAFÉ plan", true},
		{Anywhere, "creme", true},
		{Anywhere, `"second floor"`, true},
		{Anywhere, `"second flo"`, true},
		{Anywhere, `"sec floor"`, false},
		{Anywhere, `"floor second"`, false},
		{Anywhere, "京都", true},
		{Anywhere, "天気", true},
		{Anywhere, "大阪", false},
		{Anywhere, "", true},
		{Body, "cafe", false},
		{Body, "invoice", true},
		{Subject, "plan", true},
		{Subject, "invoice", false},
		{From, "ann example", true},
		{To, "ann", false},
	} {
		if got, err := Plan(Words{tt.in, tt.typed}, Scope{}).Match(m, Hits{}); got != tt.want || err != nil {
			t.Errorf("%q in %d: %v, %v", tt.typed, tt.in, got, err)
		}
	}
}

// What fits better comes first: the rare word before the common one, the whole before the beginning, the subject before the
// body, the short text before the long one.
func TestRanking(t *testing.T) {
	long := strings.Repeat("and so on with other things ", 200)
	for _, tt := range []struct {
		name, typed   string
		better, worse *letter
	}{
		{"more often", "apple", letterOf("x", "apple apple apple"), letterOf("x", "apple pear pear")},
		{"whole word", "apple", letterOf("x", "apple"), letterOf("x", "apples")},
		{"in the subject", "apple", letterOf("apple", "pear"), letterOf("pear", "apple")},
		{"shorter", "apple", letterOf("x", "apple"), letterOf("x", "apple "+long)},
	} {
		q := Plan(Words{Anywhere, tt.typed}, Scope{})
		r := q.NewRanking()
		others := []*letter{letterOf("x", "pear"), letterOf("y", long), letterOf("z", "plum")}
		for i, m := range append([]*letter{tt.better, tt.worse}, others...) {
			_, hits, err := q.Judge(m, Hits{})
			if err != nil {
				t.Fatal(err)
			}
			r.Add(mail.EmailID(i+1), hits)
			r.Add(mail.EmailID(i+1), hits) // a second time changes nothing
		}
		scores := r.Scores([]mail.EmailID{2, 1, 99})
		if scores[1] != 100 || scores[0] >= 100 || scores[0] < 1 || scores[2] != 1 {
			t.Errorf("%s: %v", tt.name, scores)
		}
	}
	if q := Plan(Text{Value: "x"}, Scope{}); q.Ranked() || q.NewRanking().Scores([]mail.EmailID{1})[0] != 1 {
		t.Error("a query without words ranks")
	}
}
