package onboarding

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
)

const keepTime = "install something that keeps time, such as chrony or systemd-timesyncd"

func checkClock(_ context.Context, e *Environment) []Finding {
	l := list{area: "clock"}
	switch kept, err := e.Machine.Synchronized(); {
	case err != nil: // nobody knows
	case kept:
		l.add(Fine, "", "the clock is kept in time")
	default:
		l.add(Warning, keepTime, "nobody keeps the clock in time: certificates and signatures depend on it")
	}
	return l.findings
}

// What a disk should have left.
const (
	littleRoom = 2 << 30
	noRoom     = 200 << 20
)

func checkDisk(_ context.Context, e *Environment) []Finding {
	l := list{area: "disk"}
	free, size, err := e.Machine.Disk(e.Data)
	const mend = "make room, or give the server a larger disk: when it is full, mail is refused for now"
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		l.add(Warning, "", "%s: %v", e.Data, err)
	case free < noRoom:
		l.add(Problem, mend, "the disk of %s is full: %s of %s are free", e.Data, amount(free), amount(size))
	case free < littleRoom || free < size/20:
		l.add(Warning, mend, "the disk of %s is almost full: %s of %s are free", e.Data, amount(free), amount(size))
	default:
		l.add(Fine, "", "%s of %s are free for %s", amount(free), amount(size), e.Data)
	}
	return l.findings
}

func amount(bytes uint64) string {
	if bytes >= 10<<30 {
		return fmt.Sprintf("%d GiB", bytes>>30)
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}

// maxLooked bounds how many files are looked at: those that matter lie at the top.
const maxLooked = 1000

// checkFiles sees whether the server can use its files, and others cannot.
func checkFiles(_ context.Context, e *Environment) []Finding {
	l := list{area: "files"}
	if e.ConfigFile != "" && e.Secrets {
		if info, err := os.Stat(e.ConfigFile); err == nil && info.Mode().Perm()&0o004 != 0 {
			l.add(Warning, "chmod o-r "+e.ConfigFile, "%s holds passwords, and everybody on this machine can read it", e.ConfigFile)
		}
	}
	info, err := os.Stat(e.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.add(Problem, "mailmesh quickstart you@example.org, or name the folder with --data or --config", "there is no data folder %s", e.Data)
		return l.findings
	case err != nil:
		l.add(Problem, "run this check as root or as the server's user", "%v", err)
		return l.findings
	}
	owner := ownerOf(info)
	var foreign, open []string
	seen := 0
	err = filepath.WalkDir(e.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == e.Data {
			return err
		}
		if seen++; seen > maxLooked {
			return filepath.SkipAll
		}
		info, err := d.Info()
		if err != nil {
			return nil // gone meanwhile
		}
		if ownerOf(info) != owner {
			foreign = append(foreign, path)
		}
		if info.Mode().Perm()&0o007 != 0 && !strings.HasSuffix(path, ".crt") {
			open = append(open, path)
		}
		return nil
	})
	switch {
	case err != nil:
		l.add(Problem, "run this check as root or as the server's user", "%v", err)
	case len(foreign) > 0:
		l.add(Problem, "chown -R --reference="+e.Data+" "+e.Data, "%s belongs to another user than %s: the server may not be able to use it", some(foreign), e.Data)
	case len(open) > 0:
		l.add(Warning, "chmod -R o= "+e.Data, "everybody on this machine may use %s", some(open))
	default:
		l.add(Fine, "", "the files in %s are for their owner only", e.Data)
	}
	return l.findings
}

// some names the first of a list.
func some(paths []string) string {
	if len(paths) == 1 {
		return paths[0]
	}
	return fmt.Sprintf("%s (and %d more)", paths[0], len(paths)-1)
}

// outside is a domain whose servers are always there: whether they can be reached says whether mail can go out.
const outside = "gmail.com"

// checkOutgoing sees whether this machine may connect to the mail servers of others, which many providers forbid at first.
func checkOutgoing(ctx context.Context, e *Environment) []Finding {
	l := list{area: "outgoing mail"}
	if e.Smarthost {
		l.add(Note, "", "mail for others goes to the smarthost")
		return l.findings
	}
	found, err := e.Resolver.MX(ctx, outside)
	if err != nil {
		if !dns.NotFound(err) {
			l.silent(err)
		}
		return l.findings
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 8*time.Second, errors.New("no answer within 8 seconds"))
	defer cancel()
	if err := knock(ctx, e, found.Records[0].Host); err != nil {
		l.add(Problem, "ask your provider to open outgoing port 25, or set outbound.smarthost", "the mail servers of others cannot be reached (tried that of %s): %v", outside, err)
		return l.findings
	}
	l.add(Fine, "", "the mail servers of others can be reached")
	return l.findings
}

// knock connects to a mail server, waits for its greeting, and leaves.
func knock(ctx context.Context, e *Environment, host string) error {
	at, err := e.Resolver.Addresses(ctx, host)
	if err != nil {
		return err
	}
	address := at.Records[len(at.Records)-1] // IPv4 where there is any: every machine should have that
	nc, err := e.Dial(ctx, "tcp", net.JoinHostPort(address.String(), "25"))
	if err == nil {
		defer nc.Close()
		defer context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })()
		var line string
		line, err = bufio.NewReader(io.LimitReader(nc, 1000)).ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "220") {
			return fmt.Errorf("it says %.100q", line)
		}
		fmt.Fprint(nc, "QUIT\r\n")
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// signed is a domain whose DNS has been signed for long.
const signed = "ietf.org"

// checkValidation sees whether answers of the DNS are proved to be right before they come here: without that, DANE is not used
// with the servers of others.
func checkValidation(ctx context.Context, e *Environment) []Finding {
	l := list{area: "dns"}
	switch found, err := e.Resolver.MX(ctx, signed); {
	case err != nil: // whoever needs an answer says so
	case found.Authentic:
		l.add(Fine, "", "the resolver of this machine validates (DNSSEC)")
	default:
		l.add(Note, "run a validating resolver here, such as unbound, with nameserver 127.0.0.1 in /etc/resolv.conf; then mail to others is protected by DANE",
			"no resolver on this machine proves its answers (DNSSEC): DANE is not used for mail to others")
	}
	return l.findings
}
