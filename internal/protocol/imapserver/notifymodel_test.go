package imapserver

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
)

// While others make, rename, delete, subscribe to and fill mailboxes, a session with NOTIFY keeps what it is told. It must then
// know what a session that looks anew sees.
func TestNotifyModel(t *testing.T) { t.Parallel(); testNotifyModel(t, dbtest.OnSQLite, 40) }

func TestNotifyModelOnPostgres(t *testing.T) {
	t.Parallel()
	testNotifyModel(t, dbtest.OnPostgres, 10)
}

func testNotifyModel(t *testing.T, on doortest.Engine, rounds int) {
	f := serveRooms(t, openRoomsOn(t, on))
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		if round++; round > rounds {
			return
		}
		m := newNotifyModel(t, f, round)
		defer m.close()
		t.Repeat(map[string]func(*rapid.T){
			"names":    m.names,
			"at once":  m.namesAtOnce,
			"deliver":  m.deliver,
			"flags":    m.flags,
			"expunge":  m.expunge,
			"move":     m.move,
			"annotate": m.annotate,
			"own":      m.own,
			"agree":    m.agree,
		})
		m.agree(t)
	})
}

// told is what a client knows of a name.
type told struct {
	missing    bool // no mailbox bears it
	subscribed bool
	children   bool
	numbers    string // of STATUS; "" while they are not known
}

type notifyModel struct {
	f        *serving
	root     string // all names of a round are below it
	other    *client
	watcher  *client
	known    map[string]told
	entries  map[string]bool // mailbox and entry, changed and not yet told
	selected *mirror         // with NOTIFY SELECTED
	owned    int             // mailboxes that the watcher has made
}

const (
	watchAll = "(MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange)"
	lookAll  = " RETURN (SUBSCRIBED CHILDREN STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN))"
)

func newNotifyModel(t *rapid.T, f *serving, round int) *notifyModel {
	m := &notifyModel{f: f, root: fmt.Sprintf("r%d", round), known: map[string]told{}, entries: map[string]bool{}}
	m.other = f.login("CREATE "+m.root, "CREATE "+m.root+"/in", "SELECT "+m.root+"/in")
	m.watcher = f.login()
	m.watcher.readAhead()
	m.take(m.watcher.ok(`LIST "" (` + m.root + " " + m.root + "/*)" + lookAll))
	scope := rapid.SampledFrom([]string{"personal", "inboxes", "subtree " + m.root}).Draw(t, "scope")
	m.take(m.watcher.ok("NOTIFY SET STATUS (" + scope + " " + watchAll + ")"))
	m.selected = f.mirror(t, mode(rapid.IntRange(0, 2).Draw(t, "mode")))
	m.selected.readAhead()
	m.selected.open(m.root+"/in", "")
	m.selected.must(t, "NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))")
	return m
}

func (m *notifyModel) close() {
	for _, c := range []*client{m.other, m.watcher, m.selected.client} {
		c.conn.Close()
	}
}

var (
	listLine     = regexp.MustCompile(`^\* LIST \(([^)]*)\) "/" (\S+)(?: \("OLDNAME" \((\S+)\)\))?$`)
	statusLine   = regexp.MustCompile(`^\* STATUS (\S+) \((.*)\)$`)
	metadataLine = regexp.MustCompile(`^\* METADATA (\S+) (.*)$`)
)

// take takes in what the watcher is told.
func (m *notifyModel) take(lines []string) {
	m.f.T.Helper()
	for _, line := range lines {
		if x := listLine.FindStringSubmatch(line); x != nil {
			m.takeName(strings.Fields(x[1]), x[2], x[3])
		} else if x := statusLine.FindStringSubmatch(line); x != nil {
			if k, known := m.known[x[1]]; known {
				k.numbers, _, _ = strings.Cut(x[2], " HIGHESTMODSEQ") // which a change of the name moves, too
				m.known[x[1]] = k
			}
		} else if x := metadataLine.FindStringSubmatch(line); x != nil {
			for entry := range strings.FieldsSeq(x[2]) {
				delete(m.entries, x[1]+entry)
			}
		} else if !strings.HasPrefix(line, "* OK ") {
			m.watcher.t.Fatalf("told %q", line)
		}
	}
}

func (m *notifyModel) takeName(attributes []string, name, old string) {
	if name != m.root && !strings.HasPrefix(name, m.root+"/") {
		return
	}
	k := m.known[name]
	if old != "" {
		k.numbers = m.known[old].numbers
		delete(m.known, old)
	}
	k.missing = slices.Contains(attributes, `\NonExistent`)
	k.subscribed = slices.Contains(attributes, `\Subscribed`)
	k.children = slices.Contains(attributes, `\HasChildren`)
	if k.missing {
		k.children, k.numbers = false, ""
	}
	m.known[name] = k
	if k.missing && !k.subscribed {
		delete(m.known, name)
	}
}

// some draws one of few names, so that they meet.
func (m *notifyModel) some(t *rapid.T, label string) string {
	return m.root + "/" + rapid.SampledFrom([]string{"a", "b", "a/x", "a/y", "b/x", "b/x/z", "c"}).Draw(t, label)
}

// names has others do something to names; much of it is refused.
func (m *notifyModel) names(t *rapid.T) {
	m.other.t = t
	name := m.some(t, "name")
	switch verb := rapid.SampledFrom([]string{"CREATE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE"}).Draw(t, "verb"); verb {
	case "RENAME":
		m.other.do("RENAME " + name + " " + m.some(t, "to"))
	case "DELETE":
		m.other.do("DELETE " + name)
		maps.DeleteFunc(m.entries, func(key string, _ bool) bool { return strings.HasPrefix(key, name+"/private") })
	default:
		m.other.do(verb + " " + name)
	}
}

// namesAtOnce has others do several things to names while the watcher is in the middle of a command, and so hears of all of them
// together: only what has become of the names, and of what it has done itself only what it cannot know.
func (m *notifyModel) namesAtOnce(t *rapid.T) {
	m.watcher.t = t
	command, name, literal := "APPEND "+m.root, m.root, "x"
	if rapid.Bool().Draw(t, "create") {
		literal = m.root + "/" + rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
		command, name = "CREATE", literal
	}
	tag := m.watcher.send(fmt.Sprintf("%s {%d}", command, len(literal)))
	for line := m.watcher.line(); !strings.HasPrefix(line, "+ "); line = m.watcher.line() {
		m.take([]string{line})
	}
	for range rapid.IntRange(1, 5).Draw(t, "names") {
		m.names(t)
	}
	if rapid.Bool().Draw(t, "exchange") {
		one, two := m.some(t, "one"), m.some(t, "two")
		for _, names := range []string{one + " " + m.root + "/between", two + " " + one, m.root + "/between " + two} {
			m.other.do("RENAME " + names)
		}
	}
	m.watcher.write(literal + "\r\n")
	lines, reply := m.watcher.until(tag)
	if command == "CREATE" && strings.HasPrefix(reply, "OK") { // others may have given the name to another before, and subscribed to it
		m.known[name] = told{subscribed: m.known[name].subscribed, numbers: "unknown"}
	}
	m.take(lines)
	if k, known := m.known[name]; known {
		k.numbers = "unknown"
		m.known[name] = k
	}
}

func (m *notifyModel) deliver(t *rapid.T) {
	to := rapid.SampledFrom([]string{m.root, m.root + "/in", m.some(t, "to")}).Draw(t, "mailbox")
	m.other.t = t
	m.other.do("APPEND " + to + " {1+}\r\nx")
}

func (m *notifyModel) flags(t *rapid.T) {
	m.other.t = t
	flag := rapid.SampledFrom([]string{`\Seen`, `\Flagged`, `\Deleted`, "one"}).Draw(t, "flag")
	m.other.do("UID STORE " + fmt.Sprint(rapid.IntRange(1, 5).Draw(t, "uid")) + " +FLAGS (" + flag + ")")
}

func (m *notifyModel) expunge(t *rapid.T) { m.other.t = t; m.other.do("EXPUNGE") }

func (m *notifyModel) move(t *rapid.T) {
	m.other.t = t
	m.other.do("UID MOVE 1:3 " + m.some(t, "to"))
}

func (m *notifyModel) annotate(t *rapid.T) {
	m.other.t = t
	value := rapid.SampledFrom([]string{`"x"`, "NIL"}).Draw(t, "value")
	if _, reply := m.other.do("SETMETADATA " + m.root + " (/private/comment " + value + ")"); value != "NIL" && strings.HasPrefix(reply, "OK") {
		m.entries[m.root+"/private/comment"] = true
	}
}

// own has the watcher itself do something, of which it is not told. What others do between is told all the same.
func (m *notifyModel) own(t *rapid.T) {
	m.watcher.t = t
	switch rapid.SampledFrom([]string{"create", "append", "subscribe"}).Draw(t, "own") {
	case "create":
		m.owned++
		name := m.root + "/" + rapid.SampledFrom([]string{"a", "b", "c", fmt.Sprintf("own%d", m.owned)}).Draw(t, "name")
		lines, reply := m.watcher.do("CREATE " + name)
		m.take(lines) // which may be older than the mailbox
		if strings.HasPrefix(reply, "OK") {
			m.known[name] = told{subscribed: m.known[name].subscribed, numbers: "unknown"}
		}
	case "append":
		m.take(m.watcher.ok("APPEND " + m.root + " {1+}\r\nx"))
		k := m.known[m.root]
		k.numbers = "unknown"
		m.known[m.root] = k
	case "subscribe":
		lines := m.watcher.ok("SUBSCRIBE " + m.root)
		k := m.known[m.root]
		k.subscribed = true
		m.known[m.root] = k
		m.take(lines)
	}
}

// agree holds what the sessions know against what a new one sees.
func (m *notifyModel) agree(t *rapid.T) {
	m.watcher.t, m.other.t = t, t
	m.take(m.watcher.ok("NOOP"))
	if len(m.entries) > 0 {
		t.Fatalf("annotations that were not told: %v", slices.Sorted(maps.Keys(m.entries)))
	}
	was := m.known
	m.known = map[string]told{}
	names := `"" (` + m.root + " " + m.root + "/*)"
	m.other.ok("UNSELECT")
	m.take(m.other.ok("LIST (SUBSCRIBED) " + names))
	subscribed := m.known
	m.known = map[string]told{}
	m.take(m.other.ok("LIST " + names + lookAll))
	m.other.ok("SELECT " + m.root + "/in")
	for name, k := range subscribed {
		if k.missing {
			m.known[name] = k
		}
	}
	for name, k := range was {
		if k.numbers == "unknown" {
			k.numbers = m.known[name].numbers
			was[name] = k
		}
	}
	if !maps.Equal(was, m.known) {
		t.Fatalf("the watcher knows\n%v\na new session sees\n%v", was, m.known)
	}
	m.agreeSelected(t)
}

// agreeSelected holds what the session with NOTIFY SELECTED knows against the store. It never has to ask for a UID or flags.
func (m *notifyModel) agreeSelected(t *rapid.T) {
	s := m.selected
	s.t = t
	s.must(t, "NOOP")
	v, err := m.f.Mailbox.View(context.Background(), ann, m.f.Path(ann, s.path).ID)
	if err != nil || v.Len() != len(s.list) {
		t.Fatalf("%d messages are known, the store has %d (%v)", len(s.list), v.Len(), err)
	}
	for seq, e := range v.All() {
		k := s.list[seq-1]
		if k.uid == 0 && k.flags == nil && len(s.list) > 0 {
			t.Fatalf("message %d is told without UID and flags", seq)
		}
		if flags := flagList(v.FlagsOf(e).Names()); k.uid != int(e.UID) || !slices.Equal(k.flags, flags) {
			t.Fatalf("message %d is known as %v, the store has UID %d %v", seq, k, e.UID, flags)
		}
	}
}

// readAhead reads from the server at once whatever it sends, as a client must that is told things without asking: the pipe of
// a test holds nothing.
func (c *client) readAhead() {
	a := &ahead{}
	a.news.L = &a.mu
	go a.fill(c.r)
	c.r = bufio.NewReader(a)
}

// ahead is what was read ahead.
type ahead struct {
	mu   sync.Mutex
	news sync.Cond
	buf  bytes.Buffer
	err  error
}

func (a *ahead) fill(r io.Reader) {
	part := make([]byte, 4096)
	for {
		n, err := r.Read(part)
		a.mu.Lock()
		a.buf.Write(part[:n])
		a.err = err
		a.mu.Unlock()
		a.news.Signal()
		if err != nil {
			return
		}
	}
}

func (a *ahead) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.buf.Len() == 0 && a.err == nil {
		a.news.Wait()
	}
	if a.buf.Len() == 0 {
		return 0, a.err
	}
	return a.buf.Read(p)
}
