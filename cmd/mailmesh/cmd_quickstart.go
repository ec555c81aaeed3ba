package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/node"
)

// quickstart makes a new server with one account and says what is left to do. It can be run again.
type quickstart struct {
	Address  string `arg:"" help:"The first account: you@example.org."`
	Hostname string `help:"The server's name in the DNS; mail.example.org if you say nothing."`
	passwordInput
}

func (x quickstart) Run(ctx context.Context, c *commands) error {
	file, data, err := c.places()
	if err != nil {
		return err
	}
	made := ""
	request := node.QuickstartRequest{
		Address: x.Address, Hostname: x.Hostname, ConfigFile: file, Data: data, Environ: os.Environ(),
		Password: func() (password string, err error) { password, made, err = x.choose(); return password, err },
		Prepare:  func(cfg config.Config) error { return asOwner(cfg.Data) },
	}
	asRoot := os.Getuid() == 0
	q, err := node.Quickstart(ctx, request, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return err
	}
	var b strings.Builder
	tellMade(&b, file, made, q)
	if err := tellToDo(&b, file, asRoot, q); err != nil {
		return err
	}
	_, err = io.WriteString(os.Stdout, b.String())
	return err
}

// places are where configuration and data of the new server go: for root where a machine has those of its services, for
// others where they are.
func (c *commands) places() (file, data string, err error) {
	file, data = c.ConfigFile, c.Data
	if os.Getuid() == 0 {
		if file == "" {
			file = installed
		}
		if data == "" {
			data = "/var/lib/mailmesh"
		}
	}
	if file == "" {
		file = "mailmesh.toml"
	}
	if data == "" {
		data = "mailmesh-data"
	}
	if file, err = filepath.Abs(file); err == nil {
		data, err = filepath.Abs(data)
	}
	return file, data, err
}

// choose asks for a password; who gives none gets one, which is shown.
func (x quickstart) choose() (password, made string, err error) {
	if x.PasswordStdin || term.IsTerminal(int(os.Stdin.Fd())) {
		if !x.PasswordStdin {
			fmt.Fprintf(os.Stderr, "A password for %s; just Enter has one made.\n", x.Address)
		}
		if password, err = x.read(); err != nil || password != "" {
			return password, "", err
		}
	}
	text := strings.ToLower(rand.Text()) // 130 bits, of which 80 are enough
	made = text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:16]
	return made, made, nil
}

func tellMade(b *strings.Builder, file, password string, q node.Quickstarted) {
	tell := func(made bool, what string) {
		word := "kept"
		if made {
			word = "made"
		}
		fmt.Fprintf(b, "  %s  %s\n", word, what)
	}
	b.WriteByte('\n')
	tell(q.MadeConfig, file)
	tell(q.MadeDomain, "the domain "+q.Domain)
	tell(q.MadeAccount, "the account "+q.Account)
	if password != "" {
		fmt.Fprintf(b, "\nThe password of %s is  %s  \nIt is not shown again; `mailmesh account password %s` sets another.\n", q.Account, password, q.Account)
	}
}

// tellToDo says what only a person can do.
func tellToDo(b *strings.Builder, file string, asRoot bool, q node.Quickstarted) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	command := "mailmesh"
	if file != installed {
		command += " --config " + file
	}
	fmt.Fprintf(b, "\n1. Set these records in the DNS (`%s dns %s` prints them again)\n\n%s", command, q.Domain, node.Zone(q.Records))
	who := "mailmesh"
	if !asRoot {
		me, err := user.Current()
		if err != nil {
			return err
		}
		who = me.Username
	}
	b.WriteString("\n2. Let systemd run it: as root,\n\n")
	if asRoot {
		fmt.Fprintf(b, "id %[2]s || useradd --system --home-dir %[1]s --shell /usr/sbin/nologin %[2]s\nchown -R %[2]s: %[1]s\n", q.Config.Data, who)
	}
	fmt.Fprintf(b, "cat > /etc/systemd/system/mailmesh.service <<'END'\n%sEND\nsystemctl daemon-reload\nsystemctl enable --now mailmesh\n",
		node.ServiceUnit(program, file, q.Config.Data, who))
	fmt.Fprintf(b, "\n   Or run it here and now: %s serve\n", command)
	fmt.Fprintf(b, "\n3. When the DNS knows the records, see whether all is well\n\n%s check\n", command)
	at := "with any mail program"
	if q.Web != "" {
		at = "in a browser at " + q.Web + " or " + at
	}
	fmt.Fprintf(b, "\n4. Sign in as %s %s: most find the settings by themselves.\n   For iPhone, iPad and Mac: https://%s/mobileconfig?address=%s\n\n", q.Account, at, q.Config.Hostname, q.Account)
	return nil
}
