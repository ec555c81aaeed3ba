//go:build system

package system

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// dovecot is Debian's Dovecot on a folder of its own. Each session is a process that speaks IMAP on its standard input, signed in.
type dovecot struct {
	t      *testing.T
	home   string
	config string
}

const dovecotIMAP = "/usr/lib/dovecot/imap" // what login processes hand sessions to

func newDovecot(t *testing.T) *dovecot {
	t.Helper()
	if _, err := os.Stat(dovecotIMAP); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("dovecot-imapd is missing: run make setup")
		}
		t.Skip("dovecot-imapd is missing: run make setup")
	}
	home, err := os.MkdirTemp("", "mailmesh-dovecot-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	user := ""
	if os.Getuid() == 0 { // Dovecot does not read mail as root
		user = "mail_uid = mail\nmail_gid = mail\n"
		if err := os.Chmod(home, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	d := &dovecot{t: t, home: home}
	d.config = write(t, filepath.Join(home, "dovecot.conf"), fmt.Sprintf(`
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
mail_location = maildir:%[1]s/Maildir
stats_writer_socket_path =
first_valid_uid = 1
ssl = no
%[2]s
namespace inbox {
  inbox = yes
  separator = /
}
`, home, user), 0o644)
	return d
}

// tunnel is the command of a session. Started by root, Dovecot takes a socket as its output for inetd, and refuses: cat makes it
// a pipe.
func (d *dovecot) tunnel() string {
	return fmt.Sprintf("env HOME=%s USER=ann %s -c %s | cat", d.home, dovecotIMAP, d.config)
}

// dial begins a session of our own.
func (d *dovecot) dial() *imapclient.Client {
	d.t.Helper()
	near, far := net.Pipe()
	cmd := exec.CommandContext(d.t.Context(), "sh", "-c", d.tunnel())
	cmd.Stdin, cmd.Stdout = far, far
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	c := imapclient.New(near, nil)
	d.t.Cleanup(func() { c.Close(); far.Close(); cmd.Wait() })
	if err := c.WaitGreeting(); err != nil {
		d.t.Fatal(err)
	}
	return c
}

// TestMbsyncWithDovecot keeps Mailmesh and Dovecot the same with mbsync, whichever of them mail comes to, is read in and is
// deleted from. Nothing is lost, nothing is changed, nothing comes twice.
func TestMbsyncWithDovecot(t *testing.T) {
	mbsync := tool(t, "mbsync")
	d := newDovecot(t)
	s := newServer(t)
	account := s.addAccounts(1)[0]
	messages := letters(t)
	names := slices.Sorted(maps.Keys(messages))
	here, there := dialAs(t, s, account).Client, d.dial()

	boxes := []string{"INBOX", "Archiv/2024", "Entw\u00fcrfe"}
	for i, box := range boxes {
		if i > 0 {
			must(t, here.Create(box, nil).Wait())
		}
		for n, name := range names[i*50 : i*50+50] {
			flags := []imap.Flag{imap.FlagSeen, imap.FlagFlagged, imap.FlagAnswered, imap.FlagDraft}[:n%5]
			appendTo(t, here, box, messages[name], flags)
		}
	}
	must(t, there.Create("Dovecot", nil).Wait())
	for n, name := range names[150:200] {
		appendTo(t, there, []string{"INBOX", "Dovecot"}[n%2], messages[name], nil)
	}
	config := s.mbsyncConfig(account, d)
	sync := func() map[string]string {
		t.Helper()
		command(t, d.home, nil, mbsync, "-c", config, "-a")
		mail := everything(t, here)
		if got := everything(t, there); !maps.Equal(got, mail) {
			t.Fatalf("Mailmesh and Dovecot differ:\n%s", difference(mail, got))
		}
		return mail
	}
	first := sync()
	if len(first) != 200 {
		t.Fatalf("%d messages, want 200", len(first))
	}
	for _, name := range names[:200] {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(first)), func(key string) bool { return strings.HasSuffix(key, "\n"+string(messages[name])) }) {
			t.Errorf("%s is lost or changed", name)
		}
	}
	if again := sync(); !maps.Equal(first, again) {
		t.Errorf("a second run changes mail:\n%s", difference(first, again))
	}

	// Both sides change before the next run.
	change(t, here, "INBOX", "1:5", imap.FlagFlagged)
	change(t, there, "INBOX", "70:75", imap.FlagAnswered)
	remove(t, here, "INBOX", "10:12")
	remove(t, there, "Archiv/2024", "20:21")
	appendTo(t, here, "Dovecot", messages[names[200]], []imap.Flag{imap.FlagSeen})
	appendTo(t, there, "Archiv/2024", messages[names[201]], nil)
	must(t, here.Create("new", nil).Wait())
	appendTo(t, here, "new", messages[names[202]], nil)
	if mail := sync(); len(mail) != 200-5+3 {
		t.Errorf("%d messages, want %d", len(mail), 200-5+3)
	}
	s.stop()
	s.verify()
}

func (s *server) mbsyncConfig(account string, d *dovecot) string {
	host, port, _ := strings.Cut(s.ready.IMAP, ":")
	return write(s.t, filepath.Join(d.home, "mbsyncrc"), fmt.Sprintf(`
IMAPAccount mailmesh
Host %s
Port %s
User %s
Pass "%s"
SSLType None
AuthMechs *

IMAPStore mailmesh
Account mailmesh

IMAPStore dovecot
Tunnel "%s"

Channel all
Far :mailmesh:
Near :dovecot:
Patterns *
Create Both
Expunge Both
Sync All
CopyArrivalDate yes
SyncState %s/state/
`, host, port, account, password, d.tunnel(), d.home), 0o600)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, c *imapclient.Client, box string, text []byte, flags []imap.Flag) {
	t.Helper()
	w := c.Append(box, int64(len(text)), &imap.AppendOptions{Flags: flags})
	_, err := w.Write(text)
	must(t, err)
	must(t, w.Close())
	_, err = w.Wait()
	must(t, err)
}

// change gives messages a flag.
func change(t *testing.T, c *imapclient.Client, box, set string, flag imap.Flag) {
	t.Helper()
	_, err := c.Select(box, nil).Wait()
	must(t, err)
	var first, last uint32
	fmt.Sscanf(set, "%d:%d", &first, &last)
	must(t, c.Store(imap.SeqSet{{Start: first, Stop: last}}, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{flag}}, nil).Close())
}

func remove(t *testing.T, c *imapclient.Client, box, set string) {
	t.Helper()
	change(t, c, box, set, imap.FlagDeleted)
	must(t, c.Expunge().Close())
}

// mbsync marks what it copies, to find it again after a crash.
var mbsyncMark = regexp.MustCompile(`(?m)^X-TUID: \S+\r\n`)

// everything is the mail of all mailboxes, by mailbox, date, flags and content, with how often it is there.
func everything(t *testing.T, c *imapclient.Client) map[string]string {
	t.Helper()
	boxes, err := c.List("", "*", nil).Collect()
	must(t, err)
	count, out := map[string]int{}, map[string]string{}
	whole := &imap.FetchItemBodySection{Peek: true}
	for _, box := range boxes {
		selected, err := c.Select(box.Mailbox, nil).Wait()
		must(t, err)
		if selected.NumMessages == 0 {
			continue
		}
		fetched, err := c.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{Flags: true, InternalDate: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
		must(t, err)
		for _, m := range fetched {
			flags := slices.DeleteFunc(m.Flags, func(f imap.Flag) bool { return f == `\Recent` })
			slices.Sort(flags)
			key := fmt.Sprintf("%s %s %v\n%s", box.Mailbox, m.InternalDate.UTC(), flags, mbsyncMark.ReplaceAllString(string(m.FindBodySection(whole)), ""))
			count[key]++
			out[key] = fmt.Sprint(count[key])
		}
	}
	return out
}

// difference is the beginnings of what only one of two has.
func difference(a, b map[string]string) string {
	var out strings.Builder
	for sign, two := range map[string][2]map[string]string{"only in the first: ": {a, b}, "only in the second: ": {b, a}} {
		for key, n := range two[0] {
			if two[1][key] != n && out.Len() < 5000 {
				fmt.Fprintf(&out, "%s%.300q (%s times)\n", sign, key, n)
			}
		}
	}
	return out.String()
}
