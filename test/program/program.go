// Package program is the built program for tests that run it as a process.
package program

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// folder is where Path has built, "" where it has not.
var folder string

// Path builds the program, once in a process, and returns where it is. Remove removes it again.
var Path = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mailmesh-program-")
	if folder = dir; err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // for servers that run as somebody else
		return "", err
	}
	path := filepath.Join(dir, "mailmesh")
	out, err := exec.Command("go", "build", "-o", path, "github.com/mailmesh/mailmesh/cmd/mailmesh").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// Remove removes what Path has built. It is for TestMain, when the tests are over.
func Remove() {
	if folder != "" {
		os.RemoveAll(folder)
	}
}

// Output keeps what a process prints, which may be read while it runs.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
