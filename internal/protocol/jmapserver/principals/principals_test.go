package principals

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const carl = mail.AccountID(12)

type world struct {
	*jmapservertest.Server
	p *Principals
}

func newWorld(t *testing.T) *world {
	w := &world{}
	w.Server = jmapservertest.Open(t, dbtest.OnSQLite, func(r *method.Registry, rooms *doortest.Rooms) {
		w.p = New(Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Directory: rooms.Directory, Secret: make([]byte, 32), Accounts: func(_ context.Context, u *method.User) (map[string]any, error) {
			return map[string]any{u.Account.String(): map[string]any{"name": u.Login}, doortest.Ann.String(): map[string]any{"name": "ann's"}}, nil
		}})
		w.p.Register(r)
	})
	w.AddAccount(carl, "carl@example.org", "another password")
	return w
}

// share gives Bob rights to a mailbox of Ann's.
func (w *world) share(rights mail.Rights) {
	w.T.Helper()
	box := w.Path(doortest.Ann, "Archive").ID
	w.Must(w.Tx.Write(w.T.Context(), []mail.AccountID{doortest.Ann, doortest.Bob}, func(t *tx.Tx) error {
		return w.Mailbox.As(doortest.Ann).Grant(t, doortest.Ann, box, mailbox.SetRights, mailbox.Grant{Grantee: doortest.Bob, Rights: rights})
	}))
}

// call is one by an account, in its own account; args are more than accountId.
func (w *world) call(who mail.AccountID, name string, args map[string]any) map[string]any {
	w.T.Helper()
	all := map[string]any{"accountId": who.String()}
	for k, v := range args {
		all[k] = v
	}
	got, r := w.CallAs(who, name, all)
	if got == "error" {
		return map[string]any{"error": r["type"]}
	}
	return r
}

func names(list any) (out []string) {
	for _, v := range list.([]any) {
		out = append(out, v.(map[string]any)["name"].(string))
	}
	return out
}

// One sees oneself and those with whom one shares, and nobody else.
func TestGet(t *testing.T) {
	w := newWorld(t)
	if got := names(w.call(doortest.Bob, "Principal/get", map[string]any{"ids": nil})["list"]); !slices.Equal(got, []string{"bob@example.org"}) {
		t.Errorf("alone: %v", got)
	}
	w.share(mail.RightLookup | mail.RightRead)
	for who, want := range map[mail.AccountID][]string{doortest.Ann: {"ann@example.org", "bob@example.org"}, doortest.Bob: {"ann@example.org", "bob@example.org"}, carl: {"carl@example.org"}} {
		if got := names(w.call(who, "Principal/get", map[string]any{"ids": nil})["list"]); !slices.Equal(got, want) {
			t.Errorf("%v sees %v", who, got)
		}
	}
	guessed := New(Options{Secret: []byte("a secret that was guessed, 32 by")})
	r := w.call(doortest.Bob, "Principal/get", map[string]any{"ids": []string{w.p.id(doortest.Ann), w.p.id(77), guessed.id(doortest.Ann), "P", "", "x", w.p.id(doortest.Ann) + "A", strings.ToLower(w.p.id(doortest.Bob)), doortest.Ann.String()}})
	list := r["list"].([]any)
	if len(list) != 1 || len(r["notFound"].([]any)) != 8 {
		t.Fatalf("%v", r)
	}
	text, _ := json.Marshal(list[0])
	if want := fmt.Sprintf(`{"accounts":{"Aa":{"name":"ann's"}},"capabilities":{},"description":null,"email":"ann@example.org","id":"%s","name":"ann@example.org","timeZone":null,"type":"individual"}`, w.p.id(doortest.Ann)); strings.ReplaceAll(string(text), doortest.Ann.String(), "Aa") != want {
		t.Errorf("Ann is %s, want %s", text, want)
	}
	if one := w.call(doortest.Bob, "Principal/get", map[string]any{"ids": nil, "properties": []string{"type"}})["list"].([]any)[0].(map[string]any); len(one) != 2 {
		t.Errorf("with properties: %v", one)
	}
	for what, args := range map[string]map[string]any{"a property": {"properties": []string{"password"}}, "ids": {"ids": 7}, "more": {"x": 1}} {
		if r := w.call(doortest.Bob, "Principal/get", args); r["error"] != string(method.InvalidArguments) {
			t.Errorf("%s: %v", what, r)
		}
	}
	if name, r := w.CallAs(doortest.Bob, "Principal/get", map[string]any{"accountId": doortest.Ann.String(), "ids": nil}); name != "error" || r["type"] != string(method.AccountNotSupportedByMethod) {
		t.Errorf("in another's account: %v", r)
	}
}

// Somebody else is found by the whole address alone.
func TestQuery(t *testing.T) {
	w := newWorld(t)
	w.share(mail.RightLookup | mail.RightRead)
	id := w.p.id
	condition := func(name string, value any) map[string]any { return map[string]any{name: value} }
	for _, c := range []struct {
		filter any
		want   []string
	}{
		{nil, []string{id(doortest.Ann), id(doortest.Bob)}},
		{condition("email", "carl@example.org"), []string{id(carl)}},
		{condition("text", "CARL@example.org"), []string{id(carl)}},
		{condition("email", "carl"), nil}, {condition("email", "@example.org"), []string{id(doortest.Ann), id(doortest.Bob)}}, {condition("name", "carl@example.org"), nil},
		{condition("text", ""), []string{id(doortest.Ann), id(doortest.Bob)}}, {condition("name", "BOB"), []string{id(doortest.Bob)}}, {condition("type", "individual"), []string{id(doortest.Ann), id(doortest.Bob)}},
		{condition("type", "group"), nil}, {condition("timeZone", "Europe/Berlin"), nil}, {condition("accountIds", []string{doortest.Ann.String()}), []string{id(doortest.Ann)}},
		{map[string]any{"operator": "OR", "conditions": []any{condition("email", "carl@example.org"), condition("email", "nobody@example.org"), condition("name", "bob")}}, []string{id(doortest.Bob), id(carl)}},
		{map[string]any{"operator": "NOT", "conditions": []any{condition("email", "carl@example.org")}}, []string{id(doortest.Ann), id(doortest.Bob)}},
	} {
		r := w.call(doortest.Bob, "Principal/query", map[string]any{"filter": c.filter})
		if r["error"] != nil || fmt.Sprint(r["ids"]) != fmt.Sprint(c.want) {
			t.Errorf("%v: %v, want %v", c.filter, r, c.want)
		}
	}
	down := w.call(doortest.Bob, "Principal/query", map[string]any{"sort": []any{map[string]any{"property": "email", "isAscending": false}}, "limit": 1, "calculateTotal": true})
	if fmt.Sprint(down["ids"]) != fmt.Sprint([]string{id(doortest.Bob)}) || down["total"] != 2.0 || down["canCalculateChanges"] != false {
		t.Errorf("%v", down)
	}
	many := []any{}
	for i := range maxLookups + 1 {
		many = append(many, condition("email", fmt.Sprintf("u%d@example.org", i)))
	}
	for what, c := range map[string]struct {
		args map[string]any
		want method.ErrorType
	}{
		"unknown": {map[string]any{"filter": condition("x", 1)}, method.UnsupportedFilter}, "a type": {map[string]any{"filter": condition("email", 1)}, method.InvalidArguments},
		"lookups": {map[string]any{"filter": map[string]any{"operator": "OR", "conditions": many}}, method.UnsupportedFilter},
		"a sort":  {map[string]any{"sort": []any{map[string]any{"property": "x"}}}, method.UnsupportedSort}, "an anchor": {map[string]any{"anchor": "x"}, method.AnchorNotFound},
	} {
		if r := w.call(doortest.Bob, "Principal/query", c.args); r["error"] != string(c.want) {
			t.Errorf("%s: %v", what, r)
		}
	}
}

func TestChangesAndSet(t *testing.T) {
	w := newWorld(t)
	before := w.call(doortest.Bob, "Principal/get", map[string]any{"ids": nil})["state"]
	if r := w.call(doortest.Bob, "Principal/changes", map[string]any{"sinceState": before}); r["newState"] != before || r["hasMoreChanges"] != false {
		t.Errorf("nothing has changed: %v", r)
	}
	w.share(mail.RightLookup)
	if r := w.call(doortest.Bob, "Principal/changes", map[string]any{"sinceState": before}); r["error"] != string(method.CannotCalculateChanges) {
		t.Errorf("something has: %v", r)
	}
	for _, name := range []string{"Principal/queryChanges", "ShareNotification/queryChanges"} {
		if r := w.call(doortest.Bob, name, map[string]any{"sinceQueryState": "x"}); r["error"] != string(method.CannotCalculateChanges) {
			t.Errorf("%s: %v", name, r)
		}
	}
	id := w.p.id(doortest.Bob)
	r := w.call(doortest.Bob, "Principal/set", map[string]any{"create": map[string]any{"c": map[string]any{}}, "update": map[string]any{id: map[string]any{"name": "x"}}, "destroy": []string{id}})
	for _, member := range []string{"notCreated", "notUpdated", "notDestroyed"} {
		for _, e := range r[member].(map[string]any) {
			if e.(map[string]any)["type"] != string(method.Forbidden) {
				t.Errorf("%s: %v", member, e)
			}
		}
		if len(r[member].(map[string]any)) != 1 {
			t.Errorf("%s: %v", member, r)
		}
	}
	if r := w.call(doortest.Bob, "Principal/set", map[string]any{"ifInState": "x"}); r["error"] != string(method.StateMismatch) {
		t.Errorf("%v", r)
	}
}

// What has been shared, and no longer is, is told to whom it was shared with.
func TestShareNotifications(t *testing.T) {
	w := newWorld(t)
	began := w.call(doortest.Bob, "ShareNotification/get", map[string]any{"ids": nil})
	w.share(mail.RightLookup | mail.RightRead)
	w.share(0)
	r := w.call(doortest.Bob, "ShareNotification/get", map[string]any{"ids": nil})
	list := r["list"].([]any)
	if len(list) != 2 || r["state"] == began["state"] || len(w.call(doortest.Ann, "ShareNotification/get", map[string]any{"ids": nil})["list"].([]any)) != 0 {
		t.Fatalf("%v", r)
	}
	first, last := list[0].(map[string]any), list[1].(map[string]any)
	by := first["changedBy"].(map[string]any)
	if first["oldRights"] != nil || first["newRights"].(map[string]any)["mayReadItems"] != true || first["newRights"].(map[string]any)["maySetSeen"] != false || last["newRights"] != nil ||
		first["objectType"] != "Mailbox" || first["objectAccountId"] != doortest.Ann.String() || first["objectId"] != w.Path(doortest.Ann, "Archive").ID.String() || first["name"] != "Archive" ||
		by["email"] != "ann@example.org" || by["principalId"] != w.p.id(doortest.Ann) || !strings.HasSuffix(first["created"].(string), "Z") {
		t.Errorf("%v", first)
	}
	changes := w.call(doortest.Bob, "ShareNotification/changes", map[string]any{"sinceState": began["state"]})
	if fmt.Sprint(changes["created"]) != fmt.Sprint([]any{first["id"], last["id"]}) || changes["newState"] != r["state"] {
		t.Errorf("%v", changes)
	}
	for _, c := range []struct {
		args map[string]any
		want int
	}{
		{nil, 2}, {map[string]any{"filter": map[string]any{"objectType": "Mailbox", "objectAccountId": doortest.Ann.String()}}, 2}, {map[string]any{"filter": map[string]any{"objectType": "Calendar"}}, 0},
		{map[string]any{"filter": map[string]any{"after": "2020-01-01T00:00:00Z"}}, 2}, {map[string]any{"filter": map[string]any{"before": "2020-01-01T00:00:00Z"}}, 0}, {map[string]any{"limit": 1}, 1},
	} {
		if got := w.call(doortest.Bob, "ShareNotification/query", c.args); got["error"] != nil || len(got["ids"].([]any)) != c.want || got["queryState"] != r["state"] {
			t.Errorf("%v: %v", c.args, got)
		}
	}
	down := w.call(doortest.Bob, "ShareNotification/query", map[string]any{"sort": []any{map[string]any{"property": "created", "isAscending": false}}})
	if fmt.Sprint(down["ids"]) != fmt.Sprint([]any{last["id"], first["id"]}) {
		t.Errorf("downwards: %v", down)
	}
	for what, args := range map[string]map[string]any{"a date": {"filter": map[string]any{"after": "yesterday"}}, "a type": {"filter": map[string]any{"objectType": 1}}, "no filter": {"filter": 1}} {
		if got := w.call(doortest.Bob, "ShareNotification/query", args); got["error"] != string(method.InvalidArguments) {
			t.Errorf("%s: %v", what, got)
		}
	}
	if got := w.call(doortest.Ann, "ShareNotification/set", map[string]any{"destroy": []any{first["id"]}}); got["error"] != nil || got["destroyed"] != nil {
		t.Errorf("somebody else's was destroyed: %v", got)
	}
	set := w.call(doortest.Bob, "ShareNotification/set", map[string]any{"destroy": []any{first["id"], "N0x", "x", first["id"]}, "create": map[string]any{"c": map[string]any{}}, "update": map[string]any{first["id"].(string): map[string]any{}}})
	if fmt.Sprint(set["destroyed"]) != fmt.Sprint([]any{first["id"]}) || len(set["notDestroyed"].(map[string]any)) != 2 || len(set["notCreated"].(map[string]any)) != 1 || len(set["notUpdated"].(map[string]any)) != 1 ||
		set["oldState"] != r["state"] || set["newState"] == r["state"] {
		t.Errorf("%v", set)
	}
	after := w.call(doortest.Bob, "ShareNotification/get", map[string]any{"ids": []any{first["id"], last["id"]}})
	if len(after["list"].([]any)) != 1 || fmt.Sprint(after["notFound"]) != fmt.Sprint([]any{first["id"]}) || after["state"] != set["newState"] {
		t.Errorf("%v", after)
	}
	if gone := w.call(doortest.Bob, "ShareNotification/changes", map[string]any{"sinceState": r["state"]}); fmt.Sprint(gone["destroyed"]) != fmt.Sprint([]any{first["id"]}) {
		t.Errorf("%v", gone)
	}
	if r := w.call(doortest.Bob, "ShareNotification/set", map[string]any{"ifInState": "x"}); r["error"] != string(method.StateMismatch) {
		t.Errorf("%v", r)
	}
}
