package bodies_test

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func TestMasterKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	key, err := bodies.LoadOrCreateMasterKey(path)
	if err != nil || len(key) != bodies.MasterKeySize || bytes.Equal(key, make([]byte, len(key))) {
		t.Fatalf("a new key: %x, error %v", key, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != bodies.MasterKeySize {
		t.Errorf("the file is %v, error %v", info, err)
	}
	again, err := bodies.LoadOrCreateMasterKey(path)
	if err != nil || !bytes.Equal(again, key) {
		t.Errorf("read again: %x, error %v; want %x", again, err, key)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMasterKeyFileRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(path string) error
		kind mail.Kind
		says string
	}{
		{"too short", func(p string) error { return os.WriteFile(p, make([]byte, 31), 0o600) }, mail.Invalid, "exactly 32"},
		{"empty", func(p string) error { return os.WriteFile(p, nil, 0o600) }, mail.Invalid, "exactly 32"},
		{"too long", func(p string) error { return os.WriteFile(p, make([]byte, 33), 0o600) }, mail.Invalid, "exactly 32"},
		{"read by the group", func(p string) error { return os.WriteFile(p, make([]byte, 32), 0o640) }, mail.Invalid, "chmod 600"},
		{"a folder", func(p string) error { return os.Mkdir(p, 0o700) }, mail.Invalid, "not a file"},
		{"no folder", func(p string) error { return os.Remove(filepath.Dir(p)) }, mail.Unavailable, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys", "master.key")
			if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), c.make(path)); err != nil {
				t.Fatal(err)
			}
			key, err := bodies.LoadOrCreateMasterKey(path)
			if key != nil || !mail.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("key %x, error %v; want a %s error that says %q", key, err, c.kind, c.says)
			}
		})
	}
}

// An orchestrator hands out secrets as files of root that a group may read.
func TestMasterKeyFileOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	for mode, wrong := range map[os.FileMode]bool{0o400: false, 0o440: false, 0o460: true, 0o444: true, 0o644: true} {
		path := filepath.Join(t.TempDir(), "master.key")
		if err := errors.Join(os.WriteFile(path, make([]byte, bodies.MasterKeySize), 0o600), os.Chmod(path, mode), os.Chown(path, 1, 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := bodies.ReadMasterKey(path); (err != nil) != wrong {
			t.Errorf("with mode %04o: %v", mode, err)
		}
	}
}

// Two processes that start at once have one key.
func TestMasterKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	keys := make([][]byte, 8)
	var wait sync.WaitGroup
	for i := range keys {
		wait.Go(func() { keys[i], _ = bodies.LoadOrCreateMasterKey(path) })
	}
	wait.Wait()
	for _, k := range keys {
		if k == nil || !bytes.Equal(k, keys[0]) {
			t.Fatalf("keys differ: %x", keys)
		}
	}
}

// keyLines reads a key file as whoever recovers bodies would: the last line of each account and blob.
func keyLines(t *testing.T, path string) (accounts map[mail.AccountID][]byte, objects map[mail.BlobID]bodies.KeyLine, damaged int) {
	t.Helper()
	accounts, objects = map[mail.AccountID][]byte{}, map[mail.BlobID]bodies.KeyLine{}
	damaged, err := bodies.ReadKeyFile(path, func(l bodies.KeyLine) error {
		if l.Object == 0 {
			accounts[l.Account] = l.Wrapped
		} else {
			objects[l.Blob] = l
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return accounts, objects, damaged
}

// The key file and the master key open every body, without the database.
func TestKeyFile(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		path := filepath.Join(t.TempDir(), "keys")
		withFile := func(o *bodies.Options) { o.KeyFile = path }
		r := newRoom(t, open, withFile)
		ids := r.hold(r.put("hello"), 10, 11)
		gone := r.hold(r.put("gone"), 10)[0]
		r.release(10, gone)
		r.collect(0)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		accounts, objects, damaged := keyLines(t, path)
		if len(accounts) != 3 || len(objects) != 3 || damaged != 0 {
			t.Fatalf("%d accounts, %d objects, %d damaged lines; want 3, 3 and 0", len(accounts), len(objects), damaged)
		}
		r.wantRows(accounts, objects, ids)

		// A torn end is cut off by the next line.
		if err := appendTo(path, []byte("torn")); err != nil {
			t.Fatal(err)
		}
		r.Store = r.open(withFile)
		ids = append(ids, r.hold(r.put("more"), 12)...)
		if err := r.RewriteKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.hold(r.put("still more"), 12)...)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		accounts, objects, damaged = keyLines(t, path)
		if damaged != 0 {
			t.Errorf("%d damaged lines", damaged)
		}
		r.wantRows(accounts, objects, ids)
		if left, _ := filepath.Glob(path + "?*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// wantRows compares lines with the rows of the database.
func (r *room) wantRows(accounts map[mail.AccountID][]byte, objects map[mail.BlobID]bodies.KeyLine, ids []mail.BlobID) {
	r.t.Helper()
	for id, wrapped := range accounts {
		if n := r.count(`SELECT count(*) FROM account WHERE id = $1 AND wrapped_key = $2`, id, wrapped); n != 1 {
			r.t.Errorf("account %v has another key in the file", id)
		}
	}
	for _, id := range ids {
		l := objects[id]
		if n := r.count(`SELECT count(*) FROM blob WHERE account_id = $1 AND blob_id = $2 AND object_id = $3 AND wrapped_key = $4 AND size = $5`,
			l.Account, id[:], l.Object, l.Wrapped, l.Size); n != 1 {
			r.t.Errorf("blob %v is not in the file as it is in its row: %+v", id, l)
		}
	}
}

func appendTo(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// An account that was removed is not in the file after it was written anew.
func TestRewriteKeysForgets(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		path := filepath.Join(t.TempDir(), "keys")
		r := newRoom(t, open, func(o *bodies.Options) { o.KeyFile = path })
		r.hold(r.put("hello"), 10, 11)
		r.write([]mail.AccountID{11}, func(t *tx.Tx) error { _, err := r.ReleaseAll(t, 11); return err })
		r.exec(`DELETE FROM account WHERE id = 11`)
		r.Forget(11)
		if err := r.RewriteKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		// What waited to be written when it began is still written; the next time it is not.
		if err := r.RewriteKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		accounts, _, _ := keyLines(t, path)
		if got := slices.Sorted(maps.Keys(accounts)); !slices.Equal(got, []mail.AccountID{10, 12}) {
			t.Errorf("the file has the keys of %v, want 10 and 12", got)
		}
		r.Close()
	})
}

func TestKeyFileRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("something else entirely"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := bodies.New(bodies.Options{MasterKey: make([]byte, bodies.MasterKeySize), KeyFile: path})
	if err == nil || !strings.Contains(err.Error(), "not a key file") {
		t.Errorf("another file: %v", err)
	}
}

// A body waits for its name no longer than the collector of orphans waits for it.
func TestABodyIsNamedSoonOrNever(t *testing.T) {
	each(t, func(r *room) {
		now := time.Unix(1_700_000_000, 0)
		r.Store = r.open(func(o *bodies.Options) { o.Clock = func() time.Time { return now } })
		b := r.put("hello")
		now = now.Add(bodies.MaxAge)
		r.hold(b, 10)
		now = now.Add(1)
		err := r.tx.Write(t.Context(), []mail.AccountID{11}, func(t *tx.Tx) error { _, err := r.Hold(t, 11, b); return err })
		if !errors.Is(err, bodies.ErrPutAgain) {
			t.Errorf("Hold of an old body: %v, want ErrPutAgain", err)
		}
	})
}

// A key file that was lost, or that a process was killed over, is made anew, with the keys of before.
func TestAKeyFileWithHolesIsMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"lost":   os.Remove,
		"killed": func(path string) error { return os.Truncate(path, 16+3*112) }, // only the accounts were written
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys")
			withFile := func(o *bodies.Options) { o.KeyFile = path }
			r := newRoom(t, dbtest.OnSQLite(t, schema.Files), withFile)
			ids := r.hold(r.put("hello"), 10, 11)
			if err := errors.Join(r.Close(), damage(path)); err != nil {
				t.Fatal(err)
			}
			r.Store = r.open(withFile)
			ids = append(ids, r.hold(r.put("more"), 12)...)
			if err := r.Close(); err != nil { // still incomplete: the next one has to know
				t.Fatal(err)
			}
			r.Store = r.open(withFile)
			r.collect(0)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			accounts, objects, damaged := keyLines(t, path)
			r.wantRows(accounts, objects, ids)
			if damaged > 0 {
				t.Errorf("%d damaged lines", damaged)
			}

			// Now it is whole, and opening and closing leaves it alone.
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r.Store = r.open(withFile)
			r.collect(0)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, whole) {
				t.Errorf("the file of %d bytes became one of %d, %v", len(whole), len(again), err)
			}
		})
	}
}

// Beside mail, a master key is neither made nor taken for the right one.
func TestOpenMasterKey(t *testing.T) {
	each(t, func(r *room) {
		path := filepath.Join(t.TempDir(), "master.key")
		refused := func(says string) {
			t.Helper()
			if _, err := bodies.OpenMasterKey(t.Context(), r.tx, path); !mail.Is(err, mail.Invalid) || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, want an error that says %q", err, says)
			}
		}
		write := func(key []byte) {
			t.Helper()
			if err := os.WriteFile(path, key, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		refused("Put the file back")
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a key was made: %v", err)
		}
		write(bytes.Repeat([]byte{8}, bodies.MasterKeySize))
		refused("not the master key that this database was made with")
		right := bytes.Repeat([]byte{7}, bodies.MasterKeySize)
		write(right)
		r.exec(`UPDATE account SET wrapped_key = $1 WHERE id = 10`, []byte("damaged"))
		r.exec(`UPDATE account SET wrapped_key = $1 WHERE id = 11`, []byte{}) // removed
		if key, err := bodies.OpenMasterKey(t.Context(), r.tx, path); err != nil || !bytes.Equal(key, right) {
			t.Errorf("the right key: %v", err)
		}
		r.exec(`DELETE FROM account WHERE id <> 11`)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		refused("not the master key that this database was made with") // though nothing is there that the right one opens
		r.exec(`UPDATE instance SET master = $1`, []byte{})
		if _, err := bodies.OpenMasterKey(t.Context(), r.tx, path); err != nil {
			t.Errorf("for a new database: %v", err)
		}
	})
}

// Of nodes that begin at once on an empty database with different keys one begins, and the others say why they do not.
func TestOneMasterKeyIsTaken(t *testing.T) {
	each(t, func(r *room) {
		r.exec(`DELETE FROM account`)
		errs := make([]error, 4)
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() {
				errs[i] = bodies.CheckMasterKey(t.Context(), r.tx, bytes.Repeat([]byte{byte(i)}, bodies.MasterKeySize), "here")
			})
		}
		wait.Wait()
		began := 0
		for _, err := range errs {
			if err == nil {
				began++
			} else if !mail.Is(err, mail.Invalid) || !strings.Contains(err.Error(), "here is not the master key") {
				t.Error(err)
			}
		}
		if began != 1 {
			t.Errorf("%d of 4 keys were taken", began)
		}
		if err := bodies.CheckMasterKey(t.Context(), r.tx, make([]byte, 31), "here"); !mail.Is(err, mail.Invalid) || !strings.Contains(err.Error(), "here has 31 bytes") {
			t.Errorf("a short key: %v", err)
		}
	})
}

// A key that another node has destroyed opens nothing here, though it was remembered.
func TestAKeyThatAnotherNodeDestroyed(t *testing.T) {
	each(t, func(r *room) {
		id := r.hold(r.put("mail"), 10)[0]
		if !r.has(10, id) {
			t.Fatal("the body is not there")
		}
		r.exec(`UPDATE account SET state = 'gone', wrapped_key = '' WHERE id = 10`)
		if _, err := r.Open(t.Context(), 10, id); !mail.Is(err, mail.Gone) {
			t.Errorf("open: %v, want gone", err)
		}
	})
}
