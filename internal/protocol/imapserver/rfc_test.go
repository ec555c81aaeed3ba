package imapserver

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../../"

// table yields the rows of the tables of a page, without head and rule, each as its trimmed cells.
func table(t *testing.T, page string, columns int) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(root + "docs/rfc/" + page)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) == columns {
			rows = append(rows, cells)
		} else if columns > 2 {
			t.Errorf("%s: a row has %d cells, not %d: %s", page, len(cells), columns, line)
		}
	}
	return rows
}

// Every capability that the server offers, in any state, has a list of what is asked for.
func TestCapabilitiesHaveRequirements(t *testing.T) {
	lists := map[string]string{}
	for _, row := range table(t, "README.md", 2) {
		lists[row[0]] = row[1]
	}
	offered := []string{"AUTH=PLAIN", "AUTH=LOGIN", "AUTH=SCRAM-SHA-256", "AUTH=SCRAM-SHA-256-PLUS"}
	all, err := combine(extensions())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all.capabilities {
		offered = append(offered, c.name)
	}
	for _, name := range offered {
		if lists[name] == "" {
			t.Errorf("docs/rfc/README.md names no list for the capability %s", name)
		} else if len(table(t, lists[name], 5)) < 3 {
			t.Errorf("docs/rfc/%s, the list of %s, has almost nothing in it", lists[name], name)
		}
	}
}

var level = regexp.MustCompile(`^(MUST|SHOULD)( NOT)?$`)

// Every requirement names tests, and they exist; or it says why it has none.
func TestRequirementsAreTested(t *testing.T) {
	seen := map[string]bool{}
	for _, list := range table(t, "README.md", 2) {
		page := list[1]
		rfc, isPage := strings.CutSuffix(page, ".md")
		if !isPage || seen[page] {
			continue
		}
		seen[page] = true
		for _, row := range table(t, page, 5)[1:] {
			id, section, tests := row[0], row[1], row[4]
			if seen[id] || !strings.HasPrefix(id, rfc+"-"+section+"-") || !level.MatchString(row[2]) {
				t.Errorf("%s: %s: the id is given twice or does not fit its section, or %q is no level", page, id, row[2])
			}
			seen[id] = true
			if reason, none := strings.CutPrefix(tests, "- "); none && reason != "" {
				continue
			}
			for test := range strings.SplitSeq(tests, ", ") {
				if !exists(test) {
					t.Errorf("%s names the test %q, which does not exist", id, test)
				}
			}
		}
	}
}

// exists reports whether a dialogue (a path) or a test function (package:TestName) is there.
func exists(test string) bool {
	dir, function, isGo := strings.Cut(test, ":")
	if !isGo {
		_, err := os.Stat(root + test)
		return test != "" && err == nil
	}
	files, _ := filepath.Glob(root + dir + "/*_test.go")
	for _, file := range files {
		if code, err := os.ReadFile(file); err == nil && bytes.Contains(code, []byte("\nfunc "+function+"(")) {
			return true
		}
	}
	return false
}
