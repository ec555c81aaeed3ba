package smtpserver

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The table of docs/rfc/5321.md names tests that exist.
func TestRequirementsAreTested(t *testing.T) {
	const root = "../../.."
	text, err := os.ReadFile(root + "/docs/rfc/5321.md")
	if err != nil {
		t.Fatal(err)
	}
	goTests := map[string]string{"mail": "internal/mail", "rfc/smtp": "internal/rfc/smtp", "listen": "internal/infra/listen",
		"smtpserver": "internal/protocol/smtpserver"}
	for name, dir := range goTests {
		goTests[name] = allTestCode(t, filepath.Join(root, dir))
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if !strings.HasPrefix(line, "| 5321-") {
			continue
		}
		if len(cells) != 7 {
			t.Errorf("the row has %d cells, not 5: %s", len(cells)-2, line)
			continue
		}
		id, section, level, tests := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3]), strings.TrimSpace(cells[5])
		if seen[id] || !strings.HasPrefix(id, "5321-"+section+"-") || !requirementLevel.MatchString(level) {
			t.Errorf("%s: the id is given twice, or does not fit its section, or %q is no level", id, level)
		}
		seen[id] = true
		if strings.HasPrefix(tests, "no: ") {
			continue
		}
		if tests == "" {
			t.Errorf("%s has no test and no reason", id)
		}
		for test := range strings.FieldsSeq(tests) {
			if !testExists(root, goTests, test) {
				t.Errorf("%s names %s, which does not exist", id, test)
			}
		}
	}
	if len(seen) < 80 {
		t.Errorf("only %d requirements are listed", len(seen))
	}
}

var requirementLevel = regexp.MustCompile(`^(MUST|SHOULD)( NOT)?$`)

func allTestCode(t *testing.T, dir string) string {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s (%v)", dir, err)
	}
	var all strings.Builder
	for _, file := range files {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(code)
	}
	return all.String()
}

func testExists(root string, goTests map[string]string, name string) bool {
	if pkg, function, ok := strings.Cut(name, "."); ok {
		return strings.Contains(goTests[pkg], "\nfunc "+function+"(")
	}
	_, err := os.Stat(filepath.Join(root, "test/dialogues", name+".dialogue"))
	return err == nil
}
