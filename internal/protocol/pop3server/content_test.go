package pop3server

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// oddMessages are real and broken ones, and some whose length meets that of a buffer or a frame.
func oddMessages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(root + "internal/rfc/message/testdata/*.eml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d messages to try (%v)", len(files), err)
	}
	messages := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		messages[filepath.Base(file)] = string(content)
	}
	for _, size := range []int{chunkSize - 1, chunkSize, chunkSize + 1, 64 << 10, 2 << 20} {
		lines := strings.Repeat("\r\n.line", size/7+1)
		messages[fmt.Sprint(size)] = lines[:size]
	}
	return messages
}

// Whatever a message is like, its octets come back, and LIST tells how many. A client that said UTF8 has them all as they
// are; TOP with many lines is RETR.
func TestContentComesBack(t *testing.T) {
	f := serve(t)
	var names, contents []string
	for name, content := range oddMessages(t) {
		if strings.Contains(strings.ReplaceAll(content, "\r\n", ""), "\r") || strings.Contains(strings.ReplaceAll(content, "\r\n", ""), "\n") {
			continue // a dot behind a CR or LF that stands alone is doubled: see dotWriter
		}
		names, contents = append(names, name), append(contents, content)
		f.Deliver(ann, mailbox.Inbox, content)
	}
	c := f.connect("pop3")
	c.ok("UTF8")
	c.signIn()
	for i, content := range contents {
		want := content
		if !strings.HasSuffix(want, "\r\n") && want != "" {
			want += "\r\n"
		}
		if got := c.ok(fmt.Sprintf("LIST %d", i+1)); got != fmt.Sprintf("+OK %d %d", i+1, len(content)) {
			t.Errorf("%s has %d octets: %s", names[i], len(content), got)
		}
		if got := c.text(fmt.Sprintf("RETR %d", i+1)); got != want {
			t.Errorf("%s: RETR sends %d octets instead of %d", names[i], len(got), len(want))
		}
		if got := c.text(fmt.Sprintf("TOP %d 1000000", i+1)); got != want {
			t.Errorf("%s: TOP sends %d octets instead of %d", names[i], len(got), len(want))
		}
	}
}

// What dotWriter writes, in whatever pieces, a client reads back; and neither a client that ends lines at CR LF nor one
// that ends them at any CR or LF sees the end before the end.
func TestDotsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.StringOfN(rapid.SampledFrom([]rune(".\r\nab")), 0, 40, -1).Draw(t, "content")
		var out bytes.Buffer
		w := newDotWriter(&out)
		for rest := content; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			w.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		w.Close()
		text, whole := strings.CutSuffix(out.String(), ".\r\n")
		if !whole || text != "" && !strings.HasSuffix(text, "\r\n") {
			t.Fatalf("%q became %q", content, out.String())
		}
		for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if line == "." {
				t.Fatalf("%q became %q, which ends early", content, out.String())
			}
		}
		bare := strings.NewReplacer("\r\n", "").Replace(content)
		if strings.ContainsAny(bare, "\r\n") {
			return
		}
		lines := strings.SplitAfter(text, "\r\n")
		for i, line := range lines {
			lines[i] = strings.TrimPrefix(line, ".")
		}
		if got := strings.Join(lines, ""); got != content && got != content+"\r\n" {
			t.Fatalf("%q is read as %q", content, got)
		}
	})
}

// RFC 2449 4 and RFC 5034 4: lines of 255 octets at least, and longer ones for SASL.
func TestLongLines(t *testing.T) {
	f := serve(t)
	c := f.connect("pop3")
	c.ok("USER " + strings.Repeat("x", 255-len("USER \r\n")))
	if got := c.do("PASS " + strings.Repeat("x", 1000)); !strings.HasPrefix(got, "-ERR [AUTH]") {
		t.Errorf("a long password: %s", got)
	}
	if got := c.do("AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+annAddress+"\x00"+strings.Repeat("x", 4000)))); !strings.HasPrefix(got, "-ERR [AUTH]") {
		t.Errorf("a long initial response: %s", got)
	}
	c.write("AUTH PLAIN\r\n")
	c.hear(`\+ `)
	if got := c.do(base64.StdEncoding.EncodeToString([]byte("\x00" + annAddress + "\x00" + annPassword))); !strings.HasPrefix(got, "+OK") {
		t.Errorf("a response: %s", got)
	}
	if got := c.do("LIST " + strings.Repeat("0", 8000) + "1"); !strings.HasPrefix(got, "-ERR no such message") {
		t.Errorf("a long number: %s", got)
	}
	c.ok("NOOP")
}
