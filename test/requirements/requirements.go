// Package requirements holds the lists of docs/rfc to the program: what a door offers has a list of what its standard asks
// for, and every test that a list names exists. docs/rfc/README.md says how a list is written.
package requirements

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Check reads the table of README.md whose first column is headed by kind, and the lists that it names: each of offered has
// one. root is the way to the top of the repository.
func Check(t *testing.T, root, kind string, offered []string) {
	t.Helper()
	lists := map[string]string{}
	pages := map[string]bool{}
	for _, row := range rows(t, root, "README.md", kind, 2) {
		lists[row[0]] = row[1]
		pages[row[1]] = true
	}
	for _, name := range offered {
		if lists[name] == "" {
			t.Errorf("docs/rfc/README.md names no list for the %s %s", kind, name)
		}
	}
	for page := range pages {
		checkList(t, root, page, offered)
	}
}

var (
	level   = regexp.MustCompile(`^(MUST|SHOULD)( NOT)?$`)
	missing = regexp.MustCompile(`^(\S+) is not offered`)
)

// checkList reads one list: every requirement names tests, and they exist; or it says why it has none. That something is not
// offered is no reason once it is.
func checkList(t *testing.T, root, page string, offered []string) {
	t.Helper()
	rfc, _ := strings.CutSuffix(page, ".md")
	seen := map[string]bool{}
	for _, row := range rows(t, root, page, "id", 5) {
		id, section, tests := row[0], row[1], row[4]
		if seen[id] || !strings.HasPrefix(id, rfc+"-"+section+"-") || !level.MatchString(row[2]) {
			t.Errorf("%s: %s: the id is given twice or does not fit its section, or %q is no level", page, id, row[2])
		}
		seen[id] = true
		if reason, none := strings.CutPrefix(tests, "- "); none && reason != "" {
			if name := missing.FindStringSubmatch(reason); name != nil && slices.Contains(offered, name[1]) {
				t.Errorf("%s has no test because %s, but it is", id, reason)
			}
			continue
		}
		for test := range strings.SplitSeq(tests, ", ") {
			if !exists(root, test) {
				t.Errorf("%s names the test %q, which does not exist", id, test)
			}
		}
	}
	if len(seen) < 2 {
		t.Errorf("docs/rfc/%s has almost nothing in it", page)
	}
}

// rows are those of the page's tables whose first column is headed by first, each as its trimmed cells.
func rows(t *testing.T, root, page, first string, columns int) (list [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/rfc", page))
	if err != nil {
		t.Fatal(err)
	}
	head := ""
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "|") {
			head = ""
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case head == "":
			head = cells[0]
		case head != first || strings.HasPrefix(line, "|---"):
		case len(cells) != columns:
			t.Errorf("%s: a row has %d cells, not %d: %s", page, len(cells), columns, line)
		default:
			list = append(list, cells)
		}
	}
	return list
}

// exists reports whether a dialogue (a path) or a test function (package/path:TestName) is there.
func exists(root, test string) bool {
	dir, function, isGo := strings.Cut(test, ":")
	if !isGo {
		_, err := os.Stat(filepath.Join(root, test))
		return test != "" && err == nil
	}
	files, _ := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	for _, file := range files {
		if code, err := os.ReadFile(file); err == nil && bytes.Contains(code, []byte("\nfunc "+function+"(")) {
			return true
		}
	}
	return false
}
