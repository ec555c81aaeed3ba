package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/mailmesh/mailmesh/"

// floors is the import table, lowest first (docs/overview.md draws it). A package belongs to the floor with the longest prefix of its path.
// It may import its own family (a parent or child folder), and what its floor names.
var floors = []struct {
	prefix string
	may    []string // prefixes below internal/
	family bool     // may import other packages of the same floor
}{
	{"mail", nil, false},
	{"rfc", []string{"mail"}, true},
	{"infra", []string{"mail"}, false},
	{"infra/blob/sql", []string{"mail", "infra/db"}, false},
	{"infra/cluster", []string{"mail", "infra/db"}, false},
	{"store", []string{"mail", "rfc", "infra", "store/tx", "store/schema"}, false},
	{"mailflow", []string{"mail", "rfc", "infra", "store"}, false},
	{"realtime", []string{"mail", "rfc", "infra", "store"}, true},
	{"provision", []string{"mail", "rfc", "infra", "store"}, false},
	{"verify", []string{"mail", "rfc", "infra", "store"}, false},
	{"finding", []string{"mail", "rfc", "infra", "store"}, false},
	{"onboarding", []string{"mail", "rfc", "infra"}, false},
	{"protocol", []string{"mail", "rfc", "store", "mailflow", "realtime", "provision", "verify", "finding", "onboarding", "infra/listen", "infra/blob", "infra/metrics", "infra/p2p"}, false},
	{"protocol/jmapserver", []string{"mail", "rfc", "store", "mailflow", "realtime", "finding", "infra/listen", "infra/blob", "infra/metrics", "infra/fetch"}, true},
	{"config", nil, false},
	{"node", []string{""}, true},
}

// forbidden are imports that the floors alone would allow.
var forbidden = []struct{ from, to, reason string }{
	{"mailflow", "infra/db", "SQL is the store's"},
	{"realtime", "infra/db", "SQL is the store's"},
	{"provision", "infra/db", "SQL is the store's"},
	{"verify", "infra/db", "SQL is the store's"},
	{"finding", "infra/db", "SQL is the store's"},
	{"protocol", "store/spool", "only mailflow and adminserver touch the spool"},
}

// thirdParty names the one package that may import a third-party module: what is imported in one place can be replaced there. A
// module not named here may be imported by one package only, whichever that is.
var thirdPartyShared = map[string]string{
	"golang.org/x/text": "charsets and Unicode forms are needed where text is read and where names are compared",
	"golang.org/x/net":  "idna and html are separate libraries of one module",
	"golang.org/x/sys":  "system calls",
	"golang.org/x/sync": "an extension of the standard library",

	"github.com/coder/websocket": "the public client in jmap/ dials what the server accepts",

	"github.com/go-json-experiment/json": "the public client in jmap/ takes what any server sends; internal/rfc/ijson refuses what is no I-JSON",

	"github.com/klauspost/compress": "zstd and deflate are separate libraries of one module",
}

type pkg struct {
	ImportPath   string
	Dir          string
	Imports      []string
	Standard     bool
	Doc          string
	GoFiles      []string
	TestGoFiles  []string
	XTestImports []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,Doc,GoFiles,TestGoFiles", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func under(path, prefix string) bool {
	return prefix == "" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

// testHelper packages (dbtest, blobtest, nodetest ...) serve tests and may import what tests need.
func testHelper(path string) bool { return strings.HasSuffix(path, "test") }

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		from, ok := strings.CutPrefix(p.ImportPath, module+"internal/")
		if !ok || testHelper(from) {
			continue
		}
		best := -1
		for i, f := range floors {
			if under(from, f.prefix) && (best < 0 || len(f.prefix) > len(floors[best].prefix)) {
				best = i
			}
		}
		if best < 0 {
			t.Errorf("internal/%s is on no floor: add it to the table, or move it", from)
			continue
		}
		for _, imported := range p.Imports {
			to, ok := strings.CutPrefix(imported, module+"internal/")
			if !ok {
				continue
			}
			if testHelper(to) {
				t.Errorf("internal/%s imports the test helper internal/%s outside a test", from, to)
			}
			checkImport(t, from, to, floors[best].may, floors[best].family, floors[best].prefix)
		}
	}
}

func checkImport(t *testing.T, from, to string, may []string, family bool, floor string) {
	t.Helper()
	for _, f := range forbidden {
		if under(from, f.from) && under(to, f.to) {
			t.Errorf("internal/%s imports internal/%s: %s", from, to, f.reason)
		}
	}
	// A family is a folder and what is in it: blob/pack imports blob.
	if under(from, to) || under(to, from) || family && under(to, floor) || sameFamily(from, to) {
		return
	}
	for _, prefix := range may {
		if under(to, prefix) {
			return
		}
	}
	t.Errorf("internal/%s imports internal/%s: the table in internal/arch_test.go does not allow it", from, to)
}

// sameFamily holds for infra only: blob/sealed and blob/pack are one family.
func sameFamily(from, to string) bool {
	a, b := strings.Split(from, "/"), strings.Split(to, "/")
	return len(a) > 2 && len(b) > 2 && a[0] == "infra" && a[0] == b[0] && a[1] == b[1]
}

func TestOnlyCmdAndNodeKnowTheConfig(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			to := strings.TrimPrefix(imported, module)
			if to == "internal/config" && !under(path, "cmd") && !under(path, "internal/node") {
				t.Errorf("%s imports internal/config: take options of your own", path)
			}
			if to == "internal/node" && !under(path, "cmd") && !under(path, "internal/node") {
				t.Errorf("%s imports internal/node: only cmd does", path)
			}
			if under(path, "cmd") && under(to, "internal") && !under(to, "internal/node") && !under(to, "internal/config") {
				t.Errorf("%s imports %s: a command is flags in, one call to node, text out", path, to)
			}
		}
	}
}

func TestOnePackageImportsEachLibrary(t *testing.T) {
	users := map[string][]string{}
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath, module+"bench") || strings.HasPrefix(p.ImportPath, module+"test") || testHelper(p.ImportPath) {
			continue
		}
		seen := map[string]bool{}
		for _, imported := range p.Imports {
			if lib := library(imported); lib != "" && !seen[lib] && thirdPartyShared[lib] == "" {
				seen[lib] = true
				users[lib] = append(users[lib], strings.TrimPrefix(p.ImportPath, module))
			}
		}
	}
	for lib, by := range users {
		if len(by) > 1 {
			t.Errorf("%s is imported by %s: one package imports a library", lib, strings.Join(by, ", "))
		}
	}
}

// library is the module-like prefix of a third-party import path, "" for the standard library and ourselves.
func library(path string) string {
	parts := strings.Split(path, "/")
	if !strings.Contains(parts[0], ".") || strings.HasPrefix(path, module) {
		return ""
	}
	return strings.Join(parts[:min(3, len(parts))], "/")
}

func TestEveryPackageSaysWhatItPromises(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", strings.TrimPrefix(p.ImportPath, module))
		}
	}
}

// The SQL of a transaction is the store's: tx.Tx is opaque above it.
func TestNobodyAboveTheStoreUsesSQL(t *testing.T) {
	call := regexp.MustCompile(`\.SQL\(\)`)
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"internal/")
		if under(path, "store") || under(path, "infra") || testHelper(path) {
			continue
		}
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if call.Match(text) {
				t.Errorf("%s/%s calls SQL(): ask a room of the store instead", path, name)
			}
		}
	}
}

// askers make HTTP clients of their own, to places that no stranger names.
var askers = map[string]string{
	"infra/fetch":          "is what all others use",
	"infra/blob/s3":        "asks the service that the operator names",
	"infra/vault":          "asks the service that the operator names",
	"protocol/adminserver": "asks our own socket",
	"node":                 "checks our own doors",
}

// Whatever a stranger names is asked by infra/fetch, which cannot be turned inward.
func TestOnlyFetchAsksStrangers(t *testing.T) {
	client := regexp.MustCompile(`http\.(DefaultClient|DefaultTransport|Get\(|Post\(|PostForm\(|Head\()|http\.(Client|Transport)\{`)
	for _, p := range packages(t) {
		path, ok := strings.CutPrefix(p.ImportPath, module+"internal/")
		if !ok || askers[path] != "" || testHelper(path) {
			continue
		}
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if found := client.Find(text); found != nil {
				t.Errorf("%s/%s uses %s: ask by infra/fetch", path, name, found)
			}
		}
	}
}
