// Package haproxy runs Debian's haproxy in front of the nodes of a cluster for tests, as docs/operations/load-balancer.md
// has it: it passes connections on to nodes that say they are ready, and ends those to a node that is not any more.
package haproxy

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Door is one that haproxy listens for: At is host:port of its own, To are those of the nodes.
type Door struct {
	Name string
	At   string
	To   []string
}

// Proxy is a running haproxy.
type Proxy struct {
	cmd   *exec.Cmd
	ended chan error
}

// Start starts haproxy, which asks the nodes at the port of health whether they are ready. It ends with the test. A test that lacks the
// program is skipped, under CI=true it fails.
func Start(t testing.TB, health string, doors ...Door) *Proxy {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		if program = "/usr/sbin/haproxy"; !exists(program) {
			if os.Getenv("CI") == "true" {
				t.Fatal("haproxy is missing: run test/setup")
			}
			t.Skip("haproxy is missing: run test/setup")
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(configuration(health, doors)), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &Proxy{cmd: exec.Command(program, "-db", "-f", file), ended: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() { p.cmd.Process.Kill(); <-p.ended })
	if err := p.await(doors); err != nil {
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("haproxy: %v\n%s", err, said)
	}
	return p
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// configuration is what docs/operations/load-balancer.md says, with times for a test.
func configuration(health string, doors []Door) string {
	var b strings.Builder
	b.WriteString(`defaults
	mode tcp
	timeout connect 1s
	timeout client 10m
	timeout server 10m
	timeout check 1s
	retries 2
	option redispatch 1
`)
	for _, d := range doors {
		fmt.Fprintf(&b, `
listen %s
	bind %s
	balance leastconn
	option httpchk GET /readyz
	default-server check port %s inter 300ms fastinter 100ms fall 2 rise 2 observe layer4 on-marked-down shutdown-sessions
`, d.Name, d.At, health)
		for i, to := range d.To {
			fmt.Fprintf(&b, "\tserver n%d %s\n", i+1, to)
		}
	}
	return b.String()
}

// await waits until every door has a node behind it that says something, or takes what is said.
func (p *Proxy) await(doors []Door) error {
	left := slices.Clone(doors)
	for deadline := time.Now().Add(10 * time.Second); len(left) > 0; time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-p.ended:
			return fmt.Errorf("it ended: %w", errors.Join(err))
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer", left[0].Name)
		}
		left = slices.DeleteFunc(left, func(d Door) bool {
			c, err := net.DialTimeout("tcp", d.At, time.Second)
			if err != nil {
				return false
			}
			return c.Close() == nil
		})
	}
	return nil
}
