package method

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

func TestPatch(t *testing.T) {
	const object = `{"name":"x","list":[{"a":1}],"map":{"p":{"q":1},"r":2},"a/b":1,"~":2}`
	for patch, want := range map[string]string{
		`{}`:                         `{"a/b":1,"list":[{"a":1}],"map":{"p":{"q":1},"r":2},"name":"x","~":2}`,
		`{"name":"y"}`:               `{"a/b":1,"list":[{"a":1}],"map":{"p":{"q":1},"r":2},"name":"y","~":2}`,
		`{"name":null,"no":null}`:    `{"a/b":1,"list":[{"a":1}],"map":{"p":{"q":1},"r":2},"~":2}`,
		`{"map/p/q":null,"map/s":0}`: `{"a/b":1,"list":[{"a":1}],"map":{"p":{},"r":2,"s":0},"name":"x","~":2}`,
		`{"map":{},"a~1b":2,"~0":3}`: `{"a/b":2,"list":[{"a":1}],"map":{},"name":"x","~":3}`,
		`{"list":[]}`:                `{"a/b":1,"list":[],"map":{"p":{"q":1},"r":2},"name":"x","~":2}`,
		`{"list/0":1}`:               "",
		`{"list/0/a":1}`:             "",
		`{"list/-":1}`:               "",
		`{"map/no/x":1}`:             "",
		`{"map/r/x":1}`:              "",
		`{"map":{},"map/p":{}}`:      "",
		`{"map/p":{},"map/p/q":1}`:   "",
		`{"~":1}`:                    "",
		`{"no/x":null}`:              "",
	} {
		var p map[string]ijson.Value
		if err := ijson.Strict([]byte(patch), &p); err != nil {
			t.Fatal(err)
		}
		got, err := Patch(ijson.Value(object), p)
		if string(got) != want || want == "" && (err == nil || err.Type != InvalidPatch) {
			t.Errorf("%s makes %s (%v), want %s", patch, got, err, want)
		}
	}
}

func TestProperties(t *testing.T) {
	known := Known("id", "name", "size")
	type object struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Size int    `json:"size"`
	}
	for _, tt := range []struct {
		asked *[]string
		want  string
	}{
		{nil, `{"id":"1","name":"n","size":3}`},
		{&[]string{}, `{"id":"1"}`},
		{&[]string{"size", "size"}, `{"id":"1","size":3}`},
	} {
		p, err := Select(tt.asked, known)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Of(object{"1", "n", 3}); err != nil || string(got) != tt.want {
			t.Errorf("%v: %s, %v", tt.asked, got, err)
		}
	}
	if _, err := Select(&[]string{"name", "other"}, known); err == nil {
		t.Error("a property that is not there")
	}
}

func TestSetResponse(t *testing.T) {
	text, err := ijson.Marshal(SetResponse{AccountID: "A1", NewState: "2", Destroyed: []string{"M1"}, Updated: map[string]any{"M2": nil},
		NotCreated: map[string]*Error{"k": {Type: AlreadyExists, More: map[string]any{"existingId": "M3"}}}})
	want := `{"accountId":"A1","oldState":null,"newState":"2","created":null,"updated":{"M2":null},"destroyed":["M1"],` +
		`"notCreated":{"k":{"type":"alreadyExists","existingId":"M3"}},"notUpdated":null,"notDestroyed":null}`
	if err != nil || string(text) != want {
		t.Errorf("%s\nwant %s (%v)", text, want, err)
	}
}
