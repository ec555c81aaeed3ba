package outbound

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
)

// internet is a network in memory, for tests in a synctest bubble: what DNS says, and who answers at which address.
type internet struct {
	t     *testing.T
	mx    map[string]dns.Answer[dns.MX]
	addrs map[string][]netip.Addr
	errs  map[string]error // of both

	hosts   map[netip.Addr]*fakeHost
	silent  map[netip.Addr]bool // packets to there are lost
	mu      sync.Mutex
	dials   []netip.Addr
	records []mailflow.TLSSession
	need    map[string]mailflow.TLSRequirement // by host
	serving sync.WaitGroup
}

func newInternet(t *testing.T) *internet {
	return &internet{t: t, mx: map[string]dns.Answer[dns.MX]{}, addrs: map[string][]netip.Addr{}, errs: map[string]error{},
		hosts: map[netip.Addr]*fakeHost{}, silent: map[netip.Addr]bool{}, need: map[string]mailflow.TLSRequirement{}}
}

func (n *internet) MX(_ context.Context, domain string) (dns.Answer[dns.MX], error) {
	if err := n.errs[domain]; err != nil {
		return dns.Answer[dns.MX]{}, err
	}
	if a, ok := n.mx[domain]; ok {
		return a, nil
	}
	if _, ok := n.addrs[domain]; ok {
		return dns.Answer[dns.MX]{}, &dns.Error{Name: domain, Type: "MX", Reason: dns.NoData}
	}
	return dns.Answer[dns.MX]{}, &dns.Error{Name: domain, Type: "MX", Reason: dns.NoName}
}

func (n *internet) Addresses(_ context.Context, host string) (dns.Answer[netip.Addr], error) {
	if err := n.errs[host]; err != nil {
		return dns.Answer[netip.Addr]{}, err
	}
	if a := n.addrs[host]; len(a) > 0 {
		return dns.Answer[netip.Addr]{Records: a, Name: host}, nil
	}
	return dns.Answer[netip.Addr]{}, &dns.Error{Name: host, Type: "address", Reason: dns.NoName}
}

// domain gives a domain its mail hosts: "10 mx1.them.example".
func (n *internet) domain(name string, hosts ...string) {
	var a dns.Answer[dns.MX]
	for _, h := range hosts {
		preference, host, _ := strings.Cut(h, " ")
		p, _ := strconv.Atoi(preference)
		a.Records = append(a.Records, dns.MX{Host: host, Preference: uint16(p)})
	}
	n.mx[name] = a
}

// host puts a host into DNS, and at its addresses.
func (n *internet) host(h *fakeHost, addrs ...string) *fakeHost {
	for _, a := range addrs {
		addr := netip.MustParseAddr(a)
		n.addrs[h.name] = append(n.addrs[h.name], addr)
		n.hosts[addr] = h
	}
	return h
}

func (n *internet) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	n.dials = append(n.dials, to.Addr())
	n.mu.Unlock()
	if n.silent[to.Addr()] {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	h := n.hosts[to.Addr()]
	if h == nil {
		return nil, fmt.Errorf("connection refused")
	}
	client, server := net.Pipe()
	n.serving.Go(func() { h.serve(server) })
	return client, nil
}

func (n *internet) TLS(_ context.Context, h mailflow.Host) mailflow.TLSRequirement {
	return n.need[h.Name]
}

func (n *internet) Record(s mailflow.TLSSession) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records = append(n.records, s)
}

func (n *internet) outbound(change ...func(*Options)) *Outbound {
	o := Options{Hostname: "us.example", Resolver: n, Dial: n.dial, Policy: n, Own: func(a netip.Addr) bool { return a == netip.MustParseAddr("192.0.2.99") }}
	for _, c := range change {
		c(&o)
	}
	out := New(o)
	n.t.Cleanup(func() { out.Close(); n.serving.Wait() })
	return out
}

// fakeHost is a mail server that says what it is told to.
type fakeHost struct {
	name   string
	offers []string
	says   map[string]string // instead of what it would say to: greeting, EHLO, AUTH, MAIL, RCPT bob@them.example, DATA, end
	// does is called in place of an answer.
	does  map[string]func(nc net.Conn)
	tls   *tls.Config
	early bool // TLS from the first byte

	mu       sync.Mutex
	got      []string // content, of messages that were taken
	to       []string
	commands []string
	conns    int
	secure   int // of the messages
}

// connections is how many there have been.
func (h *fakeHost) connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conns
}

func plainHost(name string) *fakeHost {
	return &fakeHost{name: name, offers: []string{"PIPELINING", "8BITMIME"}, says: map[string]string{}, does: map[string]func(net.Conn){}}
}

func tlsHost(name string) *fakeHost {
	h := plainHost(name)
	h.tls = &tls.Config{Certificates: []tls.Certificate{listentest.Certificate()}}
	return h
}

// conversation is one connection to a fakeHost.
type conversation struct {
	h      *fakeHost
	nc     net.Conn
	r      *bufio.Reader
	out    chan string
	done   chan struct{}
	secure bool
	rcpt   int
}

func (h *fakeHost) serve(nc net.Conn) {
	defer nc.Close()
	h.mu.Lock()
	h.conns++
	h.mu.Unlock()
	c := &conversation{h: h, nc: nc}
	if h.early {
		c.nc, c.secure = tls.Server(nc, h.tls), true
	}
	c.open()
	defer func() { close(c.out); <-c.done }()
	if !c.say("greeting", "220 "+h.name+" ESMTP") {
		return
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil || !c.handle(strings.TrimRight(line, "\r\n")) {
			return
		}
	}
}

// open begins to read and to write, which do not wait for each other as they do on a bare pipe.
func (c *conversation) open() {
	c.r = bufio.NewReader(c.nc)
	c.out, c.done = make(chan string, 1000), make(chan struct{})
	nc, out, done := c.nc, c.out, c.done
	go func() {
		defer close(done)
		for s := range out {
			io.WriteString(nc, s)
		}
	}()
}

// say answers, as usual or as the host was told to, and reports whether the connection goes on.
func (c *conversation) say(to, usual string) bool {
	if do := c.h.does[to]; do != nil {
		do(c.nc)
		return false
	}
	if other, ok := c.h.says[to]; ok {
		usual = other
	}
	c.out <- usual + "\r\n"
	return !strings.HasPrefix(usual, "421")
}

func (c *conversation) handle(line string) bool {
	h := c.h
	h.mu.Lock()
	h.commands = append(h.commands, line)
	h.mu.Unlock()
	verb, _, _ := strings.Cut(line, " ")
	switch verb {
	case "EHLO":
		offers := append([]string{h.name}, h.offers...)
		if h.tls != nil && !c.secure {
			offers = append(offers, "STARTTLS")
		}
		return c.say("EHLO", "250-"+strings.Join(offers[:len(offers)-1], "\r\n250-")+"\r\n250 "+offers[len(offers)-1])
	case "STARTTLS":
		if !c.say("STARTTLS", "220 go on") || h.says["STARTTLS"] != "" {
			return h.says["STARTTLS"] != ""
		}
		close(c.out)
		<-c.done
		c.nc, c.secure = tls.Server(c.nc, h.tls), true
		c.open()
		return true
	case "MAIL":
		c.rcpt = 0
		return c.say("MAIL", "250 2.1.0 ok")
	case "RCPT":
		address := line[strings.IndexByte(line, '<')+1 : strings.IndexByte(line, '>')]
		answer := h.says["RCPT "+address]
		if answer == "" {
			answer = "250 2.1.5 ok"
		}
		if answer[0] == '2' {
			c.rcpt++
			h.mu.Lock()
			h.to = append(h.to, address)
			h.mu.Unlock()
		}
		return c.say("RCPT "+address, answer)
	case "DATA":
		if c.rcpt == 0 {
			return c.say("DATA", "503 no recipients")
		}
		return c.data()
	case "AUTH":
		return c.say("AUTH", "235 2.7.0 welcome")
	case "QUIT":
		c.out <- "221 bye\r\n"
		return false
	}
	return c.say(verb, "250 2.0.0 ok")
}

func (c *conversation) data() bool {
	if !c.say("DATA", "354 go on") {
		return false
	}
	if c.h.says["DATA"] != "" {
		return true
	}
	var content strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		content.WriteString(strings.TrimPrefix(line, "."))
	}
	if answer := c.h.says["end"]; (answer == "" || answer[0] == '2') && c.h.does["end"] == nil {
		c.h.mu.Lock()
		c.h.got = append(c.h.got, content.String())
		if c.secure {
			c.h.secure++
		}
		c.h.mu.Unlock()
	}
	return c.say("end", "250 2.6.0 taken")
}

// job is a message from ann to some people at a domain.
func job(domain string, to ...string) mailflow.Job {
	e := &mail.Envelope{ID: "t1", ReversePath: mail.Address{Local: "ann", Domain: "us.example"}, Body: mail.Body7Bit}
	for _, local := range to {
		e.Recipients = append(e.Recipients, mail.Recipient{Address: mail.Address{Local: local, Domain: domain}})
	}
	return withContent(mailflow.Job{Envelope: e, Domain: domain, MayEnd: func() bool { return true }}, "Subject: x\r\n\r\nhi\r\n")
}

func withContent(j mailflow.Job, content string) mailflow.Job {
	j.Size = int64(len(content))
	j.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }
	return j
}

// want compares attempts, each written as "kind code enhanced by", with what stands before it: "!" where it is the destination,
// "+" where the host reports.
func want(t *testing.T, got []mailflow.Attempt, want ...string) {
	t.Helper()
	var said []string
	for _, a := range got {
		s := fmt.Sprintf("%s %d %s by %s", a.Event.Kind, a.Event.Reply.Code, a.Event.Reply.Enhanced, a.Event.By)
		if a.Destination {
			s = "!" + s
		}
		if a.Reports {
			s = "+" + s
		}
		said = append(said, s)
	}
	if !slices.Equal(said, want) {
		t.Errorf("the attempts are\n\t%s\nnot\n\t%s", strings.Join(said, "\n\t"), strings.Join(want, "\n\t"))
		for _, a := range got {
			t.Log(a.Event.Reply.Text)
		}
	}
}

// hang reads and never answers.
func hang(nc net.Conn) { io.Copy(io.Discard, nc) }

// reset closes at once.
func reset(nc net.Conn) { nc.Close() }

func elapsed(begun time.Time, least, most time.Duration) bool {
	d := time.Since(begun)
	return d >= least && d <= most
}
