// Command mailload puts load on mail servers and measures them, over standard
// protocols only, so that it runs against any server. bench/README.md tells what
// each command measures and how to read its figures.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	JSON bool `name:"json" help:"Print the result as JSON."`

	SMTP     smtpCommand     `cmd:"" name:"smtp" help:"Send mail over SMTP as fast as it is accepted."`
	LMTP     lmtpCommand     `cmd:"" name:"lmtp" help:"The same over LMTP."`
	Visible  visibleCommand  `cmd:"" help:"Time from acceptance until a message can be fetched over IMAP."`
	Idle     idleCommand     `cmd:"" help:"Time from MAIL FROM until an idling IMAP client hears of the message."`
	IMAP     imapCommand     `cmd:"" name:"imap" help:"Fill a mailbox, then time selecting, fetching, searching and flagging."`
	Sessions sessionsCommand `cmd:"" help:"Memory of the server for each idle IMAP session."`
	Import   importCommand   `cmd:"" name:"append-import" help:"Rate and memory of importing many messages."`
	Soak     soakCommand     `cmd:"" help:"Deliver and keep a journal, while somebody kills the server."`
	Check    checkCommand    `cmd:"" help:"Hold the mailboxes against the journals of soak."`
	Run      runCommand      `cmd:"" help:"Start servers, measure everything, write a result."`
	Cluster  clusterCommand  `cmd:"" help:"Start clusters of several sizes on a PostgreSQL, measure deliveries and push."`
	Web      webCommand      `cmd:"" help:"Measure the web client in Chromium."`
	Page     pageCommand     `cmd:"" help:"Make the page about performance from a result again."`
}

// output prints results: a line of text for people, JSON for programs.
type output struct {
	json     bool
	w        io.Writer
	progress io.Writer
}

func (o output) print(result any, format string, args ...any) error {
	if o.json {
		e := json.NewEncoder(o.w)
		e.SetIndent("", "  ")
		return e.Encode(result)
	}
	_, err := fmt.Fprintf(o.w, format, args...)
	return err
}

func main() {
	// What lives in a generator is small and what it reads is much: collected at every doubling, garbage would take a third of its
	// time, on cores that it shares with the server it measures.
	debug.SetGCPercent(1000)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is 0 when all went well, 1 when a measurement failed or a check found a
// broken promise, 2 when the command line is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	parser, err := kong.New(&c, kong.Name("mailload"), kong.Writers(stdout, stderr),
		kong.Description("Puts load on mail servers and measures them over SMTP, LMTP and IMAP."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(stderr, "mailload:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "mailload:", err)
		return 2
	}
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(output{c.JSON, stdout, stderr})
	if err := k.Run(); err != nil {
		if errors.Is(err, context.Canceled) {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(stderr, "mailload:", err)
		return 1
	}
	return 0
}
