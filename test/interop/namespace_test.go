//go:build system

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mailmesh/mailmesh/test/program"
)

// inside marks the copy of the test program that has namespaces of its own.
const inside = "MAILMESH_INTEROP_INSIDE"

const resolvConf = "nameserver 192.0.2.54\noptions trust-ad\n"

func TestMain(m *testing.M) {
	if os.Getenv(inside) == "" && os.Getuid() == 0 {
		os.Exit(again())
	}
	if os.Getenv(inside) != "" {
		if err := prepare(); err != nil {
			fmt.Fprintln(os.Stderr, "interop:", err)
			os.Exit(1)
		}
	}
	status := m.Run()
	program.Remove()
	os.Exit(status)
}

// again runs the test program once more, in namespaces of its own.
func again() int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=yes")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// Unshareflags, not Cloneflags: so Go makes all mounts private first, and none of ours is seen outside.
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "interop: no namespaces:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// prepare makes the wire that all machines are on, and has the machine's resolver be ours.
func prepare() error {
	for _, line := range []string{
		"ip link set lo up",
		"ip link add internet address 02:00:00:00:00:01 type bridge", // else it changes with every machine, and others look for it in vain
		"ip addr add 192.0.2.1/24 dev internet",
		"ip addr add 2001:db8::1/64 dev internet nodad",
		"ip link set internet up",
		"mkdir -p /run/netns",
		"mount -t tmpfs machines /run/netns", // ip netns keeps its names there
	} {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, out)
		}
	}
	file, err := os.CreateTemp("", "resolv-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // the mount keeps it
	if _, err := file.WriteString(resolvConf); err != nil {
		return err
	}
	if err := file.Chmod(0o644); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return syscall.Mount(file.Name(), "/etc/resolv.conf", "", syscall.MS_BIND, "")
}

// tool returns the path of a program that the tests need.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	missing(t, name+" is missing: run make setup")
	return ""
}

// missing skips the test, or fails it where everything must be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// run runs a command to its end.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
