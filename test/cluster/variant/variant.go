// Package variant builds the program with some lines of its source exchanged, or of the standard library's, without touching
// either: the build reads the changed copies by an overlay.
//
// So tests turn a node's clock, and take out one safeguard to see that their proof notices.
package variant

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Change exchanges a text that is in a file exactly once.
type Change struct {
	File string // below the top of the repository, or absolute
	Old  string
	New  string
}

// Build builds the program with the changes into a folder, and returns where it is. clock says that its clock can be turned, see Clock.
func Build(folder string, clock bool, changes ...Change) (program string, err error) {
	root, err := toolSays("list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	if clock {
		if err := turnable(folder, replace); err != nil {
			return "", err
		}
	}
	for _, c := range changes {
		if !filepath.IsAbs(c.File) {
			c.File = filepath.Join(root, c.File)
		}
		if err := c.apply(folder, replace); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	list := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(folder, "mailmesh")
	_, err = toolSays("build", "-overlay", list, "-o", program, "github.com/mailmesh/mailmesh/cmd/mailmesh")
	return program, err
}

// apply notes the changed copy of the file in replace.
func (c Change) apply(folder string, replace map[string]string) error {
	from := c.File
	if changed, ok := replace[c.File]; ok { // by an earlier change
		from = changed
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), c.Old); n != 1 {
		return fmt.Errorf("%s has %q %d times, not once: the change does not fit it any more", c.File, c.Old, n)
	}
	return put(folder, replace, c.File, strings.Replace(string(text), c.Old, c.New, 1))
}

// put notes a text to be read in place of a file.
func put(folder string, replace map[string]string, file, text string) error {
	to := filepath.Join(folder, strings.ReplaceAll(strings.Trim(file, "/"), "/", "_"))
	replace[file] = to
	return os.WriteFile(to, []byte(text), 0o600)
}

func toolSays(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("go %s: %w: %s", args[0], err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
