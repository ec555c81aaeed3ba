// Command mailmesh is the whole of Mailmesh: the server, and the commands that manage it.
//
// A command turns flags into one call to the node or its admin interface and prints the answer. Commands that manage
// accounts talk to the running server over its admin socket, and work on the data folder themselves when it is stopped.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/node"
)

// commands is the command line.
type commands struct {
	ConfigFile string `name:"config" placeholder:"FILE" help:"Configuration file (TOML). None is needed. Without this flag and --data: /etc/mailmesh.toml, where there is one."`
	Data       string `placeholder:"DIR" help:"Data folder; overrides the configuration."`

	Quickstart quickstart `cmd:"" help:"Set up a new server: configuration, domain, account, and what to put into the DNS."`
	Serve      serve      `cmd:"" help:"Run the server."`
	Account    account    `cmd:"" help:"Add, list and remove accounts, set passwords."`
	Session    session    `cmd:"" help:"List the programs that an account has let in on the sign-in page, and end their sessions."`
	Domain     domain     `cmd:"" help:"Add, list and remove domains."`
	Alias      alias      `cmd:"" help:"Add, list and remove aliases."`
	Group      group      `cmd:"" help:"Add, list and remove groups and their members."`
	DNS        dnsRecords `cmd:"" name:"dns" help:"Print the DNS records that a domain needs."`
	DKIM       dkim       `cmd:"" name:"dkim" help:"Show and rotate the keys that domains sign their mail with."`
	Submission submission `cmd:"" help:"Show what accounts have sent, and take back what is not due."`
	Queue      queue      `cmd:"" help:"Look at mail that is still to be sent; hold, release, retry and drop it."`
	Cluster    cluster    `cmd:"" help:"Show the nodes of a cluster; drain one before it is stopped."`
	Search     search     `cmd:"" help:"Make the text index anew."`
	Verify     verify     `cmd:"" help:"Check everything that is kept: rows, counters, bodies."`
	Rebuild    rebuild    `cmd:"" help:"Make lost rows of bodies again from the packs and the key file of a stopped server."`
	Restored   restored   `cmd:"" help:"Make the stopped server ready again after its database was put back from a backup."`
	Migrate    migrate    `cmd:"" help:"Copy the running server into a cluster, and stop it when all is there."`
	Check      check      `cmd:"" help:"Say what is wrong with ports, DNS, certificate and machine, and how to mend it."`
	Config     show       `cmd:"" help:"Check the configuration and print each value with where it comes from."`
	Version    version    `cmd:"" help:"Print the version."`
}

// errReported ends the program with status 1 when everything was said already.
var errReported = errors.New("reported")

func main() {
	// What the data folder holds is nobody else's, also in a folder that others may look into.
	syscall.Umask(0o077)
	var c commands
	parser := kong.Must(&c,
		kong.Name("mailmesh"),
		kong.Description("A complete mail server in one program. To try it: mailmesh serve --demo. To use it: mailmesh quickstart you@example.org"),
		kong.ShortUsageOnError(),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
	k, err := parser.Parse(arguments(os.Args[1:]))
	parser.FatalIfErrorf(err)

	// A file that has reached the limit of its size (ulimit -f) is an error of that write, not the end of the server.
	signal.Ignore(syscall.SIGXFSZ)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // who does not want to wait for the end asks a second time
	k.BindTo(ctx, (*context.Context)(nil))
	switch err := k.Run(&c); {
	case errors.Is(err, errReported):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "mailmesh:", node.Explain(err))
		os.Exit(1)
	}
}

// exit ends the program: 0 when all is well, 1 when something failed, 2 for a command line that cannot be understood.
func exit(status int) { os.Exit(min(status, 2)) }

// arguments are those of the command line, with the ways people ask for help and for the version that flags do not know.
func arguments(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	case len(args) == 1 && args[0] == "--version":
		return []string{"version"}
	}
	return args
}

// installed is the configuration of the server that a machine has, if it has one.
const installed = "/etc/mailmesh.toml"

// load is the configuration that the flags name, without them that of the installed server.
func (c *commands) load() (config.Config, error) {
	if c.ConfigFile == "" && c.Data == "" && !c.Serve.Demo {
		if _, err := os.Stat(installed); err == nil {
			c.ConfigFile = installed
		}
	}
	cfg, err := config.Load(c.ConfigFile, os.Environ())
	if err != nil {
		return cfg, err
	}
	if c.Data != "" {
		cfg.Data = c.Data
	}
	return cfg, nil
}

// existing is the configuration of a data folder that is there, whose owner root then becomes. Only serve makes a new one: another command's folder that
// is not there was most likely misspelled.
func (c *commands) existing() (config.Config, error) {
	cfg, err := c.load()
	if err != nil {
		return cfg, err
	}
	if _, err := os.Stat(cfg.Data); errors.Is(err, fs.ErrNotExist) {
		return cfg, fmt.Errorf("there is no data folder %s: name it with --data or --config; `mailmesh serve` makes a new one", cfg.Data)
	}
	return cfg, asOwner(cfg.Data)
}

// stopFirst explains that a command needs the folder for itself.
func stopFirst(err error) error {
	if errors.Is(err, node.ErrInUse) {
		return fmt.Errorf("%w: stop the server first", err)
	}
	return err
}

// show prints the configuration that the other commands would use.
type show struct {
	Reference bool `help:"Print what every key means and accepts instead."`
}

func (s show) Run(c *commands) error {
	if s.Reference {
		fmt.Print(config.Reference())
		return nil
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	fmt.Print(config.Show(cfg, c.ConfigFile, os.Environ()))
	return nil
}
