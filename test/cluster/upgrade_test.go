//go:build system

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/nodes"
	"github.com/mailmesh/mailmesh/test/cluster/table"
)

// TestRollingUpgrade replaces the nodes of the last release by those of this one and back, one by one, while mail comes in: they must
// work side by side, whichever was first at the database.
func TestRollingUpgrade(t *testing.T) {
	old, now := releases(t)
	h := newHarness(t, old)
	h.Older = true // 0.1.0 is the last that does not tell
	limits := table.Limits{Pause: 30 * time.Second, Reconnect: elsewhere, Notice: 30 * time.Second}
	var rows []table.Row
	for _, f := range []fault{
		{name: "upgrade, node by node", strike: roll(old, now), limits: limits},
		{name: "and back", strike: roll(now, old), limits: limits},
	} {
		row, err := h.play(f, true)
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		if rows = append(rows, row); !row.Green() {
			t.Errorf("%s is red: %s", f.name, strings.Join(row.Complaints(), "; "))
		}
	}
	story(t, table.String(rows))
}

// roll replaces one program by another, node by node. What is counted is nodes that have worked beside one of the other release.
func roll(from, to string) func(context.Context, *harness) (int64, error) {
	return func(ctx context.Context, h *harness) (struck int64, err error) {
		for i, n := range h.Nodes {
			if err := n.Stop(ctx); err != nil {
				return struck, fmt.Errorf("%s: %w", n.Name, err)
			}
			n.Program = to
			if err := n.Start(ctx); err != nil {
				return struck, fmt.Errorf("%s: %w", n.Name, err)
			}
			if i == len(h.Nodes)-1 {
				break
			}
			time.Sleep(2 * time.Second) // of work side by side
			versions, err := versionsAt(ctx, n)
			if err != nil {
				return struck, err
			}
			if len(versions) != 2 {
				return struck, fmt.Errorf("%s sees nodes of %d releases: %v", n.Name, len(versions), versions)
			}
			struck++
		}
		return struck, nil
	}
}

// versionsAt are the releases of the nodes as one of them sees them.
func versionsAt(ctx context.Context, n *nodes.Node) (map[string]int, error) {
	text, err := n.Command(ctx, "", "cluster", "status", "--json")
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	var status struct {
		Nodes []struct{ Version, State string }
	}
	err = json.Unmarshal([]byte(text), &status)
	versions := map[string]int{}
	for _, node := range status.Nodes {
		versions[node.Version]++
	}
	return versions, err
}

// releases builds the last release, and this one.
func releases(t *testing.T) (old, now string) {
	t.Helper()
	root := moduleRoot(t)
	dir := t.TempDir()
	old, now = filepath.Join(dir, "old"), filepath.Join(dir, "now")
	buildAs(t, root, "9.9.9", now)
	tag, commit := lastRelease(t)
	if commit == "" {
		buildAs(t, root, "0.0.1", old)
		return old, now
	}
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o700); err != nil {
		t.Fatal(err)
	}
	checkOut(t, root, commit, tree)
	buildAs(t, tree, strings.TrimPrefix(tag, "v"), old)
	return old, now
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func buildAs(t *testing.T, tree, version, program string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-ldflags", "-X github.com/mailmesh/mailmesh/internal/node.release="+version, "-o", program, "./cmd/mailmesh")
	cmd.Dir = tree
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build release %s: %v\n%s", version, err, out)
	}
}

// lastRelease reads which release it was, "" where there is none.
func lastRelease(t *testing.T) (tag, commit string) {
	t.Helper()
	text, err := os.ReadFile("last-release")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 && !strings.HasPrefix(line, "#") {
			tag, commit = fields[0], fields[1]
		}
	}
	return tag, commit
}

// checkOut puts the tree of a commit into a folder.
func checkOut(t *testing.T, root, commit, folder string) {
	t.Helper()
	archive := exec.Command("git", "-C", root, "archive", commit)
	unpack := exec.Command("tar", "-x", "-C", folder)
	pipe, err := archive.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	unpack.Stdin = pipe
	var said strings.Builder
	archive.Stderr, unpack.Stderr = &said, io.Writer(&said)
	if err := archive.Start(); err != nil {
		t.Fatal(err)
	}
	err = unpack.Run()
	if waited := archive.Wait(); err == nil {
		err = waited
	}
	if err != nil {
		t.Fatalf("the tree of the last release, commit %s (has the repository its history?): %v: %s", commit, err, said.String())
	}
}
