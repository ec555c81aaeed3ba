//go:build system

package system

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// arrived waits for the message with this subject in the INBOX of the demo's second account, and returns it.
func (s *server) arrived(t *testing.T, subject string) string {
	t.Helper()
	curl := tool(t, "curl")
	a := s.ready.Accounts[1]
	user := a.Address + ":" + a.Password
	found := command(t, "", nil, curl, "-sS", "imap://"+s.ready.IMAP+"/INBOX", "-u", user, "-X", "SEARCH SUBJECT "+subject)
	numbers := strings.Fields(strings.TrimPrefix(strings.TrimSpace(found), "* SEARCH"))
	if len(numbers) != 1 {
		t.Fatalf("%d messages have the subject %s", len(numbers), subject)
	}
	return command(t, "", nil, curl, "-sS", "imap://"+s.ready.IMAP+"/INBOX;MAILINDEX="+numbers[0], "-u", user)
}

// swaks signs in by each mechanism it has, at both doors; without a sign-in, and in another's name, nothing is taken.
func TestSwaksSubmits(t *testing.T) {
	swaks := tool(t, "swaks")
	s := newServer(t, "--demo")
	from, to := s.ready.Accounts[0], s.ready.Accounts[1]
	run := func(door string, args ...string) (string, error) {
		host, port, _ := strings.Cut(door, ":")
		args = append([]string{"--server", host, "--port", port, "--from", from.Address, "--to", to.Address}, args...)
		out, err := exec.CommandContext(t.Context(), swaks, args...).CombinedOutput()
		return string(out), err
	}
	signIn := []string{"--auth-user", from.Address, "--auth-password", from.Password}
	for i, c := range []struct {
		door string
		args []string
	}{
		{s.ready.Submission, []string{"--tls", "--auth", "PLAIN"}},
		{s.ready.Submission, []string{"--tls", "--auth", "LOGIN"}},
		{s.ready.Submissions, []string{"--tls-on-connect", "--auth", "PLAIN"}},
	} {
		subject := fmt.Sprintf("swaks%d", i)
		out, err := run(c.door, append(append(c.args, signIn...), "--header", "Subject: "+subject)...)
		if err != nil || !strings.Contains(out, "250 2.0.0 ok: kept as") {
			t.Fatalf("%v: %v\n%s", c.args, err, out)
		}
		text := s.arrived(t, subject)
		if strings.Count(text, "DKIM-Signature: ") != 2 || !strings.Contains(text, " with ESMTPSA id ") || strings.Contains(text, "127.0.0.1") {
			t.Errorf("arrived is\n%s", text)
		}
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"without TLS":       {nil, "530 5.7.0 send STARTTLS first"},
		"without a sign-in": {[]string{"--tls"}, "530 5.7.0 sign in first"},
		"a wrong password":  {[]string{"--tls", "--auth", "PLAIN", "--auth-user", from.Address, "--auth-password", "wrong"}, "535 5.7.8"},
		"another's address": {append([]string{"--tls", "--auth", "PLAIN", "--from", to.Address}, signIn...), "550 5.7.1"},
		"another's From":    {append([]string{"--tls", "--auth", "PLAIN", "--header", "From: " + to.Address}, signIn...), "550 5.7.1"},
	} {
		if out, err := run(s.ready.Submission, c.args...); err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if out, err := run(s.ready.SMTP, append([]string{"--tls", "--auth", "PLAIN"}, signIn...)...); err == nil {
		t.Errorf("port 25 lets somebody sign in:\n%s", out)
	}
}

// curl sends over both doors.
func TestCurlSubmits(t *testing.T) {
	curl := tool(t, "curl")
	s := newServer(t, "--demo")
	from, to := s.ready.Accounts[0], s.ready.Accounts[1]
	for door, url := range map[string]string{"starttls": "smtp://" + s.ready.Submission, "implicit": "smtps://" + s.ready.Submissions} {
		letter := write(t, filepath.Join(t.TempDir(), "letter.eml"), "From: "+from.Address+"\nBcc: secret@example.net\nSubject: curl"+door+"\n\nhello\n", 0o600)
		command(t, "", nil, curl, "-sS", "-k", "--ssl-reqd", "--crlf", url, "-u", from.Address+":"+from.Password,
			"--mail-from", from.Address, "--mail-rcpt", to.Address, "-T", letter)
		text := s.arrived(t, "curl"+door)
		if strings.Contains(text, "secret@example.net") || !strings.Contains(text, "\r\nMessage-ID: <") || !strings.Contains(text, "\r\nDate: ") {
			t.Errorf("arrived is\n%s", text)
		}
	}
}

// mutt sends as its users do, verifying the certificate; what was sent shows what became of it, and with Undo it is taken back.
func TestMuttSubmits(t *testing.T) {
	mutt := tool(t, "mutt")
	s := newServer(t, "--demo")
	from, to := s.ready.Accounts[0], s.ready.Accounts[1]
	_, port, _ := strings.Cut(s.ready.Submissions, ":")
	home := t.TempDir()
	rc := write(t, filepath.Join(home, "muttrc"), fmt.Sprintf(`
set smtp_url = "smtps://%s@localhost:%s/"
set smtp_pass = "%s"
set from = "%s"
set use_from = yes
set ssl_ca_certificates_file = "%s"
set copy = no
`, strings.ReplaceAll(from.Address, "@", "%40"), port, from.Password, from.Address, s.certificate(t)), 0o600)
	send := func(subject string) {
		command(t, home, []string{"HOME=" + home}, "sh", "-c", "echo 'by mutt: grüße' | "+mutt+" -n -F "+rc+" -s "+subject+" -- "+to.Address)
	}
	send("bymutt")
	if text := s.arrived(t, "bymutt"); strings.Count(text, "DKIM-Signature: ") != 2 {
		t.Errorf("arrived is\n%s", text)
	}
	s.run("", "account", "set", from.Address, "--undo", "1h", "--sent-copy")
	send("undone")
	list := s.run("", "submission", "list", from.Address)
	ids := regexp.MustCompile(`(?m)^S\w+`).FindAllString(list, -1)
	if len(ids) != 2 {
		t.Fatalf("listed are\n%s", list)
	}
	if out := s.run("", "submission", "cancel", from.Address, ids[0]); !strings.Contains(out, to.Address+" will not get it") {
		t.Errorf("taken back: %s", out)
	}
	if out := s.run("", "submission", "show", from.Address, ids[0]); !strings.Contains(out, "queued") || !strings.Contains(out, "canceled") {
		t.Errorf("shown is\n%s", out)
	}
	if out := s.run("", "submission", "show", from.Address, ids[1]); !strings.Contains(out, "delivered") {
		t.Errorf("shown is\n%s", out)
	}
	s.stop()
	s.verify()
}

// certificate is a file with the certificate that the server made for itself.
func (s *server) certificate(t *testing.T) string {
	t.Helper()
	pem := command(t, "", nil, "sh", "-c", "openssl s_client -connect "+s.ready.Submissions+" -servername localhost </dev/null 2>/dev/null | openssl x509")
	return write(t, filepath.Join(t.TempDir(), "server.pem"), pem, 0o600)
}
