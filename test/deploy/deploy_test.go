//go:build system

package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/test/program"
)

// root is the top of the repository.
const root = "../.."

func TestMain(m *testing.M) {
	code := m.Run()
	program.Remove()
	os.Exit(code)
}

// tool finds a program of test/setup, on the path or among what setup built.
func tool(t *testing.T, name string) string {
	t.Helper()
	tools := os.Getenv("MAILMESH_TOOLS")
	if tools == "" {
		tools = filepath.Join(root, ".tools")
	}
	for _, path := range []string{name, filepath.Join(tools, "bin", name)} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", name)
	}
	t.Skipf("%s is missing: run make setup", name)
	return ""
}

// run runs a program and returns what it prints; an error carries what it complains of.
func run(t *testing.T, dir, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, name), args...)
	cmd.Dir = dir
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err = cmd.Run()
	return out.String(), complaints.String(), err
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// accepted fails the test where the server does not accept the configuration that an environment gives it.
func accepted(t *testing.T, environment map[string]string) {
	t.Helper()
	path, err := program.Path()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "config")
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the server refuses %v: %v\n%s", environment, err, out)
	}
}

var (
	registered = regexp.MustCompile(`\.(?:Counter|Gauge|GaugeFunc|Histogram)\("([a-z0-9_]+)"`)
	named      = regexp.MustCompile(`\bmailmesh_[a-z0-9_]+`)
)

// metrics are the names that a node registers.
func metrics(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "internal/node/*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	names := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range registered.FindAllStringSubmatch(string(text), -1) {
			names["mailmesh_"+m[1]] = true
		}
	}
	return names
}

// known fails the test where a text names a metric that no node has.
func known(t *testing.T, where, text string) {
	t.Helper()
	have := metrics(t)
	for _, name := range named.FindAllString(text, -1) {
		base := name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			base = strings.TrimSuffix(base, suffix)
		}
		if !have[name] && !have[base] {
			t.Errorf("%s names the metric %s, which no node has", where, name)
		}
	}
}
