//go:build system

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/test/program"
)

const password = "correct horse battery"

// mailmesh is a domain that the built program serves, as an operator would set it up.
type mailmesh struct {
	*machine
	in      *internet
	domain  string // the server is mx below it
	pair    pair
	config  string
	process *process
}

// newMailmesh starts a server for a domain, with its names, and accounts by their local parts.
func newMailmesh(t *testing.T, in *internet, domain, address string, accounts ...string) *mailmesh {
	t.Helper()
	m := &mailmesh{machine: newMachine(t, strings.TrimSuffix(domain, ".example"), address), in: in, domain: domain,
		pair: in.ca.issue("mx."+domain, "mta-sts."+domain, "autoconfig."+domain, "autodiscover."+domain)}
	m.config = filepath.Join(in.dir, m.name+".toml")
	m.configure(t, "")
	m.start(t)
	m.run("", "domain", "add", domain)
	m.in.publish(domain, m.run("", "dns", domain))
	for _, local := range accounts {
		m.run(password+"\n", "account", "add", local+"@"+domain, "--password-stdin")
	}
	return m
}

// configure writes the configuration, with more at its end.
func (m *mailmesh) configure(t *testing.T, more string) {
	t.Helper()
	text := fmt.Sprintf("hostname = %q\ndata = %q\n[tls]\ncertificate = %q\nkey = %q\n[log]\nlevel = \"debug\"\n", "mx."+m.domain,
		filepath.Join(m.in.dir, m.name), m.pair.certificate, m.pair.key)
	if err := os.WriteFile(m.config, []byte(text+more), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (m *mailmesh) start(t *testing.T) {
	t.Helper()
	path, err := program.Path()
	if err != nil {
		t.Fatal(err)
	}
	ready := filepath.Join(m.in.dir, m.name+".ready")
	os.Remove(ready)
	cmd := m.command(path, "serve", "--config", m.config, "--ready-file", ready)
	cmd.Env = m.environment()
	m.process = start(t, cmd, func() bool { _, err := os.Stat(ready); return err == nil })
}

// environment has the program trust our authority, and take our networks, which are for documentation, for the internet.
func (m *mailmesh) environment() []string {
	return append(os.Environ(), "SSL_CERT_FILE="+m.in.ca.file, "MAILMESH_CONFIG_OUTBOUND_PRIVATE_NETWORKS=192.0.2.0/24,2001:db8::/32")
}

// run runs one of the program's commands.
func (m *mailmesh) run(stdin string, args ...string) string {
	m.t.Helper()
	out, err := m.try(stdin, args...)
	if err != nil {
		m.t.Fatalf("mailmesh %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (m *mailmesh) try(stdin string, args ...string) (string, error) {
	path, err := program.Path()
	if err != nil {
		return "", err
	}
	cmd := m.command(path, append(args, "--config", m.config)...)
	cmd.Env = m.environment()
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
