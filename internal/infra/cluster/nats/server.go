package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
)

const (
	user = "mailmesh"

	maxPending = 4 << 20  // bytes on the way to a node, and to a subscription
	maxWaiting = 64 << 10 // messages that wait for a handler
	maxPayload = 2 * cluster.MaxPayload
	patience   = 10 * time.Second // for the start of the server

	handshakeTime = 2 * time.Second // for who connects to prove that he knows the secret

	// A route that answers neither of two pings is dead: 6 seconds. Data resets nothing at the far end of a cut, so pings go on.
	pingEvery = 2 * time.Second
	maxPings  = 2
)

// nowhere is the address that a server tells others for itself. Every one that is told of it takes it for its own and does not
// dial: routes are as the node table says, not as servers gossip.
const nowhere = "localhost:1"

func (b *Bus) startServer(endpoint, password string) (*running, error) {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	if number == 0 {
		number = server.RANDOM_PORT
	}
	if host == "" {
		host = "::" // as net.Listen takes it: of both kinds
	}
	config, err := tlsConfig(b.o.Secret)
	if err != nil {
		return nil, err
	}
	o := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, Username: user, Password: password, MaxConn: 16,
		NoSigs: true, NoSystemAccount: true, NoFastProducerStall: true,
		MaxPayload: maxPayload, MaxPending: maxPending, PingInterval: time.Minute,
		Cluster: server.ClusterOpts{
			Name: "mailmesh", Host: host, Port: number, Advertise: nowhere, NoAdvertise: true, TLSConfig: config,
			TLSTimeout: handshakeTime.Seconds(), AuthTimeout: handshakeTime.Seconds(),
			PoolSize:     -1, // one connection: messages on several would overtake each other
			Compression:  server.CompressionOpts{Mode: server.CompressionOff},
			PingInterval: pingEvery, MaxPingsOut: maxPings, WriteDeadline: 2 * time.Second, WriteTimeout: server.WriteTimeoutPolicyClose,
		},
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	fatal := make(chan error, 1)
	s.SetLogger(&logger{log: b.o.Log, fatal: fatal, now: time.Now}, false, false)
	s.Start()
	addr, err := listening(s, fatal)
	if err != nil {
		s.Shutdown()
		return nil, err
	}
	return &running{server: s, options: o, addr: addr}, nil
}

// listening waits until the server routes.
func listening(s *server.Server, fatal <-chan error) (addr string, err error) {
	deadline := time.After(patience)
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-fatal:
			return "", err
		case <-deadline:
			return "", errors.New("the server of events does not start")
		case <-look.C:
			if at := s.ClusterAddr(); at != nil {
				return at.String(), nil
			}
		}
	}
}

// Route connects this node to others, and to no more: it tells under which name it is known to them, and where they are, by
// their names. The server waits for handshakes that are under way, up to handshakeTime; nobody else waits for it meanwhile.
func (b *Bus) Route(self string, others map[string]string) error {
	b.routing.Lock()
	defer b.routing.Unlock()
	b.mu.Lock()
	b.pings.self = self
	r := b.running
	b.mu.Unlock()
	if r == nil {
		return nil
	}
	var routes []*url.URL
	for name, addr := range others {
		if name < self && addr != "" {
			routes = append(routes, &url.URL{Scheme: "nats-route", Host: addr})
		}
	}
	slices.SortFunc(routes, func(a, b *url.URL) int { return strings.Compare(a.Host, b.Host) })
	if slices.EqualFunc(routes, r.options.Routes, func(a, b *url.URL) bool { return a.Host == b.Host }) {
		return nil
	}
	next := r.options.Clone()
	next.Routes = routes
	if err := r.server.ReloadOptions(next); err != nil {
		return fmt.Errorf("connect to other nodes: %w", err)
	}
	r.options = next
	return nil
}

// Routes is to how many other nodes there is a connection.
func (b *Bus) Routes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running == nil {
		return 0
	}
	return b.running.server.NumRoutes()
}

// What strangers do to the port must not fill the log.
const (
	linesEvery = time.Minute
	mostLines  = 20
)

// logger writes what the server says where everything is written, mostLines in linesEvery. It is talkative: what it notes is for who
// debugs.
type logger struct {
	log   *slog.Logger
	fatal chan<- error
	now   func() time.Time

	mu          sync.Mutex
	since       time.Time
	lines, left int
}

func (l *logger) Noticef(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }
func (l *logger) Debugf(format string, v ...any)  { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }
func (l *logger) Tracef(format string, v ...any)  {}
func (l *logger) Errorf(format string, v ...any)  { l.say(slog.LevelWarn, format, v) }

func (l *logger) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Plaintext passwords") {
		return // that of our own client, which no file holds: operators would look for another
	}
	l.say(slog.LevelInfo, format, v)
}

// say writes a line, and before it how many were left out since the last one.
func (l *logger) say(level slog.Level, format string, v []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); now.Sub(l.since) >= linesEvery {
		if l.left > 0 {
			l.log.Warn("nats: lines were left out", "count", l.left)
		}
		l.since, l.lines, l.left = now, 0, 0
	}
	if l.lines++; l.lines > mostLines {
		l.left++
		return
	}
	l.log.Log(context.Background(), level, "nats: "+fmt.Sprintf(format, v...))
}

// Fatalf is called where the server's own program would end.
func (l *logger) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Errorf(format, v...):
	default:
	}
}
