package load

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/jmap"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// listener holds an account: it is told by push that there are changes, and asks for them.
type listener struct {
	jmapClient
	socket *jmap.Socket
	state  string // "": it knows nothing yet
	emails map[string]history.Email
}

// echoEvery is how often a listener that hears nothing makes sure of its connection.
const echoEvery = time.Second

func (r *Run) listener(a, i int, account Account) {
	if len(r.targets.JMAP) == 0 {
		return
	}
	l := &listener{jmapClient: r.jmapClient("push", a, i, account), emails: map[string]history.Email{}}
	r.follow = append(r.follow, l)
	r.launch(&l.client, l.work)
}

func (l *listener) work(ctx context.Context) {
	defer l.hangUp()
	for l.goesOn() {
		if l.socket == nil && l.begin(ctx) != nil {
			sleep(ctx, backoffMost/5)
			continue
		}
		if err := l.listen(ctx); err != nil {
			l.fails("listening", err)
		} else {
			l.acknowledged()
		}
	}
}

func (l *listener) hangUp() {
	if l.socket != nil {
		l.socket.Close()
		l.socket = nil
	}
}

// fails gives up the connection, whatever the error is.
func (l *listener) fails(doing string, err error) {
	l.failed(doing, err)
	if l.session != nil {
		l.away()
	}
	l.hangUp()
}

// begin connects, asks to be told, and asks for what has changed.
func (l *listener) begin(ctx context.Context) error {
	if err := l.connect(ctx, l.open); err != nil {
		return err
	}
	dialing, cancel := context.WithTimeout(ctx, l.run.plan.Patience)
	defer cancel()
	var err error
	if l.socket, err = l.session.Connect(dialing); err == nil {
		err = l.socket.Listen(dialing, []string{"Email"}, "")
	}
	if err == nil {
		err = l.sync()
	}
	if err != nil {
		l.fails("syncing", err)
		return err
	}
	l.acknowledged()
	l.joins()
	return nil
}

// listen waits for one push, or makes sure that it would come.
func (l *listener) listen(ctx context.Context) error {
	quiet := time.NewTimer(echoEvery)
	defer quiet.Stop()
	select {
	case <-ctx.Done():
		return nil
	case pushed, open := <-l.socket.Pushed():
		if !open {
			return l.socket.Err()
		}
		if pushed.StateChange == nil || pushed.StateChange.Changed[l.id]["Email"] == "" {
			return nil
		}
		return l.sync()
	case <-quiet.C:
		ctx, cancel := context.WithTimeout(context.Background(), l.run.plan.Patience)
		defer cancel()
		var b jmap.Batch
		echo := jmap.Add[struct{}](&b, "Core/echo", struct{}{})
		return errors.Join(l.socket.Do(ctx, &b), echo.Err)
	}
}

// sync asks for the changes since the state.
func (l *listener) sync() error {
	if l.state == "" {
		return l.readAll()
	}
	for {
		floor := l.run.recorder.Floor(l.account.Address, "the state of Email")
		var b jmap.Batch
		changes := jmap.Add[jmap.ChangesResponse](&b, "Email/changes", jmap.Changes{AccountID: l.id, SinceState: l.state, MaxChanges: 200})
		created := jmap.Add[jmap.GetResponse[jmap.Email]](&b, "Email/get", jmap.Get{AccountID: l.id, IDsOf: changes.Ref("/created"), Properties: emailProperties})
		updated := jmap.Add[jmap.GetResponse[jmap.Email]](&b, "Email/get", jmap.Get{AccountID: l.id, IDsOf: changes.Ref("/updated"), Properties: emailProperties})
		if err := l.do(&b); err != nil {
			return err
		}
		var method *jmap.MethodError
		if errors.As(changes.Err, &method) && method.Type == "cannotCalculateChanges" {
			l.run.reason(l.name, "Email/changes", changes.Err)
			l.state = ""
			return l.readAll()
		}
		if err := errors.Join(changes.Err, created.Err, updated.Err); err != nil {
			return err
		}
		l.take(&created.Value)
		l.take(&updated.Value)
		for _, id := range changes.Value.Destroyed {
			delete(l.emails, string(id))
		}
		l.state = changes.Value.NewState
		if !changes.Value.HasMoreChanges {
			if n, ok := stateNumber(l.state); ok {
				l.run.recorder.Grown(l.name, l.account.Address, "the state of Email", floor, n)
			}
			return nil
		}
	}
}

// take puts emails into the state; those that are gone by now go.
func (l *listener) take(got *jmap.GetResponse[jmap.Email]) {
	for _, e := range got.List {
		seen := email(e, l.boxes)
		if _, known := l.emails[string(e.ID)]; !known && seen.Token != "" {
			l.noticed(history.Key{Account: l.account.Address, Message: seen.Token})
		}
		l.emails[string(e.ID)] = seen
	}
	for _, id := range got.NotFound {
		delete(l.emails, string(id))
	}
}

// readAll reads all emails: first the state, so that the changes since tell of what is missed.
func (l *listener) readAll() error {
	var b jmap.Batch
	empty := jmap.Add[jmap.GetResponse[jmap.Email]](&b, "Email/get", jmap.Get{AccountID: l.id, IDs: []jmap.ID{}})
	if err := l.do(&b); err != nil {
		return err
	}
	if empty.Err != nil {
		return empty.Err
	}
	clear(l.emails)
	ctx, cancel := context.WithTimeout(context.Background(), l.run.plan.Patience)
	defer cancel()
	err := allEmails(ctx, l.session, l.id, func(e jmap.Email) { l.emails[string(e.ID)] = email(e, l.boxes) })
	if err != nil {
		return err
	}
	l.state = empty.Value.State
	return l.sync()
}

// page is how many emails are asked for at once.
const page = 250

// allEmails reads every email of an account. Their ids come in one answer as far as the server goes, so that no removal moves one
// from a page that is not read yet to one that was.
func allEmails(ctx context.Context, c *jmap.Client, account jmap.ID, each func(jmap.Email)) error {
	for at := 0; ; {
		var b jmap.Batch
		found := jmap.Add[jmap.QueryResponse](&b, "Email/query", jmap.Query{AccountID: account, Position: at, CalculateTotal: true,
			Sort: []jmap.Sort{{Property: "receivedAt"}}})
		if err := errors.Join(c.Do(ctx, &b), found.Err); err != nil {
			return err
		}
		for ids := range slices.Chunk(found.Value.IDs, page) {
			got, err := jmap.Call[jmap.GetResponse[jmap.Email]](ctx, c, "Email/get", jmap.Get{AccountID: account, IDs: ids, Properties: emailProperties})
			if err != nil {
				return err
			}
			for _, e := range got.List {
				each(e)
			}
		}
		at += len(found.Value.IDs)
		if len(found.Value.IDs) == 0 || found.Value.Total != nil && at >= *found.Value.Total {
			return nil
		}
	}
}

// catchUp asks once more.
func (l *listener) catchUp(ctx context.Context) {
	defer l.quit()
	replica := history.Replica{Client: l.name, Account: l.account.Address}
	err := errors.New("it has no session")
	if l.session != nil {
		err = l.sync()
	}
	if err != nil {
		l.quit()
		err = again(ctx, l.begin)
		l.hangUp()
	}
	if err != nil {
		replica.Failed = err.Error()
	}
	replica.Emails = l.emails
	l.run.recorder.Replica(replica)
}
