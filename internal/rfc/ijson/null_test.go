package ijson

import "testing"

// null is a value of its own: not an empty text, not 0.
func TestNull(t *testing.T) {
	type all struct {
		S  string         `json:"s"`
		N  uint64         `json:"n"`
		I  int            `json:"i"`
		B  bool           `json:"b"`
		P  *string        `json:"p"`
		L  []string       `json:"l"`
		M  map[string]int `json:"m"`
		PB *bool          `json:"pb"`
	}
	for _, text := range []string{`{"s":null}`, `{"n":null}`, `{"i":null}`, `{"b":null}`, `{"l":[null]}`, `{"m":{"a":null}}`} {
		if err := Strict([]byte(text), new(all)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	got := all{L: []string{"x"}}
	if err := Strict([]byte(`{"p":null,"l":null,"m":null,"pb":null,"s":"a","n":1,"i":-1,"b":true}`), &got); err != nil || got.L != nil || got.N != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}
