package queue

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/directory"
)

func (w *world) operator() Operator {
	return Operator{Tx: w.Tx, Spool: w.spool, Submissions: w.subs}
}

// story is what Trace tells of an id, a recipient a line.
func (w *world) story(id string) string {
	w.t.Helper()
	fates, err := w.operator().Trace(w.t.Context(), id)
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	for _, f := range fates {
		fmt.Fprintf(&out, "%s:", f.Address)
		for _, e := range f.Events {
			fmt.Fprintf(&out, " %s", e.Kind)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// Who has handed it in, an account here or nobody: what is in the spool has its history, also when it has left.
func TestTrace(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		ann := w.Account("ann")
		w.Account("op")
		w.Account("bob")
		w.Group("team", directory.PostMembers, "*op", "ann", "bob", "x@elsewhere.example")
		forwarded := w.add(msg("f1", "carol@example.net", "dave@example.net"))
		w.Must(w.Submit(ann, &mail.Envelope{ID: "s1", ReversePath: mailflowtest.Address("ann")}, strings.NewReader("From: ann@example.org\r\n\r\nall\r\n"), "team"))
		list, err := w.operator().Find(t.Context(), "s1")
		if err != nil || len(list) != 1 {
			t.Fatalf("of the user's mail there is %+v, %v", list, err)
		}
		submitted := list[0].ID
		const waits = "carol@example.net: queued\ndave@example.net: queued\n"
		if got := w.story(forwarded.String()); got != waits {
			t.Errorf("what waits is told as\n%s", got)
		}
		defer w.run()()
		time.Sleep(time.Minute)
		synctest.Wait()
		if left := w.left(); len(left) != 0 {
			t.Fatalf("left are %+v", left)
		}
		const (
			sent  = "carol@example.net: queued attempted relayed\ndave@example.net: queued attempted relayed\n"
			group = "team@example.org: queued attempted delivered\n"
			inner = "x@elsewhere.example: queued attempted relayed\nann@example.org: queued attempted delivered\n" +
				"bob@example.org: queued attempted delivered\nop@example.org: queued attempted delivered\n"
		)
		for id, want := range map[string]string{"f1": sent, forwarded.String(): sent, strings.ToLower(forwarded.String()): sent, submitted.String(): group} {
			if got := w.story(id); got != want {
				t.Errorf("%s is told as\n%swant\n%s", id, got, want)
			}
		}
		if got := w.story("s1"); got != group+inner {
			t.Errorf("the group's mail is told as\n%swant\n%s", got, group+inner)
		}
		if got := w.story("Q1"); !strings.Contains(got, "no mail \"Q1\" was sent from here") {
			t.Errorf("what never was is told as %s", got)
		}
		if subs, _ := w.Submitted(ann); len(subs) != 1 {
			t.Errorf("the user's own are %+v", subs)
		}
		w.check()
	})
}

// What an operator takes out says so, whoever's it was.
func TestTraceOfTheDropped(t *testing.T) {
	onSQLite(t, func(t *testing.T, w *world) {
		id := w.add(msg("f1", "carol@example.net"))
		if _, err := w.operator().Drop(t.Context(), id.String()); err != nil {
			t.Fatal(err)
		}
		if got := w.story(id.String()); got != "carol@example.net: queued failed\n" {
			t.Errorf("it is told as %s", got)
		}
	})
}
