package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/mailmesh/mailmesh/internal/node"
)

// onServer runs do with the admin interface of the running server or, when none runs, of the data folder.
func (c *commands) onServer(ctx context.Context, do func(*node.Admin) error) (err error) {
	cfg, err := c.existing()
	if err != nil {
		return err
	}
	// Of a command's own work on a stopped server only what went wrong is worth a line.
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	admin, done, err := node.OpenAdmin(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	return do(admin)
}

// output is how a command prints.
type output struct {
	JSON bool `name:"json" help:"Print JSON, one object a line."`
}

// table prints rows with a heading, or values as JSON.
func table[T any](o output, heading string, rows func(yield func(T, error) bool), line func(T) []any) error {
	if o.JSON {
		encoder := json.NewEncoder(os.Stdout)
		for row, err := range rows {
			if err != nil {
				return err
			}
			if err := encoder.Encode(row); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(heading, " ", "\t"))
	for row, err := range rows {
		if err != nil {
			return err
		}
		for i, cell := range line(row) {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// passwordInput is where a password comes from. It is never an argument, which other users of the machine could read.
type passwordInput struct {
	PasswordStdin bool `help:"Read the password from standard input, one line."`
}

// read asks for a password, twice at a terminal.
func (p passwordInput) read() (string, error) {
	if p.PasswordStdin {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 64<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", errors.New("standard input is no terminal: give the password with --password-stdin")
	}
	first, err := prompt("Password: ")
	if err != nil || first == "" {
		return "", err
	}
	again, err := prompt("Once more: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}

// confirm asks for a word before what cannot be undone. Without a terminal it does not: a script knows what it does.
func confirm(what, word string) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	fmt.Fprintf(os.Stderr, "%s Type %s to go on: ", what, word)
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != word {
		return errors.New("not confirmed: nothing was done")
	}
	return nil
}

func prompt(text string) (string, error) {
	fmt.Fprint(os.Stderr, text)
	line, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return string(line), err
}
