package fakemail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// CommandEnv tells a test binary to be the command line of a server: its TestMain
// calls Command and exits. The value chooses how it behaves: "serve" as it should,
// "crash" ends before it is ready.
const CommandEnv = "FAKEMAIL_COMMAND"

// BeCommand makes child processes of a test behave as a server's command line.
func BeCommand(t interface{ Setenv(key, value string) }, behaviour string) {
	t.Setenv(CommandEnv, behaviour)
	// The race detector waits a second at the end of each process by default.
	t.Setenv("GORACE", "atexit_sleep_ms=0")
}

// Command behaves like the mailmesh binary for the few commands a benchmark needs.
// Accounts are noted in the data folder; everyone may sign in.
func Command(args []string, stdin io.Reader) error {
	words, flags := split(args)
	data := flags["--data"]
	if data == "" {
		return fmt.Errorf("no --data in %q", args)
	}
	switch strings.Join(words[:min(2, len(words))], " ") {
	case "serve":
		return serve(data, flags["--ready-file"])
	case "domain add", "account add":
		password, err := io.ReadAll(stdin)
		if err != nil {
			return err
		}
		if strings.Contains(words[2], "refused") {
			return fmt.Errorf("%s is refused", words[2])
		}
		f, err := os.OpenFile(filepath.Join(data, "commands"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = fmt.Fprintf(f, "%s %s\n", strings.Join(words, " "), strings.TrimSpace(string(password)))
		return err
	}
	return fmt.Errorf("unknown command %q", args)
}

// split tells words from flags, of which these have values.
func split(args []string) (words []string, flags map[string]string) {
	flags = map[string]string{}
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--data" || args[i] == "--ready-file":
			if i+1 < len(args) {
				flags[args[i]] = args[i+1]
				i++
			}
		case !strings.HasPrefix(args[i], "--"):
			words = append(words, args[i])
		}
	}
	return words, flags
}

func serve(data, ready string) error {
	if os.Getenv(CommandEnv) == "crash" {
		return fmt.Errorf("crashed on purpose")
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	s, err := Start(Options{})
	if err != nil {
		return err
	}
	admin, err := serveAdmin(filepath.Join(data, "admin.sock"))
	if err != nil {
		return err
	}
	defer admin.Close()
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	doors := map[string]string{"smtp": s.SMTP, "lmtp": s.LMTP, "imap": s.IMAP, "imaps": s.IMAPS, "metrics": "127.0.0.1:1"}
	text, err := json.Marshal(doors)
	if err != nil {
		return err
	}
	if err := os.WriteFile(ready, text, 0o600); err != nil {
		return err
	}
	<-ended
	return s.Close()
}

// serveAdmin answers the one request that a benchmark makes on the admin socket.
func serveAdmin(socket string) (io.Closer, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/heap", func(http.ResponseWriter, *http.Request) { runtime.GC() })
	server := &http.Server{Handler: mux}
	go server.Serve(l)
	return server, nil
}
