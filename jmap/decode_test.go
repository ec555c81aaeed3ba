package jmap

import "testing"

// TestTakesWhatServersSend: a response that is no I-JSON, or says null where nothing is, is read as far as it can be.
func TestTakesWhatServersSend(t *testing.T) {
	var r response
	text := `{"methodResponses":[["Email/get",{"list":[{"id":"a","id":"b","subject":null,"preview":null,"to":null,"size":7,"new":{"x":[1]},
		"header:X-A:asText":"y","keywords":{"k":true},"bodyValues":{"1":{"value":"` + "\xff" + `"}}}],"notFound":null},"0"]],"sessionState":"s"}`
	if err := unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	var b Batch
	got := Add[GetResponse[Email]](&b, "Email/get", Get{})
	if err := b.take(&r); err != nil || got.Err != nil {
		t.Fatal(err, got.Err)
	}
	e := got.Value.List[0]
	if e.ID != "b" || e.Subject != nil || e.Size != 7 || string(e.Forms["header:X-A:asText"]) != `"y"` || !e.Keywords["k"] || e.BodyValues["1"].Value != "\ufffd" {
		t.Errorf("%+v", e)
	}
	for _, wrong := range []string{`["Email/get",{}]`, `["Email/get",{},"0",1]`, `[1,{},"0"]`, `{}`, `["Email/get",{"list":{}},"0"]`} {
		var b Batch
		got := Add[GetResponse[Email]](&b, "Email/get", Get{})
		var r response
		err := unmarshal([]byte(`{"methodResponses":[`+wrong+`]}`), &r)
		if err == nil {
			err = b.take(&r)
		}
		if err == nil && got.Err == nil {
			t.Errorf("%s is read", wrong)
		}
	}
}
