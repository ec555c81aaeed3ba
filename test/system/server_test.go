//go:build system

package system

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/program"
)

func TestMain(m *testing.M) {
	status := m.Run()
	program.Remove()
	os.Exit(status)
}

// tool returns the path of a program that a test needs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: run make setup", name)
	}
	t.Skipf("%s is missing: run make setup", name)
	return ""
}

// server is a mailmesh process on a data folder, which outlives it.
type server struct {
	t     *testing.T
	data  string
	flags []string
	env   []string // besides that of the test
	log   *program.Output
	cmd   *exec.Cmd
	ended chan error // what the process that runs came to
	ready ready
}

// ready is the ready file.
type ready struct {
	SMTP, LMTP, IMAP, IMAPS, POP3, POP3S, HTTPS, Metrics string
	Submission, Submissions                              string
	Accounts                                             []struct{ Address, Password string }
}

// newServer starts a server on a new data folder and stops it when the test ends.
func newServer(t *testing.T, flags ...string) *server {
	t.Helper()
	return newServerWith(t, nil, flags...)
}

// newServerWith is newServer with further variables in its environment, which hold for all commands on its folder.
func newServerWith(t *testing.T, env []string, flags ...string) *server {
	t.Helper()
	s := &server{t: t, data: filepath.Join(t.TempDir(), "data"), flags: flags, env: env, log: new(program.Output)}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			text := s.log.String()
			t.Logf("the end of the server's log:\n%s", text[max(0, len(text)-6000):])
		}
	})
	s.start()
	return s
}

// start starts the program and waits for its ready file.
func (s *server) start(wrap ...string) {
	s.t.Helper()
	path, err := program.Path()
	if err != nil {
		s.t.Fatal(err)
	}
	readyFile := s.data + ".ready"
	os.Remove(readyFile)
	args := append(append(wrap, path, "serve", "--data", s.data, "--any-port", "--ready-file", readyFile), s.flags...)
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait(); close(ended) }(s.cmd, s.ended)
	deadline := time.After(60 * time.Second)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		text, err := os.ReadFile(readyFile)
		if err == nil && json.Unmarshal(text, &s.ready) == nil {
			return
		}
		select {
		case <-s.ended:
			s.t.Fatalf("the server ended before it was ready:\n%s", s.log.String())
		case <-deadline:
			s.t.Fatalf("the server is not ready after a minute:\n%s", s.log.String())
		case <-poll.C:
		}
	}
}

// kill ends the server as a power switch would, as far as a process can tell.
func (s *server) kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		s.cmd.Process.Kill()
		<-s.ended
	}
}

// pid is that of the server, which is a child of the program that wraps it.
func (s *server) pid() int {
	pid := s.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	var child int
	if _, scan := fmt.Sscan(string(children), &child); err == nil && scan == nil {
		return child
	}
	return pid
}

// stop ends the server as Ctrl-C does.
func (s *server) stop() {
	s.t.Helper()
	if err := syscall.Kill(s.pid(), syscall.SIGINT); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Fatalf("the server did not end well: %v\n%s", err, s.log.String())
		}
	case <-time.After(30 * time.Second):
		s.t.Fatalf("the server does not stop:\n%s", s.log.String())
	}
}

// run runs another command of the program on the same data folder.
func (s *server) run(stdin string, args ...string) string {
	s.t.Helper()
	out, err := s.try(stdin, args...)
	if err != nil {
		s.t.Fatalf("mailmesh %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (s *server) try(stdin string, args ...string) (string, error) {
	path, err := program.Path()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(path, append(args, "--data", s.data)...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), s.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const password = "correct horse battery"

// addAccounts makes accounts u0, u1 ... and returns their addresses.
func (s *server) addAccounts(n int) (addresses []string) {
	s.t.Helper()
	s.run("", "domain", "add", "example.org")
	for i := range n {
		address := fmt.Sprintf("u%d@example.org", i)
		s.run(password+"\n", "account", "add", address, "--password-stdin")
		addresses = append(addresses, address)
	}
	return addresses
}

// verify runs mailmesh verify on the stopped server's folder and fails the test for anything it finds.
func (s *server) verify() {
	s.t.Helper()
	out, err := s.try("", "verify", "--json")
	if err != nil {
		s.t.Fatalf("verify: %v\n%s", err, out)
	}
}
