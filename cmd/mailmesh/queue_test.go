package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// host is another mail server: it answers RCPT with what it is told to.
type host struct {
	net.Listener
	rcpt  atomic.Value // string
	taken atomic.Int64 // messages
}

func newHost(t *testing.T) *host {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &host{Listener: l}
	h.rcpt.Store("451 4.7.1 greylisted")
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(c)
		}
	}()
	return h
}

func (h *host) serve(c net.Conn) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	fmt.Fprint(c, "220 host.example ESMTP\r\n")
	for data := false; lines.Scan(); {
		verb, _, _ := strings.Cut(strings.ToUpper(lines.Text()), " ")
		switch {
		case data && lines.Text() == ".":
			data = false
			h.taken.Add(1)
			fmt.Fprint(c, "250 2.0.0 taken\r\n")
		case data:
		case verb == "RCPT":
			fmt.Fprintf(c, "%s\r\n", h.rcpt.Load())
		case verb == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		case verb == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// until runs a command until its output is as wanted.
func until(t *testing.T, data, want string, args ...string) string {
	t.Helper()
	pattern := regexp.MustCompile(want)
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		out, errs, status := mailmesh(t, append(args, "--data", data)...)
		if status == 0 && pattern.MatchString(out) {
			return out
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("%v: status %d, %q, %q, want %s", args, status, out, errs, want)
		}
	}
}

// An operator sees what is to be sent and why it is not, and steps in.
func TestQueueCommands(t *testing.T) {
	other := newHost(t)
	t.Setenv("MAILMESH_CONFIG_OUTBOUND_SMARTHOST", "smtp://"+other.Addr().String())
	data, ready := t.TempDir(), filepath.Join(t.TempDir(), "ready.json")
	server := program(t, "serve", "--any-port", "--data", data, "--ready-file", ready)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		server.Process.Signal(os.Interrupt)
		server.Wait()
	}()
	var doors map[string]string
	for begun := time.Now(); doors == nil; time.Sleep(5 * time.Millisecond) {
		raw, _ := os.ReadFile(ready)
		json.Unmarshal(raw, &doors)
		if time.Since(begun) > time.Minute {
			t.Fatal("the server is not ready after a minute")
		}
	}
	for _, s := range []step{
		{"domain add example.org", "", "mail for example.org is taken here"},
		{"account add a@example.org --no-password", "", "can get mail"},
		{"alias add on@example.org x@elsewhere.example", "", ""},
		{"queue list", "", "0 messages to 0 recipients"},
		{"queue hold", "", "!name messages by their ids, or a domain with --domain, or --all"},
		{"queue show Qnone", "", "!there is no message \"Qnone\" in the queue"},
	} {
		s.run(t, data)
	}
	send := func() {
		t.Helper()
		c, err := smtp.Dial(doors["smtp"])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := errors.Join(c.Mail("me@example.net"), c.Rcpt("on@example.org")); err != nil {
			t.Fatal(err)
		}
		w, err := c.Data()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "Subject: on\r\n\r\non\r\n")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	send()
	out := until(t, data, `(?m)^(Q\S+) .* x@elsewhere.example +waiting +1 +in \d+[ms]\S* +.*451 4.7.1 greylisted`, "queue", "list")
	id := regexp.MustCompile(`(?m)^Q\S+`).FindString(out)
	for _, s := range []step{
		{"queue list --domain other.example", "", "0 messages"},
		{"queue list --from example.org", "", "1 message to 1 recipient"}, // the path back leads over us (SRS)
		{"queue list --json", "", `"state":"waiting"`},
		{"queue show " + id, "", "x@elsewhere.example  waiting  1 tries"},
		{"queue hold " + id, "", ""},
		{"queue list --held", "", "  held  "},
		{"queue release " + id, "", ""},
		{"queue list --held", "", "0 messages"},
		{"queue hold --domain elsewhere.example --reason broken", "", ""},
		{"queue list", "", "Nothing is sent to elsewhere.example: broken"},
		{"queue list", "", "  stopped  "},
		{"queue release --domain elsewhere.example", "", ""},
		{"queue release --domain elsewhere.example", "", "!sending to elsewhere.example is not stopped"},
		{"queue hold --domain Bücher.example", "", ""}, // the spool has A-labels
		{"queue list", "", "Nothing is sent to xn--bcher-kva.example"},
		{"queue release --domain bücher.example", "", ""},
		{"queue hold --domain !!", "", "!a domain may not hold"},
		{"queue hold --all", "", ""},
		{"queue list", "", "mailmesh queue release --all"},
		{"queue release --all", "", ""},
		{"queue trace " + id, "", "451 4.7.1 greylisted"},
		{"queue trace Q1", "", "!no mail \"Q1\" was sent from here"},
	} {
		s.run(t, data)
	}
	other.rcpt.Store("250 ok")
	step{"queue retry --all", "", "1 messages are tried now"}.run(t, data)
	until(t, data, "^ID.*\n0 messages to 0 recipients", "queue", "list")
	step{"queue trace " + id, "", "  relayed  "}.run(t, data) // though it has left
	if n := other.taken.Load(); n != 1 {
		t.Errorf("the other server has taken %d messages", n)
	}
	other.rcpt.Store("451 4.7.1 greylisted")
	send()
	out = until(t, data, `greylisted`, "queue", "list")
	id = regexp.MustCompile(`(?m)^Q\S+`).FindString(out)
	step{"queue drop " + id, "", "1 recipient gets nothing"}.run(t, data)
	step{"queue list", "", "0 messages"}.run(t, data)
	step{"verify", "", "everything is there and whole"}.run(t, data)
}
