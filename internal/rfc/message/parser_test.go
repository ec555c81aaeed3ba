package message

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func parse(t testing.TB, content string) *Message {
	t.Helper()
	m, err := Parse(strings.NewReader(content), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	check(t, []byte(content), m)
	return m
}

// check holds a result to what doc.go promises of every content.
func check(t testing.TB, content []byte, m *Message) {
	t.Helper()
	if m.Size != int64(len(content)) {
		t.Fatalf("size %d, want %d", m.Size, len(content))
	}
	if all := m.Root.All(); all.Offset != 0 || all.Length != m.Size {
		t.Fatalf("root covers %+v of %d bytes", all, m.Size)
	}
	checkPart(t, content, m.Root, Range{0, m.Size})
}

func checkPart(t testing.TB, content []byte, p *Part, within Range) {
	t.Helper()
	if p.Header.Length < 0 || p.Body.Length < 0 || p.Header.Offset < within.Offset || p.Body.End() > within.End() {
		t.Fatalf("part %+v %+v is outside of %+v", p.Header, p.Body, within)
	}
	if p.Body.Offset != p.Header.End() {
		t.Fatalf("body at %d, header ends at %d", p.Body.Offset, p.Header.End())
	}
	body := content[p.Body.Offset:p.Body.End()]
	if n := bytes.Count(body, []byte{'\n'}); int64(n) != p.Lines {
		t.Fatalf("lines %d, want %d in %.100q", p.Lines, n, body)
	}
	if p.Type == "" || p.Subtype == "" || p.Encoding == "" {
		t.Fatalf("part without type or encoding: %+v", p)
	}
	if p.IsMultipart() != (len(p.Children) > 0 && p.Envelope == nil) || p.IsMessage() && len(p.Children) != 1 {
		t.Fatalf("%s/%s has %d children", p.Type, p.Subtype, len(p.Children))
	}
	if p.embeds() != p.IsMessage() {
		t.Fatalf("%s/%s: envelope %v", p.Type, p.Subtype, p.Envelope)
	}
	at := p.Body.Offset
	for _, child := range p.Children {
		checkPart(t, content, child, Range{at, p.Body.End() - at})
		at = child.Body.End()
	}
	for _, s := range []string{p.Type, p.Subtype, p.ID, p.Description, p.Encoding, p.MD5, p.Disposition, p.Location} {
		if strings.ContainsAny(s, "\x00\r\n") {
			t.Fatalf("%q is not safe on the wire", s)
		}
	}
}

// outline draws a tree in one line: type, header and body text of leaves.
func outline(content string, p *Part) string {
	s := p.Type + "/" + p.Subtype
	if len(p.Children) == 0 {
		return s + fmt.Sprintf("%q", content[p.Body.Offset:p.Body.End()])
	}
	var children []string
	for _, child := range p.Children {
		children = append(children, outline(content, child))
	}
	return s + "(" + strings.Join(children, " ") + ")"
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestStructure(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=b\n\n"
	tests := []struct{ name, content, want string }{
		{"empty", "", `text/plain""`},
		{"only a blank line", "\n", `text/plain""`},
		{"no header", "\nbody\n", `text/plain"body\r\n"`},
		{"header without blank line", "Subject: x\n", `text/plain""`},
		{"header without line end", "Subject: x", `text/plain""`},
		{"no body", "Subject: x\n\n", `text/plain""`},
		{"line that is no field", "Subject: x\nno field here\nContent-Type: text/html\n\nb", `text/html"b"`},
		{"two parts", mixed + "--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\n",
			`multipart/mixed(text/plain"one" text/html"two")`},
		{"preamble and epilogue", mixed + "pre\n--b\n\none\n--b--\npost\n--b\n", `multipart/mixed(text/plain"one")`},
		{"line ends inside", mixed + "--b\n\n\none\n\n--b--\n", `multipart/mixed(text/plain"\r\none\r\n")`},
		{"empty body", mixed + "--b\n\n--b--\n", `multipart/mixed(text/plain"")`},
		{"neither header nor body", mixed + "--b\n--b\n--b--\n", `multipart/mixed(text/plain"" text/plain"")`},
		{"delimiter in a header", mixed + "--b\nContent-Type: text/html\n--b\n\nx\n--b--", `multipart/mixed(text/html"" text/plain"x")`},
		{"no close delimiter", mixed + "--b\n\none\n", `multipart/mixed(text/plain"one\r\n")`},
		{"ends in a delimiter", mixed + "--b\n\none\n--b", `multipart/mixed(text/plain"one" text/plain"")`},
		{"no boundary", "Content-Type: multipart/mixed\n\n--b\n\none\n--b--", `multipart/mixed(text/plain"--b\r\n\r\none\r\n--b--")`},
		{"boundary never met", mixed + "hello\n", `multipart/mixed(text/plain"hello\r\n")`},
		{"only closed", mixed + "--b--\n", `multipart/mixed(text/plain"--b--\r\n")`},
		{"padding after the delimiter", mixed + "--b \t\n\none\n--b-- \n", `multipart/mixed(text/plain"one")`},
		{"text after the delimiter", mixed + "--bxyz\n\none\n--b--xyz\n", `multipart/mixed(text/plain"one")`},
		{"boundary in quotes with a fold", "Content-Type: multipart/mixed; boundary=\"foo\n bar\"\n\n--foo bar\n\nx\n\n--foo bar--\n",
			`multipart/mixed(text/plain"x\r\n")`},
		{"inner boundary longer than outer", mixed + "--b\nContent-Type: multipart/alternative; boundary=bc\n\n--bc\n\none\n--bc--\n--bc--\n--b\n\ntwo\n--b--",
			`multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")`},
		{"inner boundary shorter than outer", "Content-Type: multipart/mixed; boundary=bc\n\n--bc\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b--\n--bc\n\ntwo\n--bc--",
			`multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")`},
		{"same boundary inside", mixed + "--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--",
			`multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")`},
		{"inner not closed", mixed + "--b\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\none\n--b\n\ntwo\n--b--",
			`multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")`},
		{"empty inner multipart", mixed + "--b\nContent-Type: multipart/alternative; boundary=i\n\n--b--",
			`multipart/mixed(multipart/alternative(text/plain""))`},
		{"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\none\n--b\nContent-Type: text/plain\n\ntwo\n--b--",
			`multipart/digest(message/rfc822(text/plain"one") text/plain"two")`},
		{"embedded message", "Content-Type: message/rfc822\n\nSubject: in\n\none\n", `message/rfc822(text/plain"one\r\n")`},
		{"embedded in embedded", "Content-Type: message/rfc822\n\nContent-Type: MESSAGE/GLOBAL\n\n\none", `message/rfc822(message/global(text/plain"one"))`},
		{"embedded without anything", "Content-Type: message/rfc822", `message/rfc822(text/plain"")`},
		{"embedded cut by a delimiter", mixed + "--b\nContent-Type: message/rfc822\n\nSubject: x\n--b--", `multipart/mixed(message/rfc822(text/plain""))`},
		{"embedded multipart closed by outer", mixed + "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\none\n--b\n\ntwo\n--b--",
			`multipart/mixed(message/rfc822(multipart/mixed(text/plain"one")) text/plain"two")`},
		{"unreadable type", "Content-Type: ???\n\nx", `text/plain"x"`},
		{"type without subtype", "Content-Type: text\n\nx", `text/plain"x"`},
		{"first Content-Type counts", "Content-Type: text/html\nContent-Type: text/plain\n\nx", `text/html"x"`},
		{"comments", "Content-Type: (a(b)) text (c) / (d) html (e); charset (f) = (g) utf-8 (h)\n\nx", `text/html"x"`},
		{"NUL", "Subject: a\x00b\n\n\x00\n", "text/plain\"\\x00\\r\\n\""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			content := crlf(test.content)
			if got := outline(content, parse(t, content).Root); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
			// With bare LF the same tree comes out.
			want := strings.ReplaceAll(test.want, `\r\n`, `\n`)
			if got := outline(test.content, parse(t, test.content).Root); got != want {
				t.Errorf("bare LF:\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestBareCR(t *testing.T) {
	content := "Subject: a\rb\r\nContent-Type: text/html\r\r\n\r\none\rtwo\r\n"
	m := parse(t, content)
	if m.Envelope.Subject != "a b" || m.Root.Lines != 1 || !m.Root.Is("text", "html") {
		t.Errorf("subject %q, %d lines, %s/%s", m.Envelope.Subject, m.Root.Lines, m.Root.Type, m.Root.Subtype)
	}
}

// nested is a message of multiparts in each other.
func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%dx\r\n\r\n--b%dx\r\n", i, i)
	}
	b.WriteString("\r\nleaf\r\n")
	for i := range depth {
		fmt.Fprintf(&b, "--b%dx--\r\n", depth-1-i)
	}
	return b.String()
}

func TestDepthLimit(t *testing.T) {
	depthOf := func(p *Part) (n int) {
		for ; len(p.Children) > 0; p = p.Children[0] {
			n++
		}
		return n
	}
	m := parse(t, nested(DefaultDepth))
	if got := depthOf(m.Root); got != DefaultDepth || m.Truncated != 0 {
		t.Errorf("depth %d, truncated %b", got, m.Truncated)
	}
	m = parse(t, nested(DefaultDepth+50))
	if got := depthOf(m.Root); got != DefaultDepth+1 || m.Truncated != TruncatedDepth {
		t.Errorf("too deep: depth %d, truncated %b", got, m.Truncated)
	}
	m = parse(t, strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 5000))
	p := m.Root
	for ; len(p.Children) > 0; p = p.Children[0] {
	}
	if !p.Is("application", "octet-stream") || m.Truncated != TruncatedDepth {
		t.Errorf("too deep message is %s/%s, truncated %b", p.Type, p.Subtype, m.Truncated)
	}
}

// TestMaxDepth: a tree of the greatest depth that can be asked for is still stored.
func TestMaxDepth(t *testing.T) {
	s := NewSummarizer(Limits{Depth: 1 << 30})
	s.Write([]byte(nested(MaxDepth + 100)))
	sum := s.Close()
	if sum.Truncated != TruncatedDepth {
		t.Errorf("truncated %b", sum.Truncated)
	}
	roundTrip(t, sum)
}

func TestPartLimit(t *testing.T) {
	content := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 12000) + "--b--\r\nepilogue"
	m := parse(t, content)
	if len(m.Root.Children) != DefaultParts-1 || m.Truncated != TruncatedParts {
		t.Errorf("%d children, truncated %b", len(m.Root.Children), m.Truncated)
	}
	last := m.Root.Children[len(m.Root.Children)-1]
	if !strings.HasSuffix(content[:last.Body.End()], "--b\r\n\r\nx") {
		t.Error("the last part does not reach to the close delimiter")
	}
}

func TestHeaderLimits(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	m := parse(t, "Subject: "+long+"\r\nX-Long: "+long+"\r\nFrom: a@b\r\n\r\nbody")
	if len(m.Envelope.Subject) != DefaultFieldBytes-1 || len(m.Envelope.From) != 1 || m.Truncated != TruncatedHeader {
		t.Errorf("subject of %d bytes, %d from, truncated %b", len(m.Envelope.Subject), len(m.Envelope.From), m.Truncated)
	}
	m = parse(t, "Subject: "+strings.Repeat(long[:1000]+"\r\n ", 1000)+"\r\n\r\nbody")
	if n := len(m.Envelope.Subject); n > DefaultFieldBytes || m.Truncated != TruncatedHeader {
		t.Errorf("folded subject of %d bytes, truncated %b", n, m.Truncated)
	}
	m = parse(t, strings.Repeat("X-Field: value\r\n", 100000)+"Subject: last\r\n\r\n")
	if m.Fields != 100001 || m.Envelope.Subject != "last" || m.Truncated != 0 {
		t.Errorf("%d fields, subject %q, truncated %b", m.Fields, m.Envelope.Subject, m.Truncated)
	}
	m = parse(t, strings.Repeat("Subject: "+long[:1000]+"\r\n", 1000)+"To: a@b\r\n\r\n")
	if m.Truncated&TruncatedHeader == 0 {
		t.Error("repeated fields escape the limit on all headers")
	}
	m = parse(t, "To: "+strings.Repeat("a,", 20000)+"\r\nCc: b\r\n\r\n")
	if len(m.Envelope.To) != DefaultAddresses || len(m.Envelope.Cc) != 0 || m.Truncated&TruncatedAddresses == 0 {
		t.Errorf("%d to, %d cc, truncated %b", len(m.Envelope.To), len(m.Envelope.Cc), m.Truncated)
	}
}

func TestEnvelope(t *testing.T) {
	m := parse(t, crlf("Received: by a\nReceived: by b\nDate: Mon, 1 Jan 2024\n 00:00:00 +0000\nSubject: first\nSubject: =?utf-8?q?last?=\n"+
		"From: A <a@x>\nTo: b@x\nTo: c@x\nReply-To:\nMessage-ID: <1@x>\nIn-Reply-To:\nReferences: <0@x>\n <1@x>\n\n"))
	e := m.Envelope
	if e.Date != "Mon, 1 Jan 2024 00:00:00 +0000" || e.Subject != "=?utf-8?q?last?=" || len(e.To) != 2 || e.MessageID != "<1@x>" {
		t.Errorf("%+v", e)
	}
	if !reflect.DeepEqual(e.Sender, e.From) || !reflect.DeepEqual(e.ReplyTo, e.From) || len(e.From) != 1 {
		t.Errorf("sender %v reply-to %v from %v", e.Sender, e.ReplyTo, e.From)
	}
	if e.Has != HasDate|HasSubject|HasMessageID|HasInReplyTo || m.Received != 2 || m.References != "<0@x> <1@x>" {
		t.Errorf("has %b, received %d, references %q", e.Has, m.Received, m.References)
	}
	if e := parse(t, "X: y\r\n\r\n").Envelope; !reflect.DeepEqual(e, Envelope{}) {
		t.Errorf("without fields: %+v", e)
	}
}

// TestChunks: how the content is cut into writes must not matter.
func TestChunks(t *testing.T) {
	content := crlf("Subject: x\nFrom: a@b\nContent-Type: multipart/mixed;\n boundary=\"b b\"\n\npre\n--b b\nContent-Type: message/rfc822\n\n" +
		"Subject: in\n\none\ntwo\n--b b\n\n" + strings.Repeat("y", 2000) + "\n--b\n--b b--\nend")
	want := parse(t, content)
	for _, r := range []struct {
		name string
		m    func() (*Message, error)
	}{
		{"one byte", func() (*Message, error) {
			return Parse(iotest.OneByteReader(strings.NewReader(content)), Limits{})
		}},
		{"halves", func() (*Message, error) { return Parse(iotest.HalfReader(strings.NewReader(content)), Limits{}) }},
	} {
		got, err := r.m()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", r.name, err, got, want)
		}
	}
	name := strings.Repeat("x", DefaultFieldBytes+2*maxBoundary) + ": no name is that long\r\n\r\n"
	if m := parse(t, name); m.Fields != 0 {
		t.Errorf("%d fields", m.Fields)
	}
	for cut := range content {
		p := NewParser(Limits{})
		p.Write([]byte(content[:cut]))
		p.Write([]byte(content[cut:]))
		if got := p.Close(); !reflect.DeepEqual(got, want) {
			t.Fatalf("cut at %d: %s", cut, outline(content, got.Root))
		}
	}
}
