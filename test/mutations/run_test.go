//go:build mutations

package mutations

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Every test named on the page passes as things are, and fails with its change.
func TestMutations(t *testing.T) {
	passes := memo(func(one test) error {
		failed, output, err := run(t.TempDir(), "", one)
		if err == nil && failed {
			err = fmt.Errorf("%v fails without any change:\n%s", one, output)
		}
		return err
	})
	for _, r := range rows(t) {
		t.Run(fmt.Sprintf("line %d %s", r.line, filepath.Base(r.file)), func(t *testing.T) {
			t.Parallel()
			overlay := r.overlay(t)
			for _, one := range r.tests {
				if err := passes(one); err != nil {
					t.Error(err)
					continue
				}
				failed, output, err := run(t.TempDir(), overlay, one)
				if err != nil {
					t.Errorf("%v: %v", one, err)
				} else if !failed {
					t.Errorf("%v does not notice: %s\n%s", one, r.promise, output)
				}
			}
		})
	}
}

// mutated is the file's text with the change made.
func (r row) mutated() (string, error) {
	content, err := os.ReadFile(filepath.Join(root, r.file))
	if err != nil {
		return "", err
	}
	text := string(content)
	for _, e := range r.edits {
		if n := strings.Count(text, e.before); n != 1 {
			return "", fmt.Errorf("%s: %q stands there %d times, want once", r.file, e.before, n)
		}
		text = strings.Replace(text, e.before, e.after, 1)
	}
	return text, nil
}

// memo asks once for each test.
func memo(ask func(test) error) func(test) error {
	var mu sync.Mutex
	answers := map[test]func() error{}
	return func(one test) error {
		mu.Lock()
		if answers[one] == nil {
			answers[one] = sync.OnceValue(func() error { return ask(one) })
		}
		answer := answers[one]
		mu.Unlock()
		return answer()
	}
}

// overlay writes what the go command takes in place of the file.
func (r row) overlay(t *testing.T) string {
	t.Helper()
	text, err := r.mutated()
	if err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs(filepath.Join(root, r.file))
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(t.TempDir(), filepath.Base(r.file))
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	for name, content := range map[string]string{changed: text, overlay: string(list)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

// run builds and runs one test. An error says that it could not: a change that does not compile proves nothing, nor does
// a test that was skipped.
func run(scratch, overlay string, one test) (failed bool, output string, err error) {
	flags := os.Getenv("GOFLAGS")
	if overlay != "" {
		flags += " -overlay=" + overlay // also for programs that the test builds
	}
	folder, binary := filepath.Join(root, one.folder), filepath.Join(scratch, "test")
	build := exec.Command("go", "test", "-c", "-tags", "system", "-o", binary, ".")
	build.Dir, build.Env = folder, append(os.Environ(), "GOFLAGS="+flags)
	if out, err := build.CombinedOutput(); err != nil {
		return false, "", fmt.Errorf("it does not build: %s", out)
	}
	defer os.Remove(binary)
	// Sub-tests are chosen level by level.
	pattern := "^" + strings.ReplaceAll(one.name, "/", "$/^") + "$"
	cmd := exec.Command(binary, "-test.run", pattern, "-test.v", "-test.timeout", "90s")
	cmd.Dir, cmd.Env = folder, build.Env
	out, err := cmd.CombinedOutput()
	output = string(out)
	if strings.Contains(output, "--- SKIP: "+one.name) || !strings.Contains(output, "=== RUN   "+one.name) {
		return false, "", fmt.Errorf("it did not run:\n%s", output)
	}
	return err != nil, output, nil
}
