package ijson

import (
	"strings"
	"testing"
)

func TestAt(t *testing.T) {
	const doc = `{"a":{"b":[1,{"c":"x"},[2,3]]},"":0,"/":1,"~":2,"~1":3,"*":4,"list":[{"ids":["p","q"]},{"ids":[]},{"ids":["r",["s"]]}],"n":null}`
	for pointer, want := range map[string]string{
		"":            doc,
		"/":           "0",
		"/~1":         "1",
		"/~0":         "2",
		"/~01":        "3",
		"/*":          "4",
		"/a/b/0":      "1",
		"/a/b/1/c":    `"x"`,
		"/a/b/*":      `[1,{"c":"x"},2,3]`,
		"/list/*/ids": `["p","q","r",["s"]]`,
		"/n":          "null",
		"/list/1/ids": "[]",

		"/a/b/3":        "",
		"/a/b/01":       "",
		"/a/b/-":        "",
		"/a/b/-1":       "",
		"/a/b/*/c":      "", // 1 has no members
		"/list/*/other": "",
		"/n/x":          "",
		"a":             "",
		"/a/b/~":        "",
		"/a/b/~2":       "",
		"/other":        "",
	} {
		got, err := At(Value(doc), pointer)
		if string(got) != want || (err != nil) != (want == "") {
			t.Errorf("%q finds %s (%v), want %s", pointer, got, err, want)
		}
	}
	if _, err := At(Value(doc), strings.Repeat("/a", 1000)); err == nil {
		t.Error("a long pointer finds something")
	}
}

func FuzzAt(f *testing.F) {
	f.Add(`{"a":[{"b":[1]},{"b":2}]}`, "/a/*/b")
	f.Add(`[[[1]],"~"]`, "/*/0/~01")
	f.Fuzz(func(t *testing.T, doc, pointer string) {
		if len(doc) > 1000 || !Valid([]byte(doc)) {
			return
		}
		v, err := At(Value(doc), pointer)
		if err == nil && (!Valid(v) || len(v) > 2*len(doc)) {
			t.Errorf("%q in %s finds %s", pointer, doc, v)
		}
	})
}
