package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What holds a password need not be an argument.
func TestArgument(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte("postgres://u:secret@db/mail\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"": "", "postgres://u@db/mail": "postgres://u@db/mail", "@" + file: "postgres://u:secret@db/mail"} {
		if got, err := argument(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := argument("@" + file + "x"); err == nil {
		t.Error("a file that is not there is taken")
	}
}
