package vacation

import (
	"bytes"
	"crypto/rand"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/rfc/message/compose"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/rfc/message/plaintext"
	"github.com/mailmesh/mailmesh/internal/store/vacation"
)

// reply is an answer that is to be written.
type reply struct {
	response vacation.Response
	from, to mail.Address
	name     string
	original []byte // its header
	keys     []dkim.Key
	now      time.Time
	hostname string
}

// Limits of what is taken from the message that is answered.
const (
	maxSubject    = 200
	maxReferences = 20
)

// build writes the message, with its signatures above it.
func (p *reply) build() ([]byte, error) {
	m, err := p.message()
	if err != nil {
		return nil, err
	}
	r, err := m.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close() // it reads strings
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	at := bytes.Index(content, []byte("\r\n\r\n")) + 4
	signer, err := dkim.NewSigner(p.keys, content[:at])
	if err != nil {
		return nil, err
	}
	signer.Write(content[at:]) // its errors come from Close
	signatures, err := signer.Close()
	return append([]byte(signatures), content...), err
}

func (p *reply) message() (*compose.Message, error) {
	subject, id, references := p.about()
	if p.response.Subject != nil {
		subject = oneLine(*p.response.Subject)
	}
	m := &compose.Message{Root: p.body()}
	var failed error
	add := func(f compose.Field, err error) {
		if err != nil && failed == nil {
			failed = err
		}
		m.Fields = append(m.Fields, f)
	}
	add(compose.Addresses("From", one(oneLine(p.name), p.from)))
	add(compose.Addresses("To", one("", p.to))) // RFC 3834 3.1.3
	add(compose.Text("Subject", subject))
	add(compose.Date("Date", p.now))
	add(compose.MessageIDs("Message-ID", []string{"vacation." + strings.ToLower(rand.Text()) + "@" + p.hostname}))
	if id != "" { // RFC 3834 3.1.5
		add(compose.MessageIDs("In-Reply-To", []string{id}))
		add(compose.MessageIDs("References", append(references, id)))
	}
	add(compose.Text("Auto-Submitted", "auto-replied (vacation)")) // RFC 3834 3.1.7
	add(compose.Text("Precedence", "bulk"))                        // for programs that know no Auto-Submitted
	return m, failed
}

func one(name string, a mail.Address) []compose.Group {
	return []compose.Group{{Addresses: []compose.Address{{Name: name, Email: a.String()}}}}
}

// about is what the message that is answered says of itself.
func (p *reply) about() (subject, id string, references []string) {
	subject = "Auto: (no subject)"
	for f := range header.Fields(p.original) {
		switch strings.ToLower(string(f.Name)) {
		case "subject":
			if text := oneLine(header.DecodeWords(f.Value())); text != "" {
				subject = "Auto: " + cut(text, maxSubject)
			}
		case "message-id":
			for _, id = range header.ParseMessageIDs(f.Value(), 1) {
			}
		case "references":
			references = header.ParseMessageIDs(f.Value(), maxReferences)
		}
	}
	usable := func(s string) bool { _, err := compose.MessageIDs("X", []string{s}); return err == nil && len(s) < 300 }
	references = slices.DeleteFunc(references, func(s string) bool { return !usable(s) })
	if !usable(id) {
		return subject, "", nil
	}
	return subject, id, references
}

// oneLine is text without control characters.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// cut shortens a text to whole characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

const defaultText = "I am away and may not read your message for some time.\n"

// body is the text, as text and as HTML where both were given. RFC 8621 8: text is made of HTML alone, and neither of a default.
func (p *reply) body() *compose.Part {
	text := &compose.Part{Type: "text", Subtype: "plain", Text: defaultText}
	r := &p.response
	switch {
	case r.Text != nil:
		text.Text = *r.Text
	case r.HTML != nil:
		plain, err := io.ReadAll(plaintext.NewReader(strings.NewReader(*r.HTML)))
		if err == nil { // of a string there is none
			text.Text = string(plain)
		}
	}
	if r.HTML == nil {
		return text
	}
	return &compose.Part{Type: "multipart", Subtype: "alternative", Children: []*compose.Part{text, {Type: "text", Subtype: "html", Text: *r.HTML}}}
}
