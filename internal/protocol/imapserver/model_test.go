package imapserver

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
)

// Clients delete, move, copy and flag the same mailboxes while mail arrives. Each keeps what the protocol tells it; after
// NOOP in all of them what they know, the store, and a model of a few lines are the same.
func TestModel(t *testing.T) { t.Parallel(); testModel(t, dbtest.OnSQLite, math.MaxInt) }

func TestModelOnPostgres(t *testing.T) { t.Parallel(); testModel(t, dbtest.OnPostgres, 30) }

// testModel plays some rounds at most, however many are asked for: PostgreSQL takes longer for each.
func testModel(t *testing.T, on doortest.Engine, rounds int) {
	f := serveRooms(t, openRoomsOn(t, on))
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		if round++; round > rounds {
			return
		}
		m := newModel(t, f, round)
		defer m.close()
		t.Repeat(map[string]func(*rapid.T){
			"store":   m.store,
			"fetch":   m.fetch,
			"expunge": m.expunge,
			"copy":    m.copy,
			"move":    m.move,
			"append":  m.append,
			"replace": m.replace,
			"deliver": m.deliver,
			"search":  m.search,
			"switch":  m.open,
			"resync":  m.resync,
			"noop":    func(t *rapid.T) { m.session(t).run("NOOP") },
			"agree":   m.agree,
		})
		m.agree(t)
	})
}

// email has the keywords of a message in all its mailboxes.
type email struct{ flags []string }

// placed is a message in a mailbox.
type placed struct {
	uid     int
	email   *email
	deleted bool
}

func (m placed) flags() []string {
	if m.deleted {
		return flagList(append(slices.Clone(m.email.flags), `\Deleted`))
	}
	return m.email.flags
}

type box struct {
	path     string
	id       mail.MailboxID
	messages []placed
	last     int
}

func (b *box) add(e *email, deleted bool) {
	b.last++
	b.messages = append(b.messages, placed{b.last, e, deleted})
}

func (b *box) holds(e *email) bool {
	return slices.ContainsFunc(b.messages, func(m placed) bool { return m.email == e })
}

type model struct {
	f        *serving
	boxes    []*box
	sessions []*mirror
}

func newModel(t *rapid.T, f *serving, round int) *model {
	m := &model{f: f}
	for _, name := range []string{"a", "b"} {
		path := fmt.Sprintf("%s%d", name, round)
		c := f.login("CREATE " + path)
		c.ok("LOGOUT")
		m.boxes = append(m.boxes, &box{path: path, id: f.Path(ann, path).ID})
	}
	for _, mode := range []mode{rev1, condstore, qresync, uidOnly} {
		s := f.mirror(t, mode)
		s.open(m.boxes[0].path, "")
		m.sessions = append(m.sessions, s)
	}
	return m
}

func (m *model) close() {
	for _, s := range m.sessions {
		s.conn.Close()
	}
}

func (m *model) box(path string) *box {
	return m.boxes[slices.IndexFunc(m.boxes, func(b *box) bool { return b.path == path })]
}

func (m *model) session(t *rapid.T) *mirror {
	s := m.sessions[rapid.IntRange(0, len(m.sessions)-1).Draw(t, "session")]
	s.t = t
	s.settle()
	return s
}

// target chooses a mailbox.
func (m *model) target(t *rapid.T) *box { return m.boxes[rapid.IntRange(0, 1).Draw(t, "mailbox")] }

// some chooses messages that a session knows of.
func (m *model) some(t *rapid.T, s *mirror) []int {
	if len(s.list) == 0 {
		t.Skip("nothing is there")
	}
	all := make([]int, len(s.list))
	for i := range all {
		all[i] = i
	}
	return slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, min(4, len(all)), rapid.ID).Draw(t, "messages")))
}

// each calls do for the messages that are still there.
func (m *model) each(s *mirror, chosen []int, do func(b *box, msg *placed)) {
	b := m.box(s.path)
	for _, at := range chosen {
		i := slices.IndexFunc(b.messages, func(msg placed) bool { return msg.uid == s.list[at].uid })
		if i >= 0 {
			do(b, &b.messages[i])
		}
	}
}

var someFlags = []string{`\Seen`, `\Flagged`, `\Deleted`, `\Answered`, "one", "two"}

func (m *model) store(t *rapid.T) {
	s := m.session(t)
	chosen := m.some(t, s)
	op := rapid.SampledFrom([]string{"FLAGS", "+FLAGS", "-FLAGS"}).Draw(t, "op")
	flags := rapid.SliceOfNDistinct(rapid.SampledFrom(someFlags), 0, 3, rapid.ID).Draw(t, "flags")
	uid, silent := s.byUID(t), rapid.Bool().Draw(t, "silent")
	command := verb("STORE", uid) + s.set(chosen, uid) + " " + op
	m.each(s, chosen, func(_ *box, msg *placed) {
		is := changed(msg.flags(), op, flags)
		msg.deleted = slices.Contains(is, `\Deleted`)
		msg.email.flags = slices.DeleteFunc(slices.Clone(is), func(f string) bool { return f == `\Deleted` })
	})
	if silent {
		command += ".SILENT"
		s.assume(chosen, op, flags)
	}
	s.must(t, command+" ("+strings.Join(flags, " ")+")")
}

// must runs a command that succeeds.
func (m *mirror) must(t *rapid.T, command string) (found []int) {
	t.Helper()
	reply, found := m.run(command)
	if !strings.HasPrefix(reply, "OK") {
		t.Fatalf("%s: %s", command, reply)
	}
	return found
}

// fetch reads flags, which must be what is known when nobody has done anything since, or a text, which marks messages as
// read.
func (m *model) fetch(t *rapid.T) {
	s := m.session(t)
	chosen := m.some(t, s)
	uid, text := s.byUID(t), rapid.Bool().Draw(t, "text")
	items := "(UID FLAGS)"
	if text {
		items = "BODY[]<0.1>"
		m.each(s, chosen, func(_ *box, msg *placed) { msg.email.flags = changed(msg.email.flags, "+FLAGS", []string{`\Seen`}) })
	}
	command := verb("FETCH", uid) + s.set(chosen, uid) + " " + items
	s.run(command) // NO [EXPUNGEISSUED] where the text is gone
	if !uid && !text {
		s.settle()
		s.exact = true
		s.must(t, command)
	}
}

func (m *model) expunge(t *rapid.T) {
	s := m.session(t)
	b := m.box(s.path)
	switch rapid.SampledFrom([]string{"all", "uid", "close"}).Draw(t, "how") {
	case "all":
		b.messages = slices.DeleteFunc(b.messages, func(msg placed) bool { return msg.deleted })
		s.must(t, "EXPUNGE")
	case "uid":
		chosen := m.some(t, s)
		m.each(s, chosen, func(_ *box, msg *placed) { msg.uid = -msg.uid })
		b.messages = slices.DeleteFunc(b.messages, func(msg placed) bool { return msg.uid < 0 && msg.deleted })
		for i := range b.messages {
			b.messages[i].uid = max(b.messages[i].uid, -b.messages[i].uid)
		}
		s.must(t, "UID EXPUNGE "+s.set(chosen, true))
	case "close":
		b.messages = slices.DeleteFunc(b.messages, func(msg placed) bool { return msg.deleted })
		s.must(t, "CLOSE")
		s.list = nil
		s.open(s.path, "")
	}
}

func (m *model) copy(t *rapid.T) {
	s := m.session(t)
	chosen, to := m.some(t, s), m.target(t)
	m.each(s, chosen, func(_ *box, msg *placed) {
		e := msg.email
		if to.holds(e) {
			e = &email{slices.Clone(e.flags)}
		}
		to.add(e, msg.deleted)
	})
	uid := s.byUID(t)
	s.must(t, verb("COPY", uid)+s.set(chosen, uid)+" "+to.path)
}

func (m *model) move(t *rapid.T) {
	s := m.session(t)
	chosen, to := m.some(t, s), m.target(t)
	var moved []placed
	m.each(s, chosen, func(_ *box, msg *placed) { moved = append(moved, *msg) })
	from := m.box(s.path)
	for _, msg := range moved {
		from.messages = slices.DeleteFunc(from.messages, func(other placed) bool { return other.uid == msg.uid })
		e := msg.email
		if from != to && to.holds(e) {
			e = &email{slices.Clone(e.flags)}
		}
		to.add(e, msg.deleted)
	}
	s.must(t, "UID MOVE "+s.set(chosen, true)+" "+to.path)
}

func (m *model) append(t *rapid.T) {
	s := m.session(t)
	to := m.target(t)
	flags := rapid.SliceOfNDistinct(rapid.SampledFrom(someFlags), 0, 2, rapid.ID).Draw(t, "flags")
	for range 2 {
		to.add(&email{changed(flagList(flags), "-FLAGS", []string{`\Deleted`})}, slices.Contains(flags, `\Deleted`))
	}
	list := strings.Join(flags, " ")
	s.must(t, fmt.Sprintf("APPEND %s (%s) {1+}\r\nx (%s) {1+}\r\ny", to.path, list, list))
}

// replace puts a message in the place of another, which may be gone: then nothing is changed.
func (m *model) replace(t *rapid.T) {
	s := m.session(t)
	old := m.some(t, s)[:1]
	from, to := m.box(s.path), m.target(t)
	there := false
	m.each(s, old, func(_ *box, msg *placed) { there, msg.uid = true, -msg.uid })
	from.messages = slices.DeleteFunc(from.messages, func(msg placed) bool { return msg.uid < 0 })
	if there {
		to.add(&email{[]string{"one"}}, false)
	}
	uid := s.byUID(t)
	reply, _ := s.run(verb("REPLACE", uid) + s.set(old, uid) + " " + to.path + " (one) CATENATE (TEXT {1+}\r\nx)")
	if strings.HasPrefix(reply, "OK") != there {
		t.Fatalf("REPLACE of a message that is there (%v): %s", there, reply)
	}
}

func (m *model) deliver(t *rapid.T) {
	to := m.target(t)
	for range rapid.IntRange(1, 3).Draw(t, "n") {
		m.f.Deliver(ann, to.path, sample(to.last+1))
		to.add(&email{}, false)
	}
}

// search finds by what is known.
func (m *model) search(t *rapid.T) {
	s := m.session(t)
	flag := rapid.SampledFrom([]string{"SEEN", "FLAGGED", "DELETED", "KEYWORD one"}).Draw(t, "flag")
	name := map[string]string{"SEEN": `\Seen`, "FLAGGED": `\Flagged`, "DELETED": `\Deleted`, "KEYWORD one": "one"}[flag]
	uid := s.byUID(t)
	found := s.must(t, verb("SEARCH", uid)+flag)
	for i, k := range s.searched {
		number := i + 1
		if uid {
			number = k.uid
		}
		if is := slices.Contains(found, number); k.flags != nil && is != slices.Contains(k.flags, name) {
			t.Fatalf("SEARCH %s found %v, message %d has %v", flag, found, i+1, k.flags)
		}
	}
}

// open has a session open another mailbox, or the same again.
func (m *model) open(t *rapid.T) {
	s := m.session(t)
	s.list = nil
	s.open(m.target(t).path, "")
}

// meanwhile has others do something while the third session does not look.
func (m *model) meanwhile(t *rapid.T) {
	all := m.sessions
	for range rapid.IntRange(0, 4).Draw(t, "meanwhile") {
		m.sessions = all[:2]
		func() {
			defer func() { m.sessions = all }()
			rapid.SampledFrom([]func(*rapid.T){m.deliver, m.tidy}).Draw(t, "what")(t)
		}()
	}
}

// resync has a client go away and come back with what it knew, with or without naming it. It may go before it can be told
// that messages are gone, with flags that were changed after them.
func (m *model) resync(t *rapid.T) {
	s := m.sessions[2]
	s.t = t
	s.settle()
	if len(s.list) > 0 && rapid.Bool().Draw(t, "with numbers in the air") {
		m.meanwhile(t)
		s.run("FETCH 1:* (UID FLAGS)")
	}
	was := mirror{list: slices.Clone(s.list), validity: s.validity, modseq: s.modseq, path: s.path}
	s.conn.Close()
	m.meanwhile(t)
	s = m.f.mirror(t, qresync)
	m.sessions[2] = s
	s.modseq = was.modseq
	params := was.validity + " " + was.modseq
	if len(was.list) > 0 && rapid.Bool().Draw(t, "named") {
		var uids, seqs []string
		for i, k := range was.list {
			uids, seqs = append(uids, fmt.Sprint(k.uid)), append(seqs, fmt.Sprint(i+1))
		}
		params += " " + strings.Join(uids, ",")
		if rapid.Bool().Draw(t, "matched") {
			params += " (" + strings.Join(seqs, ",") + " " + strings.Join(uids, ",") + ")"
		}
	}
	s.resume(was, params)
}

// resume opens a mailbox as a client does that knows what was in it. RFC 7162 3.2.5: what is gone is told by VANISHED
// (EARLIER), what has changed by FETCH; the rest is as it was.
func (m *mirror) resume(was mirror, params string) {
	m.t.Helper()
	m.path = was.path
	m.run("SELECT " + was.path + " (QRESYNC (" + params + "))")
	told := m.list // by number, known as far as FETCH has told
	m.list = was.list
	for _, uid := range m.gone {
		m.list = slices.DeleteFunc(m.list, func(k known) bool { return k.uid == uid })
	}
	for i, k := range told {
		if i == len(m.list) {
			m.list = append(m.list, k)
			continue
		}
		if k.uid != 0 && k.uid != m.list[i].uid {
			m.t.Fatalf("message %d has UID %d and was thought to have %d", i+1, k.uid, m.list[i].uid)
		}
		if k.flags != nil {
			m.list[i].flags = k.flags
		}
	}
	if len(m.list) != len(told) {
		m.t.Fatalf("%d messages are left, EXISTS says %d", len(m.list), len(told))
	}
	m.settle()
}

// tidy does something in the first sessions.
func (m *model) tidy(t *rapid.T) {
	s := m.sessions[rapid.IntRange(0, 1).Draw(t, "session")]
	s.t = t
	s.settle()
	if len(s.list) == 0 {
		return
	}
	chosen := m.some(t, s)
	flags := []string{rapid.SampledFrom(someFlags).Draw(t, "flag")}
	m.each(s, chosen, func(_ *box, msg *placed) {
		is := changed(msg.flags(), "+FLAGS", flags)
		msg.deleted = slices.Contains(is, `\Deleted`)
		msg.email.flags = changed(is, "-FLAGS", []string{`\Deleted`})
	})
	s.must(t, "STORE "+s.set(chosen, false)+" +FLAGS ("+flags[0]+")")
	b := m.box(s.path)
	b.messages = slices.DeleteFunc(b.messages, func(msg placed) bool { return msg.deleted })
	s.must(t, "EXPUNGE")
}

// agree holds what all know against the model and the store.
func (m *model) agree(t *rapid.T) {
	for _, s := range m.sessions {
		s.t = t
		s.run("NOOP")
		s.settle()
		b := m.box(s.path)
		if len(s.list) != len(b.messages) {
			t.Fatalf("%s: a session knows %v, the model has %v", s.path, s.list, b.messages)
		}
		for i, msg := range b.messages {
			if k := s.list[i]; k.uid != msg.uid || !slices.Equal(k.flags, msg.flags()) {
				t.Fatalf("%s: session of mode %d has %v under %d, the model %d %v", s.path, s.mode, k, i+1, msg.uid, msg.flags())
			}
		}
	}
	for _, b := range m.boxes {
		v, err := m.f.Mailbox.View(context.Background(), ann, b.id)
		if err != nil || v.Len() != len(b.messages) {
			t.Fatalf("%s: the store has %d messages (%v), the model %v", b.path, v.Len(), err, b.messages)
		}
		for seq, e := range v.All() {
			msg := b.messages[seq-1]
			if flags := flagList(v.FlagsOf(e).Names()); int(e.UID) != msg.uid || !slices.Equal(flags, msg.flags()) {
				t.Fatalf("%s: the store has UID %d %v, the model %d %v", b.path, e.UID, flags, msg.uid, msg.flags())
			}
		}
	}
}
