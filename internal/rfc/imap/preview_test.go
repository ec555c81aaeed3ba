package imap

import (
	"reflect"
	"testing"
)

// Behind PREVIEW stands LAZY, or, where it is the only item, what modifies FETCH.
func TestReadPreview(t *testing.T) {
	one, preview := Set{{Start: 1, Stop: 1}}, FetchItem{Kind: FetchPreview}
	for line, want := range map[string]Fetch{
		"FETCH 1 PREVIEW":                               {Items: []FetchItem{preview}},
		"FETCH 1 preview (lazy)":                        {Items: []FetchItem{preview}},
		"FETCH 1 PREVIEW (LAZY LAZY)":                   {Items: []FetchItem{preview}},
		"FETCH 1 PREVIEW (CHANGEDSINCE 7)":              {Items: []FetchItem{preview}, ChangedSince: 7},
		"FETCH 1 PREVIEW (LAZY) (CHANGEDSINCE 7)":       {Items: []FetchItem{preview}, ChangedSince: 7},
		"FETCH 1 (PREVIEW (LAZY) UID)":                  {Items: []FetchItem{preview, {Kind: FetchUID}}},
		"FETCH 1 (UID PREVIEW (LAZY)) (CHANGEDSINCE 7)": {Items: []FetchItem{{Kind: FetchUID}, preview}, ChangedSince: 7},
	} {
		want.Numbers = Numbers{Set: one}
		if got := read(t, "a "+line+"\r\n", Dialect{}, Selected).Command; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", line, got)
		}
	}
	for _, line := range []string{"FETCH 1 PREVIEW (LAZY", "FETCH 1 PREVIEW (LAZY) LAZY", "FETCH 1 PREVIEW (LAZY FAST)",
		"FETCH 1 PREVIEW (LAZIER)", "FETCH 1 PREVIEW ()(LAZY)", "FETCH 1 (PREVIEW (FAST))", "FETCH 1 PREVIEW[LAZY]", "FETCH 1 (PREVIEW (LAZY)UID)"} {
		if e := refusal(t, newTestReader("a "+line+"\r\n", Config{})); e.Condition != BAD {
			t.Errorf("%s: %+v", line, e)
		}
	}
}
