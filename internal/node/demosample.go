package node

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"mime"
	"strings"
	"text/template"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// The sample mail: messages as they are, but for what depends on the day they are looked at. They are templates, with
//
//	{{keep "alice" "sent" "26h" "\\Seen"}}   whose mailbox (a role or a name) has it, since when, with which flags; any number of times
//	{{date}}                                 the Date: when the first who has it got it
//	{{day 3 14}}                             three days from now, at 14:00 UTC, as iCalendar writes it
//	{{q "..."}}                              text of a header field that is not ASCII (RFC 2047)
//	{{base64 "sunrise.jpg"}}                 a file beside them, as a body part
//
//go:embed demo
var demoFiles embed.FS

type sample struct {
	text   []byte
	places []samplePlace
}

type samplePlace struct {
	account, mailbox string
	received         time.Time
	flags            mail.Flags
}

func readSample(name string, now time.Time) (*sample, error) {
	text, err := demoFiles.ReadFile(name)
	if err != nil {
		return nil, err
	}
	s := &sample{}
	t, err := template.New(name).Funcs(template.FuncMap{
		"keep": func(account, mailbox, ago string, flags ...string) (string, error) {
			return "", s.keep(account, mailbox, ago, flags, now)
		},
		"date": s.date,
		"day": func(days, hour int) string {
			year, month, day := now.UTC().Date()
			return time.Date(year, month, day+days, hour, 0, 0, 0, time.UTC).Format("20060102T150405Z")
		},
		"q":      encodedWords,
		"base64": encodedFile,
	}).Parse(string(text))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, nil); err != nil {
		return nil, err
	}
	s.text = bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\r\n"))
	return s, nil
}

func (s *sample) keep(account, mailbox, ago string, flags []string, now time.Time) error {
	before, err := time.ParseDuration(ago)
	if err != nil {
		return err
	}
	set, err := mail.ParseFlags(flags)
	s.places = append(s.places, samplePlace{account, mailbox, now.Add(-before), set})
	return err
}

func (s *sample) date() (string, error) {
	if len(s.places) == 0 {
		return "", fmt.Errorf("who has it stands before its date")
	}
	return s.places[0].received.Format(time.RFC1123Z), nil
}

func encodedWords(text string) string {
	return strings.ReplaceAll(mime.BEncoding.Encode("utf-8", text), "?= =?", "?=\n =?")
}

func encodedFile(name string) (string, error) {
	content, err := demoFiles.ReadFile("demo/" + name)
	if err != nil {
		return "", err
	}
	const width = 57 // of bytes that make 76 characters (RFC 2045 6.8)
	var b strings.Builder
	for len(content) > 0 {
		n := min(width, len(content))
		b.WriteString(base64.StdEncoding.EncodeToString(content[:n]) + "\n")
		content = content[n:]
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
