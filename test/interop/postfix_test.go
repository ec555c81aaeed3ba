//go:build system

package interop

import (
	"fmt"
	"net/mail"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// postfix is Debian's, with a domain of its own. It uses DANE where a domain has it, and tries again after seconds.
type postfix struct {
	*machine
	in      *internet
	domain  string
	pair    pair
	dir     string
	process *process
}

// mainCf is what differs from the defaults.
const mainCf = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log/postfix.log
maillog_file_prefixes = %[1]s/log
import_environment = MAIL_CONFIG MAIL_LOGTAG
inet_protocols = ipv4
myhostname = mx.%[2]s
mydomain = %[2]s
mydestination =
alias_maps =
alias_database =
mynetworks = 192.0.2.1/32, 192.0.2.14/32
virtual_mailbox_domains = %[2]s
virtual_mailbox_base = %[1]s-mail
virtual_mailbox_maps = texthash:%[1]s/users
virtual_uid_maps = static:%[3]d
virtual_gid_maps = static:%[3]d
virtual_mailbox_limit = 0
message_size_limit = 50000000
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_tls_chain_files = %[1]s/chain.pem
smtpd_tls_security_level = may
smtp_tls_security_level = dane
smtp_dns_support_level = dnssec
smtp_tls_CAfile = %[4]s
smtp_tls_loglevel = 1
smtpd_tls_received_header = yes
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
`

const masterCf = `smtp      inet  n - n -     - smtpd
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
proxywrite unix - - n -     1 proxymap
smtp      unix  - - n -     - smtp
error     unix  - - n -     - error
retry     unix  - - n -     - error
virtual   unix  - n n -     - virtual
anvil     unix  - - n -     1 anvil
scache    unix  - - n -     1 scache
postlog   unix-dgram n - n - 1 postlogd
`

// newPostfix starts it with mailboxes by their local parts. A box "all" has the mail of r0 to r499.
func newPostfix(t *testing.T, in *internet, domain, address string, accounts ...string) *postfix {
	t.Helper()
	p := &postfix{machine: newMachine(t, "postfix", address), in: in, domain: domain, pair: in.ca.issue("mx." + domain), dir: filepath.Join(in.dir, "postfix")}
	in.zone(domain, fmt.Sprintf("@ MX 10 mx\n@ TXT \"v=spf1 mx -all\"\nmx A %s\n_dmarc TXT \"v=DMARC1; p=reject\"\n_25._tcp.mx %s\n", address, p.pair.tlsa()))
	u, err := user.Lookup("postfix")
	if err != nil {
		missing(t, "postfix is missing: run make setup")
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", "/queue", "/data", "/log", "-mail"} {
		path := p.dir + dir
		if err := os.Mkdir(path, 0o711); err != nil {
			t.Fatal(err)
		}
		if dir == "/data" || dir == "-mail" {
			if err := os.Chown(path, uid, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	var users strings.Builder
	for _, local := range accounts {
		fmt.Fprintf(&users, "%s@%s %s/\n", local, domain, local)
	}
	for i := range 500 {
		fmt.Fprintf(&users, "r%d@%s all/\n", i, domain)
	}
	p.write("users", users.String())
	chain := read(t, p.pair.key) + read(t, p.pair.certificate)
	p.write("chain.pem", chain)
	p.write("main.cf", fmt.Sprintf(mainCf, p.dir, domain, uid, in.ca.file))
	p.write("master.cf", masterCf)
	run(t, tool(t, "postfix"), "-c", p.dir, "check")
	daemons := strings.TrimSpace(run(t, tool(t, "postconf"), "-c", p.dir, "-h", "daemon_directory"))
	p.process = start(t, p.command(filepath.Join(daemons, "master"), "-c", p.dir, "-d"), func() bool { return listens(address + ":25") })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix's log:\n%s", p.logged())
		}
	})
	return p
}

func (p *postfix) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *postfix) logged() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log/postfix.log"))
	lines := strings.SplitAfter(string(text), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, "postfix-script") }), "")
}

// inbox returns the messages of a mailbox.
func (p *postfix) inbox(box string) (messages []received) {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir+"-mail", box, "new", "*"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range files {
		messages = append(messages, parse(p.t, read(p.t, file)))
	}
	return messages
}

// received is a message as it came.
type received struct {
	*mail.Message
	text string
}

func parse(t *testing.T, text string) received {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %.300q", err, text)
	}
	return received{m, text}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
