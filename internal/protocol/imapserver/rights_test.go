package imapserver

import (
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

// ann gives and takes rights as she likes, to bob, to anyone, and negative ones. Whatever bob tries then, he can do what a
// model of a few lines says, and nothing else; and what he may not look up looks as if it were not there.
func TestRightsModel(t *testing.T) { t.Parallel(); testRightsModel(t, dbtest.OnSQLite, 15) }

func TestRightsModelOnPostgres(t *testing.T) {
	t.Parallel()
	testRightsModel(t, dbtest.OnPostgres, 4)
}

func testRightsModel(t *testing.T, on doortest.Engine, rounds int) {
	f := serveRooms(t, openRoomsOn(t, on), func(o *Options) { o.Limits.CommandRate = math.MaxInt32; o.Limits.CommandBurst = math.MaxInt32 })
	f.Must(f.doShared([]string{"yes"}))
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		if round++; round > rounds {
			return
		}
		m := newRightsModel(t, f, round)
		defer m.close()
		t.Repeat(map[string]func(*rapid.T){
			"grant":   m.grant,
			"names":   m.names,
			"look":    m.look,
			"write":   m.write,
			"select":  m.selects,
			"flags":   m.flags,
			"expunge": m.expunge,
			"seen":    m.seen,
			"copy":    m.copy,
			"delete":  m.delete,
		})
	})
}

// rightsModel is what ann has given, and what she has in the mailbox.
type rightsModel struct {
	f        *serving
	ann, bob *client
	path     string
	grants   map[string]mail.Rights // by identifier
	made     int
}

func newRightsModel(t *rapid.T, f *serving, round int) *rightsModel {
	m := &rightsModel{f: f, ann: f.login(), bob: f.connect("imap"), path: fmt.Sprintf("m%d", round), grants: map[string]mail.Rights{}}
	m.bob.ok("LOGIN " + bobAddress + ` "` + bobPassword + `"`)
	m.ann.ok("CREATE " + m.path)
	return m
}

func (m *rightsModel) close() {
	m.ann.ok("DELETE " + m.path)
	m.ann.conn.Close()
	m.bob.conn.Close()
}

// rights is what bob may do.
func (m *rightsModel) rights() mail.Rights {
	return (m.grants[bobAddress] | m.grants[anyone]) &^ (m.grants["-"+bobAddress] | m.grants["-"+anyone])
}

// name is bob's name of the mailbox.
func (m *rightsModel) name() string { return "Shared Folders/" + annAddress + "/" + m.path }

func (m *rightsModel) grant(t *rapid.T) {
	id := rapid.SampledFrom([]string{bobAddress, bobAddress, anyone, "-" + bobAddress, "-" + anyone}).Draw(t, "identifier")
	letters := strings.Join(rapid.SliceOfDistinct(rapid.SampledFrom(strings.Split("lrswipkxteacd", "")), rapid.ID).Draw(t, "rights"), "")
	rights, _ := mail.ParseRights(letters)
	switch rapid.SampledFrom([]string{"set", "add", "add", "remove", "delete"}).Draw(t, "how") {
	case "set":
		m.ann.ok(fmt.Sprintf("SETACL %s %s %q", m.path, id, letters))
		m.grants[id] = rights
	case "add":
		m.ann.ok(fmt.Sprintf("SETACL %s %s +%s", m.path, id, letters))
		m.grants[id] |= rights
	case "remove":
		m.ann.ok(fmt.Sprintf("SETACL %s %s -%s", m.path, id, letters))
		m.grants[id] &^= rights
	case "delete":
		m.ann.ok(fmt.Sprintf("DELETEACL %s %s", m.path, id))
		delete(m.grants, id)
	}
}

// try runs a command of bob's that needs rights, and reports whether it was carried out.
func (m *rightsModel) try(t *rapid.T, need mail.Rights, command string) bool {
	_, reply := m.bob.do(command)
	return m.answered(t, need, command, reply)
}

// trySelected is try for the mailbox that is open, which is there.
func (m *rightsModel) trySelected(t *rapid.T, need mail.Rights, command string) {
	_, reply := m.bob.do(command)
	if ok := strings.HasPrefix(reply, "OK"); ok != m.rights().Has(need) || !ok && !strings.HasPrefix(reply, "NO [NOPERM]") {
		t.Fatalf("%s with %q: %q", command, m.rights(), reply)
	}
}

func (m *rightsModel) answered(t *rapid.T, need mail.Rights, command, reply string) bool {
	want := "NO [NOPERM]"
	switch have := m.rights(); {
	case have.Has(need):
		want = "OK"
	case !have.Has(mail.RightLookup):
		want = "NO [NONEXISTENT] there is no such mailbox"
	}
	if !strings.HasPrefix(reply, want) {
		t.Fatalf("%s with %q: %q, want %s", command, m.rights(), reply, want)
	}
	return want == "OK"
}

func (m *rightsModel) names(t *rapid.T) {
	has := m.rights()
	if listed := len(m.bob.ok(`LIST "" "*`+m.path+`"`)) > 0; listed != has.Has(mail.RightLookup) {
		t.Fatalf("listed is %v with %q", listed, has)
	}
	const some = mail.RightLookup | mail.RightRead | mail.RightInsert | mail.RightCreate | mail.RightDelete | mail.RightAdminister
	told, reply := m.bob.do(fmt.Sprintf("MYRIGHTS %q", m.name()))
	want := fmt.Sprintf("* MYRIGHTS %q %s", m.name(), has.WithOld())
	if has.HasAny(some) != strings.HasPrefix(reply, "OK") || has.HasAny(some) && (len(told) != 1 || told[0] != want) {
		t.Fatalf("MYRIGHTS with %q: %q %q", has, told, reply)
	}
}

func (m *rightsModel) look(t *rapid.T) {
	m.try(t, mail.RightRead, fmt.Sprintf("STATUS %q (MESSAGES)", m.name()))
	m.try(t, mail.RightAdminister, fmt.Sprintf("GETACL %q", m.name()))
	m.try(t, mail.RightAdminister, fmt.Sprintf("LISTRIGHTS %q %s", m.name(), bobAddress))
	m.try(t, mail.RightRead, fmt.Sprintf("GETQUOTAROOT %q", m.name()))
	m.try(t, mail.RightAdminister, fmt.Sprintf("SETACL %q -%s +", m.name(), bobAddress)) // which changes nothing
}

func (m *rightsModel) write(t *rapid.T) {
	m.try(t, mail.RightInsert, fmt.Sprintf("APPEND %q (\\Seen) {2+}\r\nx:", m.name()))
	m.made++
	if child := fmt.Sprintf("%s/c%d", m.name(), m.made); m.try(t, mail.RightCreate, fmt.Sprintf("CREATE %q", child)) {
		m.ann.ok("DELETE " + fmt.Sprintf("%s/c%d", m.path, m.made))
	}
}

// open selects the mailbox as bob, with a message in it that has no flags.
func (m *rightsModel) open(t *rapid.T) bool {
	m.ann.ok(fmt.Sprintf("APPEND %s {2+}\r\nx:", m.path))
	return m.try(t, mail.RightRead, fmt.Sprintf("SELECT %q", m.name()))
}

func (m *rightsModel) selects(t *rapid.T) {
	if !m.open(t) {
		return
	}
	if rapid.Bool().Draw(t, "revoke") {
		m.grant(t)
		tag := m.bob.send("UID FETCH 1:* FLAGS")
		for {
			line := m.bob.line()
			switch {
			case strings.HasPrefix(line, tag+" OK") && m.rights().Has(mail.RightRead):
				m.bob.ok("UNSELECT")
				return
			case strings.HasPrefix(line, "* BYE") && !m.rights().Has(mail.RightRead):
				m.bob.hearClosed()
				m.bob = m.f.connect("imap")
				m.bob.ok("LOGIN " + bobAddress + ` "` + bobPassword + `"`)
				return
			case strings.HasPrefix(line, tag), strings.HasPrefix(line, "* BYE"), strings.Contains(line, "FETCH") && !m.rights().Has(mail.RightRead):
				t.Fatalf("with %q: %q", m.rights(), line)
			}
		}
	}
	m.bob.ok("UNSELECT")
}

// last is the flags that ann sees of the newest message.
func (m *rightsModel) last() []string {
	m.ann.ok("EXAMINE " + m.path)
	told := m.ann.ok("FETCH * (FLAGS)")
	m.ann.ok("UNSELECT")
	_, list, _ := strings.Cut(told[0], "FLAGS (")
	list, _, _ = strings.Cut(list, ")")
	flags := strings.Fields(list)
	return slices.DeleteFunc(flags, func(f string) bool { return f == `\Recent` })
}

var flagRights = map[string]mail.Rights{`\Seen`: mail.RightSeen, `\Deleted`: mail.RightDeleteMessages, `\Flagged`: mail.RightWrite, "word": mail.RightWrite}

func (m *rightsModel) flags(t *rapid.T) {
	if !m.open(t) {
		return
	}
	asked := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{`\Seen`, `\Flagged`, `\Deleted`, "word"}), 1, 3, rapid.ID).Draw(t, "flags")
	var want []string
	for _, f := range asked {
		if m.rights().Has(flagRights[f]) {
			want = append(want, f)
		}
	}
	_, reply := m.bob.do(fmt.Sprintf("STORE * %s (%s)", rapid.SampledFrom([]string{"+FLAGS", "FLAGS"}).Draw(t, "how"), strings.Join(asked, " ")))
	anyFlag := m.rights().HasAny(mail.RightSeen | mail.RightDeleteMessages | mail.RightWrite)
	if ok := strings.HasPrefix(reply, "OK"); ok && !anyFlag || !ok && (len(want) > 0 || !strings.HasPrefix(reply, "NO [NOPERM]")) {
		t.Fatalf("STORE of %q with %q: %q", asked, m.rights(), reply)
	}
	m.bob.ok("UNSELECT")
	got := m.last()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("STORE of %q with %q has set %q, want %q", asked, m.rights(), got, want)
	}
}

func (m *rightsModel) expunge(t *rapid.T) {
	if !m.open(t) {
		return
	}
	m.trySelected(t, mail.RightExpunge, "EXPUNGE")
	m.bob.ok("CLOSE")
}

func (m *rightsModel) seen(t *rapid.T) {
	if !m.open(t) {
		return
	}
	m.bob.ok("FETCH * BODY[]")
	m.bob.ok("UNSELECT")
	if got := len(m.last()) > 0; got != m.rights().Has(mail.RightSeen) {
		t.Fatalf("\\Seen is %v with %q", got, m.rights())
	}
}

func (m *rightsModel) copy(t *rapid.T) {
	if !m.open(t) {
		return
	}
	m.bob.ok("COPY * Trash")
	m.try(t, mail.RightInsert, fmt.Sprintf("COPY * %q", m.name()))
	m.trySelected(t, mail.RightDeleteMessages|mail.RightExpunge, "MOVE * Trash")
	m.bob.ok("UNSELECT")
}

func (m *rightsModel) delete(t *rapid.T) {
	if m.try(t, mail.RightDelete, fmt.Sprintf("DELETE %q", m.name())) {
		m.grants = map[string]mail.Rights{}
		m.ann.ok("CREATE " + m.path)
	}
}

// NOTIFY watches so many mailboxes of others, and gives up where there are more.
func TestNotifyWatchesSoManyOfOthers(t *testing.T) {
	t.Parallel()
	f := serve(t, func(o *Options) { o.Limits.Others = 2 })
	a, b := f.login(), f.connect("imap")
	b.ok("LOGIN " + bobAddress + ` "` + bobPassword + `"`)
	for _, box := range []string{"INBOX", "Drafts", "Sent"} {
		a.ok("SETACL " + box + " " + bobAddress + " lr")
	}
	const some = ` (MessageNew MessageExpunge))`
	b.ok(`NOTIFY SET (mailboxes "Other Users/ann@example.org/Sent"` + some)
	f.Deliver(ann, "Sent", sample(1))
	b.hear(`\* STATUS "Other Users/ann@example.org/Sent" \(MESSAGES 1 .*`)
	if told := b.ok(`NOTIFY SET (subtree "Other Users"` + some); len(told) != 1 || !strings.HasPrefix(told[0], "* OK [NOTIFICATIONOVERFLOW]") {
		t.Errorf("%q", told)
	}
	f.Deliver(ann, "Sent", sample(2))
	if told := b.ok("NOOP"); len(told) != 0 {
		t.Errorf("after the overflow: %q", told)
	}
	// One more is given to who watches as many as may be.
	a.ok("DELETEACL INBOX " + bobAddress)
	b.ok(`NOTIFY SET (subtree "Other Users"` + some)
	a.ok("SETACL INBOX " + bobAddress + " lr")
	b.hear(`\* STATUS "Other Users/ann@example.org/INBOX" .*`)
	b.hear(`\* OK \[NOTIFICATIONOVERFLOW\] .*`)
	b.ok("UNAUTHENTICATE")
}
