package nodes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/wire"
)

// Node is one node, whether or not its process runs.
type Node struct {
	Name     string
	Program  string            // what Start starts; a test may exchange it
	Env      []string          // besides that of the test
	Doors    map[string]string // host:port by the names of the ready file
	Database []*wire.Wire      // to each server of the database
	Bodies   *wire.Wire        // to the store of bodies, nil where that is the database
	Bus      *wire.Wire        // in front of what other nodes dial

	folder  string // data folder, log and ready file are in it
	process *os.Process
	ended   chan struct{} // closed when the process has
	status  error         // with which it has
}

// ports are where the doors of every node listen: outside the range that the system gives out.
var ports = map[string]int{"smtp": 2525, "lmtp": 2424, "submissions": 4465, "submission": 5587, "imap": 1143, "imaps": 9993,
	"pop3": 1110, "pop3s": 9995, "http": 8080, "https": 8443, "metrics": 9625}

const busPort = 9626

// Data is the node's data folder.
func (n *Node) Data() string { return filepath.Join(n.folder, "data") }

func (n *Node) file(name string) string { return filepath.Join(n.folder, name) }

// Start starts the node's process and waits until its doors are open.
func (n *Node) Start(ctx context.Context) error {
	if n.Running() {
		return fmt.Errorf("%s runs already", n.Name)
	}
	ready := n.file("ready.json")
	os.Remove(ready)
	log, err := os.OpenFile(n.file("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(n.Program, "serve", "--data", n.Data(), "--ready-file", ready)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, n.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	n.process, n.ended = cmd.Process, make(chan struct{})
	go func(ended chan<- struct{}) { n.status = cmd.Wait(); close(ended) }(n.ended)
	return n.await(ctx, ready)
}

func (n *Node) environment() []string { return append(os.Environ(), n.Env...) }

func (n *Node) await(ctx context.Context, ready string) error {
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		if _, err := os.Stat(ready); err == nil {
			return nil
		}
		select {
		case <-n.ended:
			return fmt.Errorf("%s ended before it was ready: %w; its log ends:\n%s", n.Name, errors.Join(n.status), n.Log(2000))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; its log ends:\n%s", n.Name, context.Cause(ctx), n.Log(2000))
		case <-poll.C:
		}
	}
}

// Running reports whether the node has a process.
func (n *Node) Running() bool {
	if n.process == nil {
		return false
	}
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}

// PID is the process id of the node that runs.
func (n *Node) PID() int { return n.process.Pid }

// Kill ends the process as a failing machine would, as far as a process can tell. It fails where the process had ended by itself.
func (n *Node) Kill() error {
	if !n.Running() {
		return fmt.Errorf("%s does not run: there is nothing to kill", n.Name)
	}
	if err := n.process.Kill(); err != nil {
		return err
	}
	<-n.ended
	var exit *exec.ExitError
	if !errors.As(n.status, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		return fmt.Errorf("%s ended by itself before it was killed: %w", n.Name, errors.Join(n.status))
	}
	return nil
}

// Stop lets the process end in its own time, and is an error where it does not end well.
func (n *Node) Stop(ctx context.Context) error {
	if err := n.process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", n.Name, err)
	}
	select {
	case <-n.ended:
		return n.status
	case <-ctx.Done():
		return fmt.Errorf("%s does not stop: %w", n.Name, context.Cause(ctx))
	}
}

// Freeze stops the process in its tracks, as a machine does that is suspended, and makes sure that it stands.
func (n *Node) Freeze() error {
	if err := n.process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("freeze %s: %w", n.Name, err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.PID()))
		if _, rest, ok := bytes.Cut(stat, []byte(") ")); ok && rest[0] == 'T' {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not stand still: %.80q, %w", n.Name, stat, errors.Join(err))
		}
	}
}

// Continue lets a frozen process go on.
func (n *Node) Continue() error { return n.process.Signal(syscall.SIGCONT) }

// Command runs another command of the program on the node, and returns what it prints.
func (n *Node) Command(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, n.Program, append(args, "--data", n.Data())...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = n.environment()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: mailmesh %s: %w: %s", n.Name, strings.Join(args, " "), err, errs.String())
	}
	return string(out), err
}

// Log is the end of what the node's processes have logged.
func (n *Node) Log(most int64) string {
	f, err := os.Open(n.file("log"))
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		f.Seek(-most, io.SeekEnd)
	}
	text, _ := io.ReadAll(io.LimitReader(f, most))
	return string(text)
}

// Answers reports whether the node takes connections at a door.
func (n *Node) Answers(door string) bool {
	c, err := net.DialTimeout("tcp", n.Doors[door], time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}
