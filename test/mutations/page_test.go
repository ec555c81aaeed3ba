package mutations

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root, page = "../..", "../../docs/promises.md"

// row is a line of a table.
type row struct {
	line    int
	promise string
	tests   []test
	file    string // below root
	edits   []edit
}

// test names a test function or sub-test of a package.
type test struct{ folder, name string }

func (t test) String() string { return t.folder + "." + t.name }

// edit replaces a text that stands once in the file.
type edit struct{ before, after string }

// rows reads the page. A table's row begins with a bar; those of the head and the rule under it name no code.
func rows(t *testing.T) (list []row) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		cells := cut(line)
		if len(cells) != 3 || !strings.Contains(cells[2], "`") {
			continue
		}
		r, err := parse(cells)
		if err != nil {
			t.Errorf("promises.md:%d: %v", i+1, err)
		}
		r.line = i + 1
		list = append(list, r)
	}
	return list
}

// cut returns the cells of a table's row.
func cut(line string) (cells []string) {
	line, ok := strings.CutPrefix(line, "| ")
	line, end := strings.CutSuffix(line, " |")
	if !ok || !end {
		return nil
	}
	const bar = "\x00"
	for cell := range strings.SplitSeq(strings.ReplaceAll(line, `\|`, bar), "|") {
		cells = append(cells, strings.TrimSpace(strings.ReplaceAll(cell, bar, "|")))
	}
	return cells
}

var (
	code   = regexp.MustCompile("`([^`]+)`")
	change = regexp.MustCompile("`([^`]+)` → (?:`([^`]+)`|nothing)")
)

func parse(cells []string) (r row, err error) {
	r.promise = cells[0]
	for _, m := range code.FindAllStringSubmatch(cells[1], -1) {
		folder, name, ok := strings.Cut(m[1], ".")
		if !ok {
			return r, fmt.Errorf("%s is no FOLDER.TEST", m[1])
		}
		r.tests = append(r.tests, test{path(folder), name})
	}
	file, rest, _ := strings.Cut(cells[2], ": ")
	r.file = path(strings.Trim(file, "`"))
	for _, m := range change.FindAllStringSubmatch(rest, -1) {
		r.edits = append(r.edits, edit{m[1], m[2]})
	}
	if len(r.tests) == 0 || len(r.edits) == 0 {
		err = fmt.Errorf("want FOLDER.TEST in the second cell and FILE: OLD → NEW in the third, have %q", cells)
	}
	return r, err
}

func path(s string) string {
	if top, _, _ := strings.Cut(s, "/"); top == "test" || top == "cmd" {
		return s
	}
	return "internal/" + s
}

// exists looks for the test's function, not for its sub-tests.
func (t test) exists() error {
	files, err := filepath.Glob(filepath.Join(root, t.folder, "*_test.go"))
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(t.name, "/")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return nil
		}
	}
	return fmt.Errorf("there is no test %v", t)
}

// The page speaks of tests and files that there are. Whether the lines that it changes are still so is for make mutations to
// say: they may be edited by who has nothing to do with promises.
func TestPageIsCurrent(t *testing.T) {
	list := rows(t)
	if len(list) < 50 {
		t.Errorf("%d rows were found in %s", len(list), page)
	}
	for _, r := range list {
		if _, err := os.Stat(filepath.Join(root, r.file)); err != nil {
			t.Errorf("promises.md:%d: %v", r.line, err)
		}
		for _, test := range r.tests {
			if err := test.exists(); err != nil {
				t.Errorf("promises.md:%d: %v", r.line, err)
			}
		}
	}
}
