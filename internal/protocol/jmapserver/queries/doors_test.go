package queries_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/imapserver"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// asked is one question, as both doors put it.
type asked struct {
	filter object
	imap   string
}

// drawQuestion draws one that both protocols can ask.
func drawQuestion(t *rapid.T, depth int) asked {
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, "operator") == 0 {
		a, b := drawQuestion(t, depth-1), drawQuestion(t, depth-1)
		both := []object{a.filter, b.filter}
		switch rapid.IntRange(0, 2).Draw(t, "which") {
		case 0:
			return asked{object{"operator": "AND", "conditions": both}, "(" + a.imap + " " + b.imap + ")"}
		case 1:
			return asked{object{"operator": "OR", "conditions": both}, "OR " + a.imap + " " + b.imap}
		}
		return asked{object{"operator": "NOT", "conditions": both}, "NOT OR " + a.imap + " " + b.imap}
	}
	word := rapid.SampledFrom([]string{"straße", "STRASSE", "café", "cafe", "ガイド", "apples", "red apples", "app", "multipart", "example.org", "Zoë", "<b>", "hidden",
		"pdf", "inner", "quo\"ted", "back\\slash"}).Draw(t, "word")
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
	n := rapid.IntRange(100, 600).Draw(t, "n")
	switch name := rapid.SampledFrom([]string{"text", "body", "subject", "from", "to", "cc", "bcc", "header", "minSize", "maxSize", "seen", "keyword", "all"}).Draw(t, "key"); name {
	case "header":
		field := rapid.SampledFrom([]string{"Subject", "X-Kind", "from", "Content-Type"}).Draw(t, "field")
		return asked{object{"header": []string{field, word}}, "HEADER " + field + " " + quoted}
	case "minSize":
		return asked{object{"minSize": n}, fmt.Sprintf("LARGER %d", n-1)}
	case "maxSize":
		return asked{object{"maxSize": n}, fmt.Sprintf("SMALLER %d", n)}
	case "seen":
		return asked{object{"notKeyword": "$seen"}, "UNSEEN"}
	case "keyword":
		return asked{object{"hasKeyword": "work"}, "KEYWORD Work"}
	case "all":
		return asked{object{}, "ALL"}
	default:
		return asked{object{name: quoted}, strings.ToUpper(name) + " " + quoted} // a phrase in the one, a string in the other
	}
}

var correspondence = []string{
	"From: Zoë <zoe@example.org>\r\nTo: Anna <anna@example.net>\r\nSubject: =?utf-8?q?stra=C3=9Fe?= and red apples\r\nX-Kind: apples\r\n\r\nno fruit, but a café\r\n",
	"From: =?utf-8?q?Zo=C3=AB?= <zoe@example.org>\r\nCc: Straße <s@example.org>\r\nSubject: guide\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><style>hidden</style><p>red <b>app</b>les &lt;b&gt; &#x30AC;&#x30A4;&#x30C9;</p>\r\n",
	"Subject: mixed\r\nBcc: app@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9 STRASSE\r\n--b\r\nContent-Type: application/pdf; name=apples.pdf\r\n\r\nhidden\r\n--b--\r\n",
	"Subject: forward\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner apples\r\n\r\nquo\"ted and back\\slash\r\n",
	"Subject: long\r\nX-Kind: none\r\n\r\n" + strings.Repeat("nothing to see\r\n", 40) + "apples at the end\r\n",
}

// TestBothDoorsSayTheSame: the same question has the same answer over IMAP and JMAP, with the text index and before it.
func TestBothDoorsSayTheSame(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		imap := s.imap()
		byUID := map[string]string{}
		for i := range 4 {
			for j, content := range correspondence {
				uids := s.Deliver(ann, "INBOX", fmt.Sprintf("Date: %d Mar 2024 10:00:00 +0000\r\n", i+1)+content)
				if (i+j)%2 == 0 {
					s.flag("INBOX", uids[0], mailbox.SetFlags, `\Seen`, "work")
				}
			}
		}
		view, err := s.Mailbox.View(t.Context(), ann, s.Path(ann, "INBOX").ID)
		s.Must(err)
		for _, e := range view.All() {
			byUID[strconv.Itoa(int(e.UID))] = e.Email.String()
		}
		for _, indexed := range []bool{false, true} {
			if indexed {
				for more := true; more; {
					more, err = s.Index.Step(t.Context(), ann, false)
					s.Must(err)
				}
			}
			rapid.Check(t, func(t *rapid.T) {
				q := drawQuestion(t, 2)
				var want []string
				for _, uid := range imap.search(q.imap) {
					want = append(want, byUID[uid])
				}
				got := s.ids(object{"filter": q.filter})
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("JMAP %v finds %v\nIMAP %s finds %v", q.filter, got, q.imap, want)
				}
			})
		}
		if n := len(slices.Compact(slices.Sorted(maps.Values(byUID)))); n != 20 {
			t.Errorf("there are %d emails", n)
		}
	})
}

// talker is a client of the IMAP door.
type talker struct {
	*server
	w io.Writer
	r *bufio.Reader
	n int
}

func (s *server) imap() *talker {
	door, err := imapserver.New(imapserver.Options{Hostname: doortest.Hostname, TLS: doortest.TLS(), Tx: s.Tx, Auth: s.Auth, Mailbox: s.Mailbox, Bodies: s.Bodies,
		Finder: s.Finder, Realtime: s.Realtime, Directory: s.Directory})
	s.Must(err)
	nc, err := doortest.Run(s.T, door).Dial("imap")
	s.Must(err)
	s.T.Cleanup(func() { nc.Close() })
	c := &talker{s, nc, bufio.NewReader(nc), 0}
	_, err = c.r.ReadString('\n')
	s.Must(err)
	c.command("LOGIN " + doortest.AnnAddress + ` "` + doortest.AnnPassword + `"`)
	c.command("ENABLE IMAP4rev2")
	c.command("SELECT INBOX")
	return c
}

// command sends one, and returns the untagged responses to it.
func (c *talker) command(text string) (lines []string) {
	c.n++
	tag := fmt.Sprintf("t%d", c.n)
	go io.WriteString(c.w, tag+" "+text+"\r\n")
	for {
		line, err := c.r.ReadString('\n')
		c.Must(err)
		if rest, is := strings.CutPrefix(line, tag+" "); is {
			if !strings.HasPrefix(rest, "OK") {
				c.T.Fatalf("%s: %s", text, rest)
			}
			return lines
		}
		lines = append(lines, strings.TrimSpace(line))
	}
}

// search returns the UIDs that are found.
func (c *talker) search(key string) (uids []string) {
	for _, line := range c.command("UID SEARCH RETURN (ALL) " + key) {
		_, set, is := strings.Cut(line, " ALL ")
		if !strings.HasPrefix(line, "* ESEARCH") || !is {
			continue
		}
		for part := range strings.SplitSeq(set, ",") {
			first, last, _ := strings.Cut(part, ":")
			from, _ := strconv.Atoi(first)
			to := from
			if last != "" {
				to, _ = strconv.Atoi(last)
			}
			for ; from <= to; from++ {
				uids = append(uids, strconv.Itoa(from))
			}
		}
	}
	return uids
}
