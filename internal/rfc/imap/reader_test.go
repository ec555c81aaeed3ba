package imap

import (
	"bufio"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/thread"
)

// newTestReader reads input in a state that allows every command but those for signing in.
func newTestReader(input string, config Config) *Reader {
	r := NewReader(bufio.NewReader(strings.NewReader(input)), config)
	r.SetState(Authenticated | Selected)
	return r
}

// read reads one command, which must be good.
func read(t *testing.T, input string, d Dialect, s State) Request {
	t.Helper()
	r := newTestReader(input, Config{})
	r.SetDialect(d)
	r.SetState(s)
	req, err := r.ReadCommand()
	if err != nil {
		t.Fatalf("%q: %v", input, err)
	}
	return req
}

// refusal reads one command, which must be refused.
func refusal(t *testing.T, r *Reader) *Error {
	t.Helper()
	req, err := r.ReadCommand()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %+v and error %v, want a refusal", req, err)
	}
	return e
}

func set(ranges ...Range) Set { return ranges }
func one(n uint32) Range      { return Range{n, n} }

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func modSeq(n mail.ModSeq) *mail.ModSeq { return &n }

func TestReadCommand(t *testing.T) {
	seq := func(s Set) Numbers { return Numbers{Set: s} }
	uid := func(s Set) Numbers { return Numbers{UID: true, Set: s} }
	tests := []struct {
		line string
		want Command
	}{
		{"CAPABILITY", Capability{}},
		{"noop", Noop{}},
		{"LogOut", Logout{}},
		{"ID NIL", ID{}},
		{"ID ()", ID{Params: []IDParam{}}},
		{`ID ("name" "x" "os" NIL)`, ID{Params: []IDParam{{Name: "name", Value: "x"}, {Name: "os", Null: true}}}},
		{"STARTTLS", StartTLS{}},
		{"AUTHENTICATE plain", Authenticate{Mechanism: "PLAIN"}},
		{"AUTHENTICATE PLAIN AGEAYg==", Authenticate{Mechanism: "PLAIN", Initial: []byte("\x00a\x00b"), HasInitial: true}},
		{"AUTHENTICATE EXTERNAL =", Authenticate{Mechanism: "EXTERNAL", Initial: []byte{}, HasInitial: true}},
		{`LOGIN a "b \"\\ c"`, Login{"a", `b "\ c`}},
		{"LOGIN {1+}\r\na {3}\r\nb]c", Login{"a", "b]c"}},
		{"ENABLE condstore X-Y", Enable{[]string{"CONDSTORE", "X-Y"}}},
		{"SELECT inBOX", Select{Mailbox: "INBOX"}},
		{`EXAMINE "a b"`, Select{Mailbox: "a b", ReadOnly: true}},
		{"SELECT &AOk- (CONDSTORE)", Select{Mailbox: "é", Condstore: true}},
		{"SELECT a (QRESYNC (67890007 20050715194045000))",
			Select{Mailbox: "a", QResync: &QResync{UIDValidity: 67890007, ModSeq: 20050715194045000}}},
		{"SELECT a (QRESYNC (1 2 41:211,300 (5,9 6,12)))", Select{Mailbox: "a", QResync: &QResync{1, 2,
			set(Range{41, 211}, one(300)), set(one(5), one(9)), set(one(6), one(12))}}},
		{"SELECT a (QRESYNC (1 2 (5 6)))", Select{Mailbox: "a", QResync: &QResync{UIDValidity: 1, ModSeq: 2,
			MatchSeqs: set(one(5)), MatchUIDs: set(one(6))}}},
		{`CREATE a/b`, Create{Mailbox: "a/b"}},
		{`CREATE a (USE (\Sent \Drafts))`, Create{Mailbox: "a", Use: []string{`\Sent`, `\Drafts`}}},
		{"DELETE NIL", Delete{"NIL"}},
		{"RENAME a {1+}\r\nb", Rename{"a", "b"}},
		{"SUBSCRIBE a", Subscribe{"a"}},
		{"UNSUBSCRIBE a", Unsubscribe{"a"}},
		{"NAMESPACE", Namespace{}},
		{"GETJMAPACCESS", GetJMAPAccess{}},
		{"STATUS a (MESSAGES size messages)", Status{"a", []StatusItem{StatusMessages, StatusSize}}},
		{"STATUS a (deleted-storage)", Status{"a", []StatusItem{StatusDeletedStorage}}},
		{`GETQUOTA ""`, GetQuota{""}},
		{"SETACL inbox ann@example.org +lrd", SetACL{"INBOX", "ann@example.org", RightsAdd, mail.RightLookup | mail.RightRead | mail.RightDeleteMessages | mail.RightExpunge}},
		{`SETACL a -anyone -c`, SetACL{"a", "-anyone", RightsRemove, mail.RightCreate | mail.RightDelete}},
		{`SETACL a "x y" ""`, SetACL{"a", "x y", RightsReplace, 0}},
		{"SETACL a b lrswipkxtea", SetACL{"a", "b", RightsReplace, mail.AllRights}},
		{"DELETEACL a b", DeleteACL{"a", "b"}},
		{"GETACL a", GetACL{"a"}},
		{"LISTRIGHTS a b", ListRights{"a", "b"}},
		{"MYRIGHTS a", MyRights{"a"}},
		{`LIST "" % RETURN (MYRIGHTS)`, List{Patterns: []string{"%"}, Extended: true, Return: ListReturn{MyRights: true}}},
		{"GETQUOTAROOT inbox", GetQuotaRoot{"INBOX"}},
		{"SETQUOTA ann@example.org ()", SetQuota{Root: "ann@example.org"}},
		{"SETQUOTA a (storage 512 X 0)", SetQuota{"a", []ResourceLimit{{ResourceStorage, 512}, {"X", 0}}}},
		{"IDLE", Idle{}},
		{"CHECK", Check{}},
		{"UIDBATCHES 2000", UIDBatches{Size: 2000}},
		{"uidbatches 1 10:20", UIDBatches{1, 10, 20}},
		{"UIDBATCHES 4294967295 20:10", UIDBatches{1<<32 - 1, 10, 20}},
		{"CLOSE", Close{}},
		{"UNSELECT", Unselect{}},
		{"EXPUNGE", Expunge{}},
		{"UID EXPUNGE 1:*", Expunge{&Numbers{UID: true, Set: set(Range{1, Star})}}},
		{"COPY 2,4:7,9,12:* b", Copy{seq(set(one(2), Range{4, 7}, one(9), Range{12, Star})), "b"}},
		{"uid copy $ b", Copy{Numbers{UID: true, Saved: true}, "b"}},
		{"compress deflate", Compress{"deflate"}},
		{"MOVE 7:4 b", Move{seq(set(Range{7, 4})), "b"}},
		{"UID MOVE 1 b", Move{uid(set(one(1))), "b"}},
		{`STORE 1 +FLAGS (\Deleted $x)`, Store{Numbers: seq(set(one(1))), Action: StoreAdd, Flags: []string{`\Deleted`, "$x"}}},
		{`STORE 1 FLAGS ()`, Store{Numbers: seq(set(one(1))), Flags: []string{}}},
		{`UID STORE 1 (UNCHANGEDSINCE 0) -FLAGS.SILENT \Seen a`, Store{Numbers: uid(set(one(1))), Action: StoreRemove,
			Silent: true, Flags: []string{`\Seen`, "a"}, UnchangedSince: modSeq(0)}},
	}
	for _, tt := range tests {
		state := Authenticated | Selected
		if strings.HasPrefix(tt.line, "LOGIN") || strings.HasPrefix(tt.line, "AUTH") || tt.line == "STARTTLS" {
			state = NotAuthenticated
		}
		req := read(t, "A.1 "+tt.line+"\r\n", Dialect{}, state)
		if req.Tag != "A.1" || !reflect.DeepEqual(req.Command, tt.want) {
			t.Errorf("%s\n got %q %#v\nwant %#v", tt.line, req.Tag, req.Command, tt.want)
		}
	}
}

// RFC 9051 6: each command in its states, and no other.
func TestStates(t *testing.T) {
	allowed := map[State]string{
		anyState:         "CAPABILITY NOOP LOGOUT ID",
		NotAuthenticated: "STARTTLS AUTHENTICATE LOGIN",
		Authenticated | Selected: "ENABLE SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB NAMESPACE GETJMAPACCESS STATUS APPEND " +
			"IDLE COMPRESS ESEARCH UNAUTHENTICATE XLIST GETMETADATA SETMETADATA NOTIFY " +
			"GETQUOTA GETQUOTAROOT SETQUOTA SETACL DELETEACL GETACL LISTRIGHTS MYRIGHTS",
		Selected: "CHECK CLOSE UNSELECT EXPUNGE SEARCH FETCH STORE COPY MOVE UID_EXPUNGE UID_SEARCH UID_FETCH UID_STORE UID_COPY " +
			"UID_MOVE UIDBATCHES REPLACE UID_REPLACE " +
			"CANCELUPDATE SORT UID_SORT THREAD UID_THREAD",
	}
	known := 0
	for states, names := range allowed {
		for name := range strings.FieldsSeq(names) {
			known++
			name = strings.ReplaceAll(name, "_", " ")
			for _, state := range []State{NotAuthenticated, Authenticated, Selected} {
				r := newTestReader("a "+name+" \r\n", Config{})
				r.SetState(state)
				if e := refusal(t, r); strings.Contains(e.Text, name) == (state&states != 0) {
					t.Errorf("%s in state %d: %s", name, state, e.Text)
				}
			}
		}
	}
	if known != len(syntax.verbs) {
		t.Errorf("%d commands are checked of %d", known, len(syntax.verbs))
	}
}

func TestReadList(t *testing.T) {
	tests := []struct {
		line string
		want Command
	}{
		{`LIST "" *`, List{Patterns: []string{"*"}}},
		{`LIST "" ""`, List{Patterns: []string{""}}},
		{`LIST a/ &AOk-%`, List{Reference: "a/", Patterns: []string{"é%"}}},
		{`LIST "" &x*`, List{Patterns: []string{noName}}}, // no modified UTF-7: matches nothing
		{`LIST () "" a`, List{Patterns: []string{"a"}, Extended: true}},
		{`LIST (SUBSCRIBED RECURSIVEMATCH REMOTE) "" (a "b*") RETURN (CHILDREN SUBSCRIBED SPECIAL-USE STATUS (UNSEEN))`, List{
			Patterns: []string{"a", "b*"},
			Select:   ListSelect{Subscribed: true, RecursiveMatch: true, Remote: true},
			Return:   ListReturn{Children: true, Subscribed: true, SpecialUse: true, Status: []StatusItem{StatusUnseen}},
			Extended: true,
		}},
		{`LSUB "" %`, Lsub{"", "%"}},
	}
	for _, tt := range tests {
		req := read(t, "a "+tt.line+"\r\n", Dialect{}, Selected|Authenticated)
		if !reflect.DeepEqual(req.Command, tt.want) {
			t.Errorf("%s\n got %#v\nwant %#v", tt.line, req.Command, tt.want)
		}
	}
}

func TestReadFetch(t *testing.T) {
	item := func(k FetchKind) FetchItem { return FetchItem{Kind: k} }
	tests := []struct {
		args   string
		items  []FetchItem
		answer string // the items as an answer names them
	}{
		{"FAST", []FetchItem{item(FetchFlags), item(FetchInternalDate), item(FetchSize)}, "FLAGS INTERNALDATE RFC822.SIZE"},
		{"uid", []FetchItem{item(FetchUID)}, "UID"},
		{"(BODY BODYSTRUCTURE MODSEQ EMAILID THREADID)", []FetchItem{item(FetchBody), item(FetchBodyStructure), item(FetchModSeq),
			item(FetchEmailID), item(FetchThreadID)}, "BODY BODYSTRUCTURE MODSEQ EMAILID THREADID"},
		{"BODY[]", []FetchItem{item(FetchBodySection)}, "BODY[]"},
		{"BODY.PEEK[]<0.100>", []FetchItem{{Kind: FetchBodySection, Peek: true, Partial: &Partial{0, 100}}}, "BODY[]<0>"},
		{"BODY[1.2.MIME]", []FetchItem{{Kind: FetchBodySection, Section: Section{Part: []int{1, 2}, Kind: SectionMIME}}},
			"BODY[1.2.MIME]"},
		{`BODY[header.fields.not (To "x-y" {1+}` + "\r\na)]", []FetchItem{{Kind: FetchBodySection,
			Section: Section{Kind: SectionHeaderFieldsNot, Fields: []string{"To", "x-y", "a"}}}},
			"BODY[HEADER.FIELDS.NOT (To x-y a)]"},
		{"(BINARY.PEEK[1]<5.6> BINARY[] BINARY.SIZE[2.3])", []FetchItem{
			{Kind: FetchBinary, Section: Section{Part: []int{1}}, Peek: true, Partial: &Partial{5, 6}},
			item(FetchBinary), {Kind: FetchBinarySize, Section: Section{Part: []int{2, 3}}}},
			"BINARY[1]<5> BINARY[] BINARY.SIZE[2.3]"},
		{"(RFC822 RFC822.HEADER RFC822.TEXT)", []FetchItem{item(FetchRFC822), syntax.fetchItems["RFC822.HEADER"](nil), syntax.fetchItems["RFC822.TEXT"](nil)},
			"RFC822 RFC822.HEADER RFC822.TEXT"},
	}
	for _, tt := range tests {
		req := read(t, "a FETCH 1:5 "+tt.args+"\r\n", Dialect{}, Selected)
		want := Fetch{Numbers: Numbers{Set: set(Range{1, 5})}, Items: tt.items}
		if !reflect.DeepEqual(req.Command, want) {
			t.Errorf("%s\n got %#v\nwant %#v", tt.args, req.Command, want)
		}
		var names []string
		for _, i := range tt.items {
			names = append(names, string(i.AppendTo(nil)))
		}
		if got := strings.Join(names, " "); got != tt.answer {
			t.Errorf("%s is answered as %s, want %s", tt.args, got, tt.answer)
		}
	}
	req := read(t, "a UID FETCH 1:* FLAGS (CHANGEDSINCE 12345 VANISHED)\r\n", Dialect{}, Selected)
	want := Fetch{Numbers: Numbers{UID: true, Set: set(Range{1, Star})}, Items: []FetchItem{item(FetchFlags)},
		ChangedSince: 12345, Vanished: true}
	if !reflect.DeepEqual(req.Command, want) {
		t.Errorf("got %#v\nwant %#v", req.Command, want)
	}
}

func TestSearchReturnSilent(t *testing.T) {
	for args, want := range map[string]bool{"": false, "RETURN () ": false, "RETURN (SAVE) ": true, "RETURN (SAVE MIN) ": false} {
		req := read(t, "a SEARCH "+args+"ALL\r\n", Dialect{}, Selected)
		if got := req.Command.(Search).Return.Silent(); got != want {
			t.Errorf("%q: %v", args, got)
		}
	}
}

func TestReadSearch(t *testing.T) {
	tests := []struct {
		args string
		want Search
	}{
		{"ALL", Search{Key: SearchAll{}}},
		{"RETURN () 2,4:*", Search{Return: SearchReturn{Extended: true, All: true}, Key: Numbers{Set: set(one(2), Range{4, Star})}}},
		{"RETURN (MIN COUNT SAVE) UID $", Search{Return: SearchReturn{Extended: true, Min: true, Count: true, Save: true},
			Key: Numbers{UID: true, Saved: true}}},
		{"RETURN (partial 500:400 MAX) 1", Search{Return: SearchReturn{Extended: true, Max: true, Partial: PartialRange{500, 400, false}}, Key: Numbers{Set: set(one(1))}}},
		{"RETURN (PARTIAL -1:-100) 1", Search{Return: SearchReturn{Extended: true, Partial: PartialRange{1, 100, true}}, Key: Numbers{Set: set(one(1))}}},
		{"RETURN (RELEVANCY) FUZZY (SEEN 1) FUZZY NOT DRAFT", Search{Return: SearchReturn{Extended: true, Relevancy: true},
			Key: SearchAnd{SearchFuzzy{SearchAnd{SearchFlag{`\Seen`}, Numbers{Set: set(one(1))}}}, SearchFuzzy{SearchNot{SearchFlag{`\Draft`}}}}}},
		{"RETURN (UPDATE context) 1", Search{Return: SearchReturn{Extended: true, Update: true, Context: true}, Key: Numbers{Set: set(one(1))}}},
		{"CHARSET utf-8 TEXT \"é\"", Search{Charset: "UTF-8", Key: SearchText{InText, "é"}}},
		{"CHARSET iso-8859-1 TEXT {1+}\r\n\xe9", Search{Charset: "ISO-8859-1", Key: SearchText{InText, "é"}}},
		{"SUBJECT {2+}\r\né NEW", Search{Key: SearchAnd{SearchText{InSubject, "é"}, SearchFlag{`\Recent`}, SearchNot{SearchFlag{`\Seen`}}}}},
		{"OR OR SEEN DELETED OR DRAFT (1 2)", Search{Key: SearchOr{SearchFlag{`\Seen`}, SearchFlag{`\Deleted`}, SearchFlag{`\Draft`},
			SearchAnd{Numbers{Set: set(one(1))}, Numbers{Set: set(one(2))}}}}},
		{"NOT NOT (ANSWERED)", Search{Key: SearchNot{SearchNot{SearchFlag{`\Answered`}}}}},
		{"SINCE 1-Feb-1994 SENTBEFORE \"02-mar-1999\"", Search{Key: SearchAnd{SearchDate{false, Since, day(1994, 2, 1)},
			SearchDate{true, Before, day(1999, 3, 2)}}}},
		{"LARGER 9223372036854775807 SMALLER 0", Search{Key: SearchAnd{SearchSize{true, 1<<63 - 1}, SearchSize{false, 0}}}},
		{"UNKEYWORD $Junk HEADER Message-ID \"\"", Search{Key: SearchAnd{SearchNot{SearchFlag{"$Junk"}}, SearchHeader{"Message-ID", ""}}}},
		{`MODSEQ "/flags/\\draft" ALL 620162338`, Search{Key: SearchModSeq{`/flags/\draft`, "all", 620162338}}},
		{"MODSEQ 0 EMAILID M1-a THREADID T_2", Search{Key: SearchAnd{SearchModSeq{}, SearchObjectID{false, "M1-a"}, SearchObjectID{true, "T_2"}}}},
		{"OLDER 4294967295 younger 1", Search{Key: SearchAnd{SearchWithin{false, 1<<32 - 1}, SearchWithin{true, 1}}}},
		{`SAVEDBEFORE 1-Feb-1994 SAVEDON "1-Feb-1994" SAVEDSINCE 01-Feb-1994 SAVEDATESUPPORTED`, Search{Key: SearchAnd{
			SearchSaved{Before, day(1994, 2, 1)}, SearchSaved{On, day(1994, 2, 1)}, SearchSaved{Since, day(1994, 2, 1)}, SearchSaveDateSupported{}}}},
	}
	for _, tt := range tests {
		req := read(t, "a SEARCH "+tt.args+"\r\n", Dialect{}, Selected)
		if !reflect.DeepEqual(req.Command, tt.want) {
			t.Errorf("%s\n got %#v\nwant %#v", tt.args, req.Command, tt.want)
		}
	}
}

func TestReadSort(t *testing.T) {
	tests := []struct {
		args string
		want Sort
	}{
		{"(SUBJECT reverse date) utf-8 ALL", Sort{Order: []SortKey{{By: SortSubject}, {SortDate, true}}, Charset: "UTF-8", Key: SearchAll{}}},
		{`RETURN () (DISPLAYTO) "iso-8859-1" SUBJECT {1+}` + "\r\n\xe9", Sort{Return: SearchReturn{Extended: true, All: true},
			Order: []SortKey{{By: SortDisplayTo}}, Charset: "ISO-8859-1", Key: SearchText{InSubject, "é"}}},
		{"RETURN (MIN SAVE) (ARRIVAL CC DISPLAYFROM FROM SIZE TO) US-ASCII 1 SEEN", Sort{Return: SearchReturn{Extended: true, Min: true, Save: true},
			Order:   []SortKey{{By: SortArrival}, {By: SortCc}, {By: SortDisplayFrom}, {By: SortFrom}, {By: SortSize}, {By: SortTo}},
			Charset: "US-ASCII", Key: SearchAnd{Numbers{Set: set(one(1))}, SearchFlag{`\Seen`}}}},
	}
	for _, tt := range tests {
		req := read(t, "a SORT "+tt.args+"\r\n", Dialect{UTF8Accept: true}, Selected)
		if !reflect.DeepEqual(req.Command, tt.want) {
			t.Errorf("%s\n got %#v\nwant %#v", tt.args, req.Command, tt.want)
		}
	}
}

func TestReadESearch(t *testing.T) {
	all := SearchReturn{Extended: true, All: true}
	for args, want := range map[string]ESearch{
		"1": {Return: all, Key: Numbers{Set: set(one(1))}},
		`IN (mailboxes "folder1" subtree (folder2 inbox)) unseen`: {In: []SearchSource{{FilterMailboxes, []string{"folder1"}}, {FilterSubtree, []string{"folder2", "INBOX"}}},
			Return: all, Key: SearchNot{SearchFlag{`\Seen`}}},
		"IN (selected personal inboxes subscribed subtree-one a) RETURN (COUNT SAVE) CHARSET utf-8 TEXT é": {
			In:     []SearchSource{{Filter: FilterSelected}, {Filter: FilterPersonal}, {Filter: FilterInboxes}, {Filter: FilterSubscribed}, {FilterSubtreeOne, []string{"a"}}},
			Return: SearchReturn{Extended: true, Count: true, Save: true}, Charset: "UTF-8", Key: SearchText{InText, "é"}},
	} {
		req := read(t, "a ESEARCH "+strings.ReplaceAll(args, "TEXT é", "TEXT \"é\"")+"\r\n", Dialect{}, Authenticated)
		if !reflect.DeepEqual(req.Command, want) {
			t.Errorf("%s\n got %#v\nwant %#v", args, req.Command, want)
		}
	}
}

func TestReadThread(t *testing.T) {
	for args, want := range map[string]Thread{
		"references utf-8 ALL":              {Algorithm: thread.References, Charset: "UTF-8", Key: SearchAll{}},
		`ORDEREDSUBJECT "US-ASCII" SEEN 1`:  {Algorithm: thread.OrderedSubject, Charset: "US-ASCII", Key: SearchAnd{SearchFlag{`\Seen`}, Numbers{Set: set(one(1))}}},
		"REFS iso-8859-1 TEXT {1+}\r\n\xe9": {Algorithm: thread.Refs, Charset: "ISO-8859-1", Key: SearchText{InText, "é"}},
	} {
		req := read(t, "a THREAD "+args+"\r\n", Dialect{}, Selected)
		if !reflect.DeepEqual(req.Command, want) {
			t.Errorf("%s\n got %#v\nwant %#v", args, req.Command, want)
		}
	}
}

// Each refused command is followed by a NOOP, which must be read: the place in the stream is kept.
func TestRefusals(t *testing.T) {
	small := Config{Limits: Limits{Line: 200, Literal: 50, Command: 300, Depth: 5, SetElements: 3, ListItems: 6, Discard: 1000}}
	tests := []struct {
		name, input string
		cond        Condition
		code        Code
		text        string
	}{
		{"unknown command", "a XYZZY b\r\n", BAD, "", "unknown command XYZZY"},
		{"no tag", "\r\n", BAD, "", "begins with a tag"},
		{"bare LF", "a NOOP\n", BAD, "", "CR LF"},
		{"NUL", "a LOGIN a \x00\r\n", BAD, "", "NUL"},
		{"bare CR", "a NOOP\rx\r\n", BAD, "", "CR except"},
		{"trailing space", "a NOOP \r\n", BAD, "", "end of the line"},
		{"two spaces", "a  NOOP\r\n", BAD, "", "a command"},
		{"missing argument", "a SELECT\r\n", BAD, "", "a space"},
		{"open quote", "a SELECT \"b\r\n", BAD, "", "closing quote"},
		{"backslash", `a SELECT "\b"` + "\r\n", BAD, "", "backslash"},
		{"latin-1 in quotes", "a SELECT \"\xe9\"\r\n", BAD, "", "UTF-8"},
		{"latin-1 in an atom", "a SELECT \xe9\r\n", BAD, "", "mailbox name"},
		{"bad UTF-7", "a SELECT a&b\r\n", NO, CodeCannot, "UTF-7"},
		{"control in a name", "a SELECT &AAc-\r\n", NO, CodeCannot, "control"},
		{"control written as it is", "a SELECT \"a\x1bb\"\r\n", NO, CodeCannot, "control"},
		{"long line", "a LOGIN " + strings.Repeat("x", 300) + "\r\n", BAD, CodeTooBig, "200 octets"},
		{"long line and literal", "a LOGIN " + strings.Repeat("x", 300) + " {6+}\r\nb NOOP\r\n", BAD, CodeTooBig, "200 octets"},
		{"waiting literal too long", "a SELECT {51}\r\n", BAD, CodeTooBig, "50 octets"},
		{"literal too long", "a SELECT {51+}\r\n" + strings.Repeat("b NOOP\r\n", 7)[:51] + "\r\n", BAD, CodeTooBig, "50 octets"},
		{"literal after an error", "a BOGUS {8+}\r\nb NOOP\r\n {3+}\r\nabc {9}\r\n", BAD, "", "unknown command BOGUS"},
		{"waiting literal after an error", "a BOGUS {8}\r\n", BAD, "", "unknown command BOGUS"},
		{"binary literal", "a SELECT ~{1+}\r\nx\r\n", BAD, "", "end of the line"},
		{"NUL in a literal", "a SELECT {1+}\r\n\x00 {2+}\r\nxx\r\n", BAD, "", "NUL"},
		{"literal not at the end", "a SELECT {1+} x\r\n", BAD, "", "literal"},
		{"many literals", "a ID (" + strings.Repeat("{50+}\r\n"+strings.Repeat("x", 50)+" ", 8) + ")\r\n", BAD, "", ""},
		{"deep", "a SEARCH ((((((1))))))\r\n", BAD, CodeLimit, "5 levels"},
		{"deep NOT", "a SEARCH NOT NOT NOT NOT NOT NOT 1\r\n", BAD, CodeLimit, "5 levels"},
		{"many items", "a STORE 1 FLAGS (a b c d e f g)\r\n", BAD, CodeLimit, "6 items"},
		{"many keys", "a SEARCH 1 2 3 4 5 6 7\r\n", BAD, CodeLimit, "6 items"},
		{"many ranges", "a COPY 1,2,3,4 b\r\n", BAD, CodeLimit, "3 ranges"},
		{"zero", "a COPY 0 b\r\n", BAD, "", "between 1"},
		{"too large a number", "a COPY 4294967296 b\r\n", BAD, "", "between 1"},
		{"empty set element", "a COPY 1,,2 b\r\n", BAD, "", "number set"},
		{"charset", "a SEARCH CHARSET KLINGON TEXT x\r\n", NO, CodeBadCharset, "charset"},
		{"text not UTF-8", "a SEARCH TEXT {1+}\r\n\xe9\r\n", NO, CodeBadCharset, "UTF-8"},
		{"date", "a SEARCH ON 31-Feb-2020\r\n", BAD, "", "1-Feb-1994"},
		{"recursive alone", "a LIST (RECURSIVEMATCH REMOTE) \"\" *\r\n", BAD, "", "RECURSIVEMATCH"},
		{"unknown list option", "a LIST (BOGUS) \"\" *\r\n", BAD, "", "BOGUS"},
		{"qresync lengths", "a SELECT b (QRESYNC (1 2 (1:3 1:2)))\r\n", BAD, "", "same length"},
		{"qresync order", "a SELECT b (QRESYNC (1 2 (1:2 6,5)))\r\n", BAD, "", "ascending"},
		{"vanished alone", "a UID FETCH 1 FLAGS (VANISHED)\r\n", BAD, "", "CHANGEDSINCE"},
		{"macro in a list", "a FETCH 1 (FAST)\r\n", BAD, "", "FAST"},
		{"section without dot", "a FETCH 1 BODY[1MIME]\r\n", BAD, "", "']'"},
		{"section with dot", "a FETCH 1 BODY[1.]\r\n", BAD, "", "part number"},
		{"MIME of the message", "a FETCH 1 BODY[MIME]\r\n", BAD, "", "numbered part"},
		{"partial of nothing", "a FETCH 1 BODY[]<0.0>\r\n", BAD, "", "0"},
		{"field name", "a FETCH 1 BODY[HEADER.FIELDS (\"a b\")]\r\n", BAD, "", "header field"},
		{"vanished in FETCH", "a FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)\r\n", BAD, "", "UID FETCH"},
		{"enable nothing", "a ENABLE\r\n", BAD, "", "space"},
		{"id name", "a ID (\"" + strings.Repeat("x", 31) + "\" NIL)\r\n", BAD, "", "names of 30"},
		{"id atom", "a ID (x NIL)\r\n", BAD, "", "field name"},
		{"result option", "a SEARCH RETURN (BOGUS) ALL\r\n", BAD, "", "BOGUS"},
		{"changedsince twice", "a FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)\r\n", BAD, "", "twice"},
		{"unchangedsince twice", "a STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS ()\r\n", BAD, "", "twice"},
		{"object id", "a SEARCH EMAILID a.b\r\n", BAD, "", "end of the line"},
		{"flag", "a STORE 1 FLAGS (a]b)\r\n", BAD, "", "space"},
		{"state", "a LOGIN b c\r\n", BAD, "", "after authentication"},
		{"append without literal", "a APPEND b x\r\n", BAD, "", "APPEND data"},
		{"append date", "a APPEND b \"1-Jan-2020 00:00:00 +0000\" {3+}\r\nabc\r\n", BAD, "", "17-Jul-1996"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newTestReader(tt.input+"next NOOP\r\n", small)
			e := refusal(t, r)
			if e.Condition != tt.cond || e.Code != tt.code || !strings.Contains(e.Text, tt.text) || e.Fatal {
				t.Errorf("got %v", e)
			}
			if want := "a"; e.Tag != want && tt.name != "no tag" {
				t.Errorf("tag %q, want %q", e.Tag, want)
			}
			if req, err := r.ReadCommand(); err != nil || req.Tag != "next" {
				t.Errorf("the next command is %+v, %v", req, err)
			}
			if _, err := r.ReadCommand(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

// What a refused command had said is known: RFC 9051 6.4.4.1.
func TestRefusedSave(t *testing.T) {
	r := newTestReader("a SEARCH RETURN (SAVE) CHARSET KLINGON TEXT x\r\n", Config{})
	req, err := r.ReadCommand()
	if c, ok := req.Command.(Search); err == nil || !ok || !c.Return.Save {
		t.Errorf("got %+v, %v", req, err)
	}
}

// RFC 7162 4 and RFC 4959 6: long lines are read, through a buffer that is shorter.
func TestLongLine(t *testing.T) {
	var numbers Set
	for n := uint32(1); n < 20000; n += 2 {
		numbers.Add(n)
	}
	req := read(t, "a UID FETCH "+numbers.String()+" UID\r\n", Dialect{}, Selected)
	if got := req.Command.(Fetch).Set; !reflect.DeepEqual(got, numbers) {
		t.Errorf("got %d ranges, want %d", len(got), len(numbers))
	}
	req = read(t, "a AUTHENTICATE X "+strings.Repeat("AAAA", 10000)+"\r\n", Dialect{}, NotAuthenticated)
	if got := len(req.Command.(Authenticate).Initial); got != 30000 {
		t.Errorf("got %d octets", got)
	}
}

// A line that is too long is refused with its tag, and with the literal that it announces.
func TestTooLongLine(t *testing.T) {
	for n := 1000; n < 1600; n++ {
		input := "a LOGIN " + strings.Repeat("x", n) + " {8+}\r\nb NOOP\r\n\r\nnext NOOP\r\n"
		r := NewReader(bufio.NewReaderSize(strings.NewReader(input), 16), Config{Limits: Limits{Line: 1000}})
		if e := refusal(t, r); e.Tag != "a" || e.Code != CodeTooBig {
			t.Fatalf("%d: got %+v", n, e)
		}
		if req, err := r.ReadCommand(); req.Tag != "next" {
			t.Fatalf("%d: next is %+v, %v", n, req, err)
		}
	}
}

func TestInitialResponse(t *testing.T) {
	for _, text := range []string{"=AAA", "AAA=BBB", "AAA", "A", "AB==", "!", "\"AAAA\"", "{4+}\r\nAAAA"} {
		r := newTestReader("a AUTHENTICATE X "+text+"\r\n", Config{})
		r.SetState(NotAuthenticated)
		if e := refusal(t, r); e.Condition != BAD {
			t.Errorf("%s: %v", text, e)
		}
	}
}

func TestRefusalsThatEndTheConnection(t *testing.T) {
	config := Config{Limits: Limits{Line: 100, Literal: 50, Discard: 5000}}
	for name, input := range map[string]string{
		"literal": "a SELECT {5001+}\r\n",
		"line":    "a SELECT " + strings.Repeat("x", 9000) + "\r\n",
		"many":    "a BOGUS" + strings.Repeat(" {999+}\r\n"+strings.Repeat("x", 999), 6) + "\r\n",
	} {
		e := refusal(t, newTestReader(input, config))
		if !e.Fatal || e.Condition != BYE || e.Code != CodeTooBig {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestConnectionEnds(t *testing.T) {
	for input, want := range map[string]error{
		"":                         io.EOF,
		"a NOO":                    io.ErrUnexpectedEOF,
		"a SELECT {5}\r\nab":       io.ErrUnexpectedEOF,
		"a SELECT {2}\r\nab":       io.ErrUnexpectedEOF,
		"a BOGUS {5+}\r\nab":       io.ErrUnexpectedEOF,
		"a SELECT {5+}\r\nabcde (": io.ErrUnexpectedEOF,
	} {
		if _, err := newTestReader(input, Config{}).ReadCommand(); err != want {
			t.Errorf("%q: %v, want %v", input, err, want)
		}
	}
}

// A client that waits is told to go on exactly when its literal will be read.
func TestContinue(t *testing.T) {
	for input, want := range map[string]int{
		"a LOGIN {1}\r\na {1}\r\nb\r\n":   2,
		"a LOGIN {1+}\r\na {1+}\r\nb\r\n": 0,
		"a LOGIN {0}\r\n {1}\r\nb\r\n":    2,
		"a LOGIN {99}\r\n":                0,
		"a NOOP {1}\r\n":                  0,
		"a SELECT {1}\r\n":                0, // not authenticated
	} {
		n := 0
		r := newTestReader(input, Config{Limits: Limits{Literal: 98}, Continue: func() error { n++; return nil }})
		r.SetState(NotAuthenticated)
		r.ReadCommand()
		if n != want {
			t.Errorf("%q: told to go on %d times, want %d", input, n, want)
		}
	}
	broken := errors.New("broken")
	r := newTestReader("a SELECT {1}\r\nb\r\n", Config{Continue: func() error { return broken }})
	if _, err := r.ReadCommand(); err != broken {
		t.Errorf("got %v", err)
	}
}

func TestNonSyncLimit(t *testing.T) {
	r := newTestReader("a SELECT {5+}\r\nINBOX\r\nb NOOP\r\n", Config{NonSyncLimit: 4})
	if e := refusal(t, r); e.Code != CodeTooBig {
		t.Errorf("got %v", e)
	}
	if req, err := r.ReadCommand(); req.Tag != "b" {
		t.Errorf("got %+v %v", req, err)
	}
}

func TestDialects(t *testing.T) {
	for _, tt := range []struct {
		dialect    Dialect
		line, want string
	}{
		{Dialect{}, "&AOk-", "é"},
		{Dialect{}, "\"é\"", "é"}, // RFC 6855 3
		{Dialect{Rev2: true}, "&AOk-", "&AOk-"},
		{Dialect{UTF8Accept: true}, "\"é\"", "é"},
		{Dialect{Rev2: true}, "\"e\u0301\"", "é"}, // normalized
		{Dialect{}, "Inbox/x", "Inbox/x"},
	} {
		if got := read(t, "a DELETE "+tt.line+"\r\n", tt.dialect, Authenticated).Command; got != (Delete{tt.want}) {
			t.Errorf("%+v %s: got %q", tt.dialect, tt.line, got)
		}
	}
	req := read(t, "a RENAME inbox \"e\u0301\"\r\n", Dialect{}, Authenticated)
	if want := []CanonicalName{{"inbox", "INBOX"}, {"e\u0301", "é"}}; !reflect.DeepEqual(req.Canonical, want) {
		t.Errorf("canonical names: %q", req.Canonical)
	}
	r := newTestReader("a SEARCH CHARSET UTF-8 ALL\r\n", Config{})
	r.SetDialect(Dialect{UTF8Accept: true})
	if e := refusal(t, r); e.Condition != BAD {
		t.Errorf("got %v", e)
	}
}

func TestReadReplies(t *testing.T) {
	r := newTestReader("a AUTHENTICATE X\r\nAAE=\r\n\r\nb64\r\n*\r\nb IDLE\r\ndone\r\nb IDLE\r\nNOOP\r\n", Config{})
	r.SetState(anyState)
	r.ReadCommand()
	if got, err := r.ReadAuthResponse(); string(got) != "\x00\x01" || err != nil {
		t.Errorf("got %q %v", got, err)
	}
	if got, err := r.ReadAuthResponse(); len(got) != 0 || err != nil {
		t.Errorf("empty response: got %q %v", got, err)
	}
	for _, text := range []string{"base64", "cancelled"} {
		var e *Error
		if _, err := r.ReadAuthResponse(); !errors.As(err, &e) || e.Tag != "a" || e.Condition != BAD || !strings.Contains(e.Text, text) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	r.ReadCommand()
	if err := r.ReadDone(); err != nil {
		t.Error(err)
	}
	r.ReadCommand()
	var e *Error
	if err := r.ReadDone(); !errors.As(err, &e) || e.Tag != "b" {
		t.Errorf("got %v", err)
	}
}

// RFC 9738 3.2.
func TestMessageLimitKeys(t *testing.T) {
	for key, want := range map[string]SearchKey{
		"UIDAFTER 5":          Numbers{UID: true, Set: set(Range{6, 1<<32 - 1})},
		"UIDAFTER 4294967295": SearchNot{SearchAll{}},
		"UIDBEFORE 5":         Numbers{UID: true, Set: set(Range{1, 4})},
		"uidbefore 1":         SearchNot{SearchAll{}},
	} {
		req := read(t, "a SEARCH "+key+"\r\n", Dialect{}, Selected)
		if got := req.Command.(Search).Key; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v", key, got)
		}
	}
	for _, key := range []string{"UIDAFTER 0", "UIDAFTER *", "UIDBEFORE 1:2", "UIDAFTER", "UIDBEFORE 4294967296"} {
		refusal(t, newTestReader("a SEARCH "+key+"\r\n", Config{}))
	}
}
