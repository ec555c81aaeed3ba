package imap

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"

	"github.com/mailmesh/mailmesh/internal/rfc/thread"
)

// encoded is what write sends to a client of that dialect, without the last CRLF.
func encoded(t *testing.T, d Dialect, write func(e *Encoder)) string {
	t.Helper()
	var b bytes.Buffer
	e := NewEncoder(&b, nil)
	e.SetDialect(d)
	write(e)
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\r\n")
}

func TestEncode(t *testing.T) {
	rev1, rev2 := Dialect{}, Dialect{Rev2: true}
	matches := SetOf(4, 5, 6, 21)
	tests := []struct {
		dialect Dialect
		write   func(e *Encoder)
		want    string
	}{
		{rev1, func(e *Encoder) { e.Tagged("a1", OK, "", "LOGIN completed") }, "a1 OK LOGIN completed"},
		{rev1, func(e *Encoder) { e.Tagged("a1", NO, CodeTryCreate, "") }, "a1 NO [TRYCREATE] Done"},
		{rev1, func(e *Encoder) { e.Tagged("a1", OK, "", "[x] a\r\nb é") }, "a1 OK (x] a??b ??"},
		{rev1, func(e *Encoder) { e.Untagged(BYE, CodeUnavailable, "draining") }, "* BYE [UNAVAILABLE] draining"},
		{rev1, func(e *Encoder) { e.Error(&Error{Tag: "x", Condition: NO, Code: CodeCannot, Text: "no"}) }, "x NO [CANNOT] no"},
		{rev1, func(e *Encoder) { e.Error(&Error{Condition: BAD, Text: "no tag"}) }, "* BAD no tag"},
		{rev1, func(e *Encoder) {
			e.Error(&Error{Tag: "x", Condition: BAD, Code: CodeTooBig, Text: "big", Fatal: true})
		},
			"* BYE [TOOBIG] big"},
		{rev1, func(e *Encoder) { e.Continue("go") }, "+ go"},
		{rev1, func(e *Encoder) { e.Challenge([]byte("\x00\x01")) }, "+ AAE="},
		{rev1, func(e *Encoder) { e.Challenge(nil) }, "+ "},

		{rev1, func(e *Encoder) { e.Tagged("a", OK, CodeCapability([]string{"IMAP4rev1", "ID"}), "hi") },
			"a OK [CAPABILITY IMAP4rev1 ID] hi"},
		{rev1, func(e *Encoder) { e.Untagged(OK, CodePermanentFlags([]string{`\Seen`, "$x"}, true), "flags") },
			`* OK [PERMANENTFLAGS (\Seen $x \*)] flags`},
		{rev1, func(e *Encoder) { e.Untagged(OK, CodePermanentFlags(nil, true), "flags") }, `* OK [PERMANENTFLAGS (\*)] flags`},
		{rev1, func(e *Encoder) { e.Untagged(OK, CodePermanentFlags(nil, false), "flags") }, `* OK [PERMANENTFLAGS ()] flags`},
		{rev1, func(e *Encoder) { e.Untagged(OK, CodeUIDNext(7), "next") }, "* OK [UIDNEXT 7] next"},
		{rev1, func(e *Encoder) { e.Untagged(OK, CodeHighestModSeq(1<<40), "mod") }, "* OK [HIGHESTMODSEQ 1099511627776] mod"},
		{rev1, func(e *Encoder) { e.Tagged("a", OK, CodeAppendUID(9, SetOf(3)), "ok") }, "a OK [APPENDUID 9 3] ok"},
		{rev1, func(e *Encoder) { e.Tagged("a", OK, CodeCopyUID(9, SetOf(1, 2), SetOf(304, 305)), "ok") },
			"a OK [COPYUID 9 1:2 304:305] ok"},
		{rev1, func(e *Encoder) { e.Tagged("a", OK, CodeModified(SetOf(7, 9)), "ok") }, "a OK [MODIFIED 7,9] ok"},
		{rev1, func(e *Encoder) { e.Tagged("a", OK, CodeMailboxID("F1"), "ok") }, "a OK [MAILBOXID (F1)] ok"},

		{rev1, func(e *Encoder) { e.Capability([]string{"IMAP4rev1", "IDLE"}) }, "* CAPABILITY IMAP4rev1 IDLE"},
		{rev1, func(e *Encoder) { e.JMAPAccess("https://mail.example.org/.well-known/jmap") }, `* JMAPACCESS "https://mail.example.org/.well-known/jmap"`},
		{rev1, func(e *Encoder) { e.Enabled(nil) }, "* ENABLED"},
		{rev1, func(e *Encoder) { e.ID(nil) }, "* ID NIL"},
		{rev1, func(e *Encoder) { e.ID([]IDParam{{Name: "name", Value: "x"}, {Name: "os", Null: true}}) }, `* ID ("name" "x" "os" NIL)`},
		{rev1, func(e *Encoder) {
			e.Namespace([]NamespaceEntry{{"", '/'}}, nil, []NamespaceEntry{{"é/", '/'}, {"#x", 0}})
		},
			`* NAMESPACE (("" "/")) NIL (("&AOk-/" "/")("#x" NIL))`},
		{rev1, func(e *Encoder) { e.List(ListEntry{[]string{`\HasChildren`, `\Sent`}, '/', "a/é", "", nil}) },
			`* LIST (\HasChildren \Sent) "/" a/&AOk-`},
		{rev2, func(e *Encoder) { e.List(ListEntry{nil, '\\', "é", "a b", []string{"SUBSCRIBED", "SPECIAL-USE"}}) },
			`* LIST () "\\" "é" ("CHILDINFO" ("SUBSCRIBED" "SPECIAL-USE") "OLDNAME" ("a b"))`},
		{rev2, func(e *Encoder) { e.List(ListEntry{Name: "nil", OldName: "x"}) }, `* LIST () NIL "nil" ("OLDNAME" (x))`},
		{rev1, func(e *Encoder) { e.XList(ListEntry{[]string{`\Inbox`}, '/', "INBOX", "", nil}) }, `* XLIST (\Inbox) "/" INBOX`},
		{rev1, func(e *Encoder) { e.Lsub(ListEntry{Delimiter: '/', Name: "a&b"}) }, `* LSUB () "/" a&-b`},
		{rev1, func(e *Encoder) {
			e.Status("a", []StatusItem{StatusMessages, StatusUIDNext, StatusSize, StatusAppendLimit, StatusMailboxID},
				StatusData{Messages: 1, UIDNext: 2, Size: 1 << 40, AppendLimit: -1, MailboxID: "F1"})
		}, "* STATUS a (MESSAGES 1 UIDNEXT 2 SIZE 1099511627776 APPENDLIMIT NIL MAILBOXID (F1))"},
		{rev1, func(e *Encoder) {
			e.Status("a", []StatusItem{StatusUnseen, StatusDeleted, StatusRecent, StatusUIDValidity, StatusHighestModSeq, StatusAppendLimit},
				StatusData{Unseen: 1, Deleted: 2, Recent: 3, UIDValidity: 4, HighestModSeq: 5, AppendLimit: 6})
		}, "* STATUS a (UNSEEN 1 DELETED 2 RECENT 3 UIDVALIDITY 4 HIGHESTMODSEQ 5 APPENDLIMIT 6)"},
		{rev1, func(e *Encoder) {
			e.Status("a", []StatusItem{StatusDeletedStorage}, StatusData{DeletedStorage: 1 << 40})
		},
			"* STATUS a (DELETED-STORAGE 1099511627776)"},
		{rev1, func(e *Encoder) { e.Quota("a b", []ResourceUse{{ResourceStorage, 10, 512}, {ResourceMailbox, 0, 3}}) },
			`* QUOTA "a b" (STORAGE 10 512 MAILBOX 0 3)`},
		{rev1, func(e *Encoder) { e.ACL("é", []ACLEntry{{"a b", mail.RightLookup | mail.RightCreate}, {"c", 0}}) },
			`* ACL &AOk- "a b" lkc "c" ""`},
		{rev1, func(e *Encoder) { e.ListRights("a", "b", 0, mail.AllRights) }, `* LISTRIGHTS a "b" "" l r s w i p k x t e a c d`},
		{rev1, func(e *Encoder) { e.ListRights("a", "b", mail.AllRights, 0) }, `* LISTRIGHTS a "b" lrswipkxteacd`},
		{rev1, func(e *Encoder) { e.MyRights("a", mail.RightRead|mail.RightExpunge) }, `* MYRIGHTS a red`},
		{rev1, func(e *Encoder) { e.QuotaRoot("é", "") }, `* QUOTAROOT &AOk- ""`},
		{rev1, func(e *Encoder) { e.Flags([]string{`\Seen`, "$x"}) }, `* FLAGS (\Seen $x)`},
		{rev1, func(e *Encoder) { e.Exists(3) }, "* 3 EXISTS"},
		{rev1, func(e *Encoder) { e.Recent(0) }, "* 0 RECENT"},
		{rev1, func(e *Encoder) { e.Expunge(4294967295) }, "* 4294967295 EXPUNGE"},
		{rev1, func(e *Encoder) { e.Vanished(true, SetOf(41, 43, 44)) }, "* VANISHED (EARLIER) 41,43:44"},
		{rev1, func(e *Encoder) { e.Vanished(false, nil) }, ""},
		{rev1, func(e *Encoder) { e.Search(nil, 5) }, "* SEARCH"},
		{rev1, func(e *Encoder) { e.Search(matches, 0) }, "* SEARCH 4 5 6 21"},
		{rev1, func(e *Encoder) { e.Search(matches, 917) }, "* SEARCH 4 5 6 21 (MODSEQ 917)"},
		{rev1, func(e *Encoder) { e.Sort(ordered(5, 3, 4, 1), 7) }, "* SORT 5 3 4 1 (MODSEQ 7)"},
		{rev1, func(e *Encoder) { e.Sort(nil, 7) }, "* SORT"},
		{rev1, func(e *Encoder) {
			e.Update(SearchResult{Tag: "a", UID: true}, SearchUpdate{[]Placed{{0, SetOf(1, 2)}}, []Placed{{3, ordered(5, 4)}, {6, SetOf(9)}}})
		}, `* ESEARCH (TAG "a") UID REMOVEFROM (0 1:2) ADDTO (3 5,4 6 9)`},
		{rev1, func(e *Encoder) {
			e.Update(SearchResult{Tag: "a", Mailbox: "x y", UIDValidity: 3}, SearchUpdate{Added: []Placed{{0, SetOf(5)}}})
		},
			`* ESEARCH (TAG "a" MAILBOX "x y" UIDVALIDITY 3) ADDTO (0 5)`},
		{rev1, func(e *Encoder) { e.Update(SearchResult{Tag: "a"}, SearchUpdate{}) }, ""},
		{rev1, func(e *Encoder) { e.Untagged(NO, CodeNoUpdate("a"), "no") }, `* NO [NOUPDATE "a"] no`},
		{rev1, func(e *Encoder) {
			e.ESearch(SearchResult{Tag: "a", Return: SearchReturn{Extended: true, All: true, Relevancy: true}, Matches: ordered(5, 3), Relevancy: []uint8{99, 4}, ModSeq: 9})
		}, `* ESEARCH (TAG "a") ALL 5,3 RELEVANCY (99 4) MODSEQ 9`},
		{rev1, func(e *Encoder) {
			e.ESearch(SearchResult{Tag: "a", UID: true, Return: SearchReturn{Extended: true, Min: true, Max: true, All: true, Count: true}, Matches: ordered(9, 8, 3, 4, 5, 7)})
		}, `* ESEARCH (TAG "a") UID MIN 9 MAX 7 ALL 9,8,3:5,7 COUNT 6`},
		{rev1, func(e *Encoder) { e.ID([]IDParam{{Name: "a\r\n", Value: "\x00b"}}) }, "* ID ({3}\r\na\r\n {1}\r\nb)"},
		{rev2, func(e *Encoder) { e.ESearch(SearchResult{Tag: `a\`, UID: true, Matches: matches}) },
			`* ESEARCH (TAG "a\\") UID ALL 4:6,21`},
		{rev2, func(e *Encoder) {
			e.ESearch(SearchResult{Tag: "a", Return: SearchReturn{Extended: true, Min: true, Max: true, Count: true}, Matches: matches, ModSeq: 9})
		}, `* ESEARCH (TAG "a") MIN 4 MAX 21 COUNT 4 MODSEQ 9`},
		{rev2, func(e *Encoder) {
			e.ESearch(SearchResult{Tag: "a", Return: SearchReturn{Extended: true, Min: true, All: true, Count: true}})
		}, `* ESEARCH (TAG "a") COUNT 0`},
	}
	for _, tt := range tests {
		if got := encoded(t, tt.dialect, tt.write); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestEncodeFetch(t *testing.T) {
	content := func(s string) (int64, io.Reader) { return int64(len(s)), strings.NewReader(s) }
	got := encoded(t, Dialect{}, func(e *Encoder) {
		f := e.Fetch(12, 0)
		f.UID(5)
		f.Flags([]string{`\Seen`}, true)
		f.Flags(nil, false)
		f.InternalDate(time.Date(2020, 2, 1, 3, 4, 5, 0, time.FixedZone("", -90*60)))
		f.Size(1 << 33)
		f.ModSeq(8)
		f.EmailID("M1")
		f.ThreadID("")
		f.ThreadID("T1")
		n, r := content("a\r\n\x00")
		f.Section(FetchItem{Kind: FetchBodySection, Section: Section{Part: []int{1}, Kind: SectionText}, Partial: &Partial{3, 9}}, n, r)
		n, r = content("")
		f.Section(FetchItem{Kind: FetchRFC822Header}, n, r)
		n, r = content("\x00")
		f.Binary(FetchItem{Kind: FetchBinary}, n, true, r)
		f.BinarySize(FetchItem{Kind: FetchBinarySize, Section: Section{Part: []int{2}}}, 7)
		f.Missing(FetchItem{Kind: FetchBodySection, Section: Section{Part: []int{9}}})
		f.End()
	})
	want := `* 12 FETCH (UID 5 FLAGS (\Recent \Seen) FLAGS () INTERNALDATE " 1-Feb-2020 03:04:05 -0130" RFC822.SIZE 8589934592` +
		` MODSEQ (8) EMAILID (M1) THREADID NIL THREADID (T1)` + " BODY[1.TEXT]<3> {4}\r\na\r\n\x00 RFC822.HEADER \"\" BINARY[] ~{1}\r\n\x00" +
		` BINARY.SIZE[2] 7 BODY[9] NIL)`
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestEncodeEnvelope(t *testing.T) {
	env := &message.Envelope{
		Date:    "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)",
		Subject: `a "b" \ é`,
		From:    []header.Address{{Name: "Terry Gray", Local: "gray", Domain: "cac.washington.edu"}},
		Sender:  []header.Address{{Local: "root"}},
		ReplyTo: []header.Address{{Name: "Nobody"}},
		To: []header.Address{{Kind: header.GroupStart, Name: "g"}, {Name: "\xe9", Route: "@a,@b", Local: "x", Domain: "y"},
			{Kind: header.GroupEnd}},
		InReplyTo: "",
		Has:       message.HasDate | message.HasSubject | message.HasInReplyTo,
	}
	want := func(subject, name string) string {
		return `* 1 FETCH (ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" ` + subject +
			` (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "root" "")) (("Nobody" NIL "" ""))` +
			` ((NIL NIL "g" NIL)(` + name + ` "@a,@b" "x" "y")(NIL NIL NIL NIL)) NIL NIL "" NIL))`
	}
	for _, tt := range []struct {
		dialect       Dialect
		subject, name string
	}{
		{Dialect{}, "{10}\r\na \"b\" \\ é", "{1}\r\n\xe9"},
		{Dialect{UTF8Accept: true}, `"a \"b\" \\ é"`, "{1}\r\n\xe9"},
	} {
		got := encoded(t, tt.dialect, func(e *Encoder) {
			f := e.Fetch(1, 0)
			f.Envelope(env)
			f.End()
		})
		if w := want(tt.subject, tt.name); got != w {
			t.Errorf("got  %q\nwant %q", got, w)
		}
	}
}

func TestEncodeBodyStructure(t *testing.T) {
	text := &message.Part{Type: "text", Subtype: "plain", Params: header.Params{{Name: "charset", Value: "us-ascii"}},
		Encoding: "7bit", Body: message.Range{Length: 3028}, Lines: 92}
	attached := &message.Part{Type: "image", Subtype: "png", ID: "<1@x>", Description: "d", Encoding: "base64",
		Body: message.Range{Length: 10}, MD5: "m", Disposition: "attachment",
		DispParams: header.Params{{Name: "filename*", Value: "utf-8''%C3%A9"}}, Language: []string{"de", "en"}, Location: "l"}
	embedded := &message.Part{Type: "message", Subtype: "rfc822", Encoding: "7bit", Body: message.Range{Length: 50}, Lines: 5,
		Envelope: &message.Envelope{}, Children: []*message.Part{text}}
	root := &message.Part{Type: "multipart", Subtype: "mixed", Params: header.Params{{Name: "boundary", Value: "b"}},
		Children: []*message.Part{text, attached, embedded}, Language: []string{"fr"}}
	const textBody = `"text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3028 92`
	const noEnvelope = `(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)`
	extended := func(filename string) string {
		return `BODYSTRUCTURE ((` + textBody + ` NIL NIL NIL NIL)` +
			`("image" "png" NIL "<1@x>" "d" "base64" 10 "m" ("attachment" ("filename*" "` + filename + `")) ("de" "en") "l")` +
			`("message" "rfc822" NIL NIL NIL "7bit" 50 ` + noEnvelope + ` (` + textBody + ` NIL NIL NIL NIL) 5 NIL NIL NIL NIL)` +
			` "mixed" ("boundary" "b") NIL "fr" NIL)`
	}
	for _, tt := range []struct {
		dialect  Dialect
		extended bool
		want     string
	}{
		{Dialect{}, true, extended("utf-8''%C3%A9")},
		{Dialect{Rev2: true}, true, extended("é")},
		{Dialect{}, false, `BODY ((` + textBody + `)("image" "png" NIL "<1@x>" "d" "base64" 10)` +
			`("message" "rfc822" NIL NIL NIL "7bit" 50 ` + noEnvelope + ` (` + textBody + `) 5) "mixed")`},
	} {
		got := encoded(t, tt.dialect, func(e *Encoder) {
			f := e.Fetch(1, 0)
			f.BodyStructure(root, tt.extended)
			f.End()
		})
		if want := "* 1 FETCH (" + tt.want + ")"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Content of any size goes out whole, through a buffer that stays small.
func TestStream(t *testing.T) {
	for _, size := range []int{1, 100, minRead, flushAt - 1, flushAt, flushAt + 1, 10 * flushAt} {
		for _, buf := range [][]byte{nil, make([]byte, 0, 100), make([]byte, 0, 2*flushAt)} {
			content := strings.Repeat("0123456789", size/10+1)[:size]
			var out bytes.Buffer
			e := NewEncoder(&out, buf)
			e.Exists(1)
			f := e.Fetch(1, 0)
			f.Section(FetchItem{Kind: FetchBodySection}, int64(size), pieces{strings.NewReader(content)})
			f.End()
			e.Flush()
			if got := out.String(); !strings.HasPrefix(got, "* 1 EXISTS\r\n* 1 FETCH (BODY[] {") || !strings.HasSuffix(got, "}\r\n"+content+")\r\n") {
				t.Errorf("size %d, buffer %d: wrong output of %d octets", size, cap(buf), len(got))
			}
			if cap(e.buf) > 2*flushAt {
				t.Errorf("size %d: the buffer grew to %d", size, cap(e.buf))
			}
		}
	}
}

// pieces reads in pieces, as files and networks may.
type pieces struct{ r io.Reader }

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), 1000)]) }

func TestStreamFails(t *testing.T) {
	var out bytes.Buffer
	e := NewEncoder(&out, nil)
	f := e.Fetch(1, 0)
	f.Section(FetchItem{Kind: FetchBodySection}, 5, strings.NewReader("abc"))
	f.End()
	if err := e.Flush(); err != io.ErrUnexpectedEOF {
		t.Errorf("short content: %v", err)
	}
	if strings.Contains(out.String(), ")") {
		t.Errorf("the response goes on after its content broke off: %q", out.String())
	}
	broken := errors.New("broken")
	e = NewEncoder(brokenWriter{broken}, nil)
	e.Exists(1)
	if err := e.Flush(); err != broken {
		t.Errorf("got %v", err)
	}
	e.Exists(1)
	if err := e.Flush(); err != broken {
		t.Errorf("the error did not stay: %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func BenchmarkEnvelopes(b *testing.B) {
	env := &message.Envelope{
		Date: "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", Subject: "IMAP4rev2 WG mtg summary and minutes",
		From:      []header.Address{{Name: "Terry Gray", Local: "gray", Domain: "cac.washington.edu"}},
		Sender:    []header.Address{{Name: "Terry Gray", Local: "gray", Domain: "cac.washington.edu"}},
		ReplyTo:   []header.Address{{Name: "Terry Gray", Local: "gray", Domain: "cac.washington.edu"}},
		To:        []header.Address{{Local: "imap", Domain: "cac.washington.edu"}},
		Cc:        []header.Address{{Local: "minutes", Domain: "CNRI.Reston.VA.US"}, {Name: "John Klensin", Local: "KLENSIN", Domain: "MIT.EDU"}},
		MessageID: "<B27397-0100000@cac.washington.edu>",
		Has:       message.HasDate | message.HasSubject | message.HasMessageID,
	}
	e := NewEncoder(io.Discard, nil)
	flags := []string{`\Seen`, "$Forwarded"}
	date := time.Date(2020, 2, 1, 3, 4, 5, 0, time.UTC)
	b.ReportAllocs()
	for i := range b.N {
		f := e.Fetch(uint32(i), 0)
		f.UID(1)
		f.Flags(flags, false)
		f.InternalDate(date)
		f.Size(4286)
		f.Envelope(env)
		f.End()
	}
}

// ordered is a set in an order of its own.
func ordered(numbers ...uint32) (s Set) {
	for _, n := range numbers {
		s.Append(n)
	}
	return s
}

// A set that is longer than the buffer comes out whole.
func TestEncodeLongSet(t *testing.T) {
	var s Set
	for n := uint32(30_000); n > 0; n -= 2 {
		s.Append(n)
	}
	got := encoded(t, Dialect{}, func(e *Encoder) {
		e.ESearch(SearchResult{Tag: "a", Return: SearchReturn{Extended: true, All: true}, Matches: s})
	})
	if want := `* ESEARCH (TAG "a") ALL ` + s.String(); got != want {
		t.Errorf("%d octets, want %d", len(got), len(want))
	}
}

func TestEncodeThread(t *testing.T) {
	node := func(number uint32, depth, children int) thread.Node {
		return thread.Node{Number: number, Depth: depth, Children: children}
	}
	for _, tt := range []struct {
		nodes []thread.Node
		want  string
	}{
		{nil, "* THREAD"},
		{[]thread.Node{node(2, 0, 0), node(3, 0, 1), node(6, 1, 2), node(4, 2, 1), node(23, 3, 0), node(44, 2, 1), node(7, 3, 1), node(96, 4, 0)}, "* THREAD (2)(3 6 (4 23)(44 7 96))"}, // RFC 5256 4
		{[]thread.Node{node(0, 0, 2), node(3, 1, 0), node(5, 1, 0)}, "* THREAD ((3)(5))"},
		{[]thread.Node{node(0, 0, 2), node(3, 1, 2), node(5, 2, 0), node(6, 2, 0), node(7, 1, 0), node(8, 0, 0)}, "* THREAD ((3 (5)(6))(7))(8)"},
	} {
		got := encoded(t, Dialect{}, func(e *Encoder) { e.Thread(slices.Values(tt.nodes)) })
		if got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestCodeInProgress(t *testing.T) {
	for want, got := range map[string]Code{
		`INPROGRESS ("a.1" 5 7)`:   CodeInProgress("a.1", 5, 7),
		`INPROGRESS ("a" 7 7)`:     CodeInProgress("a", 9, 7),
		`INPROGRESS ("a" NIL NIL)`: CodeInProgress("a", 5, 0),
		`INPROGRESS (NIL 0 1)`:     CodeInProgress("a]", 0, 1),
		`INPROGRESS (NIL NIL NIL)`: CodeInProgress(`a\`, 0, 0),
	} {
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
