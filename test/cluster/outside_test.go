//go:build system

package cluster

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/smtp"
	"github.com/mailmesh/mailmesh/test/cluster/nodes"
)

// outside is the host that takes the nodes' mail for other domains. It refuses one recipient for good, and says so to a node
// only once the test lets it; another it puts off.
type outside struct {
	listener net.Listener

	mu      sync.Mutex
	waiting map[string]int // questions after the first recipient that are not answered, by the node's host name
	gates   map[string]chan struct{}
}

const (
	refusedAddress = "gone@outside.test"
	laterAddress   = "later@outside.test"
)

func startOutside(t *testing.T) *outside {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &outside{listener: l, waiting: map[string]int{}, gates: map[string]chan struct{}{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go o.talk(c)
		}
	}()
	t.Cleanup(func() { l.Close() })
	return o
}

// gate is closed once the node may be answered.
func (o *outside) gate(host string) chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gates[host] == nil {
		o.gates[host] = make(chan struct{})
	}
	return o.gates[host]
}

// shut has the nodes wait again.
func (o *outside) shut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.gates)
}

func (o *outside) wait(host string) {
	o.count(host, 1)
	<-o.gate(host)
	o.count(host, -1)
}

func (o *outside) count(host string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting[host] += n
}

// asked is how many questions of a node are not answered.
func (o *outside) asked(host string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waiting[host]
}

func (o *outside) talk(c net.Conn) {
	defer c.Close()
	say := func(line string) { io.WriteString(c, line+"\r\n") }
	say("220 outside.test")
	host, lines := "", bufio.NewScanner(c)
	for lines.Scan() {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		switch verb = strings.ToUpper(verb); {
		case verb == "EHLO":
			host = rest
			say("250 outside.test")
		case verb == "RCPT" && strings.Contains(rest, refusedAddress):
			o.wait(host)
			say("550 5.1.1 no such address")
		case verb == "RCPT":
			say("451 4.2.1 not now")
		case verb == "DATA":
			say("503 5.5.1 for whom?")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// posted is how many messages are handed in for outside.
const posted = 8

// postOutside hands in messages for two recipients outside at a node, and waits until the node asks there after one of them.
func (h *harness) postOutside(ctx context.Context, n *nodes.Node) (sender string, err error) {
	h.outside.shut()
	senders, err := h.AddAccounts(ctx, domain, fmt.Sprintf("post%d-", h.played), password, 1, "--max-recipients=-1", "--max-strangers=-1", "--no-sent-copy")
	if err != nil {
		return "", err
	}
	sender = senders[0]
	conn, err := smtp.Dial(ctx, n.Doors["submission"], smtp.Options{Options: dial.Options{Security: dial.StartTLS}, Username: sender, Password: password})
	if err != nil {
		return "", err
	}
	defer conn.Quit()
	for i := range posted {
		header := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <%d@outside.test>\r\n\r\n", sender, refusedAddress, subject(i), i)
		outcome, err := conn.Send(smtp.Mail{From: sender, To: []string{refusedAddress, laterAddress}, Content: [3][]byte{[]byte(header), []byte("hello\r\n"), nil}})
		if err != nil || outcome.Accepted() != 2 {
			return "", fmt.Errorf("mail for outside was not taken: %v, %w", outcome.Replies, err)
		}
	}
	return sender, eventually(ctx, "n2 asks outside", func() bool { return h.outside.asked(hostname(n)) > 0 })
}

func subject(i int) string { return fmt.Sprintf("outside-%d.", i) }

func hostname(n *nodes.Node) string { return n.Name + ".cluster.test" }

// eventually waits for something.
func eventually(ctx context.Context, what string, is func() bool) error {
	for !is() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s: %w", what, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// reportedOnce checks that the sender was told once of every message that outside has refused.
func (h *harness) reportedOnce(ctx context.Context, sender string) error {
	var reports map[int]int
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := eventually(ctx, "every message is reported", func() bool {
		var err error
		reports, err = h.reports(ctx, sender)
		return err == nil && len(reports) == posted
	}); err != nil {
		h.wrong = append(h.wrong, fmt.Sprintf("of %d messages that were refused outside the sender was told of %d", posted, len(reports)))
		return nil
	}
	for i, n := range reports {
		if n > 1 {
			h.wrong = append(h.wrong, fmt.Sprintf("the sender was told %d times that %q was refused outside", n, subject(i)))
		}
	}
	return nil
}

// reports are how many there are for the sender, by the number of the message.
func (h *harness) reports(ctx context.Context, sender string) (map[int]int, error) {
	conn, err := imap.Dial(ctx, h.Nodes[0].Doors["imap"], imap.Options{Username: sender, Password: password})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	reports := map[int]int{}
	if selected, err := conn.Examine("INBOX"); err != nil || selected.Exists == 0 {
		return reports, err
	}
	err = conn.Do("FETCH 1:* (UID BODY.PEEK[])", func(r imap.Response) error {
		for it := r.Items(); r.Is("FETCH") && it.Next(); {
			if string(it.Name) != "BODY[]" {
				continue
			}
			text, err := imap.Text(it.Value)
			if err != nil {
				return err
			}
			for i := range posted {
				if strings.Contains(string(text), "Subject: "+subject(i)) {
					reports[i]++
				}
			}
		}
		return nil
	})
	return reports, err
}
