package bodies

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// KeyFileDelay is how long a wrapped key may wait until it is on stable storage in the key file.
const KeyFileDelay = 5 * time.Second

const (
	keyFileWriteNow = 256 << 10 // bytes waiting that are written without waiting for the delay
	keyFileMaxWait  = 32 << 20  // bytes waiting at most; more are dropped and the file is written anew
)

// keyFile appends lines in the background.
type keyFile struct {
	path string
	log  *slog.Logger
	wake chan struct{}
	stop chan struct{}
	done chan struct{}

	mu       sync.Mutex
	waiting  []byte
	dropped  bool   // lines were dropped or could not be written: only writing the file anew helps
	renewing bool   // it is being written anew
	renewed  []byte // lines for the new file, while renewing
	missed   bool   // some of those were dropped

	copying sync.Mutex // held while keys are copied from the database; taken before writing
	writing sync.Mutex // held while the file is written; taken before mu
	file    *os.File
	end     int64
	whole   int64 // size when it was last written anew
	ended   int64 // size when it was opened, if it was closed in order then, else 0
	holes   bool  // keys of before may be missing: it was not there, or the last process did not close it
}

func openKeyFile(path string, log *slog.Logger) (*keyFile, error) {
	k := &keyFile{path: path, log: log, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = createKeyFile(path)
		if err == nil {
			err = syncFolder(filepath.Dir(path))
		}
	}
	if err != nil {
		return nil, err
	}
	if err := k.adopt(f); err != nil {
		f.Close()
		return nil, err
	}
	if k.ended = k.end; !k.endsInOrder() {
		k.ended, k.holes = 0, true
	}
	go k.run()
	return k, nil
}

func createKeyFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteString(keyFileHeader); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// adopt makes f the file that lines go to, behind its last whole line.
func (k *keyFile) adopt(f *os.File) error {
	header := make([]byte, len(keyFileHeader))
	if n, err := f.ReadAt(header, 0); err == io.EOF && n < len(header) {
		// Power was lost while it was made.
		if _, err := f.WriteAt([]byte(keyFileHeader), 0); err != nil {
			return err
		}
		copy(header, keyFileHeader)
	} else if err != nil {
		return err
	}
	if string(header) != keyFileHeader {
		return fmt.Errorf("%s is not a key file: put the right file back, or move it away and a new one is made", k.path)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	k.file, k.end = f, info.Size()-(info.Size()-int64(len(header)))%keyLineSize
	k.whole = k.end
	return nil
}

func (k *keyFile) addAccount(id mail.AccountID, wrapped []byte) {
	k.add(KeyLine{Account: id, Wrapped: wrapped})
}

func (k *keyFile) addObject(account mail.AccountID, blob mail.BlobID, object mail.ObjectID, size int64, wrapped []byte) {
	k.add(KeyLine{Account: account, Object: object, Blob: blob, Size: size, Wrapped: wrapped})
}

func (k *keyFile) add(l KeyLine) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.waiting) < keyFileMaxWait {
		k.waiting = l.append(k.waiting)
	} else {
		k.dropped = true
	}
	if k.renewing && len(k.renewed) < keyFileMaxWait {
		k.renewed = l.append(k.renewed)
	} else if k.renewing {
		k.missed = true
	}
	if len(k.waiting) >= keyFileWriteNow {
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
}

func (k *keyFile) run() {
	defer close(k.done)
	tick := time.NewTicker(KeyFileDelay)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-k.wake:
		case <-k.stop:
			return
		}
		k.flush()
	}
}

// flush writes and syncs what is waiting. A failed sync is not repeated: the file is given up, and written anew by the
// next Collect.
func (k *keyFile) flush() error {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	b, dropped := k.waiting, k.dropped
	k.waiting = nil
	k.mu.Unlock()
	if len(b) == 0 || dropped {
		return nil
	}
	_, err := k.file.WriteAt(b, k.end)
	if err == nil {
		err = k.file.Sync()
	}
	if err != nil {
		k.log.Error("the key file cannot be written; it will be written anew", "path", k.path, "err", err)
		k.mu.Lock()
		k.dropped = true
		k.mu.Unlock()
		return err
	}
	k.end += int64(len(b))
	return nil
}

func (k *keyFile) close() error {
	close(k.stop)
	<-k.done
	err := k.flush()
	if err == nil && !k.dropped && !k.holes && k.end != k.ended {
		_, err = k.file.WriteAt(endOfLines(), k.end)
		if err == nil {
			err = k.file.Sync()
		}
	}
	return errors.Join(err, k.file.Close())
}

// endsInOrder reports whether the last line says that all before it was written.
func (k *keyFile) endsInOrder() bool {
	last := make([]byte, keyLineSize)
	_, err := k.file.ReadAt(last, k.end-keyLineSize)
	return err == nil && isEndLine(last)
}

// due reports whether the file should be written anew: it has holes, or more than half of it may be of no use.
func (k *keyFile) due() bool {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dropped || k.end > 2*k.whole+64<<20
}
