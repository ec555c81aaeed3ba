package node_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// Every door answers in its protocol's words, and the watchers' questions are answered.
func TestDoors(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	for door, want := range map[string]string{"smtp": "220 localhost", "lmtp": "220 localhost", "imap": "* OK [CAPABILITY ", "pop3": "+OK localhost"} {
		nc, err := net.Dial("tcp", n.Doors[door])
		if err != nil {
			t.Fatalf("%s: %v", door, err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(30 * time.Second))
		greeting := make([]byte, len(want))
		if _, err := io.ReadFull(nc, greeting); err != nil || string(greeting) != want {
			t.Errorf("%s greets with %q (%v)", door, greeting, err)
		}
	}
	base := "http://" + n.Doors["metrics"]
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": "ready", "/metrics": "mailmesh_commit_seconds"} {
		if status, body := get(t, base+path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
}

func TestOneProcessUsesADataFolder(t *testing.T) {
	cfg := nodetest.Config(t)
	n := nodetest.Start(t, cfg, nil)
	if _, err := node.Open(t.Context(), cfg, slog.New(slog.DiscardHandler)); !errors.Is(err, node.ErrInUse) {
		t.Errorf("a second process opened the folder: %v", err)
	}
	n.Stop(t)
	again := nodetest.Start(t, cfg, nil) // the demo is there already
	if again.Doors["smtp"] == "" {
		t.Error("the folder could not be used again")
	}
}

// A node that cannot open one of its doors opens none, and says which and why.
func TestADoorThatCannotOpen(t *testing.T) {
	taken := nodetest.Start(t, nodetest.Config(t), nil)
	cfg := nodetest.Config(t)
	cfg.Listen.IMAP = config.Endpoints{config.Endpoint(taken.Doors["imap"])}
	n, err := node.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	err = n.Serve(context.Background(), func(node.Ready) error { t.Error("ready"); return nil })
	if err == nil || !strings.Contains(err.Error(), "imap") || !strings.Contains(err.Error(), "another program") {
		t.Errorf("got %v", err)
	}
}

func TestReadyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ready.json")
	r := node.Ready{Doors: map[string]string{"smtp": "127.0.0.1:25"}, Accounts: []node.DemoAccount{{Address: "a@b", Password: "c"}}}
	if err := r.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		SMTP     string
		Accounts []node.DemoAccount
	}
	if err := json.Unmarshal(text, &got); err != nil || got.SMTP != "127.0.0.1:25" || got.Accounts[0] != r.Accounts[0] {
		t.Errorf("wrote %s (%v)", text, err)
	}
}

// The sizes of the stores are among the metrics.
func TestSizesAreShown(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	for begun := time.Now(); ; {
		_, body := get(t, "http://"+n.Doors["metrics"]+"/metrics")
		var missing []string
		for _, name := range []string{"accounts", "messages", "message_bytes", "pack_bytes", "pack_files", "database_bytes"} {
			if !regexp.MustCompile(`(?m)^mailmesh_` + name + ` [1-9]`).MatchString(body) {
				missing = append(missing, name)
			}
		}
		if len(missing) == 0 {
			return
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("%v are not measured:\n%s", missing, body)
		}
	}
}

// While a message is under way the server drains: it is not ready, and not dead.
func TestDrainingIsSeen(t *testing.T) {
	cfg := nodetest.Config(t)
	n, err := node.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := n.Demo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, served := make(chan node.Ready, 1), make(chan error, 1)
	go func() { served <- n.Serve(ctx, func(r node.Ready) error { ready <- r; return nil }) }()
	doors := (<-ready).Doors
	nc, err := net.Dial("tcp", doors["smtp"])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	r := bufio.NewReader(nc)
	say := func(line, want string) {
		t.Helper()
		io.WriteString(nc, line)
		for {
			answer, err := r.ReadString('\n')
			if err != nil || !strings.HasPrefix(answer, want) {
				t.Fatalf("%q was answered %q, %v", line, answer, err)
			}
			if answer[3] == ' ' {
				return
			}
		}
	}
	say("", "220")
	say("EHLO client.example.net\r\n", "250")
	say("MAIL FROM:<me@example.net>\r\n", "250")
	say("RCPT TO:<"+accounts[0].Address+">\r\n", "250")
	say("DATA\r\n", "354")
	stop()
	for draining := false; !draining; { // the signal takes a moment
		status, body := get(t, "http://"+doors["metrics"]+"/readyz")
		draining = status == 503 && strings.Contains(body, "draining")
	}
	if status, _ := get(t, "http://"+doors["metrics"]+"/healthz"); status != 200 {
		t.Errorf("healthz says %d while draining", status)
	}
	say("Subject: late\r\n\r\nstill taken\r\n.\r\n", "250")
	if err := errors.Join(<-served, n.Close()); err != nil {
		t.Error(err)
	}
}

// A server whose database or master key has gone does not start as a new one: it would send back everybody's mail.
func TestWhatIsMissingIsNotMadeAnew(t *testing.T) {
	for name, says := range map[string]string{"mailmesh.db": "put the database back", "master.key": "Put the file back"} {
		cfg := nodetest.Config(t)
		nodetest.Start(t, cfg, nil).Stop(t)
		path := filepath.Join(cfg.Data, name)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			n, err := node.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
			if err == nil {
				n.Close()
			}
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("without %s: %v", name, err)
			}
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		nodetest.Verify(t, cfg)
	}
}
