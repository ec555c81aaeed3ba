package imapserver

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// mirror is a client that keeps what the protocol has told it of a mailbox, and nothing else.
type mirror struct {
	*client
	path     string
	mode     mode
	list     []known
	validity string
	modseq   string  // how far it has heard of everything, as RFC 7162 6 has a client conclude
	quiet    bool    // the command under way allows no EXPUNGE
	exact    bool    // FETCH must tell what is known already
	gone     []int   // UIDs of VANISHED (EARLIER)
	searched []known // what was known when the result of a search came
}

// mode is what a client has enabled.
type mode int

const (
	rev1 mode = iota
	condstore
	qresync // with IMAP4rev2
	uidOnly // of IMAP4rev1
)

// known is what is known of a message; a uid of 0 or nil flags are not known yet.
type known struct {
	uid   int
	flags []string // sorted
}

// mirror signs in a client.
func (f *serving) mirror(t failer, m mode) *mirror {
	t.Helper()
	c := f.login()
	c.t = t
	switch m {
	case condstore:
		c.ok("ENABLE CONDSTORE")
	case qresync:
		c.ok("ENABLE QRESYNC IMAP4rev2")
	case uidOnly:
		c.ok("ENABLE UIDONLY")
	}
	return &mirror{client: c, mode: m}
}

// open selects a mailbox, of which nothing is known, or with params what list holds.
func (m *mirror) open(path, params string) {
	m.t.Helper()
	m.path = path
	m.run("SELECT " + path + params)
	m.settle()
}

var (
	existsLine   = regexp.MustCompile(`^\* (\d+) EXISTS$`)
	expungeLine  = regexp.MustCompile(`^\* (\d+) EXPUNGE$`)
	vanishedLine = regexp.MustCompile(`^\* VANISHED (\(EARLIER\) )?(\S+)$`)
	fetchLine    = regexp.MustCompile(`(?s)^\* (\d+) FETCH \((.*)\)$`)
	searchLine   = regexp.MustCompile(`^\* (?:SEARCH|ESEARCH \(TAG "\w+"\)(?: UID)?(?: ALL)?)((?: [\d:, ]+)?)(?: \(MODSEQ \d+\))?$`)
	uidFetchLine = regexp.MustCompile(`(?s)^\* (\d+) UIDFETCH \((.*)\)$`)
	uidItem      = regexp.MustCompile(`UID (\d+)`)
	flagsItem    = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
	modseqItem   = regexp.MustCompile(`^\* \d+ FETCH .*MODSEQ \((\d+)\)`)
	modseqCode   = regexp.MustCompile(`OK \[HIGHESTMODSEQ (\d+)\]`)
	validityCode = regexp.MustCompile(`OK \[UIDVALIDITY (\d+)\]`)
)

// run runs a command and takes in all that is said meanwhile. It returns the reply, and the result of a search.
func (m *mirror) run(command string) (reply string, found []int) {
	m.t.Helper()
	verb, _, _ := strings.Cut(command, " ")
	m.quiet = verb == "FETCH" || verb == "STORE" || verb == "SEARCH"
	tag := m.send(command)
	for told, highest := false, number(m.modseq); ; {
		line := m.line()
		if code := modseqCode.FindStringSubmatch(line); code != nil {
			m.modseq, told = code[1], true
		} else if item := modseqItem.FindStringSubmatch(line); item != nil {
			highest = max(highest, number(item[1]))
		}
		if !told {
			m.modseq = strconv.Itoa(highest)
		}
		if rest, tagged := strings.CutPrefix(line, tag+" "); tagged {
			m.exact = false
			return rest, found
		}
		if s := searchLine.FindStringSubmatch(line); s != nil {
			found, m.searched = m.numbers(s[1]), slices.Clone(m.list)
			continue
		}
		m.take(line)
	}
}

// take takes in an untagged response.
func (m *mirror) take(line string) {
	m.t.Helper()
	if x := existsLine.FindStringSubmatch(line); x != nil {
		m.exists(number(x[1]))
	} else if x := expungeLine.FindStringSubmatch(line); x != nil {
		m.expunge(number(x[1]))
	} else if x := vanishedLine.FindStringSubmatch(line); x != nil {
		m.vanish(x[2], x[1] != "")
	} else if x := fetchLine.FindStringSubmatch(line); x != nil {
		m.fetch(number(x[1]), x[2])
	} else if x := uidFetchLine.FindStringSubmatch(line); x != nil {
		m.uidFetch(number(x[1]), x[2])
	} else if x := validityCode.FindStringSubmatch(line); x != nil {
		m.validity = x[1]
	}
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// numbers reads a list or a set.
func (m *mirror) numbers(s string) []int {
	m.t.Helper()
	out := []int{}
	if s = strings.ReplaceAll(strings.TrimSpace(s), " ", ","); s == "" {
		return out
	}
	set, err := imap.ParseSet(s)
	if err != nil {
		m.t.Fatalf("the set %q: %v", s, err)
	}
	for n := range set.Resolve(0).All() {
		out = append(out, int(n))
	}
	return out
}

func (m *mirror) exists(n int) {
	m.t.Helper()
	if n < len(m.list) {
		m.t.Fatalf("EXISTS %d where %d are known", n, len(m.list))
	}
	m.list = append(m.list, make([]known, n-len(m.list))...)
}

func (m *mirror) expunge(n int) {
	m.t.Helper()
	if m.quiet || m.mode >= qresync || n < 1 || n > len(m.list) {
		m.t.Fatalf("EXPUNGE %d of %d (mode %d, while numbers are in the air: %v)", n, len(m.list), m.mode, m.quiet)
	}
	m.list = slices.Delete(m.list, n-1, n)
}

// vanish takes messages out. A UID that is not known is one of those at the end that are not known yet.
func (m *mirror) vanish(set string, earlier bool) {
	m.t.Helper()
	if m.quiet || m.mode < qresync {
		m.t.Fatalf("VANISHED %s (mode %d, while numbers are in the air: %v)", set, m.mode, m.quiet)
	}
	if earlier {
		m.gone = append(m.gone, m.numbers(set)...)
		return
	}
	for _, uid := range m.numbers(set) {
		at := slices.IndexFunc(m.list, func(k known) bool { return k.uid == uid || k.uid == 0 })
		if at < 0 {
			m.t.Fatalf("VANISHED %d is none of %v", uid, m.list)
		}
		m.list = slices.Delete(m.list, at, at+1)
	}
}

// uidFetch is fetch for a client that knows no numbers: a UID it has not heard of is one of the new messages.
func (m *mirror) uidFetch(uid int, items string) {
	m.t.Helper()
	at := slices.IndexFunc(m.list, func(k known) bool { return k.uid == uid || k.uid == 0 })
	if m.mode != uidOnly || at < 0 {
		m.t.Fatalf("UIDFETCH %d is none of %v (mode %d)", uid, m.list, m.mode)
	}
	m.list[at].uid = uid
	m.takeItems(&m.list[at], items)
	slices.SortStableFunc(m.list, func(a, b known) int { return cmp.Compare(uint(a.uid-1), uint(b.uid-1)) }) // 0 last
}

func (m *mirror) fetch(n int, items string) {
	m.t.Helper()
	if n < 1 || n > len(m.list) || m.mode == uidOnly {
		m.t.Fatalf("FETCH %d of %d: %s", n, len(m.list), items)
	}
	k := &m.list[n-1]
	if x := uidItem.FindStringSubmatch(items); x != nil {
		if uid := number(x[1]); k.uid != 0 && k.uid != uid {
			m.t.Fatalf("message %d has UID %d and is told to have %d", n, k.uid, uid)
		} else {
			k.uid = uid
		}
	}
	m.takeItems(k, items)
}

func (m *mirror) takeItems(k *known, items string) {
	m.t.Helper()
	if x := flagsItem.FindStringSubmatch(items); x != nil {
		flags := flagList(strings.Fields(x[1]))
		if m.exact && k.flags != nil && !slices.Equal(k.flags, flags) {
			m.t.Fatalf("UID %d has %v and is told to have %v", k.uid, k.flags, flags)
		}
		k.flags = flags
	}
}

// flagList sorts flags, without \Recent.
func flagList(names []string) []string {
	out := slices.DeleteFunc(append([]string{}, names...), func(n string) bool { return n == `\Recent` })
	slices.Sort(out)
	return slices.Compact(out)
}

// settle asks for what is not known of new messages.
func (m *mirror) settle() {
	m.t.Helper()
	for {
		at := slices.IndexFunc(m.list, func(k known) bool { return k.uid == 0 || k.flags == nil })
		if at < 0 {
			return
		}
		if m.mode == uidOnly {
			m.run("UID FETCH 1:* (FLAGS)")
		} else {
			m.run(fmt.Sprintf("FETCH %d:* (UID FLAGS)", at+1))
		}
	}
}

// set names messages by their number, or UID.
func (m *mirror) set(chosen []int, uid bool) string {
	var b strings.Builder
	for _, at := range chosen {
		if uid {
			fmt.Fprintf(&b, ",%d", m.list[at].uid)
		} else {
			fmt.Fprintf(&b, ",%d", at+1)
		}
	}
	return strings.TrimPrefix(b.String(), ",")
}

// byUID chooses whether a command names messages by UID, where there is a choice.
func (m *mirror) byUID(t *rapid.T) bool { return m.mode == uidOnly || rapid.Bool().Draw(t, "uid") }

// verb is a command that names messages by number or by UID.
func verb(name string, uid bool) string {
	if uid {
		return "UID " + name + " "
	}
	return name + " "
}

// assume notes what a STORE that is silent must have done.
func (m *mirror) assume(chosen []int, op string, flags []string) {
	for _, at := range chosen {
		m.list[at].flags = changed(m.list[at].flags, op, flags)
	}
}

// changed is what a STORE makes of flags.
func changed(was []string, op string, flags []string) []string {
	switch op {
	case "+FLAGS":
		return flagList(append(slices.Clone(was), flags...))
	case "-FLAGS":
		return slices.DeleteFunc(slices.Clone(was), func(f string) bool { return slices.Contains(flags, f) })
	}
	return flagList(flags)
}
