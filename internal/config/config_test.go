package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func load(t *testing.T, text string, environ ...string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mailmesh.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, environ)
}

func TestNoFileIsNeeded(t *testing.T) {
	c, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Limits.MessageSize != 50<<20 || c.Listen.SMTP[0] != ":25" {
		t.Errorf("defaults are %+v", c)
	}
}

func TestValuesAreRead(t *testing.T) {
	c, err := load(t, `
hostname = "mx.example.org"
[listen]
smtp = ["127.0.0.1:2525", "[::1]:2525"]
lmtp = []
[limits]
message_size = "20MiB"
[bodies]
keep = "30d"
[outbound]
private_networks = ["10.1.0.0/16"]
[log]
level = "debug"
`, "MAILMESH_CONFIG_LOG_LEVEL=warn", "MAILMESH_CONFIG_LISTEN_IMAP=127.0.0.1:1143, [::1]:1143", "HOME=/")
	if err != nil {
		t.Fatal(err)
	}
	if c.Hostname != "mx.example.org" || len(c.Listen.SMTP) != 2 || len(c.Listen.LMTP) != 0 ||
		c.Limits.MessageSize != 20<<20 || time.Duration(c.Bodies.Keep) != 30*24*time.Hour {
		t.Errorf("read %+v", c)
	}
	if private, err := c.Outbound.Private(); err != nil || len(private) != 1 || private[0].String() != "10.1.0.0/16" {
		t.Errorf("the private networks are %v, %v", private, err)
	}
	if c, err := load(t, "", "MAILMESH_CONFIG_OUTBOUND_PRIVATE_NETWORKS=10.0.0.0/8, fd00::/8"); err != nil || len(c.Outbound.PrivateNetworks) != 2 {
		t.Errorf("the private networks of the environment are %v, %v", c.Outbound.PrivateNetworks, err)
	}
	if c.Log.Level != "warn" || len(c.Listen.IMAP) != 2 || c.Listen.IMAP[1] != "[::1]:1143" {
		t.Errorf("the environment did not override: %+v", c)
	}
}

func TestPlainNumberIsASize(t *testing.T) {
	c, err := load(t, "[limits]\nmessage_size = 1048576\n")
	if err != nil || c.Limits.MessageSize != 1<<20 {
		t.Errorf("got %v, %v", c.Limits.MessageSize, err)
	}
}

// Each fault names the line, the key and what is accepted.
func TestFaultsNamePlaceAndRemedy(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		environ    []string
		want       []string
	}{
		{"unknown key", "hostname = \"a.example\"\nhostnam = \"b\"\n", nil, []string{".toml:2:", `"hostnam"`, "hostname", "[listen]"}},
		{"name of a node", "[cluster]\nname = \"a b\"\n", nil, []string{".toml:2:", "cluster.name", `"a b" is not a name`}},
		{"address of a node", "[cluster]\naddress = \"here\"\n", nil, []string{".toml:2:", "cluster.address", "host:port"}},
		{"two places for nodes", "[listen]\ncluster = [\":1\", \":2\"]\n", nil, []string{".toml:2:", "listen.cluster", "more than one"}},
		{"unknown key in section", "[log]\nlevle = \"info\"\n", nil, []string{".toml:2:", `"log.levle"`, "level, format"}},
		{"unknown section", "\n[smtp]\nport = 25\n", nil, []string{".toml:2:", `"smtp"`, "[listen]"}},
		{"bad level", "[log]\nlevel = \"loud\"\n", nil, []string{".toml:2:", "log.level", "debug, info, warn or error"}},
		{"bad endpoint", "[listen]\n\nsmtp = [\"25\"]\n", nil, []string{".toml:3:", "listen.smtp", "host:port"}},
		{"wrong type", "hostname = 5\n", nil, []string{".toml:1:", "hostname: the value is of the type integer; accepted: a fully qualified"}},
		{"no list", "[listen]\nsmtp = \":25\"\n", nil, []string{".toml:2:", "listen.smtp: the value is of the type string; accepted: a list of host:port"}},
		{"list", "[log]\nlevel = [\"info\"]\n", nil, []string{".toml:2:", "log.level: the value is of the type array; accepted: debug"}},
		{"no section", "listen = 5\n", nil, []string{".toml:1:", "listen: the value is of the type integer; accepted: a section [listen] of smtp, "}},
		{"dotted", "\nlog.level = \"loud\"\n", nil, []string{".toml:2:", "log.level", "debug, info, warn or error"}},
		{"inline", "\n\nlog = { format = \"text\", level = \"loud\" }\n", nil, []string{".toml:3:", "log.level", "debug, info, warn or error"}},
		{"quoted", "\n[ \"log\" ] # of what\n'level' = \"loud\"\n", nil, []string{".toml:3:", "log.level", "debug, info, warn or error"}},
		{"address as name", "hostname = \"192.0.2.1\"\n", nil, []string{".toml:1:", "hostname: 192.0.2.1 is an address"}},
		{"size out of range", "[limits]\nmessage_size = \"1KiB\"\n", nil, []string{".toml:2:", "limits.message_size", "64 KiB to 1 GiB"}},
		{"key without certificate", "[tls]\nkey = \"k.pem\"\n", nil, []string{".toml:2:", "set together"}},
		{"acme and files", "[tls]\ncertificate = \"c\"\nkey = \"k\"\n[acme]\ndirectory = \"https://ca.example/\"\n", nil, []string{".toml:5:", "acme.directory: tls.certificate is set, too"}},
		{"acme over http", "hostname = \"a.example\"\n[acme]\ndirectory = \"http://ca.example/\"\n", nil, []string{".toml:3:", "is not an https:// URL"}},
		{"acme for a bare name", "hostname = \"a\"\n[acme]\ndirectory = \"https://ca.example/\"\n", nil, []string{".toml:3:", "set hostname to a full one"}},
		{"acme without a way", "hostname = \"a.example\"\n[listen]\nhttp = []\n[acme]\ndirectory = \"https://ca.example/\"\n", nil, []string{".toml:5:", "set listen.http or acme.dns_server"}},
		{"acme key alone", "[acme]\ndns_key = \"k\"\n", nil, []string{".toml:2:", "set together"}},
		{"acme server", "[acme]\ndns_server = \"ns.example\"\ndns_key = \"k\"\n", nil, []string{".toml:2:", "is not host:port"}},
		{"no network", "[outbound]\nprivate_networks = [\"10.0.0.1/8\"]\n", nil, []string{".toml:2:", "outbound.private_networks", "\"10.0.0.1/8\" is not a network", "192.168.1.0/24"}},
		{"no network of proxies", "[listen]\nproxies = [\"192.0.2.1\"]\n", nil, []string{".toml:2:", "listen.proxies", "\"192.0.2.1\" is not a network", "192.0.2.16/28"}},
		{"not toml", "hostname = \n", nil, []string{".toml:1:"}},
		{"database", "database = \"mysql://x\"\n", nil, []string{".toml:1:", "postgres://"}},
		{"bodies elsewhere", "database = \"postgres://x\"\n[bodies]\nstore = \"https://k:topsecret@s3.example/b\"\n", nil, []string{".toml:3:", "bodies.store: is not a URL s3://"}},
		{"bodies without a database", "[bodies]\nstore = \"s3://bucket\"\n", nil, []string{".toml:2:", "bodies.store: database is not set"}},
		{"small bodies", "[bodies]\nsmall = \"2MiB\"\n", nil, []string{".toml:2:", "bodies.small", "up to 1 MiB"}},
		{"environment value", "", []string{"MAILMESH_CONFIG_LOG_FORMAT=xml"}, []string{"MAILMESH_CONFIG_LOG_FORMAT", "text or json"}},
		{"environment name", "", []string{"MAILMESH_CONFIG_NOPE=1"}, []string{"MAILMESH_CONFIG_NOPE", "names no key"}},
		{"environment range", "", []string{"MAILMESH_CONFIG_BODIES_KEEP=1s"}, []string{"MAILMESH_CONFIG_BODIES_KEEP", "at least"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.text, tt.environ...)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
		})
	}
}

// What is shown says where it comes from, keeps a password to itself, and is itself a configuration.
func TestShow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mailmesh.toml")
	file := "hostname = \"mx.example.org\"\ndatabase = \"postgres://u:secret@db/mail\"\n[listen]\nsmtp = [\":25\", \":26\"]\n"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := []string{"MAILMESH_CONFIG_BODIES_KEEP=30d"}
	c, err := Load(path, environ)
	if err != nil {
		t.Fatal(err)
	}
	c.Data = "/srv/mail"
	got := Show(c, path, environ)
	for _, want := range []string{
		`hostname = "mx.example.org"              # ` + path + ":1\n",
		`"postgres://u:xxxxx@db/mail"`,
		`data = "/srv/mail"                       # command line`,
		`smtp = [":25", ":26"]                    # ` + path + ":4\n",
		`imap = [":143"]                          # default`,
		`private_networks = []                    # default`,
		`keep = "30d"                             # environment: MAILMESH_CONFIG_BODIES_KEEP`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
	if again, err := load(t, got); err != nil || again.Data != c.Data || again.Bodies != c.Bodies || again.Limits != c.Limits {
		t.Errorf("read again: %+v, %v", again, err)
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://u:secret@db1:5432,db2:5432/mail":       "postgres://u:xxxxx@db1:5432,db2:5432/mail",
		"postgres://db/mail?user=u&password=secret":        "postgres://db/mail?user=u&password=xxxxx",
		"postgres://u@db/mail?password=sec@ret&sslmode=x":  "postgres://u@db/mail?password=xxxxx&sslmode=x",
		"postgres://u:50%secret@db/mail":                   "postgres://u:xxxxx@db/mail",
		"postgres://u:sec/re@t%@db/mail?sslpassword=x":     "postgres://u:xxxxx@db/mail?sslpassword=xxxxx",
		"s3://key:secret@mail/p?endpoint=https://s3:9000":  "s3://key:xxxxx@mail/p?endpoint=https://s3:9000",
		"vault://vault.example.org:8200/secret/mailmesh#k": "vault://vault.example.org:8200/secret/mailmesh#k",
		"/etc/mailmesh/master.key":                         "/etc/mailmesh/master.key",
	} {
		if got := withoutPassword(text); got != want {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
}

// The file of a new server says what it was asked to and leaves the rest as it is, also when its comments are taken away.
func TestStarter(t *testing.T) {
	text := Starter("mail.example.org", `/srv/a "b"`)
	want := Default()
	want.Hostname, want.Data, want.ACME.Directory = "mail.example.org", `/srv/a "b"`, LetsEncrypt
	listen := text[strings.Index(text, "[listen]"):]
	_, listen, _ = strings.Cut(listen, "closes a door.\n")
	for _, text := range []string{text, strings.ReplaceAll(text, listen, strings.ReplaceAll("\n"+listen, "\n# ", "\n"))} {
		if c, err := load(t, text); err != nil || !reflect.DeepEqual(c, want) {
			t.Errorf("%v\n%+v from\n%s", err, c, text)
		}
	}
	if strings.Count(listen, "\n") < 9 {
		t.Errorf("doors are missing:\n%s", listen)
	}
}

func TestReferenceIsCurrent(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "operations", "configuration.md")
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != Reference() {
		t.Errorf("docs/operations/configuration.md is not what internal/config says: run make docs (%v)", err)
	}
}

func TestEveryKeyIsExplained(t *testing.T) {
	for _, k := range keys() {
		if k.name == "" || k.doc == "" || k.accept == "" {
			t.Errorf("key %q lacks a tag", k.name)
		}
	}
}
