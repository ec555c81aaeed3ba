//go:build system

package system

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// command runs a client; it has a minute.
func command(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// curl sends mail by SMTP and reads it by IMAP and POP3, in clear and over TLS.
func TestCurl(t *testing.T) {
	curl := tool(t, "curl")
	s := newServer(t, "--demo")
	to, pass := s.ready.Accounts[0].Address, s.ready.Accounts[0].Password
	letter := write(t, filepath.Join(t.TempDir(), "letter.eml"), "From: me@example.net\nTo: "+to+"\nSubject: by curl\n\nhello from curl\n", 0o600)

	command(t, "", nil, curl, "-sS", "--crlf", "smtp://"+s.ready.SMTP, "--mail-from", "me@example.net", "--mail-rcpt", to, "-T", letter)
	found := command(t, "", nil, curl, "-sS", "imap://"+s.ready.IMAP+"/INBOX", "-u", to+":"+pass, "-X", "SEARCH SUBJECT curl")
	fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(found), "* SEARCH"))
	if len(fields) != 1 {
		t.Fatalf("SEARCH answered %q", found)
	}
	text := command(t, "", nil, curl, "-sS", "imap://"+s.ready.IMAP+"/INBOX;MAILINDEX="+fields[0], "-u", to+":"+pass)
	if !strings.HasSuffix(text, "Subject: by curl\r\n\r\nhello from curl\r\n") {
		t.Errorf("read back %q", text)
	}
	popped := command(t, "", nil, curl, "-sS", "pop3://"+s.ready.POP3+"/"+fields[0], "-u", to+":"+pass)
	if !strings.HasSuffix(popped, "Subject: by curl\r\n\r\nhello from curl\r\n") {
		t.Errorf("read back by POP3 %q", popped)
	}
	// Over TLS, with the certificate that is not signed by anybody.
	command(t, "", nil, curl, "-sS", "-k", "imaps://"+s.ready.IMAPS+"/", "-u", to+":"+pass)
	command(t, "", nil, curl, "-sS", "-k", "pop3s://"+s.ready.POP3S+"/", "-u", to+":"+pass)
}

// What serve --demo prints is copied and pasted: where the doors are, how to sign in, and lines for a shell that send a
// message and read it back.
func TestDemoLines(t *testing.T) {
	tool(t, "curl")
	s := newServer(t, "--demo")
	printed := s.log.String()
	for name, address := range map[string]string{"smtp": s.ready.SMTP, "lmtp": s.ready.LMTP, "imap": s.ready.IMAP, "imaps": s.ready.IMAPS,
		"submission": s.ready.Submission, "submissions": s.ready.Submissions, "pop3": s.ready.POP3, "pop3s": s.ready.POP3S, "metrics": "http://" + s.ready.Metrics + "/metrics"} {
		if !regexp.MustCompile(`(?m)^  ` + name + ` +` + regexp.QuoteMeta(address) + `\b`).MatchString(printed) {
			t.Errorf("it does not say that %s listens at %q:\n%s", name, address, printed)
		}
	}
	for _, a := range s.ready.Accounts {
		if !regexp.MustCompile(regexp.QuoteMeta(a.Address) + ` +password: ` + regexp.QuoteMeta(a.Password)).MatchString(printed) {
			t.Errorf("it does not say how %s signs in:\n%s", a.Address, printed)
		}
	}
	_, lines, _ := strings.Cut(printed, "Send a message, and read it back:")
	lines, _, found := strings.Cut(lines, "Ctrl-C")
	if !found {
		t.Fatalf("it has no lines to copy:\n%s", printed)
	}
	shell := write(t, filepath.Join(t.TempDir(), "lines.sh"), lines, 0o600)
	if read := command(t, "", nil, "sh", "-e", shell); !strings.Contains(read, "Subject: hello\r\n\r\nIt works.\r\n") || !strings.Contains(read, "Subject: Welcome") ||
		!strings.Contains(read, "DKIM-Signature: ") || !strings.Contains(read, "\r\n\r\nIt is me.\r\n") {
		t.Errorf("the lines read back\n%s", read)
	}
}

// Ctrl-C while clients are there: they are told, everything is closed, the process ends with status 0, and the folder is whole.
func TestCtrlC(t *testing.T) {
	s := newServer(t, "--demo")
	a := s.ready.Accounts[0]
	smtp := dialText(t, s.ready.SMTP)
	smtp.say("", "220 ")
	imap := dialText(t, s.ready.IMAP)
	imap.say("", "* OK ")
	imap.say("a LOGIN "+a.Address+" "+a.Password+"\r\n", "a OK ")
	imap.say("b SELECT INBOX\r\n", "b OK ")
	imap.say("c IDLE\r\n", "+ ")
	s.stop()
	smtp.say("", "421 ")
	if line, err := imap.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "* BYE ") {
		t.Errorf("the session that idles was told %q, %v", line, err)
	}
	if _, err := os.Stat(filepath.Join(s.data, "admin.sock")); !os.IsNotExist(err) {
		t.Errorf("the admin socket is still there (%v)", err)
	}
	if strings.Contains(s.log.String(), "level=ERROR") || strings.Contains(s.log.String(), "panic") {
		t.Errorf("it did not end in order:\n%s", s.log.String())
	}
	s.verify()
}

func TestSwaks(t *testing.T) {
	swaks := tool(t, "swaks")
	s := newServer(t)
	to := s.addAccounts(2)
	host, port, _ := strings.Cut(s.ready.SMTP, ":")
	out := command(t, "", nil, swaks, "--server", host, "--port", port, "--from", "me@example.net", "--to", to[0]+","+to[1],
		"--tls", "--header", "Subject: by swaks")
	if !strings.Contains(out, "<~  250 2.0.0") {
		t.Errorf("swaks says:\n%s", out)
	}
	relayed, err := exec.Command(swaks, "--server", host, "--port", port, "--from", "me@example.net", "--to", "victim@elsewhere.example").CombinedOutput()
	if err == nil || !strings.Contains(string(relayed), "550 5.7.1") {
		t.Errorf("relaying was not refused: %v\n%s", err, relayed)
	}
}

// mbsync mirrors a mailbox, and finds nothing to do the second time.
func TestMbsync(t *testing.T) {
	mbsync := tool(t, "mbsync")
	s := newServer(t, "--demo")
	host, port, _ := strings.Cut(s.ready.IMAP, ":")
	home := t.TempDir()
	config := write(t, filepath.Join(home, "mbsyncrc"), fmt.Sprintf(`
IMAPAccount demo
Host %s
Port %s
User %s
Pass %s
SSLType None
AuthMechs *

IMAPStore far
Account demo

MaildirStore near
Path %s/mail/
Inbox %s/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
`, host, port, s.ready.Accounts[0].Address, s.ready.Accounts[0].Password, home, home), 0o600)
	if err := os.MkdirAll(filepath.Join(home, "mail"), 0o755); err != nil {
		t.Fatal(err)
	}
	sync := func() map[string]string {
		command(t, home, nil, mbsync, "-c", config, "-a")
		return tree(t, filepath.Join(home, "mail"))
	}
	first := sync()
	if len(first) < 5 {
		t.Fatalf("mirrored only %d files", len(first))
	}
	second := sync()
	for name, content := range second {
		if first[name] != content {
			t.Errorf("the second run changed %s", name)
		}
	}
	if len(first) != len(second) {
		t.Errorf("%d files, then %d", len(first), len(second))
	}
	// The other way: a message written near arrives far, with its flags.
	write(t, filepath.Join(home, "mail", "INBOX", "cur", "1.near:2,FS"), "From: me@example.net\nSubject: from near\n\nwritten here\n", 0o600)
	sync()
	c := dialIMAP(t, s)
	if got := c.search("SUBJECT", "near", "FLAGGED", "SEEN"); len(got) != 1 {
		t.Errorf("the message written near was found %d times", len(got))
	}
}

// tree is every message under a folder, by name.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(d.Name(), "mbsync") {
			return err
		}
		content, err := os.ReadFile(path)
		out[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// neomutt lists the mailbox.
func TestNeomutt(t *testing.T) { copyAll(t, "neomutt", "") }

// mutt compresses, and flushes what it sends partially: a server that waits for more would never answer.
func TestCompressedClient(t *testing.T) {
	log := copyAll(t, "mutt", "set imap_deflate = yes")
	if !strings.Contains(log, "imap: compressing") {
		t.Error("mutt did not compress")
	}
}

// copyAll lets mutt or a relative of it open the mailbox, tag all, copy them to a local one, and quit. It returns the log
// of the server.
func copyAll(t *testing.T, name, setting string) string {
	mutt := tool(t, name)
	tool(t, "script") // a terminal for it
	s := newServerWith(t, []string{"MAILMESH_CONFIG_LOG_LEVEL=debug"}, "--demo")
	a := s.ready.Accounts[0]
	home := t.TempDir()
	out := filepath.Join(home, "copy.mbox")
	rc := write(t, filepath.Join(home, "muttrc"), fmt.Sprintf(`
set folder = "imap://%s/"
set spoolfile = "+INBOX"
set imap_user = "%s"
set imap_pass = "%s"
set ssl_starttls = no
set ssl_force_tls = no
set header_cache = ""
set sort = date
set wait_key = no
set confirmappend = no
set confirmcreate = no
set mbox_type = mbox
%s
folder-hook . 'push "<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>%s<enter>:set quit=yes<enter><quit>"'
`, s.ready.IMAP, a.Address, a.Password, setting, out), 0o600)
	command(t, home, []string{"HOME=" + home, "TERM=xterm"}, "script", "-qec", mutt+" -n -F "+rc, "/dev/null")
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\nMessage-ID: "); n < 5 {
		t.Errorf("%s copied %d messages", name, n)
	}
	return s.log.String()
}
