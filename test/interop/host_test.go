//go:build system

package interop

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// host is a mail server in the test itself, which does as it is told.
type host struct {
	t       *testing.T
	domain  string
	name    string // of the host: mx below the domain
	address string
	pair    pair

	mu       sync.Mutex
	manners  manners
	taken    []transaction
	sessions int
	conns    map[net.Conn]bool
}

// manners are what differs from a good host. They hold from the next command on.
type manners struct {
	stripped bool                     // no STARTTLS, as when someone in between takes it out
	pair     *pair                    // another certificate than the good one
	ascii    bool                     // neither SMTPUTF8 nor 8BITMIME
	rcpt     func(to string) string   // a reply other than 250
	greet    func() string            // another greeting
	data     func(size int) dataFault // called while content comes, with what has come
	end      func(text string) string // a reply to the content other than 250; "" closes without a word
}

type dataFault int

const (
	proceed   dataFault = iota
	reset               // RST in the middle of the content
	hang                // nothing is read any more
	takeQuiet           // the content is taken, and never answered
)

// transaction is mail that was taken with 250.
type transaction struct {
	from    string
	to      []string
	text    string
	secure  bool // over TLS
	session int
	at      time.Time
}

// newHost makes a domain in a signed zone whose one host is scripted. zone is further records.
func newHost(t *testing.T, in *internet, domain string, zone string) *host {
	t.Helper()
	in.hosts++
	h := &host{t: t, domain: domain, name: "mx." + domain, address: fmt.Sprintf("192.0.2.%d", 99+in.hosts), conns: map[net.Conn]bool{}}
	h.pair = in.ca.issue(h.name)
	in.address(t, h.address)
	in.zone(domain, fmt.Sprintf("@ MX 10 mx\nmx A %s\n", h.address)+zone)
	listener, err := net.Listen("tcp", h.address+":25")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { h.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		h.closeAll()
		all.Wait()
	})
	return h
}

// behave changes what the host does from now on.
func (h *host) behave(m manners) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.manners = m
}

// closeAll ends all connections.
func (h *host) closeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for conn := range h.conns {
		conn.Close()
	}
}

// inbox returns what was taken, whomever it is for: box is part of a recipient's address.
func (h *host) inbox(box string) (messages []received) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, tr := range h.taken {
		if slices.ContainsFunc(tr.to, func(to string) bool { return strings.Contains(to, box) }) {
			messages = append(messages, parse(h.t, tr.text))
		}
	}
	return messages
}

// transactions returns those whose content has a text in it.
func (h *host) transactions(text string) (found []transaction) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, tr := range h.taken {
		if strings.Contains(tr.text, text) {
			found = append(found, tr)
		}
	}
	return found
}

// now are the manners of this moment.
func (h *host) now() manners {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.manners
}

// session is one connection.
type session struct {
	*host
	conn   net.Conn
	text   *textproto.Conn
	number int
	secure bool
	from   string
	to     []string
}

var errClosed = errors.New("the host closes")

func (h *host) serve(conn net.Conn) {
	h.mu.Lock()
	h.sessions++
	s := &session{host: h, conn: conn, text: textproto.NewConn(conn), number: h.sessions}
	h.conns[conn] = true
	h.mu.Unlock()
	defer func() {
		conn.Close()
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.conns, conn)
	}()
	greeting := "220 " + h.name + " ESMTP"
	if greet := s.now().greet; greet != nil {
		greeting = greet()
	}
	if s.text.PrintfLine("%s", greeting) != nil || greeting[0] != '2' {
		return
	}
	for {
		line, err := s.text.ReadLine()
		if err != nil {
			return
		}
		if err := s.command(line); err != nil {
			return
		}
	}
}

func (s *session) command(line string) error {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch {
	case verb == "EHLO":
		return s.text.PrintfLine("%s", strings.Join(s.hello(), "\r\n"))
	case verb == "STARTTLS" && !s.now().stripped && !s.secure:
		return s.startTLS()
	case verb == "MAIL":
		s.from, s.to = path(line), nil
		return s.text.PrintfLine("250 ok")
	case verb == "RCPT":
		to := path(line)
		if rcpt := s.now().rcpt; rcpt != nil {
			if reply := rcpt(to); reply != "" {
				return s.text.PrintfLine("%s", reply)
			}
		}
		s.to = append(s.to, to)
		return s.text.PrintfLine("250 ok")
	case verb == "DATA" && len(s.to) == 0:
		return s.text.PrintfLine("503 whom for?")
	case verb == "DATA":
		return s.content()
	case verb == "RSET":
		s.to = nil
		return s.text.PrintfLine("250 ok")
	case verb == "QUIT":
		s.text.PrintfLine("221 bye")
		return errClosed
	}
	return s.text.PrintfLine("500 what?")
}

func (s *session) hello() []string {
	lines := []string{"250-" + s.name, "250-PIPELINING", "250-ENHANCEDSTATUSCODES", "250-SIZE 50000000"}
	m := s.now()
	if !m.stripped && !s.secure {
		lines = append(lines, "250-STARTTLS")
	}
	if !m.ascii {
		lines = append(lines, "250-8BITMIME", "250-SMTPUTF8")
	}
	return append(lines, "250 HELP")
}

func (s *session) startTLS() error {
	if err := s.text.PrintfLine("220 go ahead"); err != nil {
		return err
	}
	certificate := s.host.pair.tls
	if other := s.now().pair; other != nil {
		certificate = other.tls
	}
	secured := tls.Server(s.conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err := secured.Handshake(); err != nil {
		return err
	}
	s.text, s.secure = textproto.NewConn(secured), true
	return nil
}

// content reads up to the final dot.
func (s *session) content() error {
	if err := s.text.PrintfLine("354 go ahead"); err != nil {
		return err
	}
	var text bytes.Buffer
	fault := proceed
	for dot := s.text.DotReader(); ; {
		_, err := io.CopyN(&text, dot, 1<<16)
		if data := s.now().data; data != nil {
			fault = data(text.Len())
		}
		switch {
		case fault == reset:
			if tcp, ok := s.conn.(*net.TCPConn); ok {
				tcp.SetLinger(0)
			}
			return errClosed
		case fault == hang, fault == takeQuiet && err == io.EOF:
			// Until the other side goes, or the test.
			for s.isOpen() {
				time.Sleep(10 * time.Millisecond)
			}
			return errClosed
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if end := s.now().end; end != nil {
		switch reply := end(text.String()); {
		case reply == "":
			return errClosed
		case reply[0] != '2':
			return s.text.PrintfLine("%s", reply)
		}
	}
	tr := transaction{from: s.from, to: s.to, text: text.String(), secure: s.secure, session: s.number, at: time.Now()}
	s.mu.Lock()
	s.taken = append(s.taken, tr)
	s.mu.Unlock()
	s.to = nil
	return s.text.PrintfLine("250 2.0.0 taken")
}

// isOpen looks whether the connection is there still, without reading from it.
func (s *session) isOpen() bool {
	raw, err := s.conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = raw.Control(func(fd uintptr) { open = established(fd) })
	return err == nil && open
}

// path is what stands between the angle brackets.
func path(line string) string {
	_, rest, _ := strings.Cut(line, "<")
	inside, _, _ := strings.Cut(rest, ">")
	return inside
}
