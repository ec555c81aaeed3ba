package live

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/pushing"
	"github.com/mailmesh/mailmesh/internal/realtime/presence"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// room is a server with the methods, where Ann has written to Bob.
type room struct {
	*jmapservertest.Server
	live *Live
	feed *states.Feed
}

func open(t testing.TB, on doortest.Engine) *room {
	r := &room{}
	r.Server = jmapservertest.Open(t, on, func(registry *method.Registry, rooms *doortest.Rooms) {
		c := contacts.New()
		r.feed = states.NewFeed(states.FeedOptions{Tx: rooms.Tx, Realtime: rooms.Realtime})
		p := presence.New(presence.Options{Bus: inprocess.New(), Follow: Follow(r.feed),
			Society: presence.NewSociety(presence.StoreOptions{Tx: rooms.Tx, Directory: rooms.Directory, Contacts: c, Mailbox: rooms.Mailbox})})
		t.Cleanup(p.Close)
		t.Cleanup(r.feed.Close)
		c.OnRevoked(p.Revoked)
		r.live = New(Options{Tx: rooms.Tx, Contacts: c, Presence: p})
		r.live.Register(registry)
	})
	r.wrote(doortest.Ann, doortest.AnnAddress, contacts.Person{Address: parse(doortest.BobAddress), Name: "Bob"})
	return r
}

func parse(text string) mail.Address {
	a, err := address(text)
	if err != nil {
		panic(err)
	}
	return a
}

func (r *room) wrote(account mail.AccountID, own string, to contacts.Person) {
	r.T.Helper()
	r.Must(r.Tx.Write(context.WithoutCancel(r.T.Context()), []mail.AccountID{account}, func(t *tx.Tx) error {
		return r.live.o.Contacts.Wrote(t, account, parse(own), []contacts.Person{to})
	}))
}

func TestGolden(t *testing.T) {
	for name, on := range map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			jmapservertest.Golden(t, "testdata/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) {
				return open(t, on).Server, map[string]string{"bobContact": contacts.IDOf(parse(doortest.BobAddress)).String()}
			})
		})
	}
}

// listen attaches a client, and returns what it hears.
func (r *room) listen(account mail.AccountID) chan pushing.Object {
	heard := make(chan pushing.Object, 100)
	detach := r.live.Source().Attach(r.User(account), func(o pushing.Object) { heard <- o })
	r.T.Cleanup(detach)
	return heard
}

// Both come, see each other, and one types: what clients are told, word by word.
func TestSignalsArePushed(t *testing.T) {
	r := open(t, dbtest.OnSQLite)
	r.wrote(doortest.Bob, doortest.BobAddress, contacts.Person{Address: parse(doortest.AnnAddress)})
	bob, ann := r.listen(doortest.Bob), r.listen(doortest.Ann)
	annContact, bobContact := contacts.IDOf(parse(doortest.AnnAddress)), contacts.IDOf(parse(doortest.BobAddress))
	seen := fmt.Sprintf(`{"@type":"Signal","accountId":"%v","from":{"contactId":"%v","email":"bob@example.org"},"state":"online","threadId":null,"sentAt":"`, doortest.Ann, bobContact)
	if o := <-ann; !strings.HasPrefix(string(o.JSON), seen) || !o.Until.IsZero() || !strings.HasSuffix(string(o.JSON), `"until":null}`) {
		t.Errorf("ann is told %s, until %v", o.JSON, o.Until)
	}
	if o := <-bob; !strings.Contains(string(o.JSON), `"state":"online"`) {
		t.Errorf("bob is told %s", o.JSON)
	}
	name, _ := r.Call("Signal/send", map[string]any{"accountId": doortest.Ann.String(), "to": []string{"BOB@example.org"}, "state": "composing"})
	o := <-bob
	typing := fmt.Sprintf(`{"@type":"Signal","accountId":"%v","from":{"contactId":"%v","email":"ann@example.org"},"state":"composing","threadId":null,"sentAt":"`, doortest.Bob, annContact)
	if name != "Signal/send" || !strings.HasPrefix(string(o.JSON), typing) || o.Until.Sub(o.At) != presence.MaxAge || time.Since(o.At) > time.Minute {
		t.Errorf("bob is told %s at %v until %v", o.JSON, o.At, o.Until)
	}
}

// Who may only read sends no signals and changes nothing.
func TestScope(t *testing.T) {
	r := open(t, dbtest.OnSQLite)
	u := r.User(doortest.Ann)
	u.Scope = method.Read
	for _, name := range []string{"Signal/send", "Contact/set", "LiveSettings/set"} {
		resp := r.Do(u, &method.Request{Using: r.All(), Calls: []method.Invocation{{Name: name, Args: []byte(`{"accountId":"` + doortest.Ann.String() + `"}`), ID: "0"}}})
		if got := string(resp.Responses[0].Args); !strings.Contains(got, `"forbidden"`) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// The rate is refused in the words of RFC 8620.
func TestRate(t *testing.T) {
	r := open(t, dbtest.OnSQLite)
	to := make([]string, presence.MaxRecipients)
	for i := range to {
		to[i] = fmt.Sprintf("u%d@example.org", i)
	}
	var last map[string]any
	for range presence.Burst/presence.MaxRecipients + 1 {
		_, last = r.Call("Signal/send", map[string]any{"accountId": doortest.Ann.String(), "to": to, "state": "paused"})
	}
	if last["type"] != "rateLimit" {
		t.Errorf("answered %v", last)
	}
}

// Who has more contacts than a call gets is told so, and not given a part.
func TestGetOfTooMany(t *testing.T) {
	r := open(t, dbtest.OnSQLite)
	create := map[string]any{}
	for i := range method.MaxObjectsInGet - 1 { // and Bob
		create[fmt.Sprint("c", i)] = map[string]any{"email": fmt.Sprintf("u%d@example.net", i)}
	}
	r.Call("Contact/set", map[string]any{"accountId": doortest.Ann.String(), "create": create})
	get := map[string]any{"accountId": doortest.Ann.String(), "ids": nil}
	if _, got := r.Call("Contact/get", get); len(got["list"].([]any)) != method.MaxObjectsInGet {
		t.Errorf("answered %v", got)
	}
	r.wrote(doortest.Ann, doortest.AnnAddress, contacts.Person{Address: parse("one.more@example.net")})
	if _, got := r.Call("Contact/get", get); got["type"] != "requestTooLarge" {
		t.Errorf("answered %v", got["type"])
	}
}

// What a call makes can be destroyed by it, and is told by its id.
func TestMadeAndDestroyed(t *testing.T) {
	r := open(t, dbtest.OnSQLite)
	_, got := r.Call("Contact/set", fmt.Sprintf(`{"accountId":%q,"create":{"k":{"email":"k@example.net"}},"update":{"#k":{"name":"Kay"}},"destroy":["#k"]}`, doortest.Ann))
	made, _ := got["created"].(map[string]any)["k"].(map[string]any)
	refused, _ := got["notUpdated"].(map[string]any)["#k"].(map[string]any)
	if fmt.Sprint(got["destroyed"]) != fmt.Sprint([]any{made["id"]}) || refused["type"] != "willDestroy" {
		t.Errorf("%v", got)
	}
}
