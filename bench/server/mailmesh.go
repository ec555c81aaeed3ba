package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Mailmesh runs the mailmesh binary on a data folder.
type Mailmesh struct {
	Binary string
	Data   string    // made by the server
	Log    io.Writer // the server's output
	Sink   string    // where mail for others is handed on, host:port
	Env    []string  // beside that of this process

	child  *child
	domain map[string]bool
}

var (
	_ Server = (*Mailmesh)(nil)
	_ Rester = (*Mailmesh)(nil)

	_ Unbounder = (*Mailmesh)(nil)
	_ Holder    = (*Mailmesh)(nil)
)

const (
	startLimit = 30 * time.Second
	stopLimit  = 15 * time.Second
)

// Name of the server.
func (*Mailmesh) Name() string { return "mailmesh" }

// Start runs `mailmesh serve` and waits for its ready file.
func (m *Mailmesh) Start(ctx context.Context) (Endpoints, error) {
	ready := strings.TrimRight(m.Data, "/") + ".ready.json"
	if err := os.Remove(ready); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Endpoints{}, err
	}
	var err error
	environment := func(c *exec.Cmd) {
		c.Env = append(os.Environ(), m.Env...)
		if m.Sink != "" {
			c.Env = append(c.Env, "MAILMESH_CONFIG_OUTBOUND_SMARTHOST=smtp://"+m.Sink)
		}
	}
	m.child, err = startChildWith(environment, m.Log, m.Binary, "serve", "--data", m.Data, "--any-port", "--ready-file", ready)
	if err != nil {
		return Endpoints{}, err
	}
	m.domain = map[string]bool{}
	e, err := m.await(ctx, ready)
	if err != nil {
		return Endpoints{}, errors.Join(err, m.Stop())
	}
	e.PIDs = []int{m.child.pid()}
	return e, nil
}

// await reads the ready file as soon as it is whole.
func (m *Mailmesh) await(ctx context.Context, path string) (Endpoints, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for ctx.Err() == nil {
		if text, err := os.ReadFile(path); err == nil {
			var doors struct{ SMTP, LMTP, IMAP, IMAPS, HTTPS, Submission string }
			if json.Unmarshal(text, &doors) == nil {
				return Endpoints{SMTP: doors.SMTP, LMTP: doors.LMTP, IMAP: doors.IMAP, IMAPS: doors.IMAPS, HTTPS: doors.HTTPS,
					Submission: doors.Submission, SignIn: true}, nil
			}
		}
		select {
		case <-m.child.exited:
			return Endpoints{}, errors.New("mailmesh serve ended before it was ready: see its log")
		case <-ctx.Done():
		case <-poll.C:
		}
	}
	return Endpoints{}, fmt.Errorf("mailmesh serve was not ready: %w", ctx.Err())
}

// AddAccount uses the commands that administrators use.
func (m *Mailmesh) AddAccount(ctx context.Context, address, password string) error {
	_, domain, ok := strings.Cut(address, "@")
	if !ok {
		return fmt.Errorf("%q is no address", address)
	}
	if !m.domain[domain] {
		if err := m.command(ctx, "", "domain", "add", domain); err != nil {
			return err
		}
		m.domain[domain] = true
	}
	return m.command(ctx, password+"\n", "account", "add", address, "--password-stdin")
}

// Unbound lets an account write to as many people as it likes.
func (m *Mailmesh) Unbound(ctx context.Context, address string) error {
	return m.command(ctx, "", "account", "set", address, "--max-recipients=-1", "--max-strangers=-1")
}

// Hold keeps all mail in the queue.
func (m *Mailmesh) Hold(ctx context.Context) error {
	return m.command(ctx, "", "queue", "hold", "--all")
}

// Release lets it go.
func (m *Mailmesh) Release(ctx context.Context) error {
	return m.command(ctx, "", "queue", "release", "--all")
}

func (m *Mailmesh) command(ctx context.Context, stdin string, args ...string) error {
	cmd := exec.CommandContext(ctx, m.Binary, append(args, "--data", m.Data)...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %.500s", filepath.Base(m.Binary), strings.Join(args, " "), err, out)
	}
	return nil
}

// Rest has garbage collected, by the profile of the admin socket that begins with
// it; Go does so by itself every two minutes.
func (m *Mailmesh) Rest(ctx context.Context) error {
	dialer := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(m.Data, "admin.sock"))
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, "GET", "http://admin/debug/pprof/heap?gc=1", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the admin socket answers %s", response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// Stop asks the server to end and kills it when it does not.
func (m *Mailmesh) Stop() error { return m.child.stop() }
