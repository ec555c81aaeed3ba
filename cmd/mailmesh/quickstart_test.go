package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A new server is made in one step, which can be taken again and changes nothing then.
func TestQuickstart(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "mailmesh.toml"), filepath.Join(dir, "data")
	at := []string{"--config", file, "--data", data}
	run := func(stdin string, args ...string) (out, errs string, status int) {
		t.Helper()
		return mailmeshWith(t, stdin, append(args, at...)...)
	}
	for address, want := range map[string]string{"nonsense": "mailmesh: ", "ann@": "mailmesh: ", "ann@example": "not the full name", "ann@[192.0.2.1]": "address literal"} {
		if _, errs, status := run("", "quickstart", address); status != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d, %q", address, status, errs)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a wrong address has made a configuration")
	}

	out, errs, status := run("", "quickstart", "ann@example.org")
	password := regexp.MustCompile(`The password of ann@example.org is  ([a-z2-7]{4}(-[a-z2-7]{4}){3})  `).FindStringSubmatch(out)
	if status != 0 || errs != "" || password == nil {
		t.Fatalf("status %d, %q\n%s", status, errs, out)
	}
	for _, want := range []string{
		"  made  " + file, "  made  the domain example.org", "  made  the account ann@example.org", "example.org.       MX     10 mail.example.org.",
		"_mta-sts.example.org.", "  TXT    \"v=DKIM1; k=rsa; p=", "SRV    0 1 465 mail.example.org.", "_25._tcp.mail.example.org.  TLSA   3 1 1 ", "ExecStart=", " serve --config " + file + "\n", "mailmesh --config " + file + " check",
		"https://mail.example.org/mobileconfig?address=ann@example.org",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "\nhostname = \"mail.example.org\"\n") || !strings.Contains(string(text), "terms of service") {
		t.Errorf("the configuration is (%v)\n%s", err, text)
	}
	at = []string{"--config", file} // it says where the data are

	again, errs, status := run("", "quickstart", "ann@example.org")
	if status != 0 || strings.Contains(again, "  made  ") || strings.Contains(again, "The password of") || records(again) != records(out) {
		t.Errorf("again: status %d, %q\n%s", status, errs, again)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != string(text) {
		t.Errorf("the configuration was changed (%v)", err)
	}
	out, errs, status = run("correct horse battery\n", "quickstart", "bob@example.net", "--password-stdin", "--hostname", "mail.example.org")
	if status != 0 || !strings.Contains(out, "  kept  "+file) || !strings.Contains(out, "  made  the domain example.net") || strings.Contains(out, "The password of") {
		t.Errorf("another domain: status %d, %q\n%s", status, errs, out)
	}
	if _, errs, status := run("", "quickstart", "bob@example.net", "--hostname", "mx.example.net"); status != 1 || !strings.Contains(errs, `says hostname = "mail.example.org"`) {
		t.Errorf("another host name: status %d, %q", status, errs)
	}
	if out, _, status := run("", "account", "list"); status != 0 || strings.Count(out, "enabled") != 2 {
		t.Errorf("accounts: %s", out)
	}
}

// records are the DNS records in what quickstart prints.
func records(out string) string {
	_, out, _ = strings.Cut(out, "; so that mail finds you")
	out, _, _ = strings.Cut(out, "\n2. ")
	return out
}
