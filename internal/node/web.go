package node

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/pictures"
	"github.com/mailmesh/mailmesh/internal/protocol/webclient"
	"github.com/mailmesh/mailmesh/internal/protocol/webserver"
	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
	"github.com/mailmesh/mailmesh/web"
)

// stsAge is how long other servers may remember that mail for our domains comes over checked TLS: long enough that an attacker
// cannot wait for its end, short enough that a mistake is over in a week.
const stsAge = 7 * 24 * time.Hour

// webPlans are the HTTP and HTTPS doors.
func (n *Node) webPlans(c *certificates) ([]doorPlan, error) {
	o := webserver.Options{
		Hostname: n.cfg.Hostname, HTTPSPort: httpsPort(n.cfg), Services: services(n.cfg), Tx: n.rooms.tx, Directory: n.rooms.directory,
		STS: stsPolicy(n.cfg), Trusted: c.trusted, ThisMachine: n.demo, Log: n.log,
	}
	if err := n.openClient(c); err != nil {
		return nil, err
	}
	jmap, err := n.jmapServer()
	if err != nil {
		return nil, err
	}
	o.Places = map[string]http.Handler{jmapserver.WellKnown: jmap, jmapserver.Prefix: jmap, pictures.Prefix: n.pictures.Handler()}
	if err := n.addSignIn(o.Places); err != nil {
		return nil, err
	}
	page := n.client.Handler()
	for _, pattern := range webclient.Patterns {
		o.Places[pattern] = page
	}
	if c.manager != nil {
		o.Challenge = c.manager.Answer
	}
	pages, err := webserver.New(o)
	if err != nil {
		return nil, err
	}
	shown := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.forHello, NextProtos: []string{"h2", "http/1.1"}}
	serve := func(name string, h http.Handler, wrap func(net.Listener) net.Listener) func(context.Context, net.Listener) error {
		return func(ctx context.Context, l net.Listener) error {
			return webserver.Serve(ctx, wrap(webserver.Limit(l, name, n.log)), h, name, n.log)
		}
	}
	return []doorPlan{
		{"http", n.cfg.Listen.HTTP, serve("http", n.whileInService(pages.Plain()), func(l net.Listener) net.Listener { return l })},
		{"https", n.cfg.Listen.HTTPS, serve("https", n.whileInService(pages.Secure()), func(l net.Listener) net.Listener { return tls.NewListener(l, shown) })},
	}, nil
}

// openClient makes the door of the web client.
func (n *Node) openClient(c *certificates) (err error) {
	n.client, err = webclient.New(webclient.Options{Files: web.Files(), Auth: n.rooms.auth, Trusted: c.trusted, Observer: webMeters{n.meters}, Log: n.log})
	return err
}

// stsPolicy is what our domains ask of those who send them mail (RFC 8461).
func stsPolicy(cfg config.Config) mtasts.Policy {
	return mtasts.Policy{Mode: mtasts.Enforce, Hosts: []string{cfg.Hostname}, MaxAge: stsAge}
}

// services are the ways in for mail programs, the one to be preferred of each protocol first.
func services(cfg config.Config) (list []webserver.Service) {
	l := cfg.Listen
	for _, s := range []struct {
		protocol string
		tls      bool
		at       config.Endpoints
	}{{"imap", true, l.IMAPS}, {"imap", false, l.IMAP}, {"pop3", true, l.POP3S}, {"pop3", false, l.POP3},
		{"smtp", true, l.Submissions}, {"smtp", false, l.Submission}} {
		if p := port(cfg, s.at, 0); p != 0 {
			list = append(list, webserver.Service{Protocol: s.protocol, Port: p, TLS: s.tls})
		}
	}
	return list
}

// sessionURL is where programs find the JMAP session, "" where there is no HTTPS door.
func sessionURL(cfg config.Config) string {
	if web := webURL(cfg); web != "" {
		return strings.TrimSuffix(web, "/") + jmapserver.WellKnown
	}
	return ""
}

// webURL is where the web client is, "" where there is no HTTPS door.
func webURL(cfg config.Config) string {
	host := cfg.Hostname
	switch p := httpsPort(cfg); p {
	case 0:
		return ""
	case 443:
	default:
		host = net.JoinHostPort(host, strconv.Itoa(p))
	}
	return "https://" + host + "/"
}

// httpsPort is where the HTTPS door is reached from other machines. One that listens on this machine alone has a proxy before it,
// on the port of the standard.
func httpsPort(cfg config.Config) int {
	if len(cfg.Listen.HTTPS) == 0 {
		return 0
	}
	return port(cfg, cfg.Listen.HTTPS, 443)
}

// port is where a door is reached from other machines, those of a server without a full name from this one; otherwise where
// none is.
func port(cfg config.Config, at config.Endpoints, otherwise int) int {
	for _, e := range at {
		host, text, err := net.SplitHostPort(string(e))
		ip := net.ParseIP(host)
		if err != nil || strings.Contains(cfg.Hostname, ".") && (host == "localhost" || ip != nil && ip.IsLoopback()) {
			continue
		}
		if p, err := strconv.Atoi(text); err == nil {
			return p
		}
	}
	return otherwise
}
