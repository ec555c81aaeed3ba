package ijson

import (
	"strings"
	"testing"
)

func TestRefuses(t *testing.T) {
	type known struct {
		A int            `json:"a"`
		M map[string]any `json:"m"`
	}
	for name, text := range map[string]string{
		"name given twice": `{"a":1,"a":2}`,
		"twice in a map":   `{"m":{"x":1,"x":2}}`,
		"other case":       `{"A":1}`,
		"no UTF-8":         "{\"m\":{\"\xff\":1}}",
		"lone surrogate":   `{"m":{"x":"\ud800"}}`,
		"too large":        `{"a":1e400}`,
		"not whole":        `{"a":1.5}`,
		"more after it":    `{"a":1}{}`,
		"too deep":         `{"m":{"x":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}}`,
	} {
		if err := Strict([]byte(text), new(known)); err == nil {
			t.Errorf("%s: %.60s is taken", name, text)
		}
	}
	deep := `{"m":{"x":` + strings.Repeat("[", MaxDepth-2) + strings.Repeat("]", MaxDepth-2) + `,"y":"[[{\"[["}}`
	if err := Strict([]byte(deep), new(known)); err != nil {
		t.Errorf("as deep as may be: %v", err)
	}
	if err := Unmarshal([]byte(`{"a":1,"b":2}`), new(known)); err != nil {
		t.Errorf("a member without a field: %v", err)
	}
}
