package fakemail

import (
	"bytes"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
)

// fetch answers the items the load generator asks for. s.mu is held.
func (x *imapSession) fetch(args string, byUID bool, f Faults) string {
	set, items, _ := strings.Cut(args, " ")
	matches, err := x.match(set, byUID)
	if err != nil {
		return "BAD " + err.Error()
	}
	if f.SkipFetch && len(matches) > 0 {
		matches = matches[:len(matches)-1]
	}
	if f.RepeatFetch && len(matches) > 0 {
		matches = append(matches, matches[len(matches)-1])
	}
	for _, i := range matches {
		x.say("* %d FETCH (%s)", i+1, x.items(x.box.mails[i], items, byUID, f))
	}
	return "OK"
}

func (x *imapSession) items(m *mail, items string, byUID bool, f Faults) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	asked := func(item string) bool { return strings.Contains(items, item) }
	if asked("FLAGS") {
		add("FLAGS %s", x.flagList(m))
	}
	if byUID || asked("UID") {
		add("UID %d", m.uid)
	}
	if asked("INTERNALDATE") {
		add(`INTERNALDATE "%s"`, internalDate)
	}
	if asked("RFC822.SIZE") {
		add("RFC822.SIZE %d", len(m.content)+f.Size)
	}
	if asked("ENVELOPE") && !f.NoEnvelope {
		add(`ENVELOPE (NIL "a \"quoted\" (subject" ((NIL NIL "a" "example.org")) NIL NIL NIL NIL NIL NIL "<%s>")`, messageID(m.content))
	}
	if asked("BODYSTRUCTURE") {
		add(`BODYSTRUCTURE ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" %d 1 NIL NIL NIL NIL)`, len(m.content))
	}
	if asked("BODY.PEEK[HEADER.FIELDS") {
		fields := x.fields(m, items)
		add("BODY[HEADER.FIELDS (X)] {%d}\r\n%s", len(fields), fields)
	}
	if asked("BODY.PEEK[]") {
		content := m.content
		if f.AlterBody {
			content = bytes.Clone(content)
			content[len(content)/2] ^= 1
		}
		add("BODY[] {%d}\r\n%s", len(content), content)
	}
	return strings.Join(out, " ")
}

func messageID(content []byte) string {
	_, after, _ := bytes.Cut(content, []byte("Message-ID: <"))
	id, _, _ := bytes.Cut(after, []byte(">"))
	return string(id)
}

func (x *imapSession) fields(m *mail, items string) string {
	header, _, _ := bytes.Cut(m.content, []byte("\r\n\r\n"))
	_, list, _ := strings.Cut(items, "FIELDS (")
	list, _, _ = strings.Cut(list, ")")
	wanted := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		wanted[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
	var out strings.Builder
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		if wanted[textproto.CanonicalMIMEHeaderKey(string(name))] {
			out.Write(line)
			out.WriteString("\r\n")
		}
	}
	return out.String() + "\r\n"
}

// match resolves "1:*" and the like to indexes of messages.
func (x *imapSession) match(set string, byUID bool) ([]int, error) {
	var out []int
	for i, m := range x.box.mails {
		n := i + 1
		if byUID {
			n = int(m.uid)
		}
		in, err := inSet(set, n)
		if err != nil {
			return nil, err
		}
		if in {
			out = append(out, i)
		}
	}
	return out, nil
}

func inSet(set string, n int) (bool, error) {
	for part := range strings.SplitSeq(set, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		a, err := strconv.Atoi(low)
		if err != nil {
			return false, err
		}
		b := 1 << 32
		if high != "*" {
			if b, err = strconv.Atoi(high); err != nil {
				return false, err
			}
		}
		if a <= n && n <= b {
			return true, nil
		}
	}
	return false, nil
}

// store changes flags and answers them. s.mu is held.
func (x *imapSession) store(args string, f Faults) string {
	words := strings.SplitN(args, " ", 3)
	matches, err := x.match(words[0], false)
	if err != nil || len(words) != 3 {
		return "BAD store"
	}
	for n, i := range matches {
		m := x.box.mails[i]
		for flag := range strings.FieldsSeq(strings.Trim(words[2], "()")) {
			switch {
			case f.IgnoreStore:
			case words[1] == "+FLAGS":
				m.flags[flag] = true
			default:
				delete(m.flags, flag)
			}
		}
		if !(f.SkipStore && n == len(matches)-1) {
			x.say("* %d FETCH (FLAGS %s)", i+1, x.flagList(m))
		}
	}
	return "OK"
}

// search knows UNSEEN, TEXT and BODY. s.mu is held.
func (x *imapSession) search(args string, f Faults) string {
	key, word, _ := strings.Cut(args, " ")
	word = strings.Trim(word, `"`)
	var found []string
	for i, m := range x.box.mails {
		hit := false
		switch key {
		case "UNSEEN":
			hit = !m.flags[`\Seen`]
		case "TEXT":
			hit = bytes.Contains(m.content, []byte(word))
		case "BODY":
			_, body, _ := bytes.Cut(m.content, []byte("\r\n\r\n"))
			hit = bytes.Contains(body, []byte(word))
		default:
			return "BAD search key"
		}
		if hit {
			found = append(found, strconv.Itoa(i+1))
		}
	}
	if f.SkipSearch && len(found) > 0 {
		found = found[:len(found)-1]
	}
	x.say("%s", strings.TrimRight("* SEARCH "+strings.Join(found, " "), " "))
	return "OK"
}
