// Package proc reads from /proc what a server's processes cost: memory and CPU.
//
// A server is a process and all its descendants, so that servers of one process
// and of hundreds are measured alike. Memory is told twice: RSS counts pages that
// processes share once for each of them, PSS divides them among their users;
// PSS is the fair figure for servers of many processes. Neither counts the kernel's
// socket buffers and page tables.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// FS is where a proc file system is mounted.
type FS string

// System is the machine's own.
const System FS = "/proc"

// tick is the unit of times in stat: USER_HZ, 100 on every Linux port of Go.
const tick = 10 * time.Millisecond

// Memory of a group of processes, in bytes.
type Memory struct {
	RSS       int64 `json:"rss"`
	PSS       int64 `json:"pss"`
	Processes int   `json:"processes"`
}

type stat struct {
	parent int
	cpu    time.Duration
}

// Memory sums up the processes with these ids and their descendants. Processes
// that end meanwhile are left out; that a named one does not exist is an error.
func (p FS) Memory(pids ...int) (Memory, error) {
	tree, err := p.tree(pids)
	if err != nil {
		return Memory{}, err
	}
	var sum Memory
	for pid := range tree {
		rollup, err := os.ReadFile(p.path(pid, "smaps_rollup"))
		if gone(err) {
			continue
		}
		if err != nil {
			return Memory{}, fmt.Errorf("memory of process %d: %w", pid, err)
		}
		rss, pss := kilobytes(rollup, "Rss:"), kilobytes(rollup, "Pss:")
		if rss == 0 {
			continue // a kernel thread or a process that is ending
		}
		sum.RSS += rss
		sum.PSS += pss
		sum.Processes++
	}
	return sum, nil
}

// CPU is the time the processes, their descendants and those of their children
// that have ended spent in user and kernel mode.
func (p FS) CPU(pids ...int) (time.Duration, error) {
	tree, err := p.tree(pids)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, s := range tree {
		sum += s.cpu
	}
	return sum, nil
}

// OwnCPU is the CPU time of this process.
func OwnCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (p FS) path(pid int, file string) string {
	return filepath.Join(string(p), strconv.Itoa(pid), file)
}

func (p FS) tree(roots []int) (map[int]stat, error) {
	entries, err := os.ReadDir(string(p))
	if err != nil {
		return nil, err
	}
	all := make(map[int]stat)
	children := make(map[int][]int)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		s, err := p.stat(pid)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all[pid] = s
		children[s.parent] = append(children[s.parent], pid)
	}
	tree := make(map[int]stat)
	for len(roots) > 0 {
		pid := roots[0]
		s, ok := all[pid]
		if !ok {
			return nil, fmt.Errorf("there is no process %d", pid)
		}
		tree[pid] = s
		roots = append(roots[1:len(roots):len(roots)], children[pid]...)
	}
	return tree, nil
}

// stat reads parent and times, fields 4 and 14 to 17 of proc_pid_stat(5), which
// are counted after the command's closing parenthesis.
func (p FS) stat(pid int) (stat, error) {
	raw, err := os.ReadFile(p.path(pid, "stat"))
	if err != nil {
		return stat{}, err
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("%s: %d fields after the command, want at least 15", p.path(pid, "stat"), len(fields))
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, err
	}
	var ticks int64
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return stat{}, err
		}
		ticks += n
	}
	return stat{parent, time.Duration(ticks) * tick}, nil
}

func kilobytes(rollup []byte, name string) int64 {
	for line := range bytes.Lines(rollup) {
		if fields := bytes.Fields(line); len(fields) >= 2 && string(fields[0]) == name {
			n, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			return n << 10
		}
	}
	return 0
}

func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
}
