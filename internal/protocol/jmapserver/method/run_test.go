package method_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
)

const testing1 = "urn:example:test"

// registry has methods that do as they are told.
func registry() *method.Registry {
	r := method.NewRegistry()
	r.Capability(testing1, struct{}{}, nil)
	r.Capability("urn:example:other", struct{}{}, nil)
	add := func(name string, needs method.Scope, run method.Func) {
		r.Add(name, method.Method{Capability: testing1, Needs: needs, Run: run})
	}
	add("echo", method.Read, func(_ context.Context, c *method.Call) (any, error) { return c.Args, nil })
	add("write", method.Write, func(_ context.Context, c *method.Call) (any, error) { return c.Args, nil })
	add("panic", method.Read, func(context.Context, *method.Call) (any, error) { panic("on purpose") })
	add("fail", method.Read, func(context.Context, *method.Call) (any, error) { return nil, errors.New("secret") })
	add("quota", method.Read, func(context.Context, *method.Call) (any, error) {
		return nil, mail.E("a.B", mail.OverQuota, errors.New("it is full"))
	})
	add("large", method.Read, func(context.Context, *method.Call) (any, error) {
		return map[string]string{"x": strings.Repeat("x", method.MaxSizeResponse)}, nil
	})
	add("half", method.Read, func(context.Context, *method.Call) (any, error) {
		return map[string]string{"x": strings.Repeat("x", method.MaxSizeResponse/2)}, nil
	})
	add("create", method.Read, func(_ context.Context, c *method.Call) (any, error) {
		c.Created("k", "ID")
		return struct{}{}, nil
	})
	add("resolve", method.Read, func(_ context.Context, c *method.Call) (any, error) {
		var a struct {
			ID string `json:"id"`
		}
		if err := c.Decode(&a); err != nil {
			return nil, err
		}
		id, ok := c.Resolve(a.ID)
		return map[string]any{"id": id, "ok": ok}, nil
	})
	add("follow", method.Read, func(_ context.Context, c *method.Call) (any, error) {
		c.Follow("echo", map[string]int{"n": 1})
		c.Follow("nothing", struct{}{})
		return struct{}{}, nil
	})
	add("loop", method.Read, func(_ context.Context, c *method.Call) (any, error) {
		c.Follow("loop", struct{}{})
		return struct{}{}, nil
	})
	add("failFollow", method.Read, func(_ context.Context, c *method.Call) (any, error) {
		c.Follow("echo", struct{}{})
		return nil, method.Fail(method.Forbidden, "no")
	})
	add("work", method.Read, func(_ context.Context, c *method.Call) (any, error) { return struct{}{}, c.Work(method.MaxWork / 2) })
	add("account", method.Read, func(ctx context.Context, c *method.Call) (any, error) {
		_, err := c.OwnAccount(ctx, "A1")
		return struct{}{}, err
	})
	return r
}

func run(t *testing.T, calls string) []string {
	t.Helper()
	return runAs(t, method.All, calls, nil)
}

func runAs(t *testing.T, scope method.Scope, calls string, log *bytes.Buffer) (out []string) {
	t.Helper()
	req, problem := method.ParseRequest([]byte(`{"using":["` + testing1 + `"],"methodCalls":[` + calls + `]}`))
	if problem != nil {
		t.Fatal(problem)
	}
	o := method.Options{Account: func(context.Context, *method.User, string) (method.Access, error) {
		return method.Access{Owner: 2, Who: 1}, nil
	}}
	if log != nil {
		o.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	resp, err := registry().Run(t.Context(), &method.User{Account: 1, Scope: scope}, req, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resp.Responses {
		var failed method.Error
		if json.Unmarshal(r.Args, &failed); r.Name == "error" {
			out = append(out, r.ID+" "+string(failed.Type))
		} else {
			out = append(out, r.ID+" "+r.Name+" "+string(r.Args[:min(len(r.Args), 200)]))
		}
	}
	if text, err := resp.Bytes("s"); err != nil || !json.Valid(text) {
		t.Errorf("the response is not JSON: %v", err)
	}
	return out
}

func TestRun(t *testing.T) {
	for name, tt := range map[string]struct{ calls, want string }{
		"in order":             {`["echo",{"n":1},"a"],["echo",{"n":2},"b"],["echo",{},"a"]`, `a echo {"n":1}|b echo {"n":2}|a echo {}`},
		"unknown":              {`["no",{},"a"],["echo",{},"b"]`, `a unknownMethod|b echo {}`},
		"a fault is a call's":  {`["panic",{},"a"],["echo",{},"b"]`, `a serverFail|b echo {}`},
		"other errors":         {`["fail",{},"a"],["quota",{},"b"]`, `a serverFail|b overQuota`},
		"too large":            {`["large",{},"a"],["echo",{},"b"]`, `a requestTooLarge|b echo {}`},
		"created":              {`["resolve",{"id":"#k"},"a"],["create",{},"b"],["resolve",{"id":"#k"},"c"],["resolve",{"id":"x"},"d"]`, `a resolve {"id":"","ok":false}|b create {}|c resolve {"id":"ID","ok":true}|d resolve {"id":"x","ok":true}`},
		"wrong types":          {`["resolve",{"id":1},"a"],["resolve",{"id":null},"b"],["resolve",{"other":1},"c"]`, `a invalidArguments|b invalidArguments|c invalidArguments`},
		"follow":               {`["follow",{},"a"],["echo",{},"b"]`, `a follow {}|a echo {"n":1}|a unknownMethod|b echo {}`},
		"follow without end":   {`["loop",{},"a"]`, `a loop {}|a loop {}|a loop {}|a loop {}|a loop {}`},
		"no follow of failure": {`["failFollow",{},"a"]`, `a forbidden`},
		"much work":            {`["work",{},"a"],["work",{},"b"],["work",{},"c"],["echo",{},"d"]`, `a work {}|b work {}|c requestTooLarge|d echo {}`},
		"another's account":    {`["account",{},"a"]`, `a accountNotSupportedByMethod`},
	} {
		if got := strings.Join(run(t, tt.calls), "|"); got != tt.want {
			t.Errorf("%s: %s\nwant %s", name, got, tt.want)
		}
	}
	half := strings.Repeat(`,["half",{},"x"]`, 4)[1:]
	if got := run(t, half); strings.HasSuffix(got[1], "requestTooLarge") || !strings.HasSuffix(got[3], "requestTooLarge") {
		t.Errorf("a response without bound: %.100q", got)
	}
	if got := runAs(t, method.Read, `["write",{},"a"],["echo",{},"b"]`, nil); got[0] != "a forbidden" || got[1] != "b echo {}" {
		t.Errorf("who may only read: %q", got)
	}
	var log bytes.Buffer
	got := runAs(t, method.All, `["fail",{},"a"],["panic",{},"b"],["quota",{},"c"]`, &log)
	if len(got) != 3 || !strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "on purpose") || strings.Contains(log.String(), "full") {
		t.Errorf("logged is %s", log.String())
	}
}

func TestReferences(t *testing.T) {
	const first = `["echo",{"a":{"b":[1,2]},"list":[{"id":"x"},{"id":"y"}]},"1"],`
	for name, tt := range map[string]struct{ call, want string }{
		"value":             {`["echo",{"#v":{"resultOf":"1","name":"echo","path":"/a/b"},"w":3},"2"]`, `2 echo {"v":[1,2],"w":3}`},
		"all":               {`["echo",{"#v":{"resultOf":"1","name":"echo","path":"/list/*/id"}},"2"]`, `2 echo {"v":["x","y"]}`},
		"first of its id":   {`["echo",{"a":{"b":5}},"1"],["echo",{"#v":{"resultOf":"1","name":"echo","path":"/a/b"}},"2"]`, `1 echo {"a":{"b":5}}|2 echo {"v":[1,2]}`},
		"nothing there":     {`["echo",{"#v":{"resultOf":"1","name":"echo","path":"/c"}},"2"]`, `2 invalidResultReference`},
		"no such call":      {`["echo",{"#v":{"resultOf":"0","name":"echo","path":""}},"2"]`, `2 invalidResultReference`},
		"itself":            {`["echo",{"#v":{"resultOf":"2","name":"echo","path":""}},"2"]`, `2 invalidResultReference`},
		"in a loop":         {`["echo",{"#v":{"resultOf":"3","name":"echo","path":""}},"2"],["echo",{"#v":{"resultOf":"2","name":"echo","path":""}},"3"]`, `2 invalidResultReference|3 invalidResultReference`},
		"other name":        {`["echo",{"#v":{"resultOf":"1","name":"other","path":""}},"2"]`, `2 invalidResultReference`},
		"of an error":       {`["fail",{},"9"],["echo",{"#v":{"resultOf":"9","name":"fail","path":""}},"2"]`, `9 serverFail|2 invalidResultReference`},
		"given twice":       {`["echo",{"v":1,"#v":{"resultOf":"1","name":"echo","path":""}},"2"]`, `2 invalidArguments`},
		"no reference":      {`["echo",{"#v":1},"2"]`, `2 invalidResultReference`},
		"more members":      {`["echo",{"#v":{"resultOf":"1","name":"echo","path":"","x":1}},"2"]`, `2 invalidResultReference`},
		"below the top":     {`["echo",{"v":{"#w":{"resultOf":"1","name":"echo","path":""}}},"2"]`, `2 echo {"v":{"#w":{"resultOf":"1","name":"echo","path":""}}}`},
		"argument of its #": {`["echo",{"##v":{"resultOf":"1","name":"echo","path":"/a/b/0"}},"2"]`, `2 echo {"#v":1}`},
	} {
		got := run(t, first+tt.call)
		if got := strings.Join(got[1:], "|"); got != tt.want {
			t.Errorf("%s: %s\nwant %s", name, got, tt.want)
		}
	}
}

// Calls that name each other's responses twice would double each time.
func TestReferencesDoNotGrowWithoutBound(t *testing.T) {
	var calls strings.Builder
	calls.WriteString(`["echo",{"x":"` + strings.Repeat("x", 1<<20) + `"},"0"]`)
	for i := 1; i < method.MaxCallsInRequest; i++ {
		of := `{"resultOf":"` + string(rune('0'+i-1)) + `","name":"echo","path":""}`
		calls.WriteString(`,["echo",{"#a":` + of + `,"#b":` + of + `},"` + string(rune('0'+i)) + `"]`)
	}
	got := run(t, calls.String())
	if len(got) != method.MaxCallsInRequest || !strings.Contains(got[4], "requestTooLarge") {
		t.Errorf("%d responses, the fifth %.100q", len(got), got[4])
	}
}

func TestParseRequest(t *testing.T) {
	const using = `"using":["u"]`
	for name, tt := range map[string]struct{ text, typ, limit string }{
		"fine":               {`{` + using + `,"methodCalls":[["a",{},"0"]],"createdIds":{"a":"b"},"later":1}`, "", ""},
		"no calls":           {`{` + using + `,"methodCalls":[]}`, "", ""},
		"nothing":            {``, method.NotJSON, ""},
		"cut":                {`{` + using, method.NotJSON, ""},
		"two":                {`{` + using + `,"methodCalls":[]}{}`, method.NotJSON, ""},
		"twice a name":       {`{` + using + `,"methodCalls":[],` + using + `}`, method.NotJSON, ""},
		"twice, deep":        {`{` + using + `,"methodCalls":[["a",{"x":{"y":1,"y":1}},"0"]]}`, method.NotJSON, ""},
		"no UTF-8":           {`{` + using + `,"methodCalls":[["` + "\xff" + `",{},"0"]]}`, method.NotJSON, ""},
		"half a surrogate":   {`{` + using + `,"methodCalls":[["\ud800",{},"0"]]}`, method.NotJSON, ""},
		"wrong, then cut":    {`{"using":1,"methodCalls":[`, method.NotJSON, ""},
		"array":              {`[]`, method.NotRequest, ""},
		"null":               {`null`, method.NotRequest, ""},
		"no using":           {`{"methodCalls":[]}`, method.NotRequest, ""},
		"null using":         {`{"using":null,"methodCalls":[]}`, method.NotRequest, ""},
		"null in using":      {`{"using":[null],"methodCalls":[]}`, method.NotRequest, ""},
		"no methodCalls":     {`{` + using + `}`, method.NotRequest, ""},
		"other case":         {`{"Using":[],"methodCalls":[]}`, method.NotRequest, ""},
		"call of two":        {`{` + using + `,"methodCalls":[["a",{}]]}`, method.NotRequest, ""},
		"call of four":       {`{` + using + `,"methodCalls":[["a",{},"0",1]]}`, method.NotRequest, ""},
		"call an object":     {`{` + using + `,"methodCalls":[{"a":1}]}`, method.NotRequest, ""},
		"call null":          {`{` + using + `,"methodCalls":[null]}`, method.NotRequest, ""},
		"arguments no obj":   {`{` + using + `,"methodCalls":[["a",[],"0"]]}`, method.NotRequest, ""},
		"id a number":        {`{` + using + `,"methodCalls":[["a",{},0]]}`, method.NotRequest, ""},
		"name null":          {`{` + using + `,"methodCalls":[[null,{},"0"]]}`, method.NotRequest, ""},
		"created no id":      {`{` + using + `,"methodCalls":[],"createdIds":{"a":"b c"}}`, method.NotRequest, ""},
		"created a number":   {`{` + using + `,"methodCalls":[],"createdIds":{"a":1}}`, method.NotRequest, ""},
		"too deep":           {`{` + using + `,"methodCalls":[["a",{"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `},"0"]]}`, method.NotRequest, ""},
		"too many calls":     {`{` + using + `,"methodCalls":[` + strings.Repeat(`["a",{},"0"],`, method.MaxCallsInRequest) + `["a",{},"0"]]}`, method.LimitExceeded, "maxCallsInRequest"},
		"too large":          {strings.Repeat(" ", method.MaxSizeRequest+1), method.LimitExceeded, "maxSizeRequest"},
		"as large as can be": {`{` + using + `,"methodCalls":[]}` + strings.Repeat(" ", method.MaxSizeRequest-len(`{`+using+`,"methodCalls":[]}`)), "", ""},
	} {
		_, problem := method.ParseRequest([]byte(tt.text))
		switch {
		case problem == nil && tt.typ != "":
			t.Errorf("%s: it is taken", name)
		case problem != nil && (problem.Type != tt.typ || problem.Limit != tt.limit || problem.Status != 400 || problem.Detail == ""):
			t.Errorf("%s: %+v", name, problem)
		}
	}
}

func TestUsing(t *testing.T) {
	req, _ := method.ParseRequest([]byte(`{"using":["urn:example:other"],"methodCalls":[["echo",{},"0"]],"createdIds":{}}`))
	resp, err := registry().Run(t.Context(), &method.User{}, req, method.Options{})
	if err != nil || resp.Responses[0].Name != "error" {
		t.Errorf("a method of a capability that is not used: %+v, %v", resp, err)
	}
	text, _ := resp.Bytes(`"s"`)
	if !strings.HasSuffix(string(text), `"0"]],"createdIds":{},"sessionState":"\"s\""}`) {
		t.Errorf("the response is %s", text)
	}
	req.Using = []string{testing1, "urn:unknown"}
	var problem *method.Problem
	if _, err := registry().Run(t.Context(), &method.User{}, req, method.Options{}); !errors.As(err, &problem) || problem.Type != method.UnknownCapability {
		t.Errorf("an unknown capability: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req.Using = []string{testing1}
	if _, err := registry().Run(ctx, &method.User{}, req, method.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that has gone: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), -1)
	defer cancel()
	if resp, err = registry().Run(ctx, &method.User{}, req, method.Options{}); err != nil || !strings.Contains(string(resp.Responses[0].Args), `"serverUnavailable"`) {
		t.Errorf("no time is left: %+v, %v", resp, err)
	}
}
