package mailboxes_test

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// TestChangesLeadToTheTruth: a client that follows nothing but /changes, in steps as small as it likes, has in the end exactly what is
// there: the owner, and somebody with whom mailboxes are shared.
func TestChangesLeadToTheTruth(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			s := open(t, engine)
			next := mail.AccountID(100)
			left := histories(t, 40, 6)
			rapid.Check(t, func(rt *rapid.T) {
				if left--; left < 0 && !t.Failed() {
					return
				}
				next++
				s.AddAccount(next, fmt.Sprintf("a%d@example.org", next), "secret secret")
				w := &world{s: s, t: rt, owner: next, paths: []string{mailbox.Inbox, "Archive", "Trash", "Sent"}}
				w.grant("Archive", mail.RightLookup|mail.RightRead)
				clients := []*client{newClient(s, rt, next, next), newClient(s, rt, next, doortest.Bob)}
				for range rapid.IntRange(2, 12).Draw(rt, "steps") {
					for range rapid.IntRange(1, 4).Draw(rt, "at a time") {
						w.step(t)
					}
					for _, c := range clients {
						c.sync()
					}
				}
			})
		})
	}
}

// histories bounds the time of the test, unless -rapid.checks asks for a number of histories.
func histories(t *testing.T, sqlite, postgres int) int {
	if asked := flag.Lookup("rapid.checks"); asked.Value.String() != asked.DefValue {
		return math.MaxInt
	}
	if strings.HasSuffix(t.Name(), "postgres") {
		return postgres
	}
	return sqlite
}

// world is an account to which things happen.
type world struct {
	s     *jmapservertest.Server
	t     *rapid.T
	owner mail.AccountID
	paths []string
	made  int
}

func (w *world) grant(path string, rights mail.Rights) {
	id := w.s.Path(w.owner, path).ID
	w.s.Must(w.s.Tx.Write(w.s.T.Context(), []mail.AccountID{doortest.Bob, w.owner}, func(t *tx.Tx) error {
		return w.s.Mailbox.As(w.owner).Grant(t, w.owner, id, mailbox.SetRights, mailbox.Grant{Grantee: doortest.Bob, Rights: rights})
	}))
}

func (w *world) box(name string) mailbox.Mailbox {
	return w.s.Path(w.owner, rapid.SampledFrom(w.paths).Draw(w.t, name))
}

func (w *world) uids(m mailbox.Mailbox) imap.Set {
	first := rapid.Uint32Range(1, uint32(max(1, m.UIDNext))).Draw(w.t, "first")
	return imap.Set{{Start: first, Stop: first + rapid.Uint32Range(0, 3).Draw(w.t, "more")}}
}

func (w *world) step(t *testing.T) {
	ctx, as, own, s := t.Context(), w.s.Mailbox.As(w.owner), w.owner, w.s
	m := w.box("mailbox")
	switch rapid.SampledFrom([]string{"deliver", "deliver", "deliver", "flags", "flags", "flags", "move", "copy", "expunge", "recreate", "rename", "role", "rights"}).Draw(w.t, "step") {
	case "deliver":
		w.made++
		thread := rapid.IntRange(0, 3).Draw(w.t, "thread")
		s.Deliver(own, m.Path, fmt.Sprintf("Message-ID: <%d.%d@x>\r\nReferences: <%d@x>\r\nSubject: %d\r\n\r\n%d", thread, w.made, thread, thread, w.made))
	case "flags":
		flags, _ := mail.ParseFlags([]string{rapid.SampledFrom([]string{`\Seen`, `\Draft`, `\Deleted`, `\Deleted`, "word"}).Draw(w.t, "flag")})
		op := rapid.SampledFrom([]mailbox.FlagOp{mailbox.AddFlags, mailbox.RemoveFlags}).Draw(w.t, "op")
		_, err := as.StoreFlags(ctx, own, m.ID, w.uids(m), mailbox.FlagChange{Op: op, Flags: flags})
		s.Must(err)
	case "move":
		_, err := as.Move(ctx, mailbox.Route{From: own, Source: m.ID, To: own, Target: w.box("to").ID}, w.uids(m))
		s.Must(err)
	case "copy":
		_, err := as.Copy(ctx, mailbox.Route{From: own, Source: m.ID, To: own, Target: w.box("to").ID}, w.uids(m))
		s.Must(err)
	case "expunge":
		_, err := as.Expunge(ctx, own, m.ID, w.uids(m))
		s.Must(err)
	case "recreate":
		if m.Path != mailbox.Inbox {
			s.Must(as.Delete(ctx, own, m.ID))
			s.Write(own, func(t *tx.Tx) error { _, err := s.Mailbox.Create(t, own, m.Path, ""); return err })
		}
	case "rename":
		if m.Path != mailbox.Inbox {
			to := fmt.Sprintf("renamed%d", w.made)
			w.made++
			w.paths[slices.Index(w.paths, m.Path)] = to
			s.Write(own, func(t *tx.Tx) error { _, err := as.Rename(t, own, m.ID, to); return err })
		}
	case "role":
		if m.Path == mailbox.Inbox {
			return
		}
		s.Write(own, func(t *tx.Tx) error {
			if old, err := s.Mailbox.ByRole(t, own, mailbox.RoleTrash); err == nil {
				if err := s.Mailbox.SetRole(t, own, old.ID, ""); err != nil {
					return err
				}
			}
			return s.Mailbox.SetRole(t, own, m.ID, mailbox.RoleTrash)
		})
	case "rights":
		w.grant(m.Path, rapid.SampledFrom([]mail.Rights{0, mail.RightLookup, mail.RightLookup | mail.RightRead}).Draw(w.t, "rights"))
	}
}

// client keeps what it was told.
type client struct {
	s       *jmapservertest.Server
	t       *rapid.T
	account string
	as      mail.AccountID
	types   map[string]*kept
}

type kept struct {
	state   string
	objects map[string]any
}

func newClient(s *jmapservertest.Server, t *rapid.T, owner, as mail.AccountID) *client {
	c := &client{s: s, t: t, account: owner.String(), as: as, types: map[string]*kept{}}
	for _, typ := range []string{"Mailbox", "Email", "Thread"} {
		c.types[typ] = &kept{objects: map[string]any{}}
	}
	return c
}

func (c *client) call(name string, args map[string]any) (string, map[string]any) {
	args["accountId"] = c.account
	return c.s.CallAs(c.as, name, args)
}

// get gets objects by their ids, nil for all.
func (c *client) get(typ string, ids any) (state string, objects map[string]any) {
	args := map[string]any{"ids": ids}
	if typ == "Email" {
		args["properties"] = []string{"id", "threadId", "mailboxIds", "keywords", "receivedAt"}
	}
	name, got := c.call(typ+"/get", args)
	if name == "error" {
		c.t.Fatalf("%s/get: %v", typ, got)
	}
	objects = map[string]any{}
	for _, o := range got["list"].([]any) {
		objects[o.(map[string]any)["id"].(string)] = o
	}
	return got["state"].(string), objects
}

// truth is everything that the user can get now.
func (c *client) truth() map[string]map[string]any {
	if name, got := c.call("Mailbox/get", map[string]any{"ids": []string{}}); name == "error" {
		if got["type"] != "accountNotFound" {
			c.t.Fatalf("%v", got)
		}
		return nil // nothing is shared any more
	}
	out := map[string]map[string]any{}
	_, out["Mailbox"] = c.get("Mailbox", nil)
	_, out["Email"] = c.get("Email", nil)
	threads := map[string]bool{}
	for _, e := range out["Email"] {
		threads[e.(map[string]any)["threadId"].(string)] = true
	}
	_, out["Thread"] = c.get("Thread", slices.Sorted(maps.Keys(threads)))
	return out
}

func (c *client) sync() {
	truth := c.truth()
	if truth == nil {
		return
	}
	for _, typ := range []string{"Mailbox", "Email", "Thread"} {
		c.follow(typ)
		if want := truth[typ]; !reflect.DeepEqual(c.types[typ].objects, want) {
			c.t.Fatalf("account %v sees of %s\n%v\nand follows to\n%v", c.as, typ, want, c.types[typ].objects)
		}
	}
}

// follow brings the objects of a type to the newest state.
func (c *client) follow(typ string) {
	k := c.types[typ]
	for more := k.state != ""; more; {
		args := map[string]any{"sinceState": k.state}
		if most := rapid.IntRange(0, 5).Draw(c.t, "maxChanges"); most > 0 {
			args["maxChanges"] = most
		}
		name, got := c.call(typ+"/changes", args)
		if name == "error" {
			if got["type"] != "cannotCalculateChanges" || c.as == doortest.Ann {
				c.t.Fatalf("%s/changes: %v", typ, got)
			}
			k.state = ""
			break
		}
		created, updated, destroyed := got["created"].([]any), got["updated"].([]any), got["destroyed"].([]any)
		if n := len(created) + len(updated) + len(destroyed); args["maxChanges"] != nil && n > args["maxChanges"].(int) {
			c.t.Fatalf("%s/changes has %d changes instead of %v", typ, n, args["maxChanges"])
		}
		for _, id := range updated {
			if k.objects[id.(string)] == nil {
				c.t.Fatalf("%s %v is updated, and was never created", typ, id)
			}
		}
		for _, id := range destroyed {
			delete(k.objects, id.(string))
		}
		if ids := append(created, updated...); len(ids) > 0 {
			_, objects := c.get(typ, ids)
			maps.Copy(k.objects, objects)
		}
		k.state, more = got["newState"].(string), got["hasMoreChanges"].(bool)
	}
	if k.state == "" {
		c.resync(typ)
	}
}

// resync gets everything anew.
func (c *client) resync(typ string) {
	k := c.types[typ]
	if typ != "Thread" {
		k.state, k.objects = c.get(typ, nil)
		return
	}
	threads := map[string]bool{}
	_, emails := c.get("Email", nil)
	for _, e := range emails {
		threads[e.(map[string]any)["threadId"].(string)] = true
	}
	k.state, k.objects = c.get(typ, slices.Sorted(maps.Keys(threads)))
}
