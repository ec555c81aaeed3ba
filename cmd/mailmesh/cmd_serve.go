package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/node"
)

// serve runs the server.
type serve struct {
	Demo      bool   `help:"Serve a demo on this machine: two accounts, sample mail, unprivileged ports."`
	AnyPort   bool   `help:"Listen on free ports of the loopback address."`
	ReadyFile string `placeholder:"FILE" help:"Write a JSON object that says where each door listens, once all do."`
}

func (s serve) Run(ctx context.Context, c *commands) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	s.adjust(&cfg)
	allowForSyncs()
	collectLess()
	log := logger(cfg.Log)
	if !s.Demo && !s.AnyPort && !strings.Contains(cfg.Hostname, ".") {
		log.Warn("the host name is not a full one, which other mail servers may not accept: set hostname", "hostname", cfg.Hostname)
	}
	n, err := node.OpenWhenReachable(ctx, cfg, log)
	if ctx.Err() != nil && n == nil {
		return nil // stopped while it waited
	}
	if err != nil {
		return err
	}
	err = s.serve(ctx, n, cfg)
	if s.Demo && !s.AnyPort && errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w; with --any-port the demo takes free ones", err)
	}
	return errors.Join(err, n.Close())
}

func (s serve) serve(ctx context.Context, n *node.Node, cfg config.Config) error {
	var accounts []node.DemoAccount
	if s.Demo {
		var err error
		if accounts, err = n.Demo(ctx); err != nil {
			return fmt.Errorf("set up the demo: %w", err)
		}
	}
	return n.Serve(ctx, func(r node.Ready) error {
		r.Accounts = accounts
		if s.Demo {
			welcome(os.Stdout, r, cfg)
		}
		if s.ReadyFile == "" {
			return nil
		}
		if err := r.WriteFile(s.ReadyFile); err != nil {
			return fmt.Errorf("write the ready file: %w", err)
		}
		return nil
	})
}

// allowForSyncs gives the scheduler two more threads to run Go code on than there are cores. Two goroutines are in
// fdatasync most of the time, that of the packs and that of the database's log, and the runtime counts a thread in a
// system call as running until it looks again: on two cores nothing else ran meanwhile, which cost a fifth of the mail
// (docs/decisions/0004-write-path.md). An operator's GOMAXPROCS stands.
func allowForSyncs() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
}

// adjust turns flags into configuration.
func (s serve) adjust(cfg *config.Config) {
	l := &cfg.Listen
	if s.Demo {
		cfg.Hostname = "localhost"
		*l = config.Listen{
			SMTP: config.Endpoints{"127.0.0.1:2525"}, LMTP: config.Endpoints{"127.0.0.1:2424"},
			Submission: config.Endpoints{"127.0.0.1:1587"}, Submissions: config.Endpoints{"127.0.0.1:1465"}, IMAP: config.Endpoints{"127.0.0.1:1143"},
			IMAPS: config.Endpoints{"127.0.0.1:1993"}, POP3: config.Endpoints{"127.0.0.1:1110"}, POP3S: config.Endpoints{"127.0.0.1:1995"},
			HTTP: config.Endpoints{"127.0.0.1:1080"}, HTTPS: config.Endpoints{"127.0.0.1:1443"}, Metrics: config.Endpoints{"127.0.0.1:9625"},
		}
	}
	if s.AnyPort {
		free := config.Endpoints{"127.0.0.1:0"}
		*l = config.Listen{SMTP: free, LMTP: free, Submission: free, Submissions: free, IMAP: free, IMAPS: free, POP3: free, POP3S: free, HTTP: free, HTTPS: free, Cluster: free, Metrics: free}
	}
}

func logger(l config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level.Slog()}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

// portOf is the port of a door.
func portOf(door string) string {
	_, port, _ := net.SplitHostPort(door)
	return port
}

// welcome tells a newcomer what to do now.
func welcome(w io.Writer, r node.Ready, cfg config.Config) {
	var b strings.Builder
	data, err := filepath.Abs(cfg.Data)
	if err != nil {
		data = cfg.Data
	}
	fmt.Fprintf(&b, "\nMailmesh is running. Everything it keeps is in %s\n\n", data)
	for _, door := range [][2]string{
		{"smtp", "mail from other hosts, STARTTLS"},
		{"lmtp", "mail from a program on this machine"},
		{"submission", "mail from users, who sign in after STARTTLS"},
		{"submissions", "mail from users, TLS from the start"},
		{"imap", "STARTTLS; without TLS from this machine only"},
		{"imaps", "TLS with a self-signed certificate"},
		{"pop3", "STLS; without TLS from this machine only"},
		{"pop3s", "TLS with the same certificate"},
	} {
		fmt.Fprintf(&b, "  %-11s %-18s %s\n", door[0], r.Doors[door[0]], door[1])
	}
	fmt.Fprintf(&b, "  %-11s https://%s/ the web client, JMAP, the sign-in page, settings for mail programs\n", "https", r.Doors["https"])
	fmt.Fprintf(&b, "  %-11s http://%s/metrics, /healthz, /readyz\n\nOpen the web client in a browser on this machine\n\n", "metrics", r.Doors["metrics"])
	fmt.Fprintf(&b, "  http://localhost:%s/\n\nand sign in there, or to submission, IMAP, POP3 and JMAP, as\n\n", portOf(r.Doors["http"]))
	for _, a := range r.Accounts {
		fmt.Fprintf(&b, "  %-20s password: %s\n", a.Address, a.Password)
	}
	a, to := r.Accounts[0], r.Accounts[1]
	fmt.Fprintf(&b, `
Send a message, and read it back:

  printf 'From: you@example.com\nTo: %[1]s\nSubject: hello\n\nIt works.\n' |
    curl -sS --crlf smtp://%[2]s --mail-from you@example.com --mail-rcpt %[1]s -T -

  curl -sS -u "%[1]s:%[4]s" "imap://%[3]s/INBOX;MAILINDEX=*"
  curl -sS -u "%[1]s:%[4]s" pop3://%[6]s/1
  curl -sSk -u "%[1]s:%[4]s" https://%[10]s/.well-known/jmap    # the session of JMAP, where programs begin

  # or as a user, who signs in and whose mail is signed

  printf 'From: %[1]s\nTo: %[8]s\nSubject: hi\n\nIt is me.\n' |
    curl -sSk --crlf -u "%[1]s:%[4]s" smtps://%[7]s --mail-from %[1]s --mail-rcpt %[8]s -T -

  curl -sS -u "%[8]s:%[9]s" "imap://%[3]s/INBOX;MAILINDEX=*"

Ctrl-C stops it. %[5]s forgets it all.

`, a.Address, r.Doors["smtp"], r.Doors["imap"], a.Password, "rm -r "+data, r.Doors["pop3"], r.Doors["submissions"], to.Address, to.Password, r.Doors["https"])
	io.WriteString(w, b.String())
}
