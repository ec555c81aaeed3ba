package bodies

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// RewriteKeys writes the key file anew from the database, which leaves out what is gone. After an account's key was
// destroyed this takes its copy away too. Collect calls it when the file has grown.
func (s *Store) RewriteKeys(ctx context.Context) error {
	k := s.keys
	if k == nil {
		return nil
	}
	k.copying.Lock()
	defer k.copying.Unlock()
	f, err := createKeyFile(k.path + ".new")
	if err != nil {
		return mail.E("bodies.RewriteKeys", mail.Unavailable, err)
	}
	if err = k.beginRenewal(f); err == nil {
		err = s.copyKeys(ctx, f)
	}
	if err == nil {
		err = k.swap(f)
	}
	if err != nil {
		k.endRenewal()
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		return mail.E("bodies.RewriteKeys", mail.Unavailable, err)
	}
	return nil
}

// fillKeys adds the keys of the database to a key file that may lack some. Nothing is taken away: the database may have
// lost rows in the same accident, and their keys are in the file alone.
func (s *Store) fillKeys(ctx context.Context) error {
	k := s.keys
	k.copying.Lock() // or RewriteKeys could leave out a key that was destroyed, and this write it after all
	defer k.copying.Unlock()
	k.mu.Lock()
	holes := k.holes
	k.mu.Unlock()
	if !holes {
		return nil
	}
	w := &keyAppender{k: k}
	if err := s.copyKeys(ctx, w); err != nil {
		return mail.E("bodies.fillKeys", mail.Unavailable, err)
	}
	k.writing.Lock()
	k.whole = int64(len(keyFileHeader)) + w.size // what is of use, for due
	k.writing.Unlock()
	k.mu.Lock()
	k.holes = false
	k.mu.Unlock()
	return nil
}

// keyAppender writes behind the last line of the key file.
type keyAppender struct {
	k    *keyFile
	size int64
}

func (w *keyAppender) Write(b []byte) (int, error) {
	w.k.writing.Lock()
	defer w.k.writing.Unlock()
	n, err := w.k.file.WriteAt(b, w.k.end)
	if err == nil {
		err = w.k.file.Sync()
	}
	if err != nil {
		return n, err
	}
	w.k.end += int64(n)
	w.size += int64(n)
	return n, nil
}

// recentKeys is how much of the old file's end goes into the new one: lines of commits that were under way when the
// database was read.
const recentKeys = 16 << 20 / keyLineSize * keyLineSize

// beginRenewal makes lines that come from now on go to both files, and copies those that came shortly before.
func (k *keyFile) beginRenewal(f *os.File) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	k.renewing, k.missed = true, false
	k.renewed = append([]byte(nil), k.waiting...)
	k.mu.Unlock()
	start := max(int64(len(keyFileHeader)), k.end-recentKeys)
	b := make([]byte, 512*keyLineSize)
	for at := start; at < k.end; at += int64(len(b)) {
		b = b[:min(int64(len(b)), k.end-at)]
		if _, err := k.file.ReadAt(b, at); err != nil && err != io.EOF {
			return err
		}
		if _, err := f.Write(objectLines(b)); err != nil {
			return err
		}
	}
	return nil
}

// objectLines leaves out the keys of accounts: an account whose key was destroyed must not be found again. Those that
// there are come from the database, which is read for them at the end.
func objectLines(b []byte) []byte {
	kept := b[:0:len(b)]
	for ; len(b) > 0; b = b[keyLineSize:] {
		if b[0] == objectLine {
			kept = append(kept, b[:keyLineSize]...)
		}
	}
	return kept
}

func (k *keyFile) endRenewal() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.renewing, k.renewed = false, nil
}

// swap adds the lines that came meanwhile to the new file and puts it in the place of the old.
func (k *keyFile) swap(f *os.File) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock() // Hold waits here for a sync, once in a great while
	_, err := f.Write(k.renewed)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), k.path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(k.path))
	}
	if err != nil {
		return err
	}
	old := k.file
	if err := k.adopt(f); err != nil {
		return err
	}
	old.Close()
	k.waiting, k.renewing, k.renewed, k.dropped, k.holes = nil, false, nil, k.missed, false
	return nil
}

// copyKeys writes the wrapped keys of the database to f.
func (s *Store) copyKeys(ctx context.Context, f io.Writer) error {
	for after := (KeyLine{}); ; {
		page, err := s.objectKeyPage(ctx, after)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		if err := writeKeyLines(f, page); err != nil {
			return err
		}
		after = page[len(page)-1]
	}
	for after := mail.AccountID(0); ; {
		page, err := s.accountKeyPage(ctx, after)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := writeKeyLines(f, page); err != nil {
			return err
		}
		after = page[len(page)-1].Account
	}
}

func writeKeyLines(f io.Writer, lines []KeyLine) error {
	b := make([]byte, 0, len(lines)*keyLineSize)
	for _, l := range lines {
		b = l.append(b)
	}
	_, err := f.Write(b)
	return err
}

const pageSize = 1000

func (s *Store) accountKeyPage(ctx context.Context, after mail.AccountID) (page []KeyLine, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		page, err = accountKeyLines(t, `SELECT id, wrapped_key FROM account WHERE id > $1 ORDER BY id LIMIT $2`, after, pageSize)
		return err
	})
	return page, err
}

// accountKeyLines reads the ids and wrapped keys of the accounts that a query selects.
func accountKeyLines(t *tx.Tx, query string, args ...any) (keys []KeyLine, err error) {
	rows, err := t.SQL().Query(query, args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var l KeyLine
		if err := rows.Scan(&l.Account, &l.Wrapped); err != nil {
			return nil, err
		}
		keys = append(keys, l)
	}
	return keys, rows.Err()
}

func (s *Store) objectKeyPage(ctx context.Context, after KeyLine) (page []KeyLine, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		page = page[:0]
		rows, err := t.SQL().Query(`SELECT account_id, blob_id, object_id, size, wrapped_key FROM blob
			WHERE (account_id, blob_id) > ($1, $2) ORDER BY account_id, blob_id LIMIT $3`, after.Account, after.Blob[:], pageSize)
		if err != nil {
			return err
		}
		for rows.Next() {
			var l KeyLine
			if err := rows.Scan(&l.Account, &l.Blob, &l.Object, &l.Size, &l.Wrapped); err != nil {
				return err
			}
			page = append(page, l)
		}
		return rows.Err()
	})
	return page, err
}
