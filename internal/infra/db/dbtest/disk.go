package dbtest

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Disk is a folder of which the test knows what is on stable storage: a write counts only once a sync of its file has
// succeeded. SQLite files in the folder are watched through a layer below SQLite; other files are not.
type Disk struct {
	folder string
	t      testing.TB

	mu       sync.Mutex
	files    map[string]*diskFile // by path
	failSync string               // the next syncs of a file whose name ends so fail
	failures int                  // how many of them
	syncs    int
	full     bool
}

// diskFile is one file: what a power loss leaves for certain, and what was written since, in order.
type diskFile struct {
	stable  []byte
	created bool // the file has been synced, so that its name is on the disk too
	later   []change
}

// change is a write, or with data nil a truncation to at.
type change struct {
	at   int64
	data []byte
}

// NewDisk makes an empty folder in the usual temporary place. The layer to watch with is below the SQLite that the program
// is built with, and there the test always runs (`test/run unit`). Under the race detector SQLite is the C library, which
// has none, and the test is skipped.
func NewDisk(t testing.TB) *Disk {
	t.Helper()
	d := &Disk{t: t, folder: t.TempDir(), files: make(map[string]*diskFile)}
	watch(t, d)
	return d
}

// Folder is where the test puts its SQLite file.
func (d *Disk) Folder() string { return d.folder }

// FailSync makes the next syncs of a file whose name ends in suffix fail with an I/O error, as on a disk that is going
// bad: what was written since the last sync is not on stable storage, and no later sync of the file brings it there
// unless it is written again, because the kernel reports a failed write-back once and then takes the page for clean.
func (d *Disk) FailSync(suffix string, times int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failSync, d.failures = suffix, times
}

// FailsSync reports whether a sync is still to fail.
func (d *Disk) FailsSync() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failures > 0
}

// SetFull makes the disk full: writes that would make a file larger fail.
func (d *Disk) SetFull(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// Syncs is how many syncs have succeeded.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// PowerLoss returns a new folder with what would be found after a loss of power at this moment. keep says of each write
// that was not synced whether it made it to the disk nevertheless; nil drops all. The database goes on undisturbed.
func (d *Disk) PowerLoss(keep func() bool) (folder string) {
	d.t.Helper()
	left := make(map[string][]byte)
	d.mu.Lock()
	for path, f := range d.files {
		content, exists := f.stable, f.created
		if keep != nil {
			content = append([]byte(nil), content...)
			for _, c := range f.later {
				if keep() {
					content, exists = c.apply(content), true
				}
			}
		}
		if exists {
			left[filepath.Base(path)] = append([]byte(nil), content...)
		}
	}
	d.mu.Unlock()
	folder = d.t.TempDir()
	for name, content := range maps.All(left) {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	return folder
}

// opened begins to watch a file. What it held before it was first opened counts as stable.
func (d *Disk) opened(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[path] != nil {
		return
	}
	f := &diskFile{}
	if content, err := os.ReadFile(path); err == nil && len(content) > 0 {
		f.stable, f.created = content, true
	}
	d.files[path] = f
}

func (d *Disk) changed(path string, c change) {
	f := d.files[path]
	f.later = append(f.later, c)
}

// sync decides whether a sync that the system has done counts.
func (d *Disk) sync(path string) (ok bool) {
	f := d.files[path]
	later := f.later
	f.later = nil
	if d.failures > 0 && strings.HasSuffix(path, d.failSync) {
		d.failures--
		return false
	}
	for _, c := range later {
		f.stable = c.apply(f.stable)
	}
	f.created = true
	d.syncs++
	return true
}

func (d *Disk) deleted(path string) { delete(d.files, path) }

func (c change) apply(content []byte) []byte {
	end := int(c.at) + len(c.data)
	if c.data == nil || end > len(content) {
		content = append(content, make([]byte, max(0, end-len(content)))...)
	}
	if c.data == nil {
		return content[:end]
	}
	copy(content[c.at:], c.data)
	return content
}
