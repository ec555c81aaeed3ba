package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// process writes the files of one made-up process.
func process(t *testing.T, root FS, pid, parent, ticks, rss, pss int) {
	t.Helper()
	dir := filepath.Join(string(root), fmt.Sprint(pid))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	stat := fmt.Sprintf("%d (a) b (c) S %d 1 1 0 -1 4194560 1 2 3 4 %d 1 1 1 20 0 1 0\n", pid, parent, ticks)
	rollup := fmt.Sprintf("55-7f ---p 00000000 00:00 0 [rollup]\nRss:  %d kB\nPss:  %d kB\nPss_Anon: 1 kB\n", rss, pss)
	for name, text := range map[string]string{"stat": stat, "smaps_rollup": rollup} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTreeIsSummedUp(t *testing.T) {
	root := FS(t.TempDir())
	process(t, root, 10, 1, 97, 100, 50)
	process(t, root, 11, 10, 7, 10, 5)
	process(t, root, 12, 11, 17, 20, 15)
	process(t, root, 13, 1, 500, 999, 999) // not ours
	process(t, root, 14, 10, 0, 0, 0)      // ending
	if err := os.MkdirAll(filepath.Join(string(root), "net"), 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := root.Memory(10)
	if want := (Memory{130 << 10, 70 << 10, 3}); err != nil || got != want {
		t.Errorf("memory %+v, %v; want %+v", got, err, want)
	}
	cpu, err := root.CPU(10)
	if want := (97 + 7 + 17 + 0 + 4*3) * 10 * time.Millisecond; err != nil || cpu != want {
		t.Errorf("CPU %v, %v; want %v", cpu, err, want)
	}
	if two, err := root.Memory(11, 13); err != nil || two.Processes != 3 {
		t.Errorf("two roots: %+v, %v", two, err)
	}
}

func TestMissingProcess(t *testing.T) {
	root := FS(t.TempDir())
	if _, err := root.Memory(42); err == nil || !strings.Contains(err.Error(), "42") {
		t.Errorf("error %v, want one that names the process", err)
	}
}

func TestOwnProcess(t *testing.T) {
	m, err := System.Memory(os.Getpid())
	if err != nil {
		t.Skipf("no readable /proc here: %v", err)
	}
	if m.RSS < 1<<20 || m.PSS > m.RSS || m.Processes < 1 {
		t.Errorf("own memory %+v", m)
	}
	if OwnCPU() <= 0 {
		t.Error("no CPU time of our own")
	}
}
