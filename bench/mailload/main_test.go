package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/bench/fakemail"
	"github.com/mailmesh/mailmesh/bench/result"
)

// The test binary is also the server's command line.
func TestMain(m *testing.M) {
	if os.Getenv(fakemail.CommandEnv) != "" {
		if err := fakemail.Command(os.Args[1:], os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func start(t *testing.T, faults fakemail.Faults) *fakemail.Server {
	t.Helper()
	s, err := fakemail.Start(fakemail.Options{Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// mailload runs the command line, one word a space.
func mailload(line string, args ...any) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), strings.Fields(fmt.Sprintf(line, args...)), &out, &errs)
	return code, out.String(), errs.String()
}

func TestCommands(t *testing.T) {
	s := start(t, fakemail.Faults{})
	dir := t.TempDir()
	pid := os.Getpid()
	cases := []struct{ line, want string }{
		{fmt.Sprintf("smtp %s --to u{n}@x.org -n 40 -c 4 --size 2k --pid %d", s.SMTP, pid), "accepted   40 mails"},
		{fmt.Sprintf("smtp %s --to u{n}@x.org -n 10 -c 2 --bdat --smtp-tls starttls --user u --user-password p", s.SMTP), "accepted   10 mails"},
		{fmt.Sprintf("smtp %s --to u{n}@x.org --duration 20ms -c 2 --no-pipelining", s.SMTP), "errors     0"},
		{fmt.Sprintf("lmtp %s --to u{n}@x.org -n 40 -c 4 --per-mail 3", s.LMTP), "(120 recipients"},
		{fmt.Sprintf("visible --smtp %s --imap %s --account v{n}@x.org --accounts 3 -n 30 -c 3 --poll 1ms", s.SMTP, s.IMAP), "visible    30 mails"},
		{fmt.Sprintf("idle --smtp %s --lmtp --imap %s --imap-tls tls --account i@x.org -n 5 --interval 1ms", s.LMTP, s.IMAPS), "(5 messages)"},
		{fmt.Sprintf("imap --imap %s --imap-tls starttls --account m@x.org -n 100 --rounds 2 --bodies 10", s.IMAP), "search body"},
		{fmt.Sprintf("sessions --imap %s --imap-tls tls --account s{n}@x.org --accounts 2 -n 4 --pid %d --settle 0s", s.IMAPS, pid), "(4 sessions"},
		{fmt.Sprintf("append-import --imap %s --account p@x.org -n 100 --pid %d --every 1ms", s.IMAP, pid), "imported 100 messages"},
		{fmt.Sprintf("soak %s --journals %s --to k{n}@x.org --mailboxes 3 -c 4 -n 10 --max-size 20k", s.SMTP, dir), "40 acked, 0 refused, 0 in doubt"},
		{fmt.Sprintf("check --imap %s --journals %s --account k{n}@x.org --accounts 3 --state %s/state.json", s.IMAP, dir, dir), "40 acked, 40 bodies"},
		{fmt.Sprintf("check --imap %s --journals %s --account k{n}@x.org --accounts 3 --state %s/state.json --new-only", s.IMAP, dir, dir), "40 acked, 0 bodies"},
	}
	for _, tc := range cases {
		code, out, errs := mailload("%s", tc.line)
		if code != 0 || !strings.Contains(out, tc.want) {
			t.Errorf("mailload %s: code %d, want %q in %q; errors %q", tc.line, code, tc.want, out, errs)
		}
	}
}

func TestJSON(t *testing.T) {
	s := start(t, fakemail.Faults{})
	code, out, errs := mailload("--json smtp %s --to a@x.org -n 5 -c 1", s.SMTP)
	var r struct{ Accepted int }
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r.Accepted != 5 {
		t.Errorf("code %d, %q, %q: %v", code, out, errs, err)
	}
}

func TestBrokenPromisesAreFailures(t *testing.T) {
	s := start(t, fakemail.Faults{Accept: func(n int) fakemail.Fate {
		if n == 7 {
			return fakemail.Lose
		}
		return fakemail.Keep
	}})
	dir := t.TempDir()
	if code, _, errs := mailload("soak %s --journals %s --to k@x.org -c 2 -n 10", s.SMTP, dir); code != 0 {
		t.Fatal(errs)
	}
	code, out, errs := mailload("check --imap %s --journals %s --account k@x.org", s.IMAP, dir)
	if code != 1 || !strings.Contains(out, "missing: k@x.org: message") || !strings.Contains(errs, "1 missing") {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for line, want := range map[string]string{
		"":                                     "expected one of",
		"smtp":                                 "--to",
		"smtp --to a@x.org":                    "<addr>",
		"smtp 127.0.0.1:1":                     "--to",
		"smtp 127.0.0.1:1 --to a --size 10q":   "is no size",
		"smtp 127.0.0.1:1 --to a --size 9999m": "is no size",
		"smtp 127.0.0.1:1 --to a --smtp-tls x": "must be one of",
		"run --scale huge":                     "must be one of",
	} {
		if code, _, errs := mailload("%s", line); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("mailload %s: code %d, %q; want 2 and %q", line, code, errs, want)
		}
	}
	if code, _, errs := mailload("smtp 127.0.0.1:1 --to a@x.org"); code != 1 || !strings.Contains(errs, "refused") {
		t.Errorf("no server: code %d, %q", code, errs)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]size{"0": 0, "4096": 4096, "10k": 10240, "10KiB": 10240, "2M": 2 << 20, "1024m": 1 << 30} {
		var s size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s: %d, %v; want %d", text, s, err, want)
		}
	}
}

func TestRun(t *testing.T) {
	fakemail.BeCommand(t, "serve")
	dir := t.TempDir()
	out := filepath.Join(dir, "results")
	code, text, errs := mailload("run --no-pair --server %s --scale quick --only start,idle --data %s --out %s", os.Args[0], dir, out)
	if code != 0 || !strings.Contains(text, "MAIL FROM to IDLE EXISTS, p99") {
		t.Fatalf("code %d, %q, %q", code, text, errs)
	}
	paths, _ := filepath.Glob(filepath.Join(out, "*.json"))
	if len(paths) != 1 {
		t.Fatalf("results %v", paths)
	}
	raw, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	var r result.Result
	if err := json.Unmarshal(raw, &r); err != nil || len(r.Servers) != 1 || r.Machine.Cores < 1 || r.Disk.Sync.Count == 0 || r.Commit == "" {
		t.Errorf("result %+v, %v", r, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "mailload-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if code, _, errs := mailload("run --no-pair --server /nonexistent --only start --data %s --out %s", dir, out); code != 1 || !strings.Contains(errs, "start") {
		t.Errorf("no binary: code %d, %q", code, errs)
	}
	if paths, _ := filepath.Glob(filepath.Join(out, "*.json")); len(paths) != 1 {
		t.Errorf("a run without figures wrote a result: %v", paths)
	}
	if code, _, errs := mailload("run --no-pair --server x --only nonsense --data %s --out %s", dir, out); code != 1 || !strings.Contains(errs, "no step") {
		t.Errorf("no such step: code %d, %q", code, errs)
	}
}
