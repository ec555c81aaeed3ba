package smtpserver

import (
	"bytes"
	"context"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// keepAll accepts everything and keeps the contents.
type keepAll struct {
	copy     bool // by WriteTo, not by Read
	contents []string
}

func (k *keepAll) Recipient(_ context.Context, _ smtp.Session, _ *mail.Envelope, r mail.Recipient) (mail.Recipient, error) {
	return r, nil
}

func (k *keepAll) Receive(_ context.Context, _ smtp.Session, e *mail.Envelope, content io.Reader) ([]mail.Outcome, error) {
	var all bytes.Buffer
	if !k.copy {
		content = struct{ io.Reader }{content}
	}
	if _, err := io.Copy(&all, content); err != nil {
		return nil, err
	}
	k.contents = append(k.contents, all.String())
	return delivered(e), nil
}

// tape is a connection whose client has said everything already, in pieces, and hangs up after it.
type tape struct {
	net.Conn // the rest is not called
	input    *bytes.Reader
	piece    int
	output   bytes.Buffer
	writes   int
}

func (c *tape) Read(p []byte) (int, error)       { return c.input.Read(p[:min(len(p), c.piece)]) }
func (c *tape) Write(p []byte) (int, error)      { c.writes++; return c.output.Write(p) }
func (c *tape) Close() error                     { return nil }
func (c *tape) RemoteAddr() net.Addr             { return nil }
func (c *tape) LocalAddr() net.Addr              { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

// converse runs a whole session on what the client says.
func converse(t *testing.T, input string, piece int) (contents []string, replies string, writes int) {
	inbound := &keepAll{copy: piece%2 == 0}
	const endless = 1 << 40
	srv, err := New(Options{Mode: MX, Hostname: "mx.example.org", Inbound: inbound, NewID: func() string { return "id" },
		Limits: Limits{MessageSize: endless, Errors: endless, Commands: endless, CommandRate: endless, Recipients: endless}})
	if err != nil {
		t.Fatal(err)
	}
	c := &tape{input: bytes.NewReader([]byte(input)), piece: piece}
	newSession(context.Background(), srv, srv.connections, c).Run()
	return inbound.contents, c.output.String(), c.writes
}

// reference is the same server written for the eye: all input at hand, no buffers, no streams. It returns what a strict
// reading of RFC 5321 and RFC 3030 takes for messages.
type reference struct {
	input    string
	greeted  bool
	tx       *mail.Envelope
	chunks   *string // content of BDAT so far
	contents []string
}

func (r *reference) run() []string {
	for {
		line, rest, found := strings.Cut(r.input, "\n")
		if !found || !strings.HasSuffix(line, "\r") || len(line) >= readBuffer {
			return r.contents // no further command can be found
		}
		r.input = rest
		if !r.command(strings.TrimSuffix(line, "\r")) {
			return r.contents
		}
	}
}

var control = regexp.MustCompile(`[\x00-\x08\x0a-\x1f\x7f]`)

// command says whether the dialogue goes on.
func (r *reference) command(line string) bool {
	verb, args, _ := strings.Cut(strings.TrimRight(line, " \t"), " ")
	verb, args = strings.ToUpper(verb), strings.TrimLeft(args, " ")
	long := len(line)+2 > smtp.MaxParameterLine || len(line)+2 > smtp.MaxCommandLine && verb != "MAIL" && verb != "RCPT"
	if long || control.MatchString(line) || !utf8.ValidString(line) {
		return true
	}
	switch verb {
	case "EHLO", "HELO", "LHLO", "RSET", "QUIT", "STARTTLS":
		if r.chunks != nil {
			r.tx, r.chunks = nil, nil
		}
	case "MAIL", "RCPT", "DATA":
		if r.chunks != nil {
			return true
		}
	}
	switch verb {
	case "EHLO", "HELO":
		if name, _, _ := strings.Cut(args, " "); smtp.CheckHello(name) == nil {
			r.greeted, r.tx = true, nil
		}
	case "MAIL":
		if e, err := smtp.ParseMail(args, smtp.Extensions{}); err == nil && r.greeted && r.tx == nil && e.Size <= 1<<40 {
			r.tx = &e
		}
	case "RCPT":
		if r.tx == nil {
			break
		}
		if to, err := smtp.ParseRcpt(args, r.tx.SMTPUTF8); err == nil {
			r.tx.Recipients = append(r.tx.Recipients, to)
		}
	case "RSET":
		if args == "" {
			r.tx = nil
		}
	case "QUIT":
		return args != ""
	case "DATA":
		return r.data(args)
	case "BDAT":
		return r.bdat(args)
	}
	return !httpMethods[verb]
}

func (r *reference) data(args string) bool {
	if args != "" || r.tx == nil || len(r.tx.Recipients) == 0 || r.tx.Body == mail.BodyBinary {
		return true
	}
	content, strict := "", true
	for {
		line, rest, found := strings.Cut(r.input, "\r\n")
		if !found {
			return false // the client hung up
		}
		r.input = rest
		if line == "." {
			break
		}
		line = strings.TrimPrefix(line, ".")
		strict = strict && !strings.ContainsAny(line, "\r\n")
		content += line + "\r\n"
	}
	if strict {
		r.contents = append(r.contents, content)
	}
	r.tx = nil
	return true
}

func (r *reference) bdat(args string) bool {
	chunk, err := smtp.ParseChunk(args)
	if err != nil || chunk.Size > int64(len(r.input)) {
		return false
	}
	bytes := r.input[:chunk.Size]
	r.input = r.input[chunk.Size:]
	if r.tx == nil || len(r.tx.Recipients) == 0 {
		return true
	}
	if r.chunks == nil {
		r.chunks = new(string)
	}
	*r.chunks += bytes
	left := strings.ReplaceAll(*r.chunks, "\r\n", "")
	if !chunk.Last {
		left = strings.TrimSuffix(left, "\r")
	}
	strict := r.tx.Body == mail.BodyBinary || !strings.ContainsAny(left, "\r\n")
	if strict && chunk.Last {
		r.contents = append(r.contents, *r.chunks)
	}
	if !strict || chunk.Last {
		r.tx, r.chunks = nil, nil
	}
	return true
}

// depths are how far the dialogue is when the fuzzed bytes begin.
var depths = []string{
	"",
	"EHLO c\r\n",
	"EHLO c\r\nMAIL FROM:<ann@x> SMTPUTF8\r\n",
	"EHLO c\r\nMAIL FROM:<ann@x>\r\nRCPT TO:<bob@x>\r\n",
	"EHLO c\r\nMAIL FROM:<ann@x>\r\nRCPT TO:<bob@x>\r\nDATA\r\n",
	"EHLO c\r\nMAIL FROM:<ann@x>\r\nRCPT TO:<bob@x>\r\nBDAT 10\r\n",
	"EHLO c\r\nMAIL FROM:<ann@x> BODY=BINARYMIME\r\nRCPT TO:<bob@x>\r\nBDAT 3\r\nabc",
}

var (
	replyLine    = regexp.MustCompile(`^[2345][0-9][0-9][ -][^\r\n]{0,508}$`)
	enhancedLine = regexp.MustCompile(`^([245])[0-9][0-9] ([245])\.[0-9]\.[0-9]+ `)
	bareLine     = regexp.MustCompile(`^(220 mx.example.org ESMTP|354 |250[- ]mx.example.org|250[- ][A-Z0-9]+( [0-9]+)?$)`)
)

func checkConversation(t *testing.T, input string, piece int) {
	contents, replies, _ := converse(t, input, piece)
	want := (&reference{input: input}).run()
	if !slices.Equal(contents, want) {
		t.Fatalf("the client said %q\n     kept %q\nreference %q\nreplies:\n%s", input, contents, want, replies)
	}
	if n := strings.Count(replies, "ok: kept as id\r\n"); n != len(want) {
		t.Fatalf("%d messages are acknowledged, %d are kept; the client said %q\n%s", n, len(want), input, replies)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(replies, "\r\n"), "\r\n") {
		codes := enhancedLine.FindStringSubmatch(line)
		if !replyLine.MatchString(line) || codes == nil && !bareLine.MatchString(line) || codes != nil && codes[1] != codes[2] {
			t.Fatalf("bad reply %q to %q", line, input)
		}
	}
}

// FuzzDialogue: whatever follows at whatever depth, in whatever pieces, the server sees the messages that the reference
// sees, and answers in the form of RFC 5321 4.2 and RFC 2034.
func FuzzDialogue(f *testing.F) {
	for depth := range depths {
		for _, text := range []string{
			"NOOP\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n..y\r\n.\r\nQUIT\r\n",
			"x\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\ny\r\n.\r\n",
			"x\r\n.\r\r\n.\n\r\n.\r\nRSET\r\nNOOP\rQUIT\r\n",
			"0123456789BDAT 4 LAST\r\n.\r\n\nMAIL FROM:<>\r\nRCPT TO:<x@y>\r\nBDAT 2\r\n\r\nRSET x\r\nBDAT x\r\n",
			"BDAT 5 LAST\r\n\r\n.\r\nEHLO again\r\nBDAT 3\r\nabcDATA\r\nSTARTTLS\r\nGET / HTTP/1.1\r\n",
		} {
			f.Add(uint8(depth), uint16(1), text)
			f.Add(uint8(depth), uint16(1000), text)
		}
	}
	f.Fuzz(func(t *testing.T, depth uint8, piece uint16, text string) {
		checkConversation(t, depths[int(depth)%len(depths)]+text, 1+int(piece))
	})
}

// The same with words of the protocol, which mutation of bytes rarely puts together.
func TestDialogueAgreesWithReference(t *testing.T) {
	words := []string{"\r\n", "\r\n", "\r", "\n", ".", ".\r\n", "\r\n.\r\n", "x", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n",
		"MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\n", "MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "DATA\r\n", "RSET\r\n",
		"BDAT 0\r\n", "BDAT 1\r\n", "BDAT 2 LAST\r\n", "BDAT 0 LAST\r\n", "EHLO c\r\n", "NOOP\r\n", "QUIT x\r\n", "QUIT\r\n"}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom(words), 1, 40).Draw(rt, "words")
		depth := rapid.SampledFrom(depths).Draw(rt, "depth")
		checkConversation(t, depth+strings.Join(text, ""), rapid.IntRange(1, 50).Draw(rt, "piece"))
	})
}

// The reference must be able to disagree.
func TestReference(t *testing.T) {
	input := depths[4] + "a\r\n.\r\n" + depths[3] + "BDAT 3 LAST\r\nb\r\n" + depths[4] + "a\n\r\n.\r\n" + depths[4] + "cut"
	if got := (&reference{input: input}).run(); !slices.Equal(got, []string{"a\r\n", "b\r\n"}) {
		t.Errorf("the reference sees %q", got)
	}
	checkConversation(t, input, 7)
}
