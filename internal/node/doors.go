package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/protocol/imapserver"
	"github.com/mailmesh/mailmesh/internal/protocol/pop3server"
	"github.com/mailmesh/mailmesh/internal/protocol/smtpserver"
	"github.com/mailmesh/mailmesh/internal/rfc/proxyprotocol"
)

// door is a listening socket with what answers on it.
type door struct {
	name     string // as the ready file calls it
	listener net.Listener
	serve    func(context.Context, net.Listener) error
}

// metricsDoor is the name of the door of those who watch over the server.
const metricsDoor = "metrics"

// doorPlan is where a door is to listen.
type doorPlan struct {
	name      string
	endpoints config.Endpoints
	serve     func(context.Context, net.Listener) error
}

// plan makes the servers behind the doors.
func (n *Node) plan(ctx context.Context) (plans []doorPlan, err error) {
	if n.certificates, err = n.openCertificates(ctx); err != nil {
		return nil, err
	}
	tlsConfig := n.certificates.Config()
	limits := smtpserver.Limits{MessageSize: int64(n.cfg.Limits.MessageSize)}
	mx, err := smtpserver.New(smtpserver.Options{Mode: smtpserver.MX, Hostname: n.cfg.Hostname, TLS: tlsConfig,
		Inbound: n.rooms.inbound, Limits: limits, Observer: smtpMeters{n.meters}, Log: n.log, Gate: &n.service.gate})
	if err != nil {
		return nil, err
	}
	// LMTP is for a mail server beside us, which has accepted the message already: what it brings is kept as it is.
	lmtp, err := smtpserver.New(smtpserver.Options{Mode: smtpserver.LMTP, Hostname: n.cfg.Hostname, TLS: tlsConfig,
		Inbound: n.rooms.inbound, Limits: limits, Observer: smtpMeters{n.meters}, Log: n.log, Gate: &n.service.gate, KeepBareNewlines: true})
	if err != nil {
		return nil, err
	}
	imap, err := imapserver.New(imapserver.Options{Hostname: n.cfg.Hostname, JMAP: sessionURL(n.cfg), TLS: tlsConfig, Tx: n.rooms.tx, Auth: n.rooms.auth,
		Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies, Finder: n.rooms.finder, Realtime: n.rooms.realtime, Directory: n.rooms.directory,
		Limits:   imapserver.Limits{MessageSize: int64(n.cfg.Limits.MessageSize)},
		Observer: imapMeters{n.meters}, Log: n.log, Gate: &n.service.gate})
	if err != nil {
		return nil, err
	}
	pop3, err := pop3server.New(pop3server.Options{Hostname: n.cfg.Hostname, TLS: tlsConfig, Tx: n.rooms.tx, Auth: n.rooms.auth,
		Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies, Observer: pop3Meters{n.meters}, Log: n.log, Gate: &n.service.gate})
	if err != nil {
		return nil, err
	}
	web, err := n.webPlans(n.certificates)
	if err != nil {
		return nil, err
	}
	submission, err := n.submissionServer(tlsConfig)
	if err != nil {
		return nil, err
	}
	l := n.cfg.Listen
	return append(web, []doorPlan{
		{"smtp", l.SMTP, mx.Serve},
		{"lmtp", l.LMTP, lmtp.Serve},
		{"submission", l.Submission, submission.Serve},
		{"submissions", l.Submissions, submission.ServeTLS},
		{"imap", l.IMAP, imap.Serve},
		{"imaps", l.IMAPS, imap.ServeTLS},
		{"pop3", l.POP3, pop3.Serve},
		{"pop3s", l.POP3S, pop3.ServeTLS},
		{metricsDoor, l.Metrics, n.serveHTTP(n.health())},
	}...), nil
}

// open opens the sockets of all doors, or none.
func (n *Node) open(ctx context.Context) (doors []door, err error) {
	plans, err := n.plan(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			for _, d := range doors {
				d.listener.Close()
			}
		}
	}()
	balancers, err := n.cfg.Listen.Balancers()
	if err != nil {
		return nil, err
	}
	for _, p := range plans {
		for _, endpoint := range p.endpoints.Strings() {
			l, err := listen.TCP(ctx, endpoint)
			if err != nil {
				return doors, fmt.Errorf("%s: %w", p.name, err)
			}
			if p.name != metricsDoor { // who asks there is a balancer itself
				l = listen.Behind(l, listen.Proxies{Networks: balancers, Header: readProxyHeader, Name: p.name, Log: n.log})
			}
			doors = append(doors, door{p.name, l, p.serve})
		}
	}
	return doors, nil
}

// readProxyHeader reads what a load balancer says of a connection that it passes on.
func readProxyHeader(nc net.Conn) (client, server netip.AddrPort, known bool, err error) {
	h, err := proxyprotocol.Read(nc)
	return h.Source, h.Destination, h.Known, err
}

// serveHTTP serves a handler until ctx ends.
func (n *Node) serveHTTP(h http.Handler) func(context.Context, net.Listener) error {
	return func(ctx context.Context, l net.Listener) error {
		server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
			ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug)}
		stopped := make(chan error, 1)
		stop := context.AfterFunc(ctx, func() {
			grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			stopped <- server.Shutdown(grace)
		})
		err := server.Serve(l)
		if !errors.Is(err, http.ErrServerClosed) {
			stop()
			return err
		}
		return <-stopped
	}
}

// health answers the questions of those who watch over the server.
func (n *Node) health() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", n.meters.registry.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if why := n.service.why(); why != "" {
			http.Error(w, why, http.StatusServiceUnavailable)
			return
		}
		switch err := n.rooms.db.Ping(ctx); {
		case err != nil:
			n.log.Warn("not ready", "err", err)
			http.Error(w, databaseAway, http.StatusServiceUnavailable)
		default:
			fmt.Fprintln(w, "ready")
		}
	})
	return mux
}
