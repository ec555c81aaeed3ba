package certtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cert"
)

// Memory is a storage in memory. Its zero value is empty.
type Memory struct {
	mu    sync.Mutex
	files map[string]file
	locks map[string]chan struct{}
}

type file struct {
	value    []byte
	modified time.Time
}

var _ cert.Storage = (*Memory)(nil)

func missing(name string) error { return fmt.Errorf("%s: %w", name, fs.ErrNotExist) }

func (m *Memory) Store(ctx context.Context, name string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = map[string]file{}
	}
	if ctx.Err() == nil {
		m.files[name] = file{slices.Clone(value), time.Now()}
	}
	return ctx.Err()
}

func (m *Memory) Load(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.files[name]
	if !ok {
		return nil, missing(name)
	}
	return slices.Clone(f.value), nil
}

func (m *Memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.files, func(n string, _ file) bool { return n == name || strings.HasPrefix(n, name+"/") })
	return nil
}

func (m *Memory) List(_ context.Context, folder string, recursive bool) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]bool{}
	for name := range m.files {
		rest := name
		if folder != "" {
			var in bool
			if rest, in = strings.CutPrefix(name, folder+"/"); !in {
				continue
			}
		}
		for i := range len(rest) + 1 {
			if i == len(rest) || rest[i] == '/' {
				found[name[:len(name)-len(rest)+i]] = true
				if !recursive {
					break
				}
			}
		}
	}
	if len(found) == 0 {
		return nil, missing(folder)
	}
	return slices.Sorted(maps.Keys(found)), nil
}

func (m *Memory) Stat(_ context.Context, name string) (cert.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f, ok := m.files[name]; ok {
		return cert.Entry{Size: int64(len(f.value)), Modified: f.modified}, nil
	}
	for n := range m.files {
		if strings.HasPrefix(n, name+"/") {
			return cert.Entry{Folder: true}, nil
		}
	}
	return cert.Entry{}, missing(name)
}

func (m *Memory) Lock(ctx context.Context, name string) error {
	select {
	case m.lock(name) <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *Memory) Unlock(_ context.Context, name string) error {
	select {
	case <-m.lock(name):
		return nil
	default:
		return errors.New("it is not locked")
	}
}

func (m *Memory) lock(name string) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[name] == nil {
		if m.locks == nil {
			m.locks = map[string]chan struct{}{}
		}
		m.locks[name] = make(chan struct{}, 1)
	}
	return m.locks[name]
}
