package ijson

import (
	"strings"
	"testing"
)

// What is wrong is said in words of JSON.
func TestPlainly(t *testing.T) {
	for text, want := range map[string]string{
		`{"other":1}`:        `"/other" is not known here`,
		`{"name":1}`:         `"/name" must be a string`,
		`{"name":null}`:      `"/name": it cannot be null`,
		`{"is":"x"}`:         `"/is" must be true or false`,
		`{"count":"x"}`:      `"/count" must be a whole number that is not negative`,
		`{"ids":{}}`:         `"/ids" must be an array`,
		`{"ids":["a",2]}`:    `"/ids/1" must be a string`,
		`{"more":[]}`:        `"/more" must be an object`,
		`{"more":{"a":"x"}}`: `"/more/a" must be a whole number`,
		`[]`:                 `it must be an object`,
	} {
		var v struct {
			Name  string           `json:"name"`
			Is    *bool            `json:"is"`
			Count *uint64          `json:"count"`
			IDs   []string         `json:"ids"`
			More  map[string]int64 `json:"more"`
		}
		err := Strict([]byte(text), &v)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{`{"count":-1}`, `{"count":1.5}`, `{"count":1e99}`} {
		var v struct {
			Count uint64 `json:"count"`
		}
		if err := Strict([]byte(text), &v); err == nil || strings.Contains(err.Error(), "Go") || !strings.HasPrefix(err.Error(), `"/count"`) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
