package node_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/jmap"
)

var everyDoorSeed = flag.Uint64("everydoor.seed", 0, "repeat TestEveryDoor with this seed")

// TestEveryDoor changes an account by delivery, IMAP, POP3 and JMAP at once, while clients follow it by /changes and /queryChanges
// alone. No state goes backward, and in the end each client has what the server has.
func TestEveryDoor(t *testing.T) {
	each := func(t *testing.T, database string) {
		cfg := nodetest.Config(t)
		cfg.Database = database
		e := &everyDoor{T: t, node: nodetest.Start(t, cfg, nil), seed: *everyDoorSeed}
		if e.seed == 0 {
			e.seed = uint64(time.Now().UnixNano())
		}
		t.Logf("-everydoor.seed=%d", e.seed)
		e.who = e.node.Accounts[0]
		e.run()
	}
	t.Run("sqlite", func(t *testing.T) { each(t, "") })
	t.Run("postgres", func(t *testing.T) { each(t, dbtest.OwnPostgres(t)) })
}

type everyDoor struct {
	*testing.T
	node *nodetest.Node
	who  node.DemoAccount
	seed uint64
}

const (
	everyDoorSteps  = 40 // of each door
	everyDoorRounds = 3  // after each of which clients are compared with the server
)

func (e *everyDoor) run() {
	doors := []func(*rand.Rand) func(){e.delivery, e.imap, e.imap, e.pop3, e.jmap, e.jmap}
	var followers []*follower
	for i := range 3 {
		followers = append(followers, e.follow(i))
	}
	for round := range everyDoorRounds {
		var work, watch sync.WaitGroup
		over := make(chan struct{})
		for i, door := range doors {
			step := door(rand.New(rand.NewPCG(e.seed, uint64(round*100+i))))
			work.Go(func() {
				for range everyDoorSteps {
					step()
				}
			})
		}
		for _, f := range followers {
			watch.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
						f.catchUp()
					}
				}
			})
		}
		work.Wait()
		close(over)
		watch.Wait()
		for i, f := range followers {
			f.compare(fmt.Sprintf("round %d, client %d", round, i))
		}
		if n := followers[0].seen["Email"].ModSeq; int(n) < (round+1)*everyDoorSteps {
			e.Errorf("after round %d the account is at %d only: who changes it?", round, n)
		}
		if e.Failed() {
			return
		}
	}
}

// delivery brings mail, some of which belongs to threads that there are.
func (e *everyDoor) delivery(r *rand.Rand) func() {
	n := 0
	return func() {
		n++
		id := fmt.Sprintf("%d.%d@sender.example", r.Uint32(), n)
		head := "From: s@sender.example\r\nMessage-ID: <" + id + ">\r\nSubject: " + []string{"one", "two"}[r.IntN(2)] + "\r\n"
		if r.IntN(2) == 0 {
			head += fmt.Sprintf("References: <root%d@sender.example>\r\n", r.IntN(5))
		}
		e.node.Send(e, "lmtp", "s@sender.example", []string{e.who.Address}, head+"\r\nhello\r\n")
	}
}

var everyDoorNames = []string{"INBOX", "a", "b", "a/c", "d"}

// imap is a session of its own; what cannot be done is answered NO.
func (e *everyDoor) imap(r *rand.Rand) func() {
	c := e.node.SignIn(e, e.who.Address, e.who.Password)
	name := func() string { return everyDoorNames[r.IntN(len(everyDoorNames))] }
	seq := func() string { return []string{"1", "2:4", "*", "1:*", "3"}[r.IntN(5)] }
	commands := []func() string{
		func() string { return "SELECT " + name() },
		func() string { return "SELECT " + name() },
		func() string { return "CREATE " + name() },
		func() string { return "RENAME " + name() + " " + name() },
		func() string { return "DELETE " + name() },
		func() string { return "SUBSCRIBE " + name() },
		func() string { return "STORE " + seq() + ` +FLAGS (\Seen)` },
		func() string { return "STORE " + seq() + ` FLAGS ($k \Flagged)` },
		func() string { return "STORE " + seq() + ` -FLAGS (\Seen $k)` },
		func() string { return "STORE " + seq() + ` +FLAGS (\Deleted)` },
		func() string { return "COPY " + seq() + " " + name() },
		func() string { return "MOVE " + []string{"1", "2", "*"}[r.IntN(3)] + " " + name() },
		func() string { return "EXPUNGE" },
		func() string { return "APPEND " + name() + " {14+}\r\nSubject: x\r\n\r\n" },
	}
	return func() { c.Do("%s", commands[r.IntN(len(commands))]()) }
}

func (e *everyDoor) pop3(r *rand.Rand) func() {
	return func() {
		c, answer := e.node.Pop(e, e.who.Address, e.who.Password)
		if strings.HasPrefix(answer, "+OK") {
			c.Do("DELE %d", 1+r.IntN(3))
		}
		c.Do("QUIT")
	}
}

// jmap is a client that changes what it finds.
func (e *everyDoor) jmap(r *rand.Rand) func() {
	c := e.node.JMAP(e, e.who.Address, e.who.Password)
	account := c.Session.Primary(jmap.Mail)
	return func() {
		boxes, err := jmap.Call[jmap.GetResponse[jmap.Mailbox]](e.Context(), c, "Mailbox/get", jmap.Get{AccountID: account})
		e.want(err)
		found, err := jmap.Call[jmap.QueryResponse](e.Context(), c, "Email/query", jmap.Query{AccountID: account})
		e.want(err)
		if len(boxes.List) == 0 || len(found.IDs) == 0 {
			return
		}
		box, email := boxes.List[r.IntN(len(boxes.List))].ID, found.IDs[r.IntN(len(found.IDs))]
		method, set := "Email/set", jmap.Set{AccountID: account}
		switch r.IntN(8) {
		case 0:
			set.Update = map[jmap.ID]jmap.Patch{email: {"keywords/$seen": true, "keywords/$j": nil}}
		case 1:
			set.Update = map[jmap.ID]jmap.Patch{email: {"keywords": map[string]bool{"$j": true}}}
		case 2:
			set.Update = map[jmap.ID]jmap.Patch{email: {"mailboxIds/" + string(box): true}}
		case 3:
			set.Update = map[jmap.ID]jmap.Patch{email: {"mailboxIds": map[jmap.ID]bool{box: true}}}
		case 4:
			set.Destroy = []jmap.ID{email}
		case 5:
			set.Create = map[string]any{"e": map[string]any{"mailboxIds": map[jmap.ID]bool{box: true}, "subject": "one",
				"bodyStructure": map[string]any{"type": "text/plain", "partId": "1"}, "bodyValues": map[string]any{"1": map[string]any{"value": "hi"}}}}
		case 6:
			method, set.Create = "Mailbox/set", map[string]any{"m": map[string]any{"name": everyDoorNames[1+r.IntN(4)], "parentId": nil}}
		case 7:
			method = "Mailbox/set"
			if r.IntN(3) == 0 {
				set.Destroy, set.OnDestroyRemoveEmails = []jmap.ID{box}, true
			} else {
				set.Update = map[jmap.ID]jmap.Patch{box: {"name": fmt.Sprint("n", r.IntN(9)), "sortOrder": r.IntN(9)}}
			}
		}
		_, err = jmap.Call[jmap.SetResponse[map[string]any]](e.Context(), c, method, set)
		e.want(err)
	}
}

// want fails the test for an error that is no method's: those say that somebody else was first.
func (e *everyDoor) want(err error) {
	var m *jmap.MethodError
	if err != nil && (!errors.As(err, &m) || m.Type == "serverFail") {
		e.Error(err)
	}
}

// follower is a client that knows what /changes has told it.
type follower struct {
	*everyDoor
	c       *jmap.Client
	account jmap.ID
	r       *rand.Rand
	state   map[string]string // by type, and of the queries
	seen    map[string]states.State

	mailboxes map[jmap.ID]jmap.Mailbox
	emails    map[jmap.ID]jmap.Email
	threads   map[jmap.ID]jmap.Thread
	list      []jmap.ID // of everything, the newest first
}

func (e *everyDoor) follow(i int) *follower {
	f := &follower{everyDoor: e, c: e.node.JMAP(e, e.who.Address, e.who.Password), r: rand.New(rand.NewPCG(e.seed, uint64(1000+i))),
		state: map[string]string{}, seen: map[string]states.State{}}
	f.account = f.c.Session.Primary(jmap.Mail)
	f.truth()
	return f
}

var (
	emailProperties   = []string{"id", "threadId", "mailboxIds", "keywords", "size"}
	mailboxProperties = []string{"id", "name", "parentId", "role", "sortOrder", "totalEmails", "unreadEmails", "totalThreads", "unreadThreads", "isSubscribed"}
	newestFirst       = []jmap.Sort{{Property: "receivedAt", Ascending: jmap.Some(false)}}
)

// truth reads everything anew.
func (f *follower) truth() {
	f.mailboxes, f.emails, f.threads = map[jmap.ID]jmap.Mailbox{}, map[jmap.ID]jmap.Email{}, map[jmap.ID]jmap.Thread{}
	var b jmap.Batch
	boxes := jmap.Add[jmap.GetResponse[jmap.Mailbox]](&b, "Mailbox/get", jmap.Get{AccountID: f.account, Properties: mailboxProperties})
	none := jmap.Get{AccountID: f.account, IDs: []jmap.ID{}}
	emails := jmap.Add[jmap.GetResponse[jmap.Email]](&b, "Email/get", none)
	threads := jmap.Add[jmap.GetResponse[jmap.Thread]](&b, "Thread/get", none)
	found := jmap.Add[jmap.QueryResponse](&b, "Email/query", jmap.Query{AccountID: f.account, Sort: newestFirst})
	if err := errors.Join(f.c.Do(f.Context(), &b), boxes.Err, emails.Err, threads.Err, found.Err); err != nil {
		f.Fatal(err)
	}
	f.state = map[string]string{"Mailbox": boxes.Value.State, "Email": emails.Value.State, "Thread": threads.Value.State, "query": found.Value.QueryState}
	for _, m := range boxes.Value.List {
		f.mailboxes[m.ID] = m
	}
	f.list = append([]jmap.ID{}, found.Value.IDs...)
	f.getEmails(f.list)
	var ids []jmap.ID
	for _, e := range f.emails {
		if !slices.Contains(ids, e.ThreadID) {
			ids = append(ids, e.ThreadID)
		}
	}
	f.getThreads(ids)
}

func (f *follower) getEmails(ids []jmap.ID) {
	for part := range slices.Chunk(ids, 100) {
		got, err := jmap.Call[jmap.GetResponse[jmap.Email]](f.Context(), f.c, "Email/get", jmap.Get{AccountID: f.account, IDs: part, Properties: emailProperties})
		if err != nil {
			f.Error(err)
		}
		for _, e := range got.List {
			f.emails[e.ID] = e
		}
	}
}

func (f *follower) getThreads(ids []jmap.ID) {
	for part := range slices.Chunk(ids, 100) {
		got, err := jmap.Call[jmap.GetResponse[jmap.Thread]](f.Context(), f.c, "Thread/get", jmap.Get{AccountID: f.account, IDs: part})
		if err != nil {
			f.Error(err)
		}
		for _, th := range got.List {
			f.threads[th.ID] = th
		}
	}
}

func (f *follower) getMailboxes(ids []jmap.ID) {
	got, err := jmap.Call[jmap.GetResponse[jmap.Mailbox]](f.Context(), f.c, "Mailbox/get", jmap.Get{AccountID: f.account, IDs: append([]jmap.ID{}, ids...), Properties: mailboxProperties})
	if err != nil {
		f.Error(err)
	}
	for _, m := range got.List {
		f.mailboxes[m.ID] = m
	}
}

// catchUp asks what has changed, of each type and of the list.
func (f *follower) catchUp() {
	f.changes("Email", 1, f.getEmails, func(id jmap.ID) { delete(f.emails, id) })
	// One message changes the counts of all mailboxes that it is in.
	f.changes("Mailbox", 16, f.getMailboxes, func(id jmap.ID) { delete(f.mailboxes, id) })
	f.changes("Thread", 1, f.getThreads, func(id jmap.ID) { delete(f.threads, id) })
	f.changesOfList()
}

// changes asks for few changes at a time, and now and then for all of them.
func (f *follower) changes(typ string, few int, get func([]jmap.ID), gone func(jmap.ID)) {
	for more := true; more && !f.Failed(); {
		ask := jmap.Changes{AccountID: f.account, SinceState: f.state[typ]}
		if f.r.IntN(2) == 0 {
			ask.MaxChanges = few + f.r.IntN(20)
		}
		got, err := jmap.Call[jmap.ChangesResponse](f.Context(), f.c, typ+"/changes", ask)
		if err != nil {
			f.Errorf("%s/changes since %s: %v", typ, ask.SinceState, err)
			return
		}
		if n := len(got.Created) + len(got.Updated) + len(got.Destroyed); ask.MaxChanges > 0 && n > ask.MaxChanges {
			f.Errorf("%s/changes tells %d changes, no more than %d were asked for", typ, n, ask.MaxChanges)
		}
		f.forward(typ, got.OldState, got.NewState, ask.SinceState)
		for _, id := range got.Destroyed {
			gone(id)
		}
		get(append(got.Created, got.Updated...))
		f.state[typ], more = got.NewState, got.HasMoreChanges
	}
}

// forward checks that a state does not go backward.
func (f *follower) forward(typ, from, to, asked string) {
	a, err1 := states.Parse(from)
	b, err2 := states.Parse(to)
	if err := errors.Join(err1, err2); err != nil || from != asked || b.ModSeq < a.ModSeq || b.ModSeq < f.seen[typ].ModSeq {
		f.Errorf("%s: state %s after %s, %s was asked for, %s was known: %v", typ, to, from, asked, f.seen[typ], err)
	}
	f.seen[typ] = b
}

func (f *follower) changesOfList() {
	got, err := jmap.Call[jmap.QueryChangesResponse](f.Context(), f.c, "Email/queryChanges", jmap.QueryChanges{
		AccountID: f.account, Sort: newestFirst, SinceQueryState: f.state["query"],
	})
	if err != nil {
		f.Errorf("Email/queryChanges: %v", err)
		return
	}
	f.list, f.state["query"] = append([]jmap.ID{}, got.Apply(f.list)...), got.NewQueryState
}

// compare catches up and holds what the client has to what the server has.
func (f *follower) compare(when string) {
	f.catchUp()
	had := *f
	f.truth()
	for typ, both := range map[string][2]any{
		"Mailbox": {had.mailboxes, f.mailboxes}, "Email": {had.emails, f.emails}, "Thread": {had.threads, f.threads}, "list": {had.list, f.list},
	} {
		if !reflect.DeepEqual(both[0], both[1]) {
			client, _ := json.Marshal(both[0])
			server, _ := json.Marshal(both[1])
			f.Errorf("%s: %s differs: the client has\n%s\nthe server\n%s", when, typ, client, server)
		}
	}
	if !maps.Equal(had.state, f.state) {
		f.Errorf("%s: the client is at %v, the server at %v", when, had.state, f.state)
	}
}
