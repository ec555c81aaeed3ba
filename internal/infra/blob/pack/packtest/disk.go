package packtest

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
)

// Disk is a disk. A process mounts it, and the mount is dead after Kill and PowerLoss.
type Disk struct {
	mu      sync.Mutex
	fault   func(Operation) error
	mount   *mount
	names   map[string]*inode // as processes see them; folders are names, too
	durable map[string]*inode // as they are after a power loss, at least
	pending []rename          // changes of names not yet synced
}

// Operation is what the disk is asked to do.
type Operation struct {
	Do    string // create open append rename remove mkdir readdir syncdir lock read write size truncate sync
	Name  string
	Bytes int // of a write
}

// Short cuts a write after N bytes and fails it with Err.
type Short struct {
	N   int
	Err error
}

func (s *Short) Error() string { return s.Err.Error() }
func (s *Short) Unwrap() error { return s.Err }

// ErrDead is the error of every operation of a process that is no more.
var ErrDead = errors.New("packtest: the process is dead")

// rename is a change of names: from goes when it is not "", to appears when it is not "".
type rename struct {
	from, to string
	inode    *inode
}

// inode is a file or a folder.
type inode struct {
	folder bool
	data   []byte  // as processes see it
	stable []byte  // what the last sync left
	writes []write // since then
}

// write is a write to a file, or where bytes is nil a change of its size.
type write struct {
	at    int64
	bytes []byte
	lost  bool // a sync failed after it: no later one writes it
}

func (w write) apply(data []byte) []byte {
	if w.bytes == nil && w.at < int64(len(data)) {
		return data[:w.at]
	}
	if end := w.at + int64(len(w.bytes)); int64(len(data)) < end {
		data = append(data, make([]byte, end-int64(len(data)))...)
	}
	copy(data[w.at:], w.bytes)
	return data
}

// NewDisk returns an empty disk.
func NewDisk() *Disk {
	root := &inode{folder: true}
	return &Disk{names: map[string]*inode{".": root}, durable: map[string]*inode{".": root}}
}

// SetFault makes the disk ask fn before each operation; an error of fn is what the operation ends with. A *Short makes a
// write write a part before that. fn must not call the Disk; nil ends the faults.
func (d *Disk) SetFault(fn func(Operation) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fn
}

// Mount returns the disk as a new process sees it. A mount before it is dead.
func (d *Disk) Mount() pack.FS {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mount = &mount{disk: d}
	return d.mount
}

// Kill ends the process; what it wrote is still there.
func (d *Disk) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mount = nil
}

// PowerLoss ends the process, and of what was not synced loses what the dice say.
func (d *Disk) PowerLoss(dice *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mount = nil
	for _, r := range d.pending {
		if dice.IntN(2) == 0 {
			r.apply(d.durable)
		}
	}
	d.pending = nil
	for _, name := range slices.Sorted(maps.Keys(d.durable)) {
		if !reachable(d.durable, name) {
			delete(d.durable, name)
			continue
		}
		d.durable[name].losePower(dice)
	}
	d.names = maps.Clone(d.durable)
}

func reachable(names map[string]*inode, name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if names[path.Dir(name)] == nil {
			return false
		}
	}
	return true
}

func (r rename) apply(names map[string]*inode) {
	if r.from != "" {
		delete(names, r.from)
	}
	if r.to != "" {
		names[r.to] = r.inode
	}
}

const sector = 512

// losePower brings each write to the platter whole, not at all, or some of its sectors.
func (n *inode) losePower(dice *rand.Rand) {
	data := slices.Clone(n.stable)
	for _, w := range n.writes {
		switch dice.IntN(3) {
		case 0:
			data = w.apply(data)
		case 1:
			for at := 0; at < len(w.bytes); {
				end := min(len(w.bytes), at+sector-int(w.at+int64(at))%sector)
				if dice.IntN(2) == 0 {
					data = write{at: w.at + int64(at), bytes: w.bytes[at:end]}.apply(data)
				}
				at = end
			}
		}
	}
	n.data, n.stable, n.writes = data, slices.Clone(data), nil
}

// Bytes returns the content of a file, nil where there is none.
func (d *Disk) Bytes(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.names[name]; n != nil {
		return slices.Clone(n.data)
	}
	return nil
}

// Change changes the content of a file as a bad disk does, synced.
func (d *Disk) Change(name string, change func([]byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.names[name]; n != nil {
		n.data = change(slices.Clone(n.data))
		n.stable, n.writes = slices.Clone(n.data), nil
	}
}

// Names returns the files below a folder, sorted.
func (d *Disk) Names(folder string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name, n := range d.names {
		if !n.folder && strings.HasPrefix(name, folder+"/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// mount is a process's view of the disk.
type mount struct {
	disk   *Disk
	locked bool
}

// do runs fn as one operation of a living process.
func (m *mount) do(o Operation, fn func(*Disk) error) error {
	return m.write(o, func(d *Disk, _ int) error { return fn(d) })
}

// write is do, telling fn how many bytes of a write are written.
func (m *mount) write(o Operation, fn func(*Disk, int) error) error {
	d := m.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mount != m {
		return ErrDead
	}
	if d.fault == nil {
		return fn(d, o.Bytes)
	}
	err := d.fault(o)
	if short, ok := err.(*Short); ok && o.Do == "write" {
		return errors.Join(fn(d, min(o.Bytes, short.N)), err)
	}
	if err != nil {
		return err
	}
	return fn(d, o.Bytes)
}

func (d *Disk) find(op, name string) (*inode, error) {
	n := d.names[name]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

func (d *Disk) rename(r rename) {
	r.apply(d.names)
	d.pending = append(d.pending, r)
}

func (d *Disk) create(name string) (*inode, error) {
	if d.names[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if _, err := d.find("create", path.Dir(name)); err != nil {
		return nil, err
	}
	n := new(inode)
	d.rename(rename{to: name, inode: n})
	return n, nil
}

func (m *mount) Create(name string) (f pack.File, err error) {
	err = m.do(Operation{Do: "create", Name: name}, func(d *Disk) error {
		n, err := d.create(name)
		f = &file{m, name, n}
		return err
	})
	return f, err
}

func (m *mount) Open(name string) (f pack.File, err error) {
	err = m.do(Operation{Do: "open", Name: name}, func(d *Disk) error {
		n, err := d.find("open", name)
		f = &file{m, name, n}
		return err
	})
	return f, err
}

func (m *mount) Append(name string) (f pack.File, err error) {
	err = m.do(Operation{Do: "append", Name: name}, func(d *Disk) error {
		n := d.names[name]
		if n == nil {
			var err error
			if n, err = d.create(name); err != nil {
				return err
			}
		}
		f = &file{m, name, n}
		return nil
	})
	return f, err
}

func (m *mount) Rename(from, to string) error {
	return m.do(Operation{Do: "rename", Name: to}, func(d *Disk) error {
		n, err := d.find("rename", from)
		if err == nil {
			_, err = d.find("rename", path.Dir(to))
		}
		if err == nil {
			d.rename(rename{from, to, n})
		}
		return err
	})
}

func (m *mount) Remove(name string) error {
	return m.do(Operation{Do: "remove", Name: name}, func(d *Disk) error {
		_, err := d.find("remove", name)
		if err == nil {
			d.rename(rename{from: name})
		}
		return err
	})
}

func (m *mount) Mkdir(name string) error {
	return m.do(Operation{Do: "mkdir", Name: name}, func(d *Disk) error {
		if parent := path.Dir(name); d.names[parent] == nil {
			return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrNotExist}
		}
		if d.names[name] == nil {
			d.rename(rename{to: name, inode: &inode{folder: true}})
		}
		return nil
	})
}

func (m *mount) ReadDir(name string) (names []string, err error) {
	err = m.do(Operation{Do: "readdir", Name: name}, func(d *Disk) error {
		if _, err := d.find("readdir", name); err != nil {
			return err
		}
		for n := range d.names {
			if path.Dir(n) == name && n != "." {
				names = append(names, path.Base(n))
			}
		}
		return nil
	})
	return names, err
}

func (m *mount) SyncDir(name string) error {
	return m.do(Operation{Do: "syncdir", Name: name}, func(d *Disk) error {
		if _, err := d.find("syncdir", name); err != nil {
			return err
		}
		left := d.pending[:0]
		for _, r := range d.pending {
			if r.from != "" && path.Dir(r.from) == name || r.to != "" && path.Dir(r.to) == name {
				r.apply(d.durable)
			} else {
				left = append(left, r)
			}
		}
		d.pending = left
		return nil
	})
}

func (m *mount) Lock(string) (io.Closer, error) {
	err := m.do(Operation{Do: "lock"}, func(*Disk) error {
		if m.locked {
			return errors.New("packtest: locked")
		}
		m.locked = true
		return nil
	})
	return unlock{m}, err
}

type unlock struct{ *mount }

func (u unlock) Close() error {
	u.disk.mu.Lock()
	defer u.disk.mu.Unlock()
	u.locked = false
	return nil
}

// file is an open file.
type file struct {
	mount *mount
	name  string
	node  *inode
}

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.mount.do(Operation{Do: "read", Name: f.name, Bytes: len(p)}, func(*Disk) error {
		if off < int64(len(f.node.data)) {
			n = copy(p, f.node.data[off:])
		}
		if n < len(p) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	o := Operation{Do: "write", Name: f.name, Bytes: len(p)}
	err = f.mount.write(o, func(_ *Disk, limit int) error {
		n = limit
		w := write{at: off, bytes: append([]byte{}, p[:n]...)}
		f.node.data = w.apply(f.node.data)
		f.node.writes = append(f.node.writes, w)
		return nil
	})
	return n, err
}

// Sync makes what was written stable. When it fails, what was written since the last one is as good as written to
// everybody who looks, and gone with the power.
func (f *file) Sync() error {
	err := f.mount.do(Operation{Do: "sync", Name: f.name}, func(*Disk) error {
		n := f.node
		left := n.writes[:0]
		for _, w := range n.writes {
			if w.lost {
				left = append(left, w)
			} else {
				n.stable = w.apply(n.stable)
			}
		}
		n.writes = left
		return nil
	})
	if err != nil && err != ErrDead {
		f.mount.disk.lose(f.node)
	}
	return err
}

func (d *Disk) lose(n *inode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range n.writes {
		n.writes[i].lost = true
	}
}

func (f *file) Size() (size int64, err error) {
	err = f.mount.do(Operation{Do: "size", Name: f.name}, func(*Disk) error {
		size = int64(len(f.node.data))
		return nil
	})
	return size, err
}

func (f *file) Truncate(size int64) error {
	return f.mount.do(Operation{Do: "truncate", Name: f.name}, func(*Disk) error {
		w := write{at: size}
		f.node.data = w.apply(slices.Clone(f.node.data))
		f.node.writes = append(f.node.writes, w)
		return nil
	})
}

func (f *file) Close() error { return nil }
