package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// annotate sets entries to values; "-" removes.
func (r *room) annotate(account, viewer mail.AccountID, id mail.MailboxID, pairs ...string) error {
	var list []Annotation
	for i := 0; i < len(pairs); i += 2 {
		a := Annotation{Entry: pairs[i], Value: []byte(pairs[i+1])}
		if pairs[i+1] == "-" {
			a.Value = nil
		}
		list = append(list, a)
	}
	return r.tx.Write(r.t.Context(), []mail.AccountID{account}, func(t *tx.Tx) error {
		return r.Store.annotate(t, account, viewer, id, list)
	})
}

// annotations are those that a viewer sees, as entry=value.
func (r *room) annotations(account, viewer mail.AccountID, id mail.MailboxID, entries ...string) (found []string) {
	r.t.Helper()
	r.read(func(t *tx.Tx) error {
		found = nil
		return r.Annotations(t, account, viewer, []mail.MailboxID{id}, entries, func(a Annotation) bool {
			found = append(found, a.Entry+"="+string(a.Value))
			return true
		})
	})
	return found
}

func (r *room) mustAnnotate(account, viewer mail.AccountID, id mail.MailboxID, pairs ...string) {
	r.t.Helper()
	r.must(r.annotate(account, viewer, id, pairs...))
}

func TestAnnotations(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		is := func(got []string, want ...string) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
		in, other := r.path(alice, Inbox).ID, r.create(alice, "other").ID
		r.mustAnnotate(alice, alice, in, "/shared/Comment", "ours", "/private/comment", "mine", "/private/empty", "")
		r.mustAnnotate(alice, bob, in, "/private/comment", "bob's")
		r.mustAnnotate(alice, alice, OfServer, "/private/server", "\x00\xff")
		is(r.annotations(alice, alice, in), "/private/comment=mine", "/private/empty=", "/shared/comment=ours")
		is(r.annotations(alice, bob, in), "/private/comment=bob's", "/shared/comment=ours")
		is(r.annotations(alice, alice, in, "/SHARED/comment", "/shared/none"), "/shared/comment=ours")
		is(r.annotations(alice, alice, OfServer), "/private/server=\x00\xff")
		is(r.annotations(bob, bob, OfServer))
		is(r.annotations(alice, alice, other))
		// Set again, removed, removed again, and renamed with the mailbox.
		r.mustAnnotate(alice, alice, in, "/shared/comment", "new", "/private/comment", "-")
		r.mustAnnotate(alice, alice, in, "/private/comment", "-", "/private/never", "-")
		is(r.annotations(alice, alice, in), "/private/empty=", "/shared/comment=new")
		is(r.annotations(alice, bob, in), "/private/comment=bob's", "/shared/comment=new")
		r.mustAnnotate(alice, alice, other, "/shared/comment", "moves")
		r.write(alice, func(t *tx.Tx) error { _, err := r.rename(t, alice, other, "elsewhere"); return err })
		is(r.annotations(alice, alice, r.path(alice, "elsewhere").ID), "/shared/comment=moves")
		r.must(r.Delete(t.Context(), alice, other))
		r.sound(t, alice)
		is(r.annotations(alice, alice, other))
	})
}

// What was set or removed since a number is told to those who see it, until the log is trimmed.
func TestAnnotationsSince(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.clock, r.logRows = time.Now(), 10
		in, other := r.path(alice, Inbox).ID, r.create(alice, "other").ID
		names := map[mail.MailboxID]string{in: "in", other: "other", OfServer: "server"}
		state := func() (at mail.ModSeq) {
			r.read(func(t *tx.Tx) (err error) { at, _, err = t.State(alice); return err })
			return at
		}
		since := func(viewer mail.AccountID, at mail.ModSeq, limit int) string {
			var found []string
			r.read(func(t *tx.Tx) error {
				list, err := r.AnnotationsSince(t, alice, viewer, at, limit)
				found = nil
				for _, a := range list {
					found = append(found, names[a.Mailbox]+a.Entry)
				}
				return err
			})
			return strings.Join(found, " ")
		}
		is := func(got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		r.mustAnnotate(alice, alice, in, "/shared/a", "1", "/private/b", "2")
		r.mustAnnotate(alice, alice, other, "/private/c", "3")
		before := state()
		is(since(alice, 0, 9), "in/private/b in/shared/a other/private/c")
		is(since(bob, 0, 9), "in/shared/a")
		is(since(alice, 0, 2), "in/private/b in/shared/a")
		is(since(alice, before, 9), "")
		lines := r.logged(map[int64]string{int64(in): "INBOX"}, func() { r.mustAnnotate(alice, alice, in, "/shared/a", "-", "/shared/none", "-") })
		is(strings.Join(lines, ", "), "annotation updated INBOX")
		r.mustAnnotate(alice, alice, OfServer, "/private/d", "4")
		is(since(alice, before, 9), "server/private/d in/shared/a")
		is(since(bob, before, 9), "in/shared/a")
		view := r.view(alice, in)
		r.clock = r.clock.Add(LogKept + time.Hour)
		r.fill(alice, in, 20)
		if r.view(alice, in).Len() != view.Len()+20 {
			t.Error("a view does not follow what was changed after an annotation")
		}
		_, err := r.TrimLog(t.Context(), alice)
		r.must(err)
		is(since(alice, 0, 9), "server/private/d in/private/b other/private/c")
		r.sound(t, alice)
	})
}

func TestAnnotationLimits(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox).ID
		r.mustAnnotate(alice, alice, in, "/private/kept", "x")
		many := func(n int) (pairs []string) {
			for i := range n {
				pairs = append(pairs, fmt.Sprintf("/private/n%d", i), "x")
			}
			return pairs
		}
		full := strings.Repeat("x", MaxAnnotation)
		for name, tt := range map[string]struct {
			id    mail.MailboxID
			pairs []string
			kind  mail.Kind
			cause error
		}{
			"value":        {in, []string{"/private/big", strings.Repeat("x", MaxAnnotation+1)}, mail.TooLarge, ErrAnnotationTooLarge},
			"name":         {in, []string{"/private/" + strings.Repeat("x", MaxEntry), "x"}, mail.Limit, nil},
			"neither":      {in, []string{"/public/x", "x"}, mail.Invalid, nil},
			"only a class": {in, []string{"/private", "x"}, mail.Invalid, nil},
			"server":       {OfServer, []string{"/shared/x", "x"}, mail.Denied, nil},
			"too many":     {in, many(MaxAnnotations), mail.Limit, ErrTooManyAnnotations},
			"too much": {in, []string{"/private/1", full, "/private/2", full, "/private/3", full, "/private/4", full, "/private/5", full,
				"/private/6", full, "/private/7", full, "/private/8", full}, mail.Limit, ErrTooManyAnnotations},
			"no mailbox": {in + 1<<20, []string{"/shared/x", "x"}, mail.NotFound, nil},
		} {
			err := r.annotate(alice, alice, tt.id, append([]string{"/private/kept", "y"}, tt.pairs...)...)
			if !mail.Is(err, tt.kind) || tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("%s: %v", name, err)
			}
		}
		r.mustAnnotate(alice, alice, in, many(MaxAnnotations-1)...)
		if got := r.annotations(alice, alice, in, "/private/kept"); !slices.Equal(got, []string{"/private/kept=x"}) {
			t.Errorf("what was refused has left %q", got)
		}
		// A mailbox with many annotations is deleted in several steps.
		doomed := r.create(alice, "doomed").ID
		r.mustAnnotate(alice, alice, doomed, many(MaxAnnotations)...)
		r.mustAnnotate(alice, bob, doomed, "/shared/x", "-")
		r.must(r.Delete(t.Context(), alice, doomed))
		r.sound(t, alice)
	})
}
