package onboarding

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The unit in deploy is that of a server where people expect one.
func TestUnit(t *testing.T) {
	u := Unit{Program: "/usr/local/bin/mailmesh", ConfigFile: "/etc/mailmesh.toml", Data: "/var/lib/mailmesh", User: "mailmesh"}
	path := filepath.Join("..", "..", "deploy", "systemd", "mailmesh.service")
	if *update {
		if err := os.WriteFile(path, []byte(u.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != u.String() {
		t.Errorf("%s is another (%v): UPDATE=1 go test ./internal/onboarding", path, err)
	}
	u.Data, u.User = "/home/ann/mail", "ann"
	for text, want := range map[string]bool{"StateDirectory": false, "ReadWritePaths=/home/ann/mail\n": true, "ProtectHome": false, "User=ann\n": true} {
		if strings.Contains(u.String(), text) != want {
			t.Errorf("%q: %v in\n%s", text, !want, u)
		}
	}
}
