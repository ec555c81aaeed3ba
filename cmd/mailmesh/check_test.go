package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// The check tells of the stopped server and of the running one, in words and as JSON, and changes nothing.
func TestCheck(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	out, errs, status := mailmesh(t, "check", "--data", data)
	if status != 1 || errs != "" || !strings.Contains(out, "there is no data folder") || !strings.Contains(out, "-> mailmesh quickstart") {
		t.Errorf("no folder: status %d, %q, %q", status, out, errs)
	}
	config := fmt.Sprintf("hostname = \"mail.mailmesh.test\"\ndata = %q\n[listen]\n", t.TempDir())
	for _, door := range []string{"smtp", "lmtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s", "http", "https", "metrics"} {
		config += fmt.Sprintf("%s = [\"127.0.0.1:%d\"]\n", door, freePort(t))
	}
	r := serveWith(t, config)
	defer r.stop()
	type report struct {
		OK       bool
		Findings []struct{ Area, Level, Text, Mend string }
	}
	var got report
	out, _, status = mailmesh(t, "check", "--json", "--config", r.config)
	if err := json.Unmarshal([]byte(out), &got); err != nil || status != 1 || got.OK {
		t.Fatalf("status %d, %v, %s", status, err, out)
	}
	doors, selfSigned := 0, false
	for _, f := range got.Findings {
		if f.Area == "ports" && f.Level == "ok" && strings.HasSuffix(f.Text, " answers") {
			doors++
		} else if f.Area == "ports" {
			t.Errorf("%+v", f)
		}
		selfSigned = selfSigned || f.Area == "certificate" && strings.Contains(f.Text, "self-signed")
	}
	if doors < 11 || !selfSigned {
		t.Errorf("%d doors answer; self-signed: %v", doors, selfSigned)
	}
	if out, _, _ := mailmesh(t, "check", "--all", "--config", r.config); !strings.Contains(out, "  ok       smtp on 127.0.0.1:") || !strings.Contains(out, " problems\n") {
		t.Errorf("all: %s", out)
	}
}
