//go:build !(sqlite_fts5 && cgo)

package dbtest

import (
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	_ "modernc.org/sqlite" // prepares the library below
	sqlite3 "modernc.org/sqlite/lib"
)

// The layer is SQLite's own file system (its "VFS") with four of its functions exchanged, made the default of the process
// when the first Disk is asked for. A file outside every Disk goes to SQLite's functions as if the layer were not there.
//
// SQLite calls these functions with nothing that a test could attach its own data to, hence the variables: they are the
// registry of a process-wide hook, for tests only.
var (
	layer = sync.OnceValue(installLayer)

	disksMu sync.Mutex
	disks   = make(map[string]*Disk)     // by folder
	open    = make(map[uintptr]openFile) // by the address of SQLite's file object

	baseVFS  uintptr
	replaced = make(map[uintptr]uintptr) // tables of SQLite's functions for open files: a copy with ours in place
)

type openFile struct {
	disk *Disk
	path string
	base uintptr // SQLite's own functions for it
}

func watch(t testing.TB, d *Disk) {
	if !layer() {
		t.Fatal("the layer below SQLite could not be installed")
	}
	disksMu.Lock()
	defer disksMu.Unlock()
	disks[d.folder] = d
	t.Cleanup(func() {
		disksMu.Lock()
		defer disksMu.Unlock()
		delete(disks, d.folder)
	})
}

// at views C memory as a Go value.
func at[T any](p uintptr) *T {
	var size T
	return (*T)(unsafe.Pointer(unsafe.SliceData(libc.GoBytes(p, int(unsafe.Sizeof(size))))))
}

// pointer makes a C function pointer of a Go function. Only functions declared at the top level are given to it: they
// are never collected.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f F }{f})) }

// function makes a Go function of a C function pointer.
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&struct{ p uintptr }{p})) }

func installLayer() bool {
	tls := libc.NewTLS() // kept for good, as the memory below is
	baseVFS = sqlite3.Xsqlite3_vfs_find(tls, 0)
	if baseVFS == 0 {
		return false
	}
	const size = unsafe.Sizeof(sqlite3.Tsqlite3_vfs{})
	ours := libc.Xcalloc(tls, 1, types.Size_t(size))
	*at[sqlite3.Tsqlite3_vfs](ours) = *at[sqlite3.Tsqlite3_vfs](baseVFS)
	name, err := libc.CString("mailmesh-disk")
	if err != nil {
		return false
	}
	v := at[sqlite3.Tsqlite3_vfs](ours)
	v.FzName, v.FpNext = name, 0
	v.FxOpen = pointer(diskOpen)
	v.FxDelete = pointer(diskDelete)
	return sqlite3.Xsqlite3_vfs_register(tls, ours, 1) == sqlite3.SQLITE_OK
}

type (
	openFunc   = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	deleteFunc = func(tls *libc.TLS, vfs, name uintptr, syncFolder int32) int32
	closeFunc  = func(tls *libc.TLS, file uintptr) int32
	writeFunc  = func(tls *libc.TLS, file, data uintptr, n int32, at int64) int32
	truncFunc  = func(tls *libc.TLS, file uintptr, size int64) int32
	sizeFunc   = func(tls *libc.TLS, file, size uintptr) int32
	syncFunc   = func(tls *libc.TLS, file uintptr, flags int32) int32
)

func diskOpen(tls *libc.TLS, _, name, file uintptr, flags int32, outFlags uintptr) int32 {
	code := function[openFunc](at[sqlite3.Tsqlite3_vfs](baseVFS).FxOpen)(tls, baseVFS, name, file, flags, outFlags)
	if code != sqlite3.SQLITE_OK || name == 0 {
		return code
	}
	path := libc.GoString(name)
	disksMu.Lock()
	defer disksMu.Unlock()
	disk := disks[filepath.Dir(path)]
	if disk == nil {
		return code
	}
	disk.opened(path)
	methods := &at[sqlite3.Tsqlite3_file](file).FpMethods
	open[file] = openFile{disk, path, *methods}
	if replaced[*methods] == 0 {
		replaced[*methods] = exchanged(tls, *methods)
	}
	*methods = replaced[*methods]
	return code
}

// exchanged copies SQLite's functions for open files and puts ours in place of those that change files.
func exchanged(tls *libc.TLS, base uintptr) uintptr {
	const size = unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})
	ours := libc.Xcalloc(tls, 1, types.Size_t(size))
	m := at[sqlite3.Tsqlite3_io_methods](ours)
	*m = *at[sqlite3.Tsqlite3_io_methods](base)
	m.FxClose, m.FxWrite, m.FxTruncate, m.FxSync = pointer(diskClose), pointer(diskWrite), pointer(diskTruncate), pointer(diskSync)
	return ours
}

func (f openFile) functions() *sqlite3.Tsqlite3_io_methods {
	return at[sqlite3.Tsqlite3_io_methods](f.base)
}

// opened finds the file and locks its disk, so that what the file holds and what the disk knows of it change together.
func opened(file uintptr) (f openFile, unlock func()) {
	disksMu.Lock()
	f = open[file]
	disksMu.Unlock()
	f.disk.mu.Lock()
	return f, f.disk.mu.Unlock
}

func diskClose(tls *libc.TLS, file uintptr) int32 {
	disksMu.Lock()
	f := open[file]
	delete(open, file)
	disksMu.Unlock()
	return function[closeFunc](f.functions().FxClose)(tls, file)
}

func diskWrite(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32 {
	f, unlock := opened(file)
	defer unlock()
	if f.disk.full && offset+int64(n) > fileSize(tls, file, f) {
		return sqlite3.SQLITE_FULL
	}
	code := function[writeFunc](f.functions().FxWrite)(tls, file, data, n, offset)
	if code == sqlite3.SQLITE_OK {
		f.disk.changed(f.path, change{offset, append([]byte{}, libc.GoBytes(data, int(n))...)})
	}
	return code
}

// fileSize asks SQLite's own function; a failure counts as an empty file.
func fileSize(tls *libc.TLS, file uintptr, f openFile) int64 {
	size := tls.Alloc(8)
	defer tls.Free(8)
	if code := function[sizeFunc](f.functions().FxFileSize)(tls, file, size); code != sqlite3.SQLITE_OK {
		return 0
	}
	return *at[int64](size)
}

func diskTruncate(tls *libc.TLS, file uintptr, size int64) int32 {
	f, unlock := opened(file)
	defer unlock()
	code := function[truncFunc](f.functions().FxTruncate)(tls, file, size)
	if code == sqlite3.SQLITE_OK {
		f.disk.changed(f.path, change{size, nil})
	}
	return code
}

func diskSync(tls *libc.TLS, file uintptr, flags int32) int32 {
	f, unlock := opened(file)
	defer unlock()
	code := function[syncFunc](f.functions().FxSync)(tls, file, flags)
	if code == sqlite3.SQLITE_OK && !f.disk.sync(f.path) {
		return sqlite3.SQLITE_IOERR_FSYNC
	}
	return code
}

func diskDelete(tls *libc.TLS, _, name uintptr, syncFolder int32) int32 {
	path := libc.GoString(name)
	disksMu.Lock()
	disk := disks[filepath.Dir(path)]
	disksMu.Unlock()
	if disk != nil {
		disk.mu.Lock()
		defer disk.mu.Unlock()
		disk.deleted(path)
	}
	return function[deleteFunc](at[sqlite3.Tsqlite3_vfs](baseVFS).FxDelete)(tls, baseVFS, name, syncFolder)
}
