package header

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFields(t *testing.T) {
	block := "From someone Thu Jan  1 00:00:00 1970\nA: 1\r\n folded\r\n\tmore\r\n: no name\nB :2\nno colon\n continued\nC:\r\nD: bare\rCR\nE: end\r\n\r\nF: body\r\n"
	type field struct{ name, value string }
	var got []field
	for f := range Fields([]byte(block)) {
		if whole := block[f.Offset : f.Offset+f.Length]; !strings.HasPrefix(whole, string(f.Name)) || !strings.HasSuffix(whole, string(f.Raw)) {
			t.Errorf("field %s is not at its place: %q", f.Name, whole)
		}
		got = append(got, field{string(f.Name), f.Value()})
	}
	want := []field{{"A", "1 folded\tmore"}, {"B", "2"}, {"C", ""}, {"D", "bare CR"}, {"E", "end"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	for range Fields([]byte(block)) {
		break // an iteration may be left
	}
}

func TestUnfold(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		" a ":                     "a",
		" a\r\n b\r\n":            "a b",
		" a\n\tb\n":               "a\tb",
		"a\rb":                    "a b",
		"\x00a\x00b\x00":          "ab",
		"\r\n\r\n":                "",
		"a\r\r\n b":               "a  b",
		"\xff\xfe\r\n \xfd":       "\xff\xfe \xfd",
		" =?utf-8?q?a?=\r\n =?b?": "=?utf-8?q?a?= =?b?",
	} {
		if got := Unfold([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestFilter(t *testing.T) {
	long := strings.Repeat("x", 3*filterBuffer)
	block := "A: 1\r\nLong: " + long + "\r\n " + long + "\r\nb: 2\n more\n" + long + ": 3\r\nA : 4\r\n\r\nA: body\r\n"
	for _, test := range []struct {
		names   []string
		exclude bool
		want    string
	}{
		{[]string{"a", "X"}, false, "A: 1\r\nA : 4\r\n\r\n"},
		{[]string{"LONG"}, false, "Long: " + long + "\r\n " + long + "\r\n\r\n"},
		{[]string{"a", "long"}, true, "b: 2\n more\n" + long + ": 3\r\n\r\n"},
		{nil, false, "\r\n"},
		{nil, true, block[:strings.Index(block, "A: body")]},
	} {
		for _, r := range []io.Reader{strings.NewReader(block), iotest.OneByteReader(strings.NewReader(block))} {
			got, err := io.ReadAll(NewFilter(r, test.names, test.exclude))
			if err != nil || string(got) != test.want {
				t.Errorf("%v %v: %.200q %v", test.names, test.exclude, got, err)
			}
		}
	}
	if _, err := io.ReadAll(NewFilter(iotest.ErrReader(io.ErrUnexpectedEOF), nil, false)); err != io.ErrUnexpectedEOF {
		t.Errorf("the source's error is lost: %v", err)
	}
}

// What is not the field that goes comes through as it is, the body too.
func TestWithout(t *testing.T) {
	long := strings.Repeat("x", 3*filterBuffer)
	for in, want := range map[string]string{
		"":             "",
		"no header":    "no header",
		"\r\nR: 1\r\n": "\r\nR: 1\r\n",
		" folded\r\nr: 1\r\nA: 2\r\n\r\nR: body\r\n\x00":                 " folded\r\nA: 2\r\n\r\nR: body\r\n\x00",
		"A: 1\r\nR: 2\r\n more\r\n\tmore\r\nR : 3\r\nb\nRR: 4":           "A: 1\r\nb\nRR: 4",
		"R: " + long + "\r\n " + long + "\r\nA: " + long + "\n\n" + long: "A: " + long + "\n\n" + long,
		"R: 1": "",
	} {
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in))} {
			got, err := io.ReadAll(Without(r, "r"))
			if err != nil || string(got) != want {
				t.Errorf("%.100q: %.200q, %v", in, got, err)
			}
		}
	}
	broken := io.MultiReader(strings.NewReader("A: 1\r\n\r\nbody"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if got, err := io.ReadAll(Without(broken, "r")); err != io.ErrUnexpectedEOF || len(got) != len("A: 1\r\n\r\nbody") {
		t.Errorf("the source's error is lost: %q, %v", got, err)
	}
}

// FuzzFilter holds the streaming filter to the fields found in memory.
func FuzzFilter(f *testing.F) {
	f.Add([]byte("A: 1\r\n x\r\nB: 2\r\n\r\nbody"), "a")
	f.Add([]byte("A\nB: 2\n: x\n y\nB:"), "B")
	f.Fuzz(func(t *testing.T, block []byte, name string) {
		if len(name) == 0 || len(block) > filterBuffer {
			return
		}
		var want []byte
		for field := range Fields(block) {
			if bytes.EqualFold(field.Name, []byte(name)) {
				want = append(want, block[field.Offset:field.Offset+field.Length]...)
			}
		}
		got, _ := io.ReadAll(NewFilter(bytes.NewReader(block), []string{name}, false))
		rest, _ := io.ReadAll(NewFilter(bytes.NewReader(block), []string{name}, true))
		if !bytes.HasPrefix(got, want) || len(got)-len(want) > 2 {
			t.Errorf("%q: %q, want %q", block, got, want)
		}
		without, _ := io.ReadAll(Without(bytes.NewReader(block), name))
		if !bytes.HasPrefix(without, rest) || len(want)+len(without) != len(block) {
			t.Errorf("%q: %q, and without %s %q", block, want, name, without)
		}
		if len(got)+len(rest) > len(block)+2 {
			t.Errorf("%q: %q and %q", block, got, rest)
		}
	})
}
