//go:build system

package system

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
)

// popUser is the account whose mail POP3 clients fetch here.
const popUser = "u0@example.org"

// newPopServer is a server with mail for popUser, and the mail as IMAP tells it, sorted.
func newPopServer(t *testing.T) (s *server, mail []string) {
	t.Helper()
	messages := letters(t)
	s = newServer(t)
	s.addAccounts(1)
	if err := sendLMTP(s.ready.LMTP, popUser, slices.Sorted(maps.Keys(messages)), messages); err != nil {
		t.Fatal(err)
	}
	if mail = s.inbox(); len(mail) != len(messages) {
		t.Fatalf("%d messages are there, %d were sent", len(mail), len(messages))
	}
	return s, mail
}

// inbox is the mail of popUser, sorted.
func (s *server) inbox() (mail []string) {
	s.t.Helper()
	c := dialAs(s.t, s, popUser)
	whole := &imap.FetchItemBodySection{Peek: true}
	fetched, err := c.Fetch(imap.UIDSet{{Start: 1}}, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range fetched {
		mail = append(mail, string(m.FindBodySection(whole)))
	}
	slices.Sort(mail)
	return mail
}

// letters are messages with what goes wrong easily, and some hundred real ones. Clients have limits of their own: no NUL, no
// CR alone, no line over 998 octets, and no octets above 127 in the header, for which there are dialogues.
func letters(t *testing.T) map[string][]byte {
	all := corpus(t)
	out := map[string][]byte{
		"dots at all ends": []byte("Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n"),
		"8-bit":            []byte("Subject: eight\r\n\r\ngr\u00fc\u00dfe\r\n"),
		"From":             []byte("Subject: from\r\n\r\nFrom here\r\n>From there\r\n"),
		"nothing":          []byte("Subject: nothing\r\n\r\n"),
		"long":             []byte("Subject: long\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 20_000)),
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text := all[name]
		head, _, hasBody := bytes.Cut(text, []byte("\r\n\r\n"))
		if len(out) < 300 && hasBody && bytes.Contains(head, []byte("Subject:")) && fetchable(head, text) {
			out[name] = text
		}
	}
	return out
}

func fetchable(head, text []byte) bool {
	for line := range bytes.Lines(text) {
		if len(line) > 998 || bytes.ContainsAny(bytes.TrimSuffix(line, []byte("\r\n")), "\x00\r\n") {
			return false
		}
	}
	return !bytes.ContainsFunc(head, func(r rune) bool { return r > 127 })
}

// sameMail compares what a client has fetched with the mail, line ends aside.
func sameMail(t *testing.T, fetched, mail []string) {
	t.Helper()
	if len(fetched) != len(mail) {
		t.Fatalf("%d messages were fetched, there are %d", len(fetched), len(mail))
	}
	unix := func(all []string) (out []string) {
		for _, m := range all {
			out = append(out, strings.ReplaceAll(m, "\r\n", "\n"))
		}
		slices.Sort(out)
		return out
	}
	got, want := unix(fetched), unix(mail)
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("fetched  %.600q\ninstead of %.600q", got[i], want[i])
		}
	}
}

// mpop fetches all mail over STLS, pipelined; a second run fetches nothing; one that keeps nothing deletes all.
func TestMpop(t *testing.T) {
	mpop := tool(t, "mpop")
	s, mail := newPopServer(t)
	host, port, _ := strings.Cut(s.ready.POP3, ":")
	home := t.TempDir()
	for _, dir := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(home, "mail", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := write(t, filepath.Join(home, "mpoprc"), fmt.Sprintf(`
account here
host %s
port %s
auth plain
user %s
password %s
tls on
tls_starttls on
tls_certcheck off
uidls_file %s/uidls
received_header off
delivery maildir %s/mail
account default : here
`, host, port, popUser, password, home, home), 0o600)
	fetch := func(keep string) []string {
		command(t, home, nil, mpop, "-C", config, "--quiet", "--keep="+keep)
		return slices.Collect(maps.Values(tree(t, filepath.Join(home, "mail"))))
	}
	sameMail(t, fetch("on"), mail)
	sameMail(t, fetch("on"), mail)
	if left := s.inbox(); len(left) != len(mail) {
		t.Errorf("%d messages are left", len(left))
	}
	sameMail(t, fetch("off"), mail)
	if left := s.inbox(); len(left) != 0 {
		t.Errorf("%d messages are left", len(left))
	}
	s.stop()
	s.verify()
}

// fetchmail fetches all mail; a second run fetches nothing; one that keeps nothing deletes all.
func TestFetchmail(t *testing.T) {
	fetchmail := tool(t, "fetchmail")
	s, mail := newPopServer(t)
	host, port, _ := strings.Cut(s.ready.POP3, ":")
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	fetch := func(keep string, want int) []string {
		config := write(t, filepath.Join(home, "fetchmailrc"), fmt.Sprintf(
			"set invisible\npoll %s protocol POP3 port %s uidl\n user %q password %q sslproto \"\" no rewrite pass8bits %s\n mda \"cat > $(mktemp %s/mail/XXXXXX)\"\n",
			host, port, popUser, password, keep, home), 0o600)
		cmd := exec.CommandContext(t.Context(), fetchmail, "-f", config, "--nosyslog", "--silent")
		cmd.Env = append(os.Environ(), "HOME="+home, "FETCHMAILHOME="+home)
		// RFC 1939 has no way to say so: fetchmail ends with status 1 when there was nothing to fetch.
		if out, err := cmd.CombinedOutput(); err != nil && (want > 0 || cmd.ProcessState.ExitCode() != 1) {
			t.Fatalf("fetchmail: %v\n%s", err, out)
		}
		return slices.Collect(maps.Values(tree(t, filepath.Join(home, "mail"))))
	}
	bodies := func(all []string) (out []string) { // fetchmail has its own way with some header fields
		for _, m := range all {
			_, body, _ := strings.Cut(strings.ReplaceAll(m, "\r\n", "\n"), "\n\n")
			out = append(out, body)
		}
		return out
	}
	sameMail(t, bodies(fetch("keep", len(mail))), bodies(mail))
	sameMail(t, bodies(fetch("keep", 0)), bodies(mail))
	if left := s.inbox(); len(left) != len(mail) {
		t.Errorf("%d messages are left", len(left))
	}
	again := fetch("no keep fetchall", len(mail))
	if len(again) != 2*len(mail) {
		t.Errorf("%d messages were fetched, want %d", len(again), 2*len(mail))
	}
	if left := s.inbox(); len(left) != 0 {
		t.Errorf("%d messages are left", len(left))
	}
}

// poplibScript fetches all by Python's poplib, over STLS or under TLS, and says what it had; then it deletes every second
// message.
const poplibScript = `
import json, poplib, ssl, sys
host, port, user, password, implicit = sys.argv[1:]
context = ssl._create_unverified_context()
if implicit == "yes":
    p = poplib.POP3_SSL(host, int(port), context=context)
else:
    p = poplib.POP3(host, int(port))
    p.stls(context)
p.utf8()
p.user(user)
p.pass_(password)
count, size = p.stat()
sizes = [int(line.split()[1]) for line in p.list()[1]]
uidl = [line.split()[1].decode() for line in p.uidl()[1]]
mail = [b"".join(line + b"\r\n" for line in p.retr(n + 1)[1]) for n in range(count)]
tops = [b"".join(line + b"\r\n" for line in p.top(n + 1, 0)[1]) for n in range(count)]
for n in range(0, count, 2):
    p.dele(n + 1)
p.quit()
json.dump({"count": count, "size": size, "sizes": sizes, "uidl": uidl, "mail": [m.hex() for m in mail], "tops": [m.hex() for m in tops]}, sys.stdout)
`

func TestPoplib(t *testing.T) {
	python := tool(t, "python3")
	s, mail := newPopServer(t)
	script := write(t, filepath.Join(t.TempDir(), "fetch.py"), poplibScript, 0o600)
	seen := map[string]string{}
	for address, implicit := range map[string]string{s.ready.POP3: "no", s.ready.POP3S: "yes"} {
		host, port, _ := strings.Cut(address, ":")
		cmd := exec.CommandContext(t.Context(), python, script, host, port, popUser, password, implicit)
		cmd.Stderr = s.log
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("poplib: %v", err)
		}
		var got struct {
			Count, Size      int
			Sizes            []int
			UIDL, Mail, Tops []string
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		sum := 0
		for i := range got.Mail {
			text, top := unhex(t, got.Mail[i]), unhex(t, got.Tops[i])
			if head, _, _ := strings.Cut(text, "\r\n\r\n"); top != head+"\r\n\r\n" {
				t.Fatalf("TOP %d 0: %.200q", i+1, top)
			}
			if len(text) != got.Sizes[i] {
				t.Errorf("message %d has %d octets, LIST says %d", i+1, len(text), got.Sizes[i])
			}
			if before, is := seen[got.UIDL[i]]; is && before != text {
				t.Errorf("the unique id %s is of another message now", got.UIDL[i])
			}
			seen[got.UIDL[i]] = text
			got.Mail[i] = text
			sum += len(text)
		}
		if got.Size != sum {
			t.Errorf("STAT says %d octets, there are %d", got.Size, sum)
		}
		sameMail(t, got.Mail, mail)
		mail = s.inbox()
		if want := got.Count / 2; len(mail) != want {
			t.Errorf("%d messages are left, want %d", len(mail), want)
		}
	}
	s.stop()
	s.verify()
}

func unhex(t *testing.T, text string) string {
	t.Helper()
	var out []byte
	if _, err := fmt.Sscanf(text, "%x", &out); err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Killed at any moment around QUIT, the server comes back with all that was not marked, and whole; with nothing missing at
// all where QUIT was not sent.
func TestKilledInQuit(t *testing.T) {
	const messages = 400
	s := newServer(t)
	s.addAccounts(1)
	for round, after := range []time.Duration{-1, 0, 2 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond} {
		sent := map[string][]byte{}
		for i := range messages {
			sent[fmt.Sprintf("%03d", i)] = fmt.Appendf(nil, "Subject: %d\r\n\r\nround %d\r\n", i, round)
		}
		if err := sendLMTP(s.ready.LMTP, popUser, slices.Sorted(maps.Keys(sent)), sent); err != nil {
			t.Fatal(err)
		}
		nc, err := net.Dial("tcp", s.ready.POP3)
		if err != nil {
			t.Fatal(err)
		}
		var commands strings.Builder
		fmt.Fprintf(&commands, "USER %s\r\nPASS %s\r\n", popUser, password)
		for n := 2; n <= messages; n += 2 { // every second one: LMTP came in order
			fmt.Fprintf(&commands, "DELE %d\r\n", n)
		}
		fmt.Fprint(nc, commands.String()+"NOOP\r\n")
		for r := bufio.NewReader(nc); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(line, "nothing done") {
				break
			}
		}
		if after >= 0 {
			fmt.Fprint(nc, "QUIT\r\n")
			time.Sleep(after)
		}
		s.kill()
		nc.Close()
		s.start()
		left := strings.Join(s.inbox(), "")
		for i := 0; i < messages; i++ {
			if here := strings.Contains(left, fmt.Sprintf("\r\nSubject: %d\r\n", i)); !here && (i%2 == 0 || after < 0) {
				t.Fatalf("killed %v after QUIT: message %d is gone", after, i)
			}
		}
		t.Logf("killed %v after QUIT: %d of %d messages are left", after, strings.Count(left, "\r\nround "), messages)
		command(t, "", nil, tool(t, "python3"), "-c", emptyScript, s.ready.POP3, popUser, password)
	}
	s.stop()
	s.verify()
}

// emptyScript deletes all mail.
const emptyScript = `
import poplib, sys
host, port = sys.argv[1].split(":")
p = poplib.POP3(host, int(port))
p.user(sys.argv[2])
p.pass_(sys.argv[3])
for n in range(p.stat()[0]):
    p.dele(n + 1)
p.quit()
`
