package jmapserver_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/core"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

const maxUpload = 100_000

// door is a JMAP door on rooms of its own.
type door struct {
	*doortest.Rooms
	server *jmapserver.Server
	log    *doortest.Log
	cookie cookie
	// wait, when it is set, is called by the method Test/wait.
	wait func()
}

func open(t testing.TB) *door {
	t.Helper()
	d := &door{Rooms: doortest.Open(t, dbtest.OnSQLite, nil), log: &doortest.Log{}}
	r := method.NewRegistry()
	core.Register(r, core.Limits{SizeUpload: maxUpload, ConcurrentUpload: jmapserver.MaxConcurrentUpload})
	r.Capability("urn:example:places", places{}, nil)
	r.Capability("urn:example:own", struct{}{}, func(_ context.Context, _ *method.User, a method.Access) any {
		if !a.Own() {
			return nil
		}
		return map[string]int{"n": 1}
	})
	r.Add("Test/wait", method.Method{Capability: core.Capability, Run: func(ctx context.Context, _ *method.Call) (any, error) {
		d.wait()
		return struct{}{}, ctx.Err()
	}})
	var err error
	d.server, err = jmapserver.New(jmapserver.Options{Registry: r, Schemes: []jmapserver.Scheme{jmapserver.Bearer(d.Auth, "https://mail.example.org/resource"), jmapserver.Basic(d.Auth)}, Tx: d.Tx,
		Cookie: &d.cookie, Auth: d.Auth, Blobs: blobs.New(blobs.Options{Tx: d.Tx, Mailbox: d.Mailbox, Bodies: d.Bodies, MaxUpload: maxUpload}), Mailbox: d.Mailbox, Directory: d.Directory, MaxUpload: maxUpload, Log: slog.New(slog.NewTextHandler(d.log, nil))})
	d.Must(err)
	return d
}

// verify signs Ann in.
func (d *door) verify() *auth.SignIn {
	d.T.Helper()
	in, err := d.Auth.Verify(d.T.Context(), auth.Attempt{Login: doortest.AnnAddress, Password: doortest.AnnPassword})
	d.Must(err)
	return &in
}

type places struct{}

func (places) At(base string) any { return map[string]string{"url": base + "/x"} }

// request is one to the door, signed in as Ann unless it says otherwise.
func request(verb, url, body string, fields ...string) *http.Request {
	r := httptest.NewRequest(verb, url, strings.NewReader(body))
	r.SetBasicAuth(doortest.AnnAddress, doortest.AnnPassword)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return r
}

func (d *door) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	d.server.ServeHTTP(w, r)
	return w.Result()
}

// call sends calls to the API.
func (d *door) call(text string) *http.Response {
	return d.do(request("POST", "/jmap/api", text, "Content-Type", "application/json"))
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func object(t testing.TB, r *http.Response) (v map[string]any) {
	t.Helper()
	s := text(t, r)
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return v
}

// wantProblem checks that an answer is a problem (RFC 7807).
func wantProblem(t testing.TB, what string, r *http.Response, status int, typ, limit string) {
	t.Helper()
	v := object(t, r)
	got, _ := v["limit"].(string)
	if r.StatusCode != status || v["type"] != typ || v["status"] != float64(status) || v["detail"] == "" || got != limit ||
		r.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %s, %v", what, r.Status, v)
	}
}
