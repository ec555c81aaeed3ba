package message

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

var update = flag.Bool("update", false, "write the .json files of testdata anew")

// goldenMessage is the readable form in which testdata/*.json hold what a message is expected to be.
type goldenMessage struct {
	Envelope      goldenEnvelope
	BaseSubject   string
	Reply         bool     `json:",omitempty"`
	SentDate      string   `json:",omitempty"`
	MessageID     string   `json:",omitempty"`
	References    []string `json:",omitempty"`
	HasAttachment bool
	Preview       string
	Parts         []goldenPart
}

type goldenEnvelope struct {
	Date, Subject, InReplyTo, MessageID string            `json:",omitempty"`
	DecodedSubject                      string            `json:",omitempty"`
	Addresses                           map[string]string `json:",omitempty"`
}

type goldenPart struct {
	Number   string
	Type     string
	Header   string // the header's bytes
	Body     string // the body's bytes of a leaf, their number of others
	Lines    int64
	Fields   string          `json:",omitempty"` // what the Content-* fields say
	Filename string          `json:",omitempty"`
	Envelope *goldenEnvelope `json:",omitempty"`
	Text     string          `json:",omitempty"`
}

func golden(content []byte, s *Summary) goldenMessage {
	g := goldenMessage{Envelope: goldEnvelope(&s.Envelope), BaseSubject: s.BaseSubject, Reply: s.Reply, MessageID: s.MessageID,
		References: s.References, HasAttachment: s.HasAttachment, Preview: s.Preview}
	if !s.SentDate.IsZero() {
		g.SentDate = s.SentDate.Format("2006-01-02 15:04:05 -0700")
	}
	var walk func(p *Part, number string)
	walk = func(p *Part, number string) {
		g.Parts = append(g.Parts, goldPart(content, p, number))
		for i, child := range p.Children {
			if p.IsMessage() && !child.IsMultipart() {
				walk(child, number+".1 (inside)")
			} else if p.IsMessage() {
				walk(child, number+" (inside)")
			} else {
				walk(child, strings.TrimPrefix(strings.TrimSuffix(number, " (inside)")+fmt.Sprintf(".%d", i+1), "."))
			}
		}
	}
	walk(s.Root, "")
	return g
}

func goldPart(content []byte, p *Part, number string) goldenPart {
	cut := func(r Range) string { return quote(content[r.Offset:r.End()]) }
	g := goldenPart{Number: number, Type: fmt.Sprintf("%s/%s %s %q", p.Type, p.Subtype, p.Encoding, p.Params),
		Header: cut(p.Header), Lines: p.Lines, Filename: p.Filename()}
	if len(p.Children) > 0 {
		g.Body = fmt.Sprintf("%d bytes", p.Body.Length)
	} else {
		g.Body = cut(p.Body)
	}
	for _, s := range []string{p.ID, p.Description, p.MD5, p.Disposition, fmt.Sprintf("%q", p.DispParams), strings.Join(p.Language, ","), p.Location} {
		if s != "" && s != "[]" {
			g.Fields += s + "; "
		}
	}
	if p.Envelope != nil {
		e := goldEnvelope(p.Envelope)
		g.Envelope = &e
	}
	text, _ := io.ReadAll(io.LimitReader(p.Text(bytes.NewReader(content)), 200))
	g.Text = string(text)
	return g
}

func goldEnvelope(e *Envelope) goldenEnvelope {
	g := goldenEnvelope{Date: quote([]byte(e.Date)), Subject: quote([]byte(e.Subject)), InReplyTo: e.InReplyTo, MessageID: e.MessageID, Addresses: map[string]string{}}
	if decoded := header.DecodeWords(e.Subject); decoded != e.Subject {
		g.DecodedSubject = decoded
	}
	lists := map[string][]header.Address{"From": e.From, "To": e.To, "Cc": e.Cc, "Bcc": e.Bcc}
	if !slices.Equal(e.Sender, e.From) {
		lists["Sender"] = e.Sender
	}
	if !slices.Equal(e.ReplyTo, e.From) {
		lists["ReplyTo"] = e.ReplyTo
	}
	for name, list := range lists {
		var all []string
		for _, a := range list {
			switch a.Kind {
			case header.GroupStart:
				all = append(all, "group "+quote([]byte(a.Name)))
			case header.GroupEnd:
				all = append(all, "end")
			default:
				all = append(all, fmt.Sprintf("%s <%s>", header.DecodeWords(a.Name), quote([]byte(a.Spec()))))
			}
		}
		if len(all) > 0 {
			g.Addresses[name] = strings.Join(all, ", ")
		}
	}
	return g
}

// quote shows bytes that are not text.
func quote(b []byte) string {
	s := fmt.Sprintf("%+q", b)
	return strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`)
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parse(t, string(content))
			s := summarize(t, string(content))
			roundTrip(t, s)
			var got bytes.Buffer
			e := json.NewEncoder(&got)
			e.SetEscapeHTML(false)
			e.SetIndent("", "\t")
			if err := e.Encode(golden(content, s)); err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(file, ".eml") + ".json"
			if *update {
				if err := os.WriteFile(name, got.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%v\n got %s\nwant %s", err, got.Bytes(), want)
			}
		})
	}
}
