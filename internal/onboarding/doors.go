package onboarding

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"time"
)

// greetings are what the doors say first; "" for those that wait for the client.
var greetings = map[string]string{"smtp": "220", "lmtp": "220", "submission": "220", "submissions": "220", "imap": "* OK", "imaps": "* OK", "pop3": "+OK", "pop3s": "+OK"}

// encrypted doors speak TLS from the start.
var encrypted = map[string]bool{"submissions": true, "imaps": true, "pop3s": true, "https": true}

// checkDoors sees whether the doors of a running server answer, or those of a stopped one could be opened.
func checkDoors(ctx context.Context, e *Environment) []Finding {
	l := list{area: "ports"}
	if !e.Running {
		l.add(Warning, "start it: systemctl start mailmesh, or mailmesh serve", "the server is not running on %s", e.Data)
	}
	var denied []string
	for _, d := range e.Doors {
		if e.Running {
			l.answers(ctx, e, d)
		} else if !l.opens(ctx, e, d) {
			_, port, _ := net.SplitHostPort(d.Endpoint)
			denied = append(denied, port)
		}
	}
	if len(denied) > 0 {
		l.add(Note, "as a service the server may (AmbientCapabilities=CAP_NET_BIND_SERVICE); as root this check can tell more",
			"the user who runs this check may not open the ports %s", strings.Join(denied, ", "))
	}
	return l.findings
}

func (l *list) answers(ctx context.Context, e *Environment, d Door) {
	greeting, err := greet(ctx, e, d)
	switch {
	case err != nil:
		l.add(Problem, "look into the server's log, and for a firewall on this machine", "%s on %s does not answer: %v", d.Name, d.Endpoint, err)
	case !strings.HasPrefix(greeting, greetings[d.Name]):
		l.add(Problem, "another program listens there: find it with ss -ltnp", "%s on %s answers as something else: %.80q", d.Name, d.Endpoint, greeting)
	default:
		l.add(Fine, "", "%s on %s answers", d.Name, d.Endpoint)
	}
}

// greet connects to a door as a client does.
func greet(ctx context.Context, e *Environment, d Door) (greeting string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Second, errors.New("no answer within 5 seconds"))
	defer cancel()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	nc, err := e.Dial(ctx, "tcp", reachable(d.Endpoint))
	if err != nil {
		return "", err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })()
	if encrypted[d.Name] {
		secure := tls.Client(nc, &tls.Config{ServerName: e.Hostname, InsecureSkipVerify: true}) // checkCertificate looks at it
		if err := secure.HandshakeContext(ctx); err != nil {
			return "", fmt.Errorf("TLS: %w", err)
		}
		nc = secure
	}
	if greetings[d.Name] == "" {
		return "", nil
	}
	return bufio.NewReader(io.LimitReader(nc, 1000)).ReadString('\n')
}

// reachable is where an endpoint that means all addresses is found from this machine.
func reachable(endpoint string) string {
	host, port, err := net.SplitHostPort(endpoint)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return endpoint
}

// opens reports false where nothing is known because the port is not for everybody.
func (l *list) opens(ctx context.Context, e *Environment, d Door) bool {
	err := e.Listen(ctx, d.Endpoint)
	_, port, _ := net.SplitHostPort(d.Endpoint)
	switch {
	case err == nil:
		l.add(Fine, "", "%s on %s is free for the server", d.Name, d.Endpoint)
	case errors.Is(err, syscall.EADDRINUSE):
		l.add(Problem, fmt.Sprintf("find it with: ss -ltnp 'sport = :%s'; stop it, or give listen.%s another port", port, d.Name),
			"%s: another program holds port %s", d.Name, port)
	case errors.Is(err, fs.ErrPermission):
		return false
	default:
		l.add(Problem, "set listen."+d.Name, "%s: %v", d.Name, err)
	}
	return true
}
