package pop3server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// world is what a maildrop should be, with the sessions that look at it.
type world struct {
	t        *rapid.T
	f        *serving
	inbox    mail.MailboxID
	archive  mail.MailboxID
	next     int
	here     map[mail.UID]string // in INBOX
	gone     map[mail.UID]bool   // removed, not moved
	sessions []*watcher
}

// watcher is a session and what it should see.
type watcher struct {
	c      *client
	uids   []mail.UID
	text   []string
	marked map[int]bool
}

// Several sessions, mail that comes, IMAP that removes and moves: each session sees what it saw at first, reads each
// message or hears that it is gone, and its QUIT removes just what it has marked.
func TestSessionsModel(t *testing.T) {
	f := serve(t)
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, f: f, inbox: f.Path(ann, mailbox.Inbox).ID, archive: f.Path(ann, "Archive").ID, here: map[mail.UID]string{}, gone: map[mail.UID]bool{}}
		w.clear()
		w.deliver()
		for range rapid.IntRange(5, 25).Draw(t, "steps") {
			w.step()
			w.check()
		}
		for len(w.sessions) > 0 {
			w.end(len(w.sessions) - 1)
		}
		w.check()
	})
}

func (w *world) clear() {
	view, err := w.f.Mailbox.View(w.f.T.Context(), ann, w.inbox)
	w.f.Must(err)
	if view.Len() > 0 {
		_, err = w.f.Mailbox.Remove(w.f.T.Context(), ann, w.inbox, imap.Set{{Start: 1, Stop: uint32(view.At(view.Len()).UID)}})
		w.f.Must(err)
	}
}

func (w *world) deliver() {
	var contents []string
	for range rapid.IntRange(1, 4).Draw(w.t, "messages") {
		w.next++
		contents = append(contents, sample(w.next))
	}
	for i, uid := range w.f.Deliver(ann, mailbox.Inbox, contents...) {
		w.here[uid] = contents[i]
	}
}

func (w *world) step() {
	actions := []string{"deliver", "sign in", "remove", "move"}
	if len(w.sessions) > 0 {
		actions = append(actions, "read", "read", "mark", "mark", "reset", "end", "cut")
	}
	action := rapid.SampledFrom(actions).Draw(w.t, "action")
	switch action {
	case "deliver":
		w.deliver()
		return
	case "sign in":
		w.signIn()
		return
	case "remove", "move":
		w.takeAway(action == "move")
		return
	}
	i := rapid.IntRange(0, len(w.sessions)-1).Draw(w.t, "session")
	s := w.sessions[i]
	switch {
	case action == "end":
		w.end(i)
	case action == "cut":
		s.c.conn.Close()
		w.sessions = slices.Delete(w.sessions, i, i+1)
	case action == "reset":
		s.c.ok("RSET")
		clear(s.marked)
	case len(s.uids) > 0:
		n := rapid.IntRange(1, len(s.uids)).Draw(w.t, "n")
		if action == "read" {
			w.read(s, n)
		} else if answer := s.c.do(fmt.Sprintf("DELE %d", n)); strings.HasPrefix(answer, "+OK") == s.marked[n] {
			w.t.Fatalf("DELE %d: %s", n, answer)
		} else {
			s.marked[n] = true
		}
	}
}

func (w *world) signIn() {
	if len(w.sessions) == 3 {
		return
	}
	s := &watcher{c: w.f.login(), marked: map[int]bool{}}
	for _, uid := range slices.Sorted(maps.Keys(w.here)) {
		s.uids, s.text = append(s.uids, uid), append(s.text, w.here[uid])
	}
	w.sessions = append(w.sessions, s)
}

// takeAway is what IMAP does.
func (w *world) takeAway(move bool) {
	if len(w.here) == 0 {
		return
	}
	uid := rapid.SampledFrom(slices.Sorted(maps.Keys(w.here))).Draw(w.t, "uid")
	var err error
	if move {
		_, err = w.f.Mailbox.As(ann).Move(w.f.T.Context(), mailbox.Route{From: ann, Source: w.inbox, To: ann, Target: w.archive}, imap.SetOf(uint32(uid)))
	} else {
		_, err = w.f.Mailbox.Remove(w.f.T.Context(), ann, w.inbox, imap.SetOf(uint32(uid)))
	}
	w.f.Must(err)
	delete(w.here, uid)
	w.gone[uid] = !move
}

func (w *world) read(s *watcher, n int) {
	command := fmt.Sprintf("RETR %d", n)
	switch {
	case s.marked[n]:
		if got := s.c.do(command); got != "-ERR the message is marked as deleted" {
			w.t.Fatalf("%s: %s", command, got)
		}
	case w.gone[s.uids[n-1]]:
		if got := s.c.do(command); got != "-ERR the message was removed meanwhile by another session" {
			w.t.Fatalf("%s: %s", command, got)
		}
	default:
		if got := s.c.text(command); got != s.text[n-1] {
			w.t.Fatalf("%s: %q, want %q", command, got, s.text[n-1])
		}
	}
}

func (w *world) end(i int) {
	s := w.sessions[i]
	w.sessions = slices.Delete(w.sessions, i, i+1)
	s.c.ok("QUIT")
	for n := range s.marked {
		uid := s.uids[n-1]
		if _, is := w.here[uid]; is {
			delete(w.here, uid)
			w.gone[uid] = true
		}
	}
}

// check compares INBOX and what the sessions count with the model.
func (w *world) check() {
	view, err := w.f.Mailbox.View(w.f.T.Context(), ann, w.inbox)
	w.f.Must(err)
	var have []mail.UID
	for _, e := range view.All() {
		have = append(have, e.UID)
	}
	if want := slices.Sorted(maps.Keys(w.here)); !slices.Equal(have, want) {
		w.t.Fatalf("INBOX has %v, want %v", have, want)
	}
	for _, s := range w.sessions {
		size := 0
		for n, text := range s.text {
			if !s.marked[n+1] {
				size += len(text)
			}
		}
		if got := s.c.ok("STAT"); got != fmt.Sprintf("+OK %d %d", len(s.uids)-len(s.marked), size) {
			w.t.Fatalf("STAT: %s", got)
		}
	}
}
