package queries_test

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// TestModel compares every answer with what a naive reading of the standard says about all mail, while mail comes, changes and
// goes; and a client that follows Email/queryChanges with one that asks anew.
func TestModel(t *testing.T) {
	t.Parallel()
	for name, on := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, on)
			n, most := 0, math.MaxInt
			if checks := flag.Lookup("rapid.checks"); name == "postgres" && checks.Value.String() == checks.DefValue {
				most = 30 // it is the same code, and slower
			}
			rapid.Check(t, func(t *rapid.T) {
				if n++; n > most {
					return
				}
				m := newModel(t, s)
				defer m.clean()
				t.Repeat(m.actions())
			})
		})
	}
}

// paper is what a message says.
type paper struct {
	from, name, to, subject, body, kind string
	day, size                           int
	attachment                          bool
}

var (
	people   = []string{"anna", "Bert", "carl", "Dora"}
	bodies   = []string{"red apples and green ones", "no fruit", "Pears, pears", "it's \"quoted\" here"}
	keywords = []string{"$seen", "$flagged", "$forwarded", "work", "home"}
	flagOf   = map[string]string{"$seen": `\Seen`, "$flagged": `\Flagged`, "$forwarded": "$Forwarded", "work": "work", "home": "Home"}
)

func (p *paper) String() string {
	subject := p.subject
	text := fmt.Sprintf("Date: %d Mar 2024 10:00:00 +0000\r\nFrom: %s <%s@example.org>\r\nTo: %s@example.net\r\nSubject: %s\r\nX-Kind: %s\r\n",
		p.day, p.name, p.from, p.to, subject, p.kind)
	body := p.body + "\r\n" + strings.Repeat("x", p.size)
	if !p.attachment {
		return text + "\r\n" + body + "\r\n"
	}
	return text + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + body +
		"\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nx\r\n--b--\r\n"
}

// letterOf is an email of the model.
type letterOf struct {
	paper
	id        mail.EmailID
	thread    mail.ThreadID
	received  int64
	octets    int
	flags     mail.Flags
	mailboxes []mail.MailboxID
}

// model is a run.
type model struct {
	*server
	t      *rapid.T
	papers map[mail.BlobID]paper
	boxes  []mail.MailboxID
	n      int
	newest int // size
	shared bool
	all    []*letterOf
	asked  []*asking
}

// asking is a query that a client follows.
type asking struct {
	who   mail.AccountID
	args  object
	state string
	ids   []string
}

func newModel(t *rapid.T, s *server) *model {
	return &model{server: s, t: t, papers: map[mail.BlobID]paper{}, boxes: []mail.MailboxID{s.Path(ann, "INBOX").ID, s.Path(ann, "Archive").ID, s.Path(ann, "Trash").ID}}
}

// clean leaves an empty account to the next run.
func (m *model) clean() {
	if len(m.boxes) > 3 {
		m.mailbox(nil)
	}
	for _, id := range m.boxes {
		_, err := m.Mailbox.Remove(m.T.Context(), ann, id, imap.Set{{Start: 1, Stop: 1<<32 - 1}})
		m.Must(err)
	}
	m.share(0)
}

func (m *model) actions() map[string]func(*rapid.T) {
	with := func(do func(t *rapid.T)) func(*rapid.T) { return func(t *rapid.T) { m.t = t; do(t) } }
	return map[string]func(*rapid.T){
		"deliver": with(m.deliver), "deliver more": with(m.deliver), "flags": with(m.storeFlags), "more flags": with(m.storeFlags),
		"copy": with(m.copy), "move": with(m.move), "expunge": with(m.expunge), "share": with(func(t *rapid.T) {
			m.share(rapid.SampledFrom([]mail.Rights{0, mail.RightLookup, mail.RightLookup | mail.RightRead}).Draw(t, "rights"))
		}),
		"mailbox": with(m.mailbox), "ask": with(m.ask), "ask more": with(m.ask), "follow": with(m.follow), "follow more": with(m.follow),
	}
}

func (m *model) deliver(t *rapid.T) {
	m.n++
	p := paper{from: rapid.SampledFrom(people).Draw(t, "from"), to: rapid.SampledFrom(people).Draw(t, "to"), subject: rapid.SampledFrom([]string{"apples", "apples", "apples", "Pears", "the plums"}).Draw(t, "subject"),
		body: rapid.SampledFrom(bodies).Draw(t, "body"), kind: fmt.Sprint("kind ", m.n%3), day: rapid.IntRange(1, 5).Draw(t, "day"),
		size: rapid.IntRange(0, 3).Draw(t, "size"), attachment: rapid.Bool().Draw(t, "attachment")}
	p.name = rapid.SampledFrom([]string{"", "Zoe", p.from}).Draw(t, "name")
	// Replies, whose subject is the same, join the thread.
	content := fmt.Sprintf("Message-ID: <%d@example.org>\r\nIn-Reply-To: <%d@example.org>\r\n", m.n, max(1, m.n-rapid.IntRange(1, 4).Draw(t, "reply"))) + p.String()
	m.Deliver(ann, rapid.SampledFrom([]string{"INBOX", "INBOX", "Archive"}).Draw(t, "into"), content)
	m.Read(func(t *tx.Tx) error {
		ids, err := m.Mailbox.EmailIDs(t, ann, 1<<20)
		if err != nil {
			return err
		}
		e, err := m.Mailbox.Email(t, ann, ids[len(ids)-1])
		m.newest = len(content)
		m.papers[e.Blob] = p
		return err
	})
}

// uids are some messages of a mailbox, as likely as not none.
func (m *model) uids(t *rapid.T) (id mail.MailboxID, uids imap.Set) {
	id = rapid.SampledFrom(m.boxes).Draw(t, "mailbox")
	view, err := m.Mailbox.View(m.T.Context(), ann, id)
	m.Must(err)
	for _, e := range view.All() {
		if rapid.IntRange(0, 3).Draw(t, "this one") == 0 {
			uids.Add(uint32(e.UID))
		}
	}
	return id, uids
}

func (m *model) storeFlags(t *rapid.T) {
	id, uids := m.uids(t)
	flags, err := mail.ParseFlags([]string{rapid.SampledFrom([]string{`\Seen`, `\Seen`, `\Flagged`, "$Forwarded", "work", "Home", `\Deleted`, `\Deleted`}).Draw(t, "flag")})
	m.Must(err)
	op := rapid.SampledFrom([]mailbox.FlagOp{mailbox.AddFlags, mailbox.RemoveFlags, mailbox.SetFlags}).Draw(t, "op")
	_, err = m.Mailbox.As(ann).StoreFlags(m.T.Context(), ann, id, uids, mailbox.FlagChange{Op: op, Flags: flags})
	m.Must(err)
}

func (m *model) copy(t *rapid.T) {
	id, uids := m.uids(t)
	_, err := m.Mailbox.As(ann).Copy(m.T.Context(), mailbox.Route{From: ann, Source: id, To: ann, Target: rapid.SampledFrom(m.boxes).Draw(t, "to")}, uids)
	m.Must(err)
}

func (m *model) move(t *rapid.T) {
	id, uids := m.uids(t)
	_, err := m.Mailbox.As(ann).Move(m.T.Context(), mailbox.Route{From: ann, Source: id, To: ann, Target: rapid.SampledFrom(m.boxes).Draw(t, "to")}, uids)
	m.Must(err)
}

func (m *model) expunge(t *rapid.T) {
	id, uids := m.uids(t)
	_, err := m.Mailbox.Remove(m.T.Context(), ann, id, uids)
	m.Must(err)
}

// mailbox makes one, or deletes it with all that is in it.
func (m *model) mailbox(*rapid.T) {
	if len(m.boxes) == 3 {
		m.Write(ann, func(t *tx.Tx) error {
			box, err := m.Mailbox.Create(t, ann, "Fourth", "")
			m.boxes = append(m.boxes[:3:3], box.ID)
			return err
		})
		return
	}
	m.Must(m.Mailbox.As(ann).Delete(m.T.Context(), ann, m.boxes[3]))
	m.boxes = m.boxes[:3]
}

// share lets Bob read the Archive, or not.
func (m *model) share(rights mail.Rights) {
	m.shared = rights.Has(mail.RightLookup | mail.RightRead)
	m.Must(m.Tx.Write(m.T.Context(), []mail.AccountID{ann, bob}, func(t *tx.Tx) error {
		return m.Mailbox.As(ann).Grant(t, ann, m.boxes[1], mailbox.SetRights, mailbox.Grant{Grantee: bob, Rights: rights})
	}))
}

// read takes what there is from the rows, as a user sees it.
func (m *model) read(who mail.AccountID) {
	m.all = nil
	m.Read(func(t *tx.Tx) error {
		ids, err := m.Mailbox.EmailIDs(t, ann, 1<<20)
		if err != nil {
			return err
		}
		byID := map[mail.EmailID]*letterOf{}
		for _, id := range ids {
			e, err := m.Mailbox.Email(t, ann, id)
			if err != nil {
				return err
			}
			byID[id] = &letterOf{paper: m.papers[e.Blob], id: id, thread: e.Thread, received: e.Received, octets: int(e.Size)}
		}
		err = m.Mailbox.Located(t, ann, ids, func(l *mailbox.Located) {
			if l.Flags.Bits&mail.Deleted == 0 && (who == ann || l.Mailbox == m.boxes[1]) {
				byID[l.Email].mailboxes = append(byID[l.Email].mailboxes, l.Mailbox)
			}
			byID[l.Email].flags = l.Flags
		})
		for _, id := range ids {
			if len(byID[id].mailboxes) > 0 {
				m.all = append(m.all, byID[id])
			}
		}
		return err
	})
}

// drawArgs draws a query.
func (m *model) drawArgs(t *rapid.T) object {
	args := object{"collapseThreads": rapid.Bool().Draw(t, "collapse")}
	switch rapid.IntRange(0, 4).Draw(t, "simple") {
	case 0: // what cannot change
		if rapid.Bool().Draw(t, "filtered") {
			args["filter"] = object{"text": texts(m, t)}
		}
		return args
	case 1: // what depends on threads
		name := rapid.SampledFrom([]string{"allInThreadHaveKeyword", "someInThreadHaveKeyword", "noneInThreadHaveKeyword"}).Draw(t, "property")
		args["filter"] = object{name: "$seen"}
		return args
	}
	if rapid.IntRange(0, 3).Draw(t, "filtered") > 0 {
		args["filter"] = m.drawFilter(t, 2)
	}
	var by []object
	for range rapid.IntRange(0, 3).Draw(t, "comparators") {
		c := object{"property": rapid.SampledFrom([]string{"receivedAt", "sentAt", "size", "from", "to", "subject", "hasKeyword",
			"allInThreadHaveKeyword", "someInThreadHaveKeyword"}).Draw(t, "by")}
		if strings.HasSuffix(c["property"].(string), "Keyword") {
			c["keyword"] = rapid.SampledFrom(keywords).Draw(t, "keyword")
		}
		if rapid.Bool().Draw(t, "told") {
			c["isAscending"] = rapid.Bool().Draw(t, "ascending")
		}
		if rapid.IntRange(0, 2).Draw(t, "collated") == 0 {
			c["collation"] = "i;ascii-casemap"
		}
		by = append(by, c)
	}
	args["sort"] = by
	return args
}

func (m *model) drawFilter(t *rapid.T, depth int) object {
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, "operator") == 0 {
		conditions := []object{}
		for range rapid.IntRange(0, 3).Draw(t, "conditions") {
			conditions = append(conditions, m.drawFilter(t, depth-1))
		}
		return object{"operator": rapid.SampledFrom([]string{"AND", "OR", "NOT"}).Draw(t, "op"), "conditions": conditions}
	}
	f := object{}
	for range rapid.SampledFrom([]int{0, 1, 1, 1, 2}).Draw(t, "properties") {
		name := rapid.SampledFrom(filterNames).Draw(t, "property")
		f[name] = naive[name].draw(m, t)
	}
	return f
}

// condition is how a property of a filter is drawn, and what it means.
type condition struct {
	draw func(*model, *rapid.T) any
	is   func(m *model, l *letterOf, value any) bool
}

func word(from ...string) func(*model, *rapid.T) any {
	return func(_ *model, t *rapid.T) any { return rapid.SampledFrom(from).Draw(t, "word") }
}

// size is that of the newest message, or of one that is an octet larger or smaller.
func size(m *model, t *rapid.T) any { return max(0, m.newest+rapid.IntRange(-1, 1).Draw(t, "size")) }

// has looks for what of the words that the test draws is in a text.
func has(text string, wanted any) bool {
	w := wanted.(string)
	parts := strings.Fields(w)
	if strings.HasPrefix(w, `"`) {
		parts = []string{strings.Trim(w, `"`)}
	}
	for _, part := range parts {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(part)) {
			return false
		}
	}
	return true
}

func (l *letterOf) has(keyword any) bool { return l.flags.Has(flagOf[keyword.(string)]) }

// inThread counts the emails of a thread with and without a keyword.
func (m *model) inThread(l *letterOf, keyword any) (with, without int) {
	for _, other := range m.all {
		switch {
		case other.thread != l.thread:
		case other.has(keyword):
			with++
		default:
			without++
		}
	}
	return with, without
}

var texts = word("apples", "APP", "pears", "red ones", `"green ones"`, `"ones green"`, "fruit apples", "it's", "anna", "example.net", "")

var naive map[string]condition

var filterNames []string

func init() {
	box := func(m *model, t *rapid.T) any { return rapid.SampledFrom(m.boxes).Draw(t, "box").String() }
	naive = map[string]condition{
		"inMailbox": {box, func(m *model, l *letterOf, v any) bool {
			return slices.ContainsFunc(l.mailboxes, func(id mail.MailboxID) bool { return id.String() == v })
		}},
		"inMailboxOtherThan": {func(m *model, t *rapid.T) any { return []string{box(m, t).(string), box(m, t).(string)} }, func(m *model, l *letterOf, v any) bool {
			return slices.ContainsFunc(l.mailboxes, func(id mail.MailboxID) bool { return !slices.Contains(v.([]string), id.String()) })
		}},
		"minSize":                 {size, func(_ *model, l *letterOf, v any) bool { return l.octets >= v.(int) }},
		"maxSize":                 {size, func(_ *model, l *letterOf, v any) bool { return l.octets < v.(int) }},
		"before":                  {word("2000-01-01T00:00:00Z", "2999-01-01T00:00:00.5Z"), func(_ *model, l *letterOf, v any) bool { return v.(string)[0:1] == "2" && v.(string) > "25" }},
		"after":                   {word("2000-01-01T00:00:00Z", "2999-01-01T00:00:00Z"), func(_ *model, l *letterOf, v any) bool { return v.(string) < "25" }},
		"hasKeyword":              {word(keywords...), func(_ *model, l *letterOf, v any) bool { return l.has(v) }},
		"notKeyword":              {word(keywords...), func(_ *model, l *letterOf, v any) bool { return !l.has(v) }},
		"allInThreadHaveKeyword":  {word(keywords...), func(m *model, l *letterOf, v any) bool { _, without := m.inThread(l, v); return without == 0 }},
		"someInThreadHaveKeyword": {word(keywords...), func(m *model, l *letterOf, v any) bool { with, _ := m.inThread(l, v); return with > 0 }},
		"noneInThreadHaveKeyword": {word(keywords...), func(m *model, l *letterOf, v any) bool { with, _ := m.inThread(l, v); return with == 0 }},
		"hasAttachment":           {func(_ *model, t *rapid.T) any { return rapid.Bool().Draw(t, "has") }, func(_ *model, l *letterOf, v any) bool { return l.attachment == v }},
		"from":                    {texts, func(_ *model, l *letterOf, v any) bool { return has(l.name+" <"+l.from+"@example.org>", v) }},
		"to":                      {texts, func(_ *model, l *letterOf, v any) bool { return has(l.to+"@example.net", v) }},
		"cc":                      {texts, func(_ *model, l *letterOf, v any) bool { return has("", v) }},
		"subject":                 {texts, func(_ *model, l *letterOf, v any) bool { return has(l.subject, v) }},
		"body":                    {texts, func(_ *model, l *letterOf, v any) bool { return has(l.body, v) }},
		"text": {texts, func(_ *model, l *letterOf, v any) bool {
			text := l.subject + "|" + l.body + "|" + l.name + " <" + l.from + "@example.org>|" + l.to + "@example.net"
			if l.attachment { // headers count, those of parts too
				text += "|application/pdf"
			}
			return has(text, v)
		}},
		"header": {func(_ *model, t *rapid.T) any {
			return rapid.SampledFrom([][]string{{"X-Kind"}, {"x-kind", "KIND 1"}, {"x-none"}, {"Subject", "app"}}).Draw(t, "header")
		}, func(_ *model, l *letterOf, v any) bool {
			h := v.([]string)
			return h[0] == "X-Kind" || h[0] == "x-kind" && l.kind == "kind 1" || h[0] == "Subject" && has(l.subject, "app")
		}},
	}
	for name := range naive {
		filterNames = append(filterNames, name)
	}
	slices.Sort(filterNames)
}

func (m *model) matches(l *letterOf, f object) bool {
	if op, is := f["operator"]; is {
		n, all := 0, f["conditions"].([]object)
		for _, c := range all {
			if m.matches(l, c) {
				n++
			}
		}
		return op == "AND" && n == len(all) || op == "OR" && n > 0 || op == "NOT" && n == 0
	}
	for name, value := range f {
		if !naive[name].is(m, l, value) {
			return false
		}
	}
	return true
}

// compare puts two emails in order by a comparator.
func (m *model) compare(c object, a, b *letterOf) int {
	boolean := func(is bool) int { return map[bool]int{false: 0, true: 1}[is] }
	value := func(l *letterOf) (int64, string) {
		switch c["property"] {
		case "receivedAt":
			return l.received, ""
		case "sentAt":
			return int64(l.day), ""
		case "size":
			return int64(l.octets), ""
		case "from":
			return 0, strings.ToLower(cmp.Or(l.name, l.from+"@example.org"))
		case "to":
			return 0, strings.ToLower(l.to + "@example.net")
		case "subject":
			return 0, strings.ToLower(l.subject)
		case "hasKeyword":
			return int64(boolean(l.has(c["keyword"]))), ""
		}
		with, without := m.inThread(l, c["keyword"])
		return int64(boolean(c["property"] == "someInThreadHaveKeyword" && with > 0 || c["property"] == "allInThreadHaveKeyword" && without == 0)), ""
	}
	n, text := value(a)
	n2, text2 := value(b)
	return cmp.Or(cmp.Compare(n, n2), strings.Compare(text, text2))
}

// results are what a query should find.
func (m *model) results(who mail.AccountID, args object) (ids []string) {
	m.read(who)
	by, _ := args["sort"].([]object)
	if len(by) == 0 {
		by = []object{{"property": "receivedAt", "isAscending": false}}
	}
	sorted := slices.Clone(m.all)
	slices.SortFunc(sorted, func(a, b *letterOf) int {
		for _, c := range append(slices.Clip(by), object{"property": ""}) {
			n := 0
			if c["property"] == "" {
				n, c = cmp.Compare(a.id, b.id), by[0]
			} else {
				n = m.compare(c, a, b)
			}
			if n != 0 {
				if c["isAscending"] == false {
					n = -n
				}
				return n
			}
		}
		return 0
	})
	seen := map[mail.ThreadID]bool{}
	for _, l := range sorted {
		if f, is := args["filter"].(object); is && !m.matches(l, f) || args["collapseThreads"] == true && seen[l.thread] {
			continue
		}
		seen[l.thread] = true
		ids = append(ids, l.id.String())
	}
	return ids
}

// ask compares a page with the naive answer, and lets a client follow the query.
func (m *model) ask(t *rapid.T) {
	who := ann
	if m.shared && rapid.IntRange(0, 3).Draw(t, "as bob") == 0 {
		who = bob
	}
	args := m.drawArgs(t)
	if rapid.IntRange(0, 4).Draw(t, "index") == 0 {
		_, err := m.Index.Step(m.T.Context(), ann, false)
		m.Must(err)
	}
	want := m.results(who, args)
	page := object{"calculateTotal": rapid.Bool().Draw(t, "total")}
	for name, value := range args {
		page[name] = value
	}
	begin, end := m.drawPage(t, want, page)
	got := m.callAs(who, "Email/query", page)
	ids := textsOf(got["ids"])
	if !slices.Equal(ids, want[begin:end]) || end > begin && int(got["position"].(float64)) != begin {
		t.Fatalf("as %v: %v\nfound %v at %v, want %v of %v", who, page, ids, got["position"], want[begin:end], want)
	}
	if page["calculateTotal"] == true && int(got["total"].(float64)) != len(want) {
		t.Fatalf("%v: %v in all, want %d", page, got["total"], len(want))
	}
	m.asked = append(m.asked, &asking{who, args, got["queryState"].(string), want})
}

// drawPage draws which page is asked for, and says which that is.
func (m *model) drawPage(t *rapid.T, all []string, page object) (begin, end int) {
	end = len(all)
	offset := rapid.IntRange(-3, 3).Draw(t, "offset")
	switch rapid.IntRange(0, 3).Draw(t, "page") {
	case 0:
		page["position"] = offset
		if begin = offset; offset < 0 {
			begin = max(0, len(all)+offset)
		}
	case 1:
		if len(all) > 0 {
			at := rapid.IntRange(0, len(all)-1).Draw(t, "anchor")
			page["anchor"], page["anchorOffset"] = all[at], offset
			begin = max(0, at+offset)
		}
	}
	begin = min(begin, len(all))
	if rapid.Bool().Draw(t, "limited") {
		limit := rapid.IntRange(0, 4).Draw(t, "limit")
		page["limit"] = limit
		end = min(end, begin+limit)
	}
	return begin, end
}

func textsOf(list any) (out []string) {
	for _, s := range list.([]any) {
		out = append(out, s.(string))
	}
	return out
}

// follow brings a client up to date by /queryChanges, and compares.
func (m *model) follow(t *rapid.T) {
	if len(m.asked) == 0 {
		t.Skip("nobody follows")
	}
	a := rapid.SampledFrom(m.asked).Draw(t, "asked")
	if a.who == bob && !m.shared {
		t.Skip("Bob sees nothing any more")
	}
	args := object{"accountId": ann.String(), "sinceQueryState": a.state, "calculateTotal": true}
	for name, value := range a.args {
		args[name] = value
	}
	upTo := -1
	if len(a.ids) > 0 && rapid.IntRange(0, 3).Draw(t, "up to") == 0 {
		upTo = rapid.IntRange(0, len(a.ids)-1).Draw(t, "up to id")
		args["upToId"] = a.ids[upTo]
	}
	want := m.results(a.who, a.args)
	response, got := m.CallAs(a.who, "Email/queryChanges", args)
	if response == "error" {
		if a.who == bob && got["type"] == "cannotCalculateChanges" {
			a.state, a.ids = m.callAs(a.who, "Email/query", a.args)["queryState"].(string), want
			return
		}
		t.Fatalf("as %v: %v: %v", a.who, args, got)
	}
	if int(got["total"].(float64)) != len(want) {
		t.Fatalf("%v: %v in all, want %d", args, got["total"], len(want))
	}
	known := a.ids
	if upTo >= 0 { // the client has the list up to there only
		known = known[:upTo+1]
	}
	ids := splice(t, known, got)
	if upTo >= 0 {
		// What it has is the beginning, as far as the email up to which it asked, or the one before it that is left.
		n := 0
		for i, id := range ids {
			if slices.Contains(known, id) {
				n = i + 1
			}
		}
		ids, want = ids[:n], want[:min(n, len(want))]
	}
	if !slices.Equal(ids, want) {
		t.Fatalf("as %v: %v since %s\nhad     %v\nchanges %v\nhas     %v\nwant    %v", a.who, a.args, a.state, known, got, ids, want)
	}
	if upTo < 0 {
		a.state, a.ids = got["newQueryState"].(string), ids
	}
}

// splice does what RFC 8620 5.6 tells a client to do.
func splice(t *rapid.T, ids []string, changes map[string]any) []string {
	removed := textsOf(changes["removed"])
	out := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(removed, id) })
	last := -1
	for _, a := range changes["added"].([]any) {
		item := a.(map[string]any)
		index := int(item["index"].(float64))
		if index <= last {
			t.Fatalf("added is not in order: %v", changes)
		}
		if last = index; index > len(out) {
			continue // behind what the client has
		}
		out = slices.Insert(out, index, item["id"].(string))
	}
	return out
}
