package mailbox

import (
	"flag"
	"maps"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The model: what the room is to keep, said as simply as can be.
type model struct {
	boxes  map[mail.MailboxID]*modelBox
	emails map[mail.EmailID]*modelEmail
}

type modelBox struct {
	path     string // "" once it is deleted
	validity uint32
	next     mail.UID
	recent   mail.UID        // what lies below was taken
	messages []*modelMessage // in order of UID
}

type modelMessage struct {
	uid     mail.UID
	email   mail.EmailID
	deleted bool
}

type modelEmail struct {
	flags mail.Flags // without \Deleted
	blob  mail.BlobID
	size  int64
}

func (b *modelBox) remove(m *modelMessage) {
	b.messages = slices.DeleteFunc(b.messages, func(o *modelMessage) bool { return o == m })
}

// flags are those of a message with its \Deleted.
func (m *model) flags(msg *modelMessage) mail.Flags {
	f := m.emails[msg.email].flags
	if msg.deleted {
		f.Bits |= mail.Deleted
	}
	return f
}

// sweep destroys the emails that are nowhere.
func (m *model) sweep() {
	held := make(map[mail.EmailID]bool)
	for _, b := range m.boxes {
		for _, msg := range b.messages {
			held[msg.email] = true
		}
	}
	maps.DeleteFunc(m.emails, func(id mail.EmailID, _ *modelEmail) bool { return !held[id] })
}

// modelRow is a membership with its email, as rows have it.
type modelRow struct {
	email    mail.EmailID
	modseq   mail.ModSeq
	flags    mail.Flag
	keywords string
	blob     mail.BlobID
	size     int64
}

// actor does work in steps, between those of others.
type actor struct {
	name string
	step func(t *rapid.T) (more bool) // nil: nothing to do
}

// run is one random history of one account.
type run struct {
	*room
	model
	account    mail.AccountID
	subscribed map[string]bool // names
	actors     [2]actor
	rows       map[place]modelRow // as of the last look
	state      mail.ModSeq        // of the account, then
	old        []snapshot         // views of earlier states
	watched    map[mail.MailboxID]*View
}

var nextAccount atomic.Int64

func TestModel(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		histories := histories(t)
		rapid.Check(t, func(t *rapid.T) {
			if histories--; histories < 0 && !t.Failed() {
				return
			}
			newRun(t, r).history(t)
		})
	})
}

// histories bounds the time of the test, unless -rapid.checks asks for a number of histories.
func histories(t *testing.T) int {
	if asked := flag.Lookup("rapid.checks"); asked.Value.String() != asked.DefValue {
		return math.MaxInt
	}
	if strings.HasSuffix(t.Name(), string(db.Postgres)) {
		return 3
	}
	return 12
}

func newRun(t *rapid.T, r *room) *run {
	r.rowsPerStep = rapid.SampledFrom([]int{16, 100}).Draw(t, "rows per step") // so that little work takes many steps
	x := &run{room: r, account: mail.AccountID(1000 + nextAccount.Add(1)), subscribed: make(map[string]bool),
		rows: make(map[place]modelRow), watched: make(map[mail.MailboxID]*View)}
	x.model = model{boxes: make(map[mail.MailboxID]*modelBox), emails: make(map[mail.EmailID]*modelEmail)}
	r.addAccount(x.account)
	in := r.path(x.account, Inbox)
	x.boxes[in.ID] = &modelBox{path: Inbox, validity: in.UIDValidity, next: 1}
	return x
}

func (x *run) history(t *rapid.T) {
	t.Repeat(map[string]func(*rapid.T){
		"append": x.appendOne,
		"append many": func(t *rapid.T) {
			id, flags := x.box(t, "into"), drawFlags(t)
			for range 12 {
				x.appendTo(t, id, flags)
			}
		},
		"select":    x.selectBox,
		"create":    x.createBox,
		"rename":    x.renameBox,
		"subscribe": x.subscribe,
		"begin 0":   func(t *rapid.T) { x.begin(t, &x.actors[0]) },
		"begin 1":   func(t *rapid.T) { x.begin(t, &x.actors[1]) },
		"step 0":    func(t *rapid.T) { x.step(t, &x.actors[0]) },
		"step 1":    func(t *rapid.T) { x.step(t, &x.actors[1]) },
		"look":      x.look,
		"trim":      x.trim,
		"":          x.compare,
	})
}

// box draws a mailbox that is not deleted.
func (x *run) box(t *rapid.T, label string) mail.MailboxID {
	var ids []mail.MailboxID
	for id, b := range x.boxes {
		if b.path != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(t, label)
}

// uids draws a set, which may name messages that are not there.
func (x *run) uids(t *rapid.T, id mail.MailboxID) imap.Set {
	next := int(x.boxes[id].next)
	if rapid.Bool().Draw(t, "all") {
		return imap.Set{{Start: 1, Stop: uint32(next + 1)}}
	}
	numbers := rapid.SliceOfN(rapid.IntRange(1, next+1), 1, 20).Draw(t, "uids")
	set := make([]uint32, len(numbers))
	for i, n := range numbers {
		set[i] = uint32(n)
	}
	return imap.SetOf(set...)
}

func drawFlags(t *rapid.T) mail.Flags {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{`\Seen`, `\Deleted`, `\Flagged`, "$Junk", "work", "Home"}), 0, 4, rapid.ID).Draw(t, "flags")
	return flags(names...)
}

func (x *run) appendOne(t *rapid.T) {
	x.appendTo(t, x.box(t, "into"), drawFlags(t))
}

func (x *run) appendTo(t *rapid.T, id mail.MailboxID, flags mail.Flags) {
	m := testMessage(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "body"))
	m.Flags = flags
	a := x.append(x.account, id, m)
	b := x.boxes[id]
	if a.UID != b.next || a.UIDValidity != b.validity || x.emails[a.Email] != nil {
		t.Fatalf("appended as %+v, want uid %d", a, b.next)
	}
	b.next++
	b.messages = append(b.messages, &modelMessage{a.UID, a.Email, m.Flags.Bits&mail.Deleted != 0})
	kept := m.Flags
	kept.Bits &^= mail.Deleted
	x.emails[a.Email] = &modelEmail{kept, m.Blob, m.Size}
}

// draws a path of up to three levels.
func drawPath(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "inbox"}), 1, 3).Draw(t, "path"), Separator)
}

func (x *run) createBox(t *rapid.T) {
	path := drawPath(t)
	levels, _ := splitPath("test", path)
	path = strings.Join(levels, Separator)
	err := x.write(x.account, func(t *tx.Tx) error {
		_, err := x.Create(t, x.account, path, "")
		return err
	})
	if taken := x.at(path) != nil; taken != mail.Is(err, mail.Exists) || err != nil && !taken {
		t.Fatalf("create %s: %v, taken: %v", path, err, taken)
	}
	x.learnBoxes(t)
}

func (x *run) at(path string) *modelBox {
	for _, b := range x.boxes {
		if b.path == path {
			return b
		}
	}
	return nil
}

// learnBoxes takes new mailboxes, also those made above the one asked for, into the model.
func (x *run) learnBoxes(t *rapid.T) {
	x.read(func(r *tx.Tx) error {
		list, err := x.List(r, x.account)
		for _, m := range list {
			if x.boxes[m.ID] != nil {
				continue
			}
			for _, b := range x.boxes {
				if b.path == m.Path || b.validity >= m.UIDValidity {
					t.Fatalf("new mailbox %+v beside %+v", m, b)
				}
			}
			x.boxes[m.ID] = &modelBox{path: m.Path, validity: m.UIDValidity, next: 1}
		}
		return err
	})
}

func (x *run) renameBox(t *rapid.T) {
	id := x.box(t, "rename")
	levels, _ := splitPath("test", drawPath(t))
	path := strings.Join(levels, Separator)
	was := x.boxes[id].path
	err := x.write(x.account, func(t *tx.Tx) error {
		_, err := x.Store.rename(t, x.account, id, path)
		return err
	})
	inside := strings.HasPrefix(path+Separator, was+Separator)
	switch refused := was == Inbox || x.at(path) != nil || inside; {
	case refused != (err != nil):
		t.Fatalf("rename %s to %s: %v", was, path, err)
	case refused:
		return
	}
	x.renamed(was, path)
	x.learnBoxes(t)
}

// step does the next step of an actor's work.
func (x *run) step(t *rapid.T, a *actor) {
	if a.step == nil {
		t.Skip("nothing to do")
	}
	if !a.step(t) {
		a.step = nil
	}
	x.sweep()
}

// begin gives an actor work, and does its first step.
func (x *run) begin(t *rapid.T, a *actor) {
	if a.step != nil {
		t.Skip("busy")
	}
	switch a.name = rapid.SampledFrom([]string{"store", "copy", "move", "expunge", "delete"}).Draw(t, "work"); a.name {
	case "store":
		a.step = x.storing(t)
	case "copy":
		a.step = x.copying(t)
	case "move":
		a.step = x.moving(t)
	case "expunge":
		a.step = x.expunging(t)
	case "delete":
		a.step = x.deleting(t)
	}
	if a.step != nil {
		x.step(t, a)
	}
}

// read1 reads the rows of the account.
func (x *run) read1() (rows map[place]modelRow, state mail.ModSeq) {
	rows = make(map[place]modelRow)
	x.read(func(t *tx.Tx) error {
		var err error
		if state, _, err = t.State(x.account); err != nil {
			return err
		}
		result, err := t.SQL().Query(`SELECT m.mailbox_id, m.uid, m.email_id, m.modseq, m.flags, m.keywords, e.blob_id, m.size
			FROM membership m JOIN email e ON e.account_id = m.account_id AND e.id = m.email_id WHERE m.account_id = $1`, x.account)
		if err != nil {
			return err
		}
		defer result.Close()
		for result.Next() {
			var p place
			var w modelRow
			if err := result.Scan(&p.mailbox, &p.uid, &w.email, &w.modseq, &w.flags, &w.keywords, &w.blob, &w.size); err != nil {
				return err
			}
			rows[p] = w
		}
		return result.Err()
	})
	return rows, state
}

// compare holds the rows equal to the model after each action.
func (x *run) compare(t *rapid.T) {
	rows, state := x.read1()
	n := 0
	for id, b := range x.boxes {
		for _, msg := range b.messages {
			n++
			e := x.emails[msg.email]
			want := modelRow{msg.email, 0, x.flags(msg).Bits, strings.Join(e.flags.Keywords, " "), e.blob, e.size}
			got := rows[place{id, msg.uid}]
			got.modseq = 0
			if got != want {
				t.Fatalf("mailbox %v uid %d is %+v, want %+v", id, msg.uid, got, want)
			}
		}
	}
	if n != len(rows) {
		t.Fatalf("%d memberships, want %d", len(rows), n)
	}
	for p, now := range rows {
		was, had := x.rows[p]
		same := now
		same.modseq = was.modseq
		if had && same == was && now.modseq != was.modseq || (!had || same != was) && now.modseq <= x.state || now.modseq > state {
			t.Fatalf("mailbox %v uid %d went from %+v to %+v while the account went from %d to %d", p.mailbox, p.uid, was, now, x.state, state)
		}
	}
	x.rows, x.state = rows, state
	x.compareBoxes(t)
	x.compareViews(t)
	x.sound(t, x.account)
}

func (x *run) compareBoxes(t *rapid.T) {
	var list []Mailbox
	x.read(func(r *tx.Tx) (err error) {
		list, err = x.List(r, x.account)
		return err
	})
	n := 0
	for _, b := range x.boxes {
		if b.path != "" {
			n++
		}
	}
	if len(list) != n {
		t.Fatalf("%d mailboxes, want %d", len(list), n)
	}
	for _, m := range list {
		if b := x.boxes[m.ID]; b == nil || b.path != m.Path || b.next != m.UIDNext || b.validity != m.UIDValidity {
			t.Fatalf("mailbox %+v, want %+v", m, b)
		}
	}
	x.compareSubscribed(t, list)
}

// compareViews holds the shared view of each mailbox equal to one read anew, and one made from an earlier state.
func (x *run) compareViews(t *rapid.T) {
	for id, b := range x.boxes {
		v, err := x.View(x.t.Context(), x.account, id)
		if b.path == "" {
			if !mail.Is(err, mail.NotFound) {
				t.Fatalf("the view of a deleted mailbox: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := x.refresh(x.t.Context(), viewKey{x.account, id}, snapshot{})
		if err != nil {
			t.Fatal(err)
		}
		sameView(t, v, fresh.view, "the shared view")
		if len(x.old) < 40 {
			x.old = append(x.old, fresh)
		}
	}
	old := x.old[rapid.IntRange(0, len(x.old)-1).Draw(t, "earlier")]
	key := viewKey{x.account, old.view.mailbox}
	if x.boxes[key.mailbox].path == "" {
		return
	}
	again, err := x.refresh(x.t.Context(), key, old)
	if err != nil {
		t.Fatal(err)
	}
	sameView(t, again.view, x.view(x.account, key.mailbox), "a view made from an earlier state")
	d := Compare(old.view, again.view)
	rightDiff(t, old.view, again.view, d)
	x.compareVanished(t, old.view, d)
}

// compareVanished holds what QRESYNC is told equal to what the views say.
func (x *run) compareVanished(t *rapid.T, old *View, d *Diff) {
	var known, want imap.Set
	for _, e := range old.All() {
		known.Add(uint32(e.UID))
	}
	for _, p := range d.Expunged {
		want.Add(uint32(p.UID))
	}
	x.read(func(r *tx.Tx) error {
		got, err := x.Vanished(r, x.account, old.mailbox, old.status.ModSeq, known)
		if got.String() != want.String() {
			t.Fatalf("vanished %s, want %s", got, want)
		}
		return err
	})
}

// look is a session that looks at a mailbox now and then, and keeps what it saw in between.
func (x *run) look(t *rapid.T) {
	id := x.box(t, "look at")
	v := x.view(x.account, id)
	if before := x.watched[id]; before != nil {
		rightDiff(t, before, v, Compare(before, v))
	}
	x.watched[id] = v
}

// selectBox is a session that takes what is \Recent: every message once.
func (x *run) selectBox(t *rapid.T) {
	id := x.box(t, "select")
	b := x.boxes[id]
	from, err := x.TakeRecent(x.t.Context(), x.account, id)
	if err != nil || from != max(b.recent, 1) {
		t.Fatalf("recent from %d (%v), want %d", from, err, b.recent)
	}
	b.recent = b.next
}

// trim shortens the change log as if all of it were old.
func (x *run) trim(t *rapid.T) {
	keep := mail.ModSeq(rapid.IntRange(0, 30).Draw(t, "keep"))
	if err := x.write(x.account, func(r *tx.Tx) error {
		_, err := x.trimStep(r, x.account, x.state-keep)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
