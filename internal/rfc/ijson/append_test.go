package ijson

import "testing"

type five struct{}

func (five) AppendJSON(dst []byte) ([]byte, error) { return append(dst, '5'), nil }

// Append writes what Marshal writes.
func TestAppend(t *testing.T) {
	for _, v := range []any{
		nil, "", "a\"\\\n\x00\u2028</é", true, false, int64(-1 << 53), 7, []string{}, []string(nil), []string{"a", "\""}, map[string]bool{},
		map[string]bool(nil), map[string]bool{"b": true, "a": false, "\"": true}, []any{"x", nil}, struct {
			A *string `json:"a"`
		}{}, Value(`{"a":[1]}`),
	} {
		want, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Append([]byte("before"), v)
		if err != nil || string(got) != "before"+string(want) {
			t.Errorf("%#v: %s, %v, want %s", v, got, err, want)
		}
	}
	if got, err := Append(nil, five{}); err != nil || string(got) != "5" {
		t.Errorf("an Appender: %s, %v", got, err)
	}
	for _, v := range []any{"\xff", []string{"a", "\xff"}, map[string]bool{"\xff": true}, []any{"\xff"}} {
		if got, err := Append(nil, v); err == nil {
			t.Errorf("%q is written as %s", v, got)
		}
	}
}
