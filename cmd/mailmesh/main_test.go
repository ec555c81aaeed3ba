package main

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// program is the program, to be run until the test ends.
func program(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// mailmesh runs the program with an empty standard input and returns its output, status and errors.
func mailmesh(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	return mailmeshWith(t, "", args...)
}

func mailmeshWith(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := program(t, args...)
	cmd.Stdin = strings.NewReader(stdin)
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

// step is a command and what it says.
type step struct {
	args  string
	stdin string
	want  string // in the output or, after "!", in the error; "": nothing is said
}

func (s step) run(t *testing.T, data string) {
	t.Helper()
	out, errs, status := mailmeshWith(t, s.stdin, append(strings.Fields(s.args), "--data", data)...)
	want, wrong := strings.CutPrefix(s.want, "!")
	if got := out + errs; (status != 0) != wrong || !strings.Contains(got, want) || want == "" && got != "" {
		t.Errorf("%s: status %d, %q, want %q", s.args, status, got, s.want)
	}
}

var accountCommands = []step{
	{"domain add example.org", "", "mail for example.org is taken here"},
	{"domain add example.org", "", "!mailmesh: "},
	{"domain list", "", "example.org"},
	{"dns example.org", "", "  MX     10 "},
	{"dns example.org --json", "", `{"name":"_dmarc.example.org","type":"TXT","value":"v=DMARC1; p=quarantine"`},
	{"dns exampel.org", "", "!mailmesh: exampel.org is not a domain of this server\n"},
	{"account add a@example.org --no-password --quota-bytes 2GiB", "", "a@example.org can get mail"},
	{"account list", "", "2147483648"},
	{"account set a@example.org", "", "!nothing to change"},
	{"domain set example.org", "", "!nothing to change"},
	{"account set a@example.org --quota-bytes 1.5G", "", `!"1.5G" is not a size: give a number of bytes`},
	{"account set a@example.org --quota-bytes 0", "", ""},
	{"account set a@example.org --name Ann --disable", "", ""},
	{"account list", "", "disabled  Ann"},
	{"account add b@example.org", "", "!mailmesh: standard input is no terminal: give the password with --password-stdin"},
	{"account add c@example.com --no-password", "", "!mailmesh: example.com is not a domain of this server"},
	{"account list example.org", "", "a@example.org"},
	{"account password a@example.org --password-stdin", "correct horse battery\n", ""},
	{"account password a@example.org --password-stdin", "\n", "!mailmesh: "},
	{"account password z@example.org --password-stdin", "correct horse battery\n", "!mailmesh: "},
	{"account app-password add a@example.org Phone", "", "-"},
	{"account app-password list a@example.org", "", "Phone"},
	{"account app-password remove a@example.org nothing", "", "!mailmesh: "},
	{"session list a@example.org", "", "ID"},
	{"session list nobody@example.org", "", "!mailmesh: "},
	{"session revoke a@example.org 77", "", "!mailmesh: "},
	{"session revoke a@example.org", "", "!mailmesh: give the id of a session, or --all"},
	{"session revoke a@example.org --all", "", ""},
	{"alias list example.org", "", "ALIAS"},
	{"alias add all@example.org a@example.org", "", ""},
	{"alias list example.org", "", "all@example.org  a@example.org"},
	{"alias add a@example.org a@example.org", "", "!mailmesh: "},
	{"alias remove all@example.org", "", ""},
	{"alias remove all@example.org", "", "!mailmesh: "},
	{"group list example.org", "", "GROUP"},
	{"group add team@example.org --name Team", "", ""},
	{"group add team@example.org", "", "!mailmesh: team@example.org is a group already"},
	{"group add x@example.org --post all", "", "!mailmesh: who may send to a group is one of"},
	{"group set team@example.org", "", "!nothing to change"},
	{"group set team@example.org --post all", "", "!mailmesh: who may send to a group is one of"},
	{"group set team@example.org --post owners", "", ""},
	{"group member add team@example.org a@example.org --owner", "", ""},
	{"group member add team@example.org x@elsewhere.example y@elsewhere.example", "", ""},
	{"group list", "", "team@example.org  3        owners  Team"},
	{"group member list team@example.org", "", "a@example.org        owner"},
	{"group member of a@example.org", "", "team@example.org  owner"},
	{"group member add team@example.org team@example.org", "", "!mailmesh: team@example.org leads back to team@example.org"},
	{"group member remove team@example.org z@example.org", "", "!mailmesh: z@example.org is no member of team@example.org"},
	{"group member remove team@example.org x@elsewhere.example", "", ""},
	{"group member list nobody@example.org", "", "!mailmesh: there is no group nobody@example.org"},
	{"group remove team@example.org", "", ""},
	{"group remove team@example.org", "", "!mailmesh: there is no group team@example.org"},
	{"domain set example.org --catch-all a@example.org", "", ""},
	{"domain list", "", "a@example.org"},
	{"account list exampel.org", "", "!mailmesh: exampel.org is not a domain of this server\n"},
	{"account list exampel.org --json", "", "!mailmesh: exampel.org is not a domain of this server\n"},
	{"alias list exampel.org", "", "!mailmesh: exampel.org is not a domain of this server\n"},
	{"verify", "", "everything is there and whole (accounts: 1, "},
	{"verify --json", "", `"ok": true`},
}

var removeCommands = []step{
	{"domain remove example.org", "", "!mailmesh: "},
	{"domain set example.org --catch-all=", "", ""},
	{"account remove a@example.org", "", ""},
	{"domain remove example.org", "", ""},
	{"domain list --json", "", ""},
}

func TestAccountCommands(t *testing.T) {
	data := t.TempDir()
	all := slices.Concat(accountCommands, []step{{"rebuild", "", "nothing to rebuild"}, {"rebuild --json", "", `"objects":0,"names":0`}}, removeCommands)
	for _, s := range all {
		s.run(t, data)
	}
}

// The same words to a server that runs have the same answers, over its admin socket.
func TestAccountCommandsOnARunningServer(t *testing.T) {
	data := t.TempDir()
	ready := filepath.Join(t.TempDir(), "ready.json")
	server := program(t, "serve", "--any-port", "--data", data, "--ready-file", ready)
	var log bytes.Buffer
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		if time.Since(begun) > time.Minute {
			server.Process.Kill()
			t.Fatal("the server is not ready after a minute")
		}
	}
	for _, s := range slices.Concat(accountCommands, removeCommands) {
		s.run(t, data)
	}
	step{"rebuild", "", "!stop the server first"}.run(t, data)
	step{"serve --any-port", "", "!another mailmesh uses this data folder"}.run(t, data)
	if err := errors.Join(server.Process.Signal(os.Interrupt), server.Wait()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "admin request") {
		t.Errorf("the commands did not ask the server:\n%s", log.String())
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
		{"restored", "ready to serve: 1 accounts"},
		{"verify --json", `"ok": true`},
	} {
		if out, errs, status := mailmesh(t, append(strings.Fields(step.args), "--data", data)...); status != 0 || !strings.Contains(out, step.want) {
			t.Errorf("%s: status %d, %q, %q", step.args, status, out, errs)
		}
	}
}
