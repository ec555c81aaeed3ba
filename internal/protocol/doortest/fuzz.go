package doortest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// Seeds are the commands of each of some dialogues, as they stand, to begin fuzzing with. Those that may not be sent are left out.
func Seeds(f *testing.F, glob string, may func(sent string) bool) (seeds [][]byte) {
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		f.Fatalf("no dialogues at %s: %v", glob, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var seed []byte
		for line := range strings.Lines(string(content)) {
			if _, sent, is := strings.Cut(strings.TrimSpace(line), " -> "); is && may(sent) {
				seed = append(append(seed, sent...), "\r\n"...)
			}
		}
		seeds = append(seeds, seed)
	}
	return seeds
}

// Forgiving lets an hour pass whenever the clock is read, so that wrong passwords are forgotten.
func Forgiving() func(*auth.Options) {
	var hours atomic.Int64
	return func(o *auth.Options) {
		o.Now = func() time.Time { return time.Unix(3600*hours.Add(1), 0) }
	}
}

// Play sends the input and a farewell, and returns what is answered until nothing comes for so long. r reads from nc, which is
// closed in the end.
func Play(nc net.Conn, r io.Reader, input []byte, farewell string, quiet time.Duration) (got []byte) {
	defer nc.Close()
	go func() {
		io.Copy(nc, io.MultiReader(bytes.NewReader(input), strings.NewReader(farewell)))
	}()
	buf := make([]byte, 32<<10)
	for {
		nc.SetReadDeadline(time.Now().Add(quiet))
		n, err := r.Read(buf)
		if got = append(got, buf[:n]...); err != nil {
			return got
		}
	}
}

// Ended waits until a session has.
func Ended(ended <-chan struct{}) error {
	select {
	case <-ended:
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("the session goes on without its client")
	}
}
