package main

import (
	"strings"
	"testing"
)

// What dkim shows can be put into a zone: each key a record, no string of it too long.
func TestDKIM(t *testing.T) {
	data := t.TempDir()
	run := func(want int, args ...string) string {
		t.Helper()
		out, errs, status := mailmesh(t, append(args, "--data", data)...)
		if status != want {
			t.Fatalf("%q: status %d, %s", args, status, errs)
		}
		return out + errs
	}
	run(0, "domain", "add", "example.org")
	before := run(0, "dkim", "show", "example.org")
	for _, text := range []string{"; ed25519 key, active since ", "; rsa key, next since ", "._domainkey.example.org. IN TXT \"v=DKIM1; k=rsa; p="} {
		if !strings.Contains(before, text) {
			t.Errorf("shown is no %q: %s", text, before)
		}
	}
	for line := range strings.Lines(before) {
		for text := range strings.SplitSeq(line, `"`) {
			if len(text) > 255 {
				t.Errorf("a string of %d bytes: %s", len(text), text)
			}
		}
	}
	if out := run(1, "dkim", "rotate", "example.org"); !strings.Contains(out, "resolvers may not know their records") {
		t.Errorf("too early: %s", out)
	}
	if out := run(0, "dkim", "rotate", "--now", "example.org"); strings.Count(out, " IN TXT ") != 6 || strings.Count(out, "retired since") != 2 {
		t.Errorf("rotated: %s", out)
	}
	run(1, "submission", "list", "ann@example.org")
}
