package node_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

const (
	line1 = "PROXY TCP4 192.0.2.7 203.0.113.9 51459 25\r\n"
	line2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0C\xC0\x00\x02\x07\xCB\x00\x71\x09\xC9\x03\x00\x19"
)

// proxyDial connects to a door and says first what a proxy would.
func proxyDial(t *testing.T, endpoint, header string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(nc, header); err != nil {
		t.Fatal(err)
	}
	return nc
}

// mailThrough sends a message over a connection.
func mailThrough(t *testing.T, nc net.Conn, to, content string) {
	t.Helper()
	r := bufio.NewReader(nc)
	for _, say := range []string{"", "HELO client.example.net\r\n", "MAIL FROM:<me@example.net>\r\n", "RCPT TO:<" + to + ">\r\n", "DATA\r\n", content + ".\r\n"} {
		if _, err := io.WriteString(nc, say); err != nil {
			t.Fatal(err)
		}
		answer, err := r.ReadString('\n')
		if err != nil || answer[0] != '2' && answer[0] != '3' {
			t.Fatalf("%.40q is answered %q, %v", say, answer, err)
		}
	}
}

// Every door takes the client's address from a load balancer's header, of either version, and nothing without one.
func TestBehindABalancer(t *testing.T) {
	cfg := nodetest.Config(t)
	cfg.Listen.Proxies = []string{"127.0.0.0/8"}
	n := nodetest.Start(t, cfg, nil)
	for _, header := range []string{line1, line2} {
		mailThrough(t, proxyDial(t, n.Doors["smtp"], header), n.Accounts[0].Address, letter("proxied"))
	}
	imap := proxyDial(t, n.Doors["imap"], line2)
	r := bufio.NewReader(imap)
	fmt.Fprintf(imap, "a STARTTLS\r\n")
	for said := ""; !strings.HasPrefix(said, "a OK"); {
		var err error
		if said, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	secure := tls.Client(imap, &tls.Config{InsecureSkipVerify: true})
	fmt.Fprintf(secure, "b LOGIN %s %s\r\nc SELECT INBOX\r\nd FETCH 1:* BODY.PEEK[HEADER.FIELDS (RECEIVED)]\r\ne LOGOUT\r\n", n.Accounts[0].Address, n.Accounts[0].Password)
	text, _ := io.ReadAll(secure)
	if got := strings.Count(string(text), "[192.0.2.7]"); got != 2 {
		t.Errorf("%d Received fields name the client, want 2: %s", got, text)
	}
	for _, door := range []string{"imaps", "pop3s", "submissions", "https"} {
		nc := tls.Client(proxyDial(t, n.Doors[door], line2), &tls.Config{InsecureSkipVerify: true})
		if err := nc.Handshake(); err != nil {
			t.Errorf("%s: %v", door, err)
		}
	}
	for _, door := range []string{"smtp", "lmtp", "imap", "imaps", "pop3", "pop3s", "submission", "submissions", "http", "https"} {
		nc := proxyDial(t, n.Doors[door], "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if said, err := io.ReadAll(nc); len(said) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: without a header the node says %q, %v", door, said, err)
		}
	}
	if answer, err := http.Get("http://" + n.Doors["metrics"] + "/readyz"); err != nil || answer.StatusCode != 200 {
		t.Errorf("a balancer that asks /readyz: %v, %v", answer, err)
	}
}

// A stranger's header is what the client says first, and makes it nobody else.
func TestNoBalancer(t *testing.T) {
	cfg := nodetest.Config(t)
	cfg.Listen.Proxies = []string{"192.0.2.0/24"}
	n := nodetest.Start(t, cfg, nil)
	for door, c := range map[string]struct{ end, want string }{
		"smtp": {"QUIT", "\r\n5"}, "imap": {"a LOGOUT", " BAD "}, "pop3": {"QUIT", "-ERR"}, "http": {"", "400"},
	} {
		nc := proxyDial(t, n.Doors[door], line1+c.end+"\r\n")
		if said, _ := io.ReadAll(nc); !strings.Contains(string(said), c.want) {
			t.Errorf("%s answers a stranger's header with %q", door, said)
		}
	}
	nodetest.Verify(t, cfg)
}

// The recipe for HAProxy in the documentation works as it stands: it finds the node that is ready, and mail names the client.
func TestRecipeForHAProxy(t *testing.T) {
	program, err := exec.LookPath("haproxy")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("there is no haproxy: test/setup installs it")
	}
	cfg := nodetest.Config(t)
	cfg.Listen.Proxies = []string{"127.0.0.1/32"}
	n := nodetest.Start(t, cfg, nil)
	front := freePort(t)
	_, port, _ := net.SplitHostPort(n.Doors["metrics"])
	recipe := recipe(t, "haproxy")
	recipe, _, _ = strings.Cut(recipe, "listen submissions")
	for from, to := range map[string]string{"bind :25": "bind " + front, "192.0.2.33:25": n.Doors["smtp"], "192.0.2.34:25": freePort(t), "port 9625": "port " + port, "inter 2s": "inter 100ms"} {
		if strings.Count(recipe, from) != 1 {
			t.Fatalf("the recipe has %d times %q", strings.Count(recipe, from), from)
		}
		recipe = strings.ReplaceAll(recipe, from, to)
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(recipe), 0o600); err != nil {
		t.Fatal(err)
	}
	log := new(bytes.Buffer)
	haproxy := exec.Command(program, "-db", "-f", file)
	haproxy.Stdout, haproxy.Stderr = log, log
	if err := haproxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		haproxy.Process.Kill()
		haproxy.Wait()
		if t.Failed() {
			t.Logf("haproxy: %s", log)
		}
	})
	client := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.77")}}
	var nc net.Conn
	for end, tick := time.Now().Add(20*time.Second), time.NewTicker(20*time.Millisecond); ; <-tick.C {
		if nc, err = client.Dial("tcp", front); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	mailThrough(t, nc, n.Accounts[0].Address, letter("by haproxy"))
	var said bytes.Buffer
	imap := proxyDial(t, n.Doors["imap"], "PROXY UNKNOWN\r\n") // the balancer itself, on this machine
	fmt.Fprintf(imap, "b LOGIN %s %s\r\nc SELECT INBOX\r\nd FETCH 1:* BODY.PEEK[HEADER.FIELDS (RECEIVED)]\r\ne LOGOUT\r\n", n.Accounts[0].Address, n.Accounts[0].Password)
	io.Copy(&said, imap)
	if !strings.Contains(said.String(), "[127.0.0.77]") {
		t.Errorf("no Received field names the client: %s", said.String())
	}
}

// recipe is the block of a language in docs/operations/load-balancer.md.
func recipe(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations/load-balancer.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```"+language+"\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatalf("docs/operations/load-balancer.md has no recipe for %s", language)
	}
	return block
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
