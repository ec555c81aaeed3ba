//go:build system

package interop

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mailmesh/mailmesh/test/program"
)

// machine is a network namespace with one address of each kind on the wire.
type machine struct {
	t       *testing.T
	name    string
	address string
}

func newMachine(t *testing.T, name, address string) *machine {
	t.Helper()
	m := &machine{t, name, address}
	run(t, "ip", "netns", "add", name)
	t.Cleanup(func() {
		exec.Command("ip", "link", "del", name).Run() // else it goes with the namespace, some time later
		exec.Command("ip", "netns", "del", name).Run()
	})
	run(t, "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
	run(t, "ip", "link", "set", name, "master", "internet", "up")
	for _, command := range [][]string{{"link", "set", "lo", "up"}, {"addr", "add", address + "/24", "dev", "eth0"}, {"addr", "add", six(address) + "/64", "dev", "eth0", "nodad"},
		{"link", "set", "eth0", "up"}, {"route", "add", "default", "via", "192.0.2.1"}} {
		run(t, append([]string{"ip", "-n", name}, command...)...)
	}
	return m
}

// six is the IPv6 address of a machine: it ends in the same number.
func six(address string) string { return "2001:db8::" + address[strings.LastIndex(address, ".")+1:] }

// unplug takes the machine off the wire, or puts it back.
func (m *machine) unplug(off bool) {
	m.t.Helper()
	run(m.t, "ip", "link", "set", m.name, map[bool]string{true: "down", false: "up"}[off])
}

// command is a program that runs on the machine.
func (m *machine) command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=/run/netns/" + m.name, name}, args...)...)
}

// process is a server that runs until its test ends.
type process struct {
	cmd   *exec.Cmd
	log   *program.Output
	ended chan struct{}
}

// start starts a server; ready says when it serves.
func start(t *testing.T, cmd *exec.Cmd, ready func() bool) *process {
	t.Helper()
	p := &process{cmd: cmd, log: new(program.Output), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.WaitDelay = time.Second // for children that hold its output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			text := p.log.String()
			t.Logf("the end of the log of %v:\n%s", cmd.Args, text[max(0, len(text)-40000):])
		}
	})
	await(t, fmt.Sprintf("%v serves", cmd.Args), func() bool {
		select {
		case <-p.ended:
			t.Fatalf("%v ended before it was ready:\n%s", cmd.Args, p.log.String())
		default:
		}
		return ready()
	})
	return p
}

// stop asks the server to end, and makes it.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
	}
	p.kill()
}

// kill ends it as a power switch would, with all its children.
func (p *process) kill() {
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		panic(err)
	}
	<-p.ended
}

// patience is how long anything is waited for.
const patience = 30 * time.Second

// await polls until a condition holds: what is waited for happens in other programs.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("after %v it is not so that %s", patience, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// established reports whether a TCP connection is: neither side has closed or reset it.
func established(fd uintptr) bool {
	info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	const inState = 1 // TCP_ESTABLISHED
	return err == nil && info.State == inState
}
