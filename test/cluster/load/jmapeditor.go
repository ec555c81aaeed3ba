package load

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/jmap"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// jmapEditor works on the newest messages of an account over JMAP.
type jmapEditor struct {
	jmapClient
	mails *message.Generator
	left  int // operations until it looks for newer messages
	known []jmapHeld
}

type jmapHeld struct {
	id  jmap.ID
	key history.Key
	in  history.Places
}

func (r *Run) jmapEditor(a, i int, account Account) {
	if len(r.targets.JMAP) == 0 {
		return
	}
	e := &jmapEditor{jmapClient: r.jmapClient("jmap", a, i, account), mails: r.generator()}
	r.launch(&e.client, e.work)
}

func (e *jmapEditor) work(ctx context.Context) {
	defer e.quit()
	for e.goesOn() {
		if e.session == nil && e.connect(ctx, e.open) != nil {
			return
		}
		e.step()
		e.rest()
	}
}

func (e *jmapEditor) step() {
	e.left--
	if e.left <= 0 {
		e.look()
		e.left = 10
		return
	}
	if len(e.known) == 0 {
		e.create()
		return
	}
	m := e.known[e.rand.IntN(len(e.known))]
	if e.run.recorder.Of(m.key) >= longHistory {
		e.left = 0
		return
	}
	switch n := e.rand.IntN(100); {
	case n < 45:
		e.flag(m)
	case n < 70:
		e.read(m)
	case n < 82 && !e.run.removed.has(m.key):
		e.move(m)
	case n < 88:
		e.destroy(m)
	case n < 94:
		e.create()
	default:
		e.importMessage()
	}
}

// look reads the newest messages of a mailbox.
func (e *jmapEditor) look() {
	place := history.Place(1 + e.rand.IntN(3))
	var b jmap.Batch
	found := jmap.Add[jmap.QueryResponse](&b, "Email/query", jmap.Query{AccountID: e.id, Filter: jmap.EmailFilter{InMailbox: e.boxes[place]},
		Sort: []jmap.Sort{{Property: "receivedAt", Ascending: jmap.Some(false)}}, Limit: jmap.Some(newest)})
	got := jmap.Add[jmap.GetResponse[jmap.Email]](&b, "Email/get", jmap.Get{AccountID: e.id, IDsOf: found.Ref("/ids"), Properties: emailProperties})
	call := e.run.recorder.Now()
	if err := e.do(&b); err != nil {
		e.failed("looking", err)
		return
	}
	if err := got.Err; err != nil {
		e.failed("looking", err)
		return
	}
	e.acknowledged()
	e.known = nil
	for _, m := range got.Value.List {
		seen := email(m, e.boxes)
		if k := (history.Key{Account: e.account.Address, Message: seen.Token}); e.run.mine(seen.Token) && e.run.recorder.Of(k) < longHistory {
			e.known = append(e.known, jmapHeld{m.ID, k, seen.In})
			e.add(k, history.Operation{Kind: history.Read, Found: true, Saw: seen.Flags, SawIn: seen.In}, call)
		}
	}
}

func (e *jmapEditor) read(m jmapHeld) {
	var b jmap.Batch
	got := jmap.Add[jmap.GetResponse[jmap.Email]](&b, "Email/get", jmap.Get{AccountID: e.id, IDs: []jmap.ID{m.id}, Properties: emailProperties})
	o := history.Operation{Kind: history.Read}
	call := e.run.recorder.Now()
	err := e.do(&b)
	if err == nil {
		err = got.Err
	}
	if err != nil {
		o.Outcome = e.failed("reading", err)
	} else if len(got.Value.List) == 1 {
		seen := email(got.Value.List[0], e.boxes)
		o.Found, o.Saw, o.SawIn = true, seen.Flags, seen.In
	}
	e.add(m.key, o, call)
}

// change sends an Email/set for one email and takes down what became of it.
func (e *jmapEditor) change(m jmapHeld, o history.Operation, set jmap.Set) {
	set.AccountID = e.id
	var b jmap.Batch
	done := jmap.Add[jmap.SetResponse[jmap.Email]](&b, "Email/set", set)
	call := e.run.recorder.Now()
	err := e.do(&b)
	if err == nil {
		err = done.Err
	}
	if err == nil {
		_, updated := done.Value.Updated[m.id]
		o.Found = updated || len(done.Value.Destroyed) == 1
		for _, why := range []*jmap.SetError{done.Value.NotUpdated[m.id], done.Value.NotDestroyed[m.id]} {
			if why != nil && why.Type != "notFound" {
				err = why
			}
		}
	}
	if err != nil {
		o.Outcome = e.failed(o.Kind.String(), err)
	}
	e.add(m.key, o, call)
}

func (e *jmapEditor) flag(m jmapHeld) {
	o := history.Operation{Kind: history.Patch}
	patch := jmap.Patch{}
	flags := e.some()
	switch e.rand.IntN(4) {
	case 0: // all of them at once
		o.Add, o.Clear = flags, history.AllFlags&^flags
		patch["keywords"] = keywords(flags)
	case 1:
		o.Clear = flags
		for _, k := range flags.JMAP() {
			patch["keywords/"+k] = nil
		}
	default:
		o.Add = flags
		for _, k := range flags.JMAP() {
			patch["keywords/"+k] = true
		}
	}
	e.change(m, o, jmap.Set{Update: map[jmap.ID]jmap.Patch{m.id: patch}})
}

func keywords(f history.Flags) map[string]bool {
	set := map[string]bool{}
	for _, k := range f.JMAP() {
		set[k] = true
	}
	return set
}

func (e *jmapEditor) move(m jmapHeld) {
	o := history.Operation{Kind: history.Patch, From: history.Inbox, To: history.Archive}
	if m.in.Has(history.Archive) {
		o.From, o.To = o.To, o.From
	}
	e.run.moved.first(m.key)
	e.change(m, o, jmap.Set{Update: map[jmap.ID]jmap.Patch{m.id: {
		"mailboxIds/" + string(e.boxes[o.From]): nil, "mailboxIds/" + string(e.boxes[o.To]): true,
	}}})
}

func (e *jmapEditor) destroy(m jmapHeld) {
	e.change(m, history.Operation{Kind: history.Destroy}, jmap.Set{Destroy: []jmap.ID{m.id}})
}

// create writes a message, whose size the server decides.
func (e *jmapEditor) create() {
	k := history.Key{Account: e.account.Address, Message: e.mails.Next(stranger, e.account.Address, "").ID.String()}
	flags := e.some()
	var b jmap.Batch
	done := jmap.Add[jmap.SetResponse[jmap.Email]](&b, "Email/set", jmap.Set{AccountID: e.id, Create: map[string]any{"m": map[string]any{
		"mailboxIds": map[jmap.ID]bool{e.boxes[history.Inbox]: true}, "keywords": keywords(flags), "messageId": []string{k.Message},
		"from": []jmap.Address{{Email: e.account.Address}}, "to": []jmap.Address{{Email: e.account.Address}}, "subject": "a note",
		"textBody":   []any{map[string]any{"partId": "1", "type": "text/plain"}},
		"bodyValues": map[string]any{"1": map[string]any{"value": "Written " + time.Now().Format(time.RFC3339Nano) + ".\n"}},
	}}})
	call := e.run.recorder.Now()
	err := e.do(&b)
	if err == nil {
		err = done.Err
	}
	if err == nil {
		err = done.Value.Err()
	}
	e.delivered(k, flags, err, call)
}

// importMessage hands in the bytes of a message.
func (e *jmapEditor) importMessage() {
	m := e.mails.Next(stranger, e.account.Address, "")
	k := history.Key{Account: e.account.Address, Message: m.ID.String()}
	flags := e.some()
	ctx, cancel := context.WithTimeout(context.Background(), e.run.plan.Patience)
	defer cancel()
	blob, err := e.session.Upload(ctx, e.id, "message/rfc822", bytes.NewReader(m.AppendTo(nil)))
	if err != nil {
		e.failed("uploading", err)
		return
	}
	var b jmap.Batch
	done := jmap.Add[jmap.SetResponse[jmap.Email]](&b, "Email/import", map[string]any{"accountId": e.id, "emails": map[string]any{
		"m": jmap.EmailImport{BlobID: blob.BlobID, MailboxIDs: map[jmap.ID]bool{e.boxes[history.Inbox]: true}, Keywords: keywords(flags)},
	}})
	call := e.run.recorder.Now()
	if err = e.session.Do(ctx, &b); err == nil {
		err = done.Err
	}
	if err == nil {
		err = done.Value.Err()
	}
	e.delivered(k, flags, err, call)
}

func (e *jmapEditor) delivered(k history.Key, flags history.Flags, err error, call time.Duration) {
	o := history.Operation{Kind: history.Deliver, To: history.Inbox, Add: flags}
	if err != nil {
		o.Outcome = e.failed(fmt.Sprint(o.Kind), err)
	}
	e.add(k, o, call)
}
