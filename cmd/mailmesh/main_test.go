package main

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// TestMain lets the test binary be the program: with asProgram set it is.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const asProgram = "MAILMESH_TEST_AS_PROGRAM"

// mailmesh runs the program with an empty standard input and returns its output, status and errors.
func mailmesh(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{}, {"help"}, {"--help"}, {"help", "account"}, {"account", "--help"}} {
		out, errs, status := mailmesh(t, args...)
		if status != 0 || errs != "" || !strings.HasPrefix(out, "Usage: mailmesh") {
			t.Errorf("%q: status %d, %q, %q", args, status, out, errs)
		}
	}
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if out, _, status := mailmesh(t, args...); status != 0 || !strings.HasPrefix(out, "mailmesh ") {
			t.Errorf("%q: status %d, %q", args, status, out)
		}
	}
	if _, errs, status := mailmesh(t, "acount"); status != 2 || !strings.Contains(errs, "acount") || strings.Count(errs, "\n") > 5 {
		t.Errorf("a wrong word: status %d, %q", status, errs)
	}
}

// Nobody else reads what is kept, also where the operator made the folder with the modes of any other.
func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	data := t.TempDir()
	if err := os.Chmod(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := mailmesh(t, "domain", "add", "example.org", "--data", data); status != 0 {
		t.Fatal(errs)
	}
	found := 0
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == data {
			return err
		}
		found++
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil || found < 3 {
		t.Errorf("found %d files (%v)", found, err)
	}
}

// A misspelled folder is not made into an empty server by asking it something.
func TestCommandsMakeNoFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "misspelled")
	for _, args := range [][]string{{"domain", "list"}, {"verify"}, {"restored"}, {"rebuild"}, {"account", "remove", "a@example.org"}, {"account", "add", "a@example.org"}} {
		if _, errs, status := mailmesh(t, append(args, "--data", data)...); status != 1 || !strings.Contains(errs, "there is no data folder "+data) {
			t.Errorf("%q: status %d, %q", args, status, errs)
		}
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the folder is there (%v)", err)
	}
}

func TestConfigIsShown(t *testing.T) {
	if out, errs, status := mailmesh(t, "config", "--data", "/srv/mail"); status != 0 || !strings.Contains(out, `data = "/srv/mail"`) || !strings.Contains(out, "# command line") {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	if out, _, status := mailmesh(t, "config", "--reference"); status != 0 || !strings.Contains(out, "- accepted:") {
		t.Errorf("status %d, %q", status, out)
	}
	if _, errs, status := mailmesh(t, "config", "--config", "/nowhere/mailmesh.toml"); status != 1 || !strings.Contains(errs, "/nowhere/mailmesh.toml") {
		t.Errorf("status %d, %q", status, errs)
	}
}

// Whose demo ports are taken is told the way out.
func TestDemoPortsInUse(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.1:2525"); err == nil { // else another program has it already
		defer l.Close()
	}
	if _, errs, status := mailmesh(t, "serve", "--demo", "--data", t.TempDir()); status != 1 || !strings.Contains(errs, "--any-port") {
		t.Errorf("status %d, %q", status, errs)
	}
}

func TestAccountCommands(t *testing.T) {
	data := t.TempDir()
	for _, step := range []struct {
		args string
		want string // in the output or, after "!", in the error
	}{
		{"domain add example.org", "mail for example.org is taken here"},
		{"account add a@example.org --no-password --quota-bytes 2GiB", "a@example.org can get mail"},
		{"account list", "2147483648"},
		{"account set a@example.org", "!nothing to change"},
		{"domain set example.org", "!nothing to change"},
		{"account set a@example.org --quota-bytes 1.5G", `!"1.5G" is not a size: give a number of bytes`},
		{"account set a@example.org --quota-bytes 0", ""},
		{"account set a@example.org --name Ann --disable", ""},
		{"account list", "disabled  Ann"},
		{"account add b@example.org", "!mailmesh: standard input is no terminal: give the password with --password-stdin"},
		{"account add c@example.com --no-password", "!mailmesh: example.com is not a domain of this server"},
		{"account list example.org", "a@example.org"},
		{"alias list example.org", "ALIAS"},
		{"account list exampel.org", "!mailmesh: exampel.org is not a domain of this server\n"},
		{"account list exampel.org --json", "!mailmesh: exampel.org is not a domain of this server\n"},
		{"alias list exampel.org", "!mailmesh: exampel.org is not a domain of this server\n"},
		{"verify", "everything is there and whole (accounts: 1, "},
		{"rebuild", "nothing to rebuild"},
		{"rebuild --json", `"objects":0,"names":0`},
		{"account remove a@example.org", ""},
		{"domain remove example.org", ""},
		{"domain list --json", ""},
	} {
		out, errs, status := mailmesh(t, append(strings.Fields(step.args), "--data", data)...)
		want, wrong := strings.CutPrefix(step.want, "!")
		if got := out + errs; (status != 0) != wrong || !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: status %d, %q", step.args, status, got)
		}
	}
}

// The commands on a stopped server whose rows and bodies are in PostgreSQL.
func TestCommandsOnPostgres(t *testing.T) {
	t.Setenv("MAILMESH_CONFIG_DATABASE", dbtest.PostgresURL(t, nil))
	data := t.TempDir()
	for _, step := range []struct{ args, want string }{
		{"domain add example.org", "mail for example.org is taken here"},
		{"account add a@example.org --no-password", "a@example.org can get mail"},
		{"verify", "everything is there and whole (accounts: 1, "},
		{"rebuild", "nothing to rebuild"},
		{"restored", "ready to serve: 1 accounts"},
		{"verify --json", `"ok": true`},
	} {
		if out, errs, status := mailmesh(t, append(strings.Fields(step.args), "--data", data)...); status != 0 || !strings.Contains(out, step.want) {
			t.Errorf("%s: status %d, %q, %q", step.args, status, out, errs)
		}
	}
}
