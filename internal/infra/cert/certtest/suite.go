// Package certtest has the tests that every cert.Storage passes, and one in memory for tests of what stands on it.
package certtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/cert"
)

// Storage runs the tests. open returns one more handle of an empty storage, as another node has it.
func Storage(t *testing.T, open func(t *testing.T) func() cert.Storage) {
	for name, test := range map[string]func(t *testing.T, open func() cert.Storage){
		"files": files, "folders": folders, "delete": remove, "model": model, "locks": locks, "a waiting lock": waiting, "many lockers": many,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func files(t *testing.T, open func() cert.Storage) {
	a, b := open(), open()
	ctx := t.Context()
	begun := time.Now().Add(-time.Minute)
	if _, err := a.Load(ctx, "certificates/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load of nothing: %v", err)
	}
	for _, text := range []string{"one", "", strings.Repeat("long", 10000)} {
		if err := a.Store(ctx, "certificates/x", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Load(ctx, "certificates/x"); err != nil || string(got) != text {
			t.Errorf("loaded %.20q, %v", got, err)
		}
		if e, err := b.Stat(ctx, "certificates/x"); err != nil || e.Folder || e.Size != int64(len(text)) || e.Modified.Before(begun) {
			t.Errorf("stat: %+v, %v", e, err)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := a.Store(gone, "certificates/y", nil); err == nil {
		t.Error("stored for nobody")
	}
}

func folders(t *testing.T, open func() cert.Storage) {
	s, ctx := open(), t.Context()
	for _, name := range []string{"a/b/c", "a/b.d", "a_/x", "a/e", "z", "a%/y"} {
		if err := s.Store(ctx, name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		folder    string
		recursive bool
		want      []string
	}{
		{"a", false, []string{"a/b", "a/b.d", "a/e"}},
		{"a", true, []string{"a/b", "a/b.d", "a/b/c", "a/e"}},
		{"a/b", false, []string{"a/b/c"}},
		{"", false, []string{"a", "a%", "a_", "z"}},
		{"a%", true, []string{"a%/y"}},
	} {
		if got, err := s.List(ctx, tt.folder, tt.recursive); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("list of %q: %q, %v, want %q", tt.folder, got, err, tt.want)
		}
	}
	for _, name := range []string{"b", "a/b/", "a/b/c/d", "A"} {
		if got, err := s.List(ctx, name, true); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("list of %q: %q, %v", name, got, err)
		}
	}
	if e, err := s.Stat(ctx, "a/b"); err != nil || e != (cert.Entry{Folder: true}) {
		t.Errorf("stat of a folder: %+v, %v", e, err)
	}
	if _, err := s.Stat(ctx, "a/"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of nothing: %v", err)
	}
	if _, err := s.Load(ctx, "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load of a folder: %v", err)
	}
}

func remove(t *testing.T, open func() cert.Storage) {
	s, ctx := open(), t.Context()
	for _, name := range []string{"a/b/c", "a/bc", "a/b/d/e", "f"} {
		if err := s.Store(ctx, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name string
		left []string
	}{
		{"nothing", []string{"a", "a/b", "a/b/c", "a/b/d", "a/b/d/e", "a/bc", "f"}},
		{"a/b", []string{"a", "a/bc", "f"}},
		{"f", []string{"a", "a/bc"}},
	} {
		if err := s.Delete(ctx, step.name); err != nil {
			t.Fatal(err)
		}
		if got, err := s.List(ctx, "", true); err != nil || !slices.Equal(got, step.left) {
			t.Errorf("after %q is gone there is %q, %v", step.name, got, err)
		}
	}
}

// model plays with files and holds the storage to a map.
func model(t *testing.T, open func() cert.Storage) {
	handles := []cert.Storage{open(), open()}
	ctx, round := t.Context(), 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		root := fmt.Sprint("round", round)
		known := map[string]string{}
		name := rapid.Custom(func(t *rapid.T) string {
			return root + "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab"}), 1, 3).Draw(t, "parts"), "/")
		})
		t.Repeat(map[string]func(*rapid.T){
			"store": func(t *rapid.T) {
				n, v := name.Draw(t, "name"), rapid.String().Draw(t, "value")
				if err := rapid.SampledFrom(handles).Draw(t, "node").Store(ctx, n, []byte(v)); err != nil {
					t.Fatal(err)
				}
				known[n] = v
			},
			"delete": func(t *rapid.T) {
				n := name.Draw(t, "name")
				if err := rapid.SampledFrom(handles).Draw(t, "node").Delete(ctx, n); err != nil {
					t.Fatal(err)
				}
				for k := range known {
					if k == n || strings.HasPrefix(k, n+"/") {
						delete(known, k)
					}
				}
			},
			"load": func(t *rapid.T) {
				n := name.Draw(t, "name")
				want, there := known[n]
				got, err := rapid.SampledFrom(handles).Draw(t, "node").Load(ctx, n)
				if string(got) != want || there != (err == nil) || !there && !errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("%s is %q (%v), want %q", n, got, err, want)
				}
			},
			"": func(t *rapid.T) {
				names := map[string]bool{}
				for k := range known {
					for ; k != root; k = path.Dir(k) {
						names[k] = true
					}
				}
				got, err := rapid.SampledFrom(handles).Draw(t, "node").List(ctx, root, true)
				if len(got) != len(names) || !slices.IsSorted(got) || (err != nil) != (len(names) == 0) {
					t.Fatalf("listed %q (%v), want %v", got, err, names)
				}
			},
		})
	})
}

func locks(t *testing.T, open func() cert.Storage) {
	a, b := open(), open()
	ctx := t.Context()
	for _, s := range []cert.Storage{a, b, a} {
		if err := s.Lock(ctx, "issue"); err != nil {
			t.Fatal(err)
		}
		if err := b.Lock(ctx, "another"); err != nil { // does not mind the first
			t.Fatal(err)
		}
		for _, other := range []cert.Storage{a, b} {
			soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			if err := other.Lock(soon, "issue"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("locked twice: %v", err)
			}
			cancel()
		}
		if err := errors.Join(s.Unlock(ctx, "issue"), b.Unlock(ctx, "another")); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Unlock(ctx, "issue"); err == nil {
		t.Error("unlocked what is not locked")
	}
}

// waiting sees that who waits for a lock gets it when it is given back.
func waiting(t *testing.T, open func() cert.Storage) {
	a, b := open(), open()
	ctx := t.Context()
	if err := a.Lock(ctx, "issue"); err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() { got <- b.Lock(ctx, "issue") }()
	select {
	case err := <-got:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	if err := a.Unlock(ctx, "issue"); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if err := b.Unlock(ctx, "issue"); err != nil {
		t.Fatal(err)
	}
}

// many sees that of many who want a lock, on two nodes, one has it at a time.
func many(t *testing.T, open func() cert.Storage) {
	handles := []cert.Storage{open(), open()}
	inside := make(chan int, 1)
	done := make(chan error)
	for i := range 8 {
		go func() {
			s := handles[i%2]
			err := s.Lock(t.Context(), "issue")
			select {
			case inside <- i:
				<-inside
			default:
				err = errors.Join(err, errors.New("two have the lock"))
			}
			done <- errors.Join(err, s.Unlock(t.Context(), "issue"))
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
