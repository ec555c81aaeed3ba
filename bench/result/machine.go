package result

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mailmesh/mailmesh/bench/histogram"
)

// Machine that a result was measured on. Cores are those the run may use, as
// taskset and the like leave them.
type Machine struct {
	Cores  int    `json:"cores"`
	CPU    string `json:"cpu"`
	Memory int64  `json:"memory_bytes"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

func (m Machine) String() string {
	return fmt.Sprintf("%d cores of %s, %d GiB, %s, %s", m.Cores, m.CPU, m.Memory>>30, m.Kernel, m.Go)
}

// ThisMachine describes the one we run on; what cannot be found out is empty.
func ThisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version()}
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		m.Kernel = unix.ByteSliceToString(uts.Sysname[:]) + " " + unix.ByteSliceToString(uts.Release[:])
	}
	m.CPU = procField("/proc/cpuinfo", "model name")
	if kb, err := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.Memory = kb << 10
	}
	return m
}

// procField is the value of the first line "name: value".
func procField(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(text) {
		key, value, _ := strings.Cut(string(line), ":")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Disk is what syncing costs where the servers keep their data: a server that
// syncs each commit cannot answer sooner.
type Disk struct {
	FileSystem string            `json:"file_system"`
	Sync       histogram.Summary `json:"append_16k_and_fdatasync"`
}

func (d Disk) String() string {
	return fmt.Sprintf("%s: append 16 KiB and fdatasync p50 %.3f ms, p99 %.3f ms", d.FileSystem, d.Sync.P50, d.Sync.P99)
}

// fileSystems by the magic numbers of statfs(2).
var fileSystems = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
	unix.TMPFS_MAGIC: "tmpfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay", 0x2fc12fc1: "zfs",
}

// MeasureDisk appends and syncs n times in a file of dir.
func MeasureDisk(dir string, n int) (d Disk, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return d, err
	}
	if d.FileSystem = fileSystems[int64(fs.Type)]; d.FileSystem == "" {
		d.FileSystem = fmt.Sprintf("file system %#x", fs.Type)
	}
	f, err := os.Create(filepath.Join(dir, "mailload-sync-test"))
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	var h histogram.Histogram
	block := make([]byte, 16<<10)
	for range n {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return d, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return d, err
		}
		h.Record(time.Since(begin))
	}
	d.Sync = h.Summary()
	return d, nil
}

// Commit of the source in dir, with "-dirty" when files differ from it; "unknown"
// outside a repository.
func Commit(dir string) string {
	git := func(args ...string) (string, error) {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "unknown"
	}
	if changes, err := git("status", "--porcelain", "--untracked-files=no"); err != nil || changes != "" {
		commit += "-dirty"
	}
	return commit
}
