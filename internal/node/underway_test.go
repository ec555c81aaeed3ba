package node_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/node/nodetest"
	"github.com/mailmesh/mailmesh/jmap"
)

// A command that is being carried out counts at its door, and nobody does who waits for news.
func TestUnderWay(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	alice := n.Accounts[0]
	c := n.SignIn(t, alice.Address, alice.Password)
	c.OK("SELECT INBOX")
	c.Idle()
	j := dialJMAP(t, n, alice)
	socket, err := j.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	go j.Listen(t.Context(), jmap.Listening{}, func(jmap.Event) error { return nil })
	protocols := []string{"smtp", "lmtp", "submission", "imap", "pop3", "http"}
	counted := func(want float64) {
		t.Helper()
		until(t, fmt.Sprintf("%v under way everywhere, and both kinds of JMAP clients", want), func() bool {
			_, text := get(t, "http://"+n.Doors["metrics"]+"/metrics")
			for _, p := range protocols {
				if metric(text, `requests_under_way{protocol="`+p+`"}`) != want {
					return false
				}
			}
			return metric(text, `sessions{protocol="websocket"}`) == 1 && metric(text, `sessions{protocol="eventsource"}`) == 1
		})
	}
	counted(0)
	var open []net.Conn
	for door, says := range map[string][]string{ // each is left in the middle of its last command
		"smtp":        {"", "HELO me", "MAIL FROM:<me@example.net>", "RCPT TO:<" + alice.Address + ">", "DATA"},
		"lmtp":        {"", "LHLO me", "MAIL FROM:<me@example.net>", "RCPT TO:<" + alice.Address + ">", "DATA"},
		"submissions": {"", "EHLO me", "AUTH LOGIN"},
		"imap":        {"", "a AUTHENTICATE LOGIN"},
		"pop3s":       {"", "AUTH PLAIN"},
		"https": {"POST /jmap/api HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n" +
			"Expect: 100-continue\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte(alice.Address+":"+alice.Password)) + "\r\n"},
	} {
		open = append(open, leaveOff(t, n, door, says))
	}
	counted(1)
	for _, nc := range open {
		nc.Close()
	}
	counted(0)
}

// leaveOff says lines at a door, each when the one before was answered; an empty one is not said.
func leaveOff(t *testing.T, n *nodetest.Node, door string, lines []string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", n.Doors[door])
	if err == nil && strings.HasSuffix(door, "s") {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(time.Minute))
	r := bufio.NewReader(nc)
	for _, line := range lines {
		if line != "" {
			fmt.Fprintf(nc, "%s\r\n", line)
		}
		answer := "250-"
		for len(answer) > 3 && answer[3] == '-' {
			if answer, err = r.ReadString('\n'); err != nil {
				t.Fatalf("%s after %q: %v", door, line, err)
			}
		}
	}
	return nc
}
