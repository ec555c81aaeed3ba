package server

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// Pair is Postfix handing mail to Dovecot by LMTP, both from Debian's packages
// (postfix, dovecot-imapd, dovecot-lmtpd), with the configuration in the folder
// pair. Everything they write is in Dir, and no other instance is touched.
//
// Both start as root, and give rights away: see Available.
type Pair struct {
	Dir string    // made by Start; users postfix, dovecot and mail must be able to reach it
	Log io.Writer // what the programs print; their own logs are in Dir
	// Sink is where Postfix hands on mail for others, host:port; "": it takes none.
	Sink string

	postfix, dovecot *child
	doors            Endpoints
	addresses        []string // lines of Postfix's map of mailboxes
	domains          []string // and of domains
}

var (
	_ Server = (*Pair)(nil)
	_ Holder = (*Pair)(nil)
)

//go:embed pair
var pairFiles embed.FS

// Name of the servers.
func (*Pair) Name() string { return "postfix+dovecot" }

// pairPrograms are what the pair consists of; Debian keeps them out of the PATH of
// plain users.
var pairPrograms = []string{"/usr/sbin/postfix", "/usr/sbin/postmap", "/usr/sbin/postconf", "/usr/sbin/dovecot", "/usr/lib/dovecot/lmtp", "/usr/lib/dovecot/imap"}

// Available is nil where the pair can be started, or says what is missing.
func (*Pair) Available() error {
	if os.Getuid() != 0 {
		return errors.New("postfix and dovecot start as root only")
	}
	for _, program := range pairPrograms {
		if _, err := os.Stat(program); err != nil {
			return fmt.Errorf("install Debian's postfix, dovecot-imapd and dovecot-lmtpd: %w", err)
		}
	}
	return nil
}

// Start writes the configuration and starts both.
func (p *Pair) Start(ctx context.Context) (Endpoints, error) {
	if err := p.start(ctx); err != nil {
		return Endpoints{}, errors.Join(err, p.Stop())
	}
	return p.doors, nil
}

func (p *Pair) start(ctx context.Context) error {
	if err := p.configure(); err != nil {
		return err
	}
	for _, args := range [][]string{{"postfix", "-c", p.config(), "check"}, {"postconf", "-c", p.config(), "-h", "daemon_directory"}} {
		out, err := p.program(ctx, args...)
		if err != nil {
			return err
		}
		if args[0] != "postconf" {
			continue
		}
		// -d keeps master in the process group we make for it.
		if p.postfix, err = startChild(p.Log, filepath.Join(strings.TrimSpace(string(out)), "master"), "-c", p.config(), "-d"); err != nil {
			return err
		}
	}
	var err error
	if p.dovecot, err = startChild(p.Log, "/usr/sbin/dovecot", "-c", p.path("dovecot/dovecot.conf"), "-F"); err != nil {
		return err
	}
	p.doors.PIDs = []int{p.postfix.pid(), p.dovecot.pid()}
	return p.await(ctx)
}

// Hold does nothing: Postfix holds what HeldSender sends, and no other mail.
func (p *Pair) Hold(context.Context) error { return nil }

// Release lets go what is held, and has the queue manager look at it.
func (p *Pair) Release(ctx context.Context) error {
	if _, err := p.program(ctx, "postsuper", "-c", p.config(), "-H", "ALL"); err != nil {
		return err
	}
	_, err := p.program(ctx, "postqueue", "-c", p.config(), "-f")
	return err
}

func (p *Pair) config() string          { return p.path("postfix") }
func (p *Pair) path(name string) string { return filepath.Join(p.Dir, name) }

// program runs one of Postfix's commands.
func (p *Pair) program(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "/usr/sbin/"+args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	p.Log.Write(stderr.Bytes()) // warnings, too
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %.500s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}

// configure makes the folders with the owners that the programs insist on, and
// fills in the templates.
func (p *Pair) configure() error {
	if err := reachable(p.Dir); err != nil {
		return err
	}
	for _, dir := range []struct{ name, owner string }{
		{"", ""}, {"postfix", ""}, {"postfix/queue", ""}, {"postfix/data", "postfix"}, {"postfix/log", ""}, {"dovecot", ""}, {"dovecot/users", ""}, {"mail", "mail"},
	} {
		if err := makeFolder(p.path(dir.name), dir.owner); err != nil {
			return err
		}
	}
	ports, err := freePorts(4)
	if err != nil {
		return err
	}
	p.doors = Endpoints{SMTP: loopback(ports[0]), LMTP: loopback(ports[1]), IMAP: loopback(ports[2]), IMAPS: loopback(ports[3])}
	if p.Sink != "" {
		p.doors.Submission = p.doors.SMTP // whoever is on this machine may hand in mail for others
	}
	host, port, _ := strings.Cut(p.Sink, ":")
	values := map[string]any{"SinkHost": host, "SinkPort": port, "Held": HeldSender, "Dir": p.Dir, "SMTP": ports[0], "LMTP": ports[1], "IMAP": ports[2], "IMAPS": ports[3]}
	templates, err := template.ParseFS(pairFiles, "pair/*")
	if err != nil {
		return err
	}
	for name, path := range map[string]string{"main.cf": "postfix/main.cf", "master.cf": "postfix/master.cf", "dovecot.conf": "dovecot/dovecot.conf"} {
		var text bytes.Buffer
		if err := templates.ExecuteTemplate(&text, name, values); err != nil {
			return err
		}
		if err := os.WriteFile(p.path(path), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if err := writeCertificate(p.path("dovecot/cert.pem"), p.path("dovecot/key.pem")); err != nil {
		return err
	}
	return p.writeMaps(context.Background())
}

// reachable is nil when programs that run as other users can enter all folders above.
func reachable(dir string) error {
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode()&0o001 == 0 {
			return fmt.Errorf("postfix and dovecot run as users that cannot enter %s (mode %v): choose another folder for their data", dir, info.Mode().Perm())
		}
	}
	return nil
}

// makeFolder for a user of the system, or for root.
func makeFolder(path, owner string) error {
	// Not 0700: each program reaches its files as a user of its own.
	if err := os.MkdirAll(path, 0o711); err != nil || owner == "" {
		return err
	}
	u, err := user.Lookup(owner)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	return os.Chown(path, uid, 0)
}

// freePorts of the loopback address; they are free when this returns.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // none is given twice
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// await returns when every door takes connections.
func (p *Pair) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for _, door := range []string{p.doors.SMTP, p.doors.LMTP, p.doors.IMAP, p.doors.IMAPS} {
		for {
			if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", door); err == nil {
				c.Close()
				break
			}
			select {
			case <-p.postfix.exited:
				return errors.New("postfix ended before it was ready: see its log")
			case <-p.dovecot.exited:
				return errors.New("dovecot ended before it was ready: see its log")
			case <-ctx.Done():
				return fmt.Errorf("postfix and dovecot were not ready: %w", ctx.Err())
			case <-poll.C:
			}
		}
	}
	return nil
}

// AddAccount names the address in Postfix's map of mailboxes and Dovecot's users.
func (p *Pair) AddAccount(ctx context.Context, address, password string) error {
	_, domain, ok := strings.Cut(address, "@")
	if !ok || strings.ContainsAny(address+password, ":/\n") {
		return fmt.Errorf("%q with this password cannot be an account of the pair", address)
	}
	// Dovecot's sign-in process reads the file as the user dovecot.
	if err := os.WriteFile(p.path("dovecot/users/"+address), []byte(address+":"+password+"\n"), 0o644); err != nil {
		return err
	}
	p.addresses = append(p.addresses, address+" present")
	if line := domain + " present"; !slices.Contains(p.domains, line) {
		p.domains = append(p.domains, line)
	}
	return p.writeMaps(ctx)
}

// writeMaps of mailboxes and domains; Postfix notices that they have changed.
func (p *Pair) writeMaps(ctx context.Context) error {
	for path, lines := range map[string][]string{"postfix/mailboxes": p.addresses, "postfix/domains": p.domains} {
		if err := os.WriteFile(p.path(path), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	_, err := p.program(ctx, "postmap", "-c", p.config(), "hash:"+p.path("postfix/mailboxes"), "hash:"+p.path("postfix/domains"))
	return err
}

// Stop ends both.
func (p *Pair) Stop() error {
	return errors.Join(p.postfix.stop(), p.dovecot.stop())
}
