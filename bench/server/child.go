package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// child is a server process that dies with us and is asked before it is killed.
type child struct {
	name   string
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended
}

// startChild runs the command with its output in log. It is not tied to a context,
// which would kill it: stop lets it end in order.
func startChild(log io.Writer, name string, args ...string) (*child, error) {
	return startChildWith(func(*exec.Cmd) {}, log, name, args...)
}

// startChildWith lets the command be changed before it runs.
func startChildWith(change func(*exec.Cmd), log io.Writer, name string, args ...string) (*child, error) {
	c := &child{name: name, cmd: exec.Command(name, args...), exited: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = log, log
	change(c.cmd)
	// A group of its own, by which its children are told from ours when it ends.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		c.cmd.Wait() // how it ended is told by the log
		close(c.exited)
	}()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop asks the process to end and kills it when it does not. A nil child is one
// that never started.
func (c *child) stop() error {
	if c == nil {
		return nil
	}
	select {
	case <-c.exited:
		return nil
	default:
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-c.exited:
		return c.awaitGroup(timer.C)
	case <-timer.C:
		err := syscall.Kill(-c.pid(), syscall.SIGKILL)
		<-c.exited
		return errors.Join(fmt.Errorf("%s did not end within %v and was killed", c.name, stopLimit), err)
	}
}

// awaitGroup ends the children that are left and returns when they are gone: they
// write to folders that are about to be removed.
func (c *child) awaitGroup(limit <-chan time.Time) error {
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for syscall.Kill(-c.pid(), syscall.SIGTERM) == nil {
		select {
		case <-poll.C:
		case <-limit:
			return errors.Join(fmt.Errorf("children of %s did not end and were killed", c.name), syscall.Kill(-c.pid(), syscall.SIGKILL))
		}
	}
	return nil
}
