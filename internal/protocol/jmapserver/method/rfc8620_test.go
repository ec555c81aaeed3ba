package method_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// example is one of RFC 8620's: a request, what its methods answer, and the response.
type example struct {
	Request  ijson.Value            `json:"request"`
	Answers  map[string]ijson.Value `json:"answers"`
	Follows  map[string]string      `json:"follows"` // methods that call another, which is none of the client's
	Echoes   []string               `json:"echoes"`  // methods that answer with their arguments
	Response ijson.Value            `json:"response"`
	Problem  ijson.Value            `json:"problem"`
}

func TestExamplesOfRFC8620(t *testing.T) {
	files, err := filepath.Glob("testdata/rfc8620/*.json")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var e example
		if err := ijson.Strict(text, &e); err != nil {
			t.Fatal(file, err)
		}
		want := e.Response
		if want == nil {
			want = e.Problem
		}
		if got := e.play(t); !same(t, got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", file, got, want)
		}
	}
}

func (e *example) play(t *testing.T) []byte {
	r := method.NewRegistry()
	r.Capability("urn:ietf:params:jmap:core", struct{}{}, nil)
	r.Capability("urn:ietf:params:jmap:mail", struct{}{}, nil)
	for _, name := range append(slices.Collect(maps.Keys(e.Answers)), e.Echoes...) {
		r.Add(name, method.Method{Capability: "urn:ietf:params:jmap:core", Run: func(_ context.Context, c *method.Call) (any, error) {
			if next := e.Follows[c.Name]; next != "" {
				c.Follow(next, struct{}{})
			}
			if answer, is := e.Answers[c.Name]; is {
				return answer, nil
			}
			return c.Args, nil
		}})
	}
	req, problem := method.ParseRequest(e.Request)
	if problem != nil {
		t.Fatal(problem)
	}
	resp, err := r.Run(t.Context(), &method.User{}, req, method.Options{})
	if errors.As(err, &problem) {
		text, _ := ijson.Marshal(problem)
		return text
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := resp.Bytes("75128aab4b1b")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// Whatever comes, the answer is a problem, or JSON with a response to every call.
func FuzzRequest(f *testing.F) {
	f.Add(`{"using":["urn:example:test"],"methodCalls":[["echo",{"a":[1,{"b":2}]},"0"],["echo",{"#x":{"resultOf":"0","name":"echo","path":"/a/*/b"}},"1"]]}`)
	f.Add(`{"using":["urn:example:test"],"methodCalls":[["resolve",{"id":"#k"},"0"],["create",{},"1"],["follow",{},"2"],["loop",{},"3"],["panic",{},"4"]],"createdIds":{"k":"x"}}`)
	f.Add(`{"using":["urn:example:test"],"methodCalls":[["echo",{"#a":{"resultOf":"0","name":"echo","path":""}},"0"],["echo",{"#a":{"resultOf":"0","name":"error","path":"/type"}},"0"]]}`)
	r := registry()
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 {
			return
		}
		req, problem := method.ParseRequest([]byte(text))
		if problem != nil {
			return
		}
		resp, err := r.Run(t.Context(), &method.User{Account: 1, Scope: method.All}, req, method.Options{
			Account: func(context.Context, *method.User, string) (method.Access, error) {
				return method.Access{Owner: 1, Who: 1}, nil
			}})
		if errors.As(err, &problem) {
			return
		}
		if err != nil || len(resp.Responses) < len(req.Calls) {
			t.Fatalf("%d calls, %d responses, %v", len(req.Calls), len(resp.Responses), err)
		}
		out, err := resp.Bytes("s")
		if err != nil || !ijson.Valid(out) {
			t.Fatalf("the response is %q (%v)", out, err)
		}
	})
}
