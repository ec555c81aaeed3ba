package variant

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChange(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.go")
	if err := os.WriteFile(file, []byte("one two two"), 0o600); err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for _, c := range []Change{{file, "one", "1"}, {file, "1 two", "1 2"}} {
		if err := c.apply(dir, replace); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(replace[file]); string(text) != "1 2 two" {
		t.Errorf("the changed copy has %q, %v", text, err)
	}
	for _, old := range []string{"one", "three"} {
		if err := (Change{file, old, ""}).apply(dir, replace); err == nil || !strings.Contains(err.Error(), "does not fit") {
			t.Errorf("a change that does not fit: %v", err)
		}
	}
	if text, _ := os.ReadFile(file); string(text) != "one two two" {
		t.Errorf("the file itself has %q", text)
	}
}
