package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// Server is one PostgreSQL server of a pair.
type Server struct {
	Name string // also its application_name as a standby

	pair *Pair
	addr string

	mu       sync.Mutex
	settings map[string]string
	cmd      *exec.Cmd // nil while it does not run
	ended    chan struct{}
}

// startTimeout bounds a start, with the recovery after a kill.
const startTimeout = 30 * time.Second

func (p *Pair) newServer(name string, settings map[string]string) (*Server, error) {
	addr := ownAddress(5432 + int(name[0]-'a')) // the port names its socket, too
	s := &Server{Name: name, pair: p, addr: addr, settings: map[string]string{
		"shared_buffers":   "64MB",
		"max_connections":  "200",
		"wal_keep_size":    "256MB",
		"deadlock_timeout": "50ms",
		// The walsender and walreceiver of a frozen or cut off peer give up within seconds, as in production.
		"wal_sender_timeout":            "5s",
		"wal_receiver_timeout":          "5s",
		"wal_retrieve_retry_interval":   "200ms",
		"unix_socket_directories":       p.dir,
		"listen_addresses":              addr[:strings.LastIndexByte(addr, ':')],
		"port":                          addr[strings.LastIndexByte(addr, ':')+1:],
		"wal_receiver_status_interval":  "1s",
		"restart_after_crash":           "on",
		"log_min_messages":              "warning",
		"max_standby_streaming_delay":   "1s",
		"synchronous_commit":            "on",
		"recovery_target_timeline":      "latest",
		"log_line_prefix":               "%m [%p] ",
		"default_transaction_isolation": "read committed",
	}}
	maps.Copy(s.settings, settings)
	home := filepath.Join(p.dir, name)
	if err := os.Mkdir(home, 0o755); err != nil {
		return nil, err
	}
	return s, dbtest.AsOrdinaryUser(new(exec.Cmd), home) // makes the folder that user's
}

// ownAddress makes up a loopback address that nobody else listens on, with a port outside the range that the system gives out: the
// server keeps it while it is down, and no connection takes it meanwhile.
func ownAddress(port int) string {
	return fmt.Sprintf("127.%d.%d.%d:%d", 1+rand.N(250), rand.N(256), 1+rand.N(250), port)
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.addr }

// PID is the id of its first process, of which all others are descendants; 0 while it does not run.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// URL names this server alone.
func (s *Server) URL(database string) string { return URL(database, s.addr) }

// Data is its data folder.
func (s *Server) Data() string { return filepath.Join(s.pair.dir, s.Name, "data") }
func (s *Server) conf() string { return filepath.Join(s.pair.dir, s.Name, "conf") }

func (s *Server) host() string { host, _, _ := net.SplitHostPort(s.addr); return host }
func (s *Server) port() string { _, port, _ := net.SplitHostPort(s.addr); return port }

// Set changes a setting for the next Start or Reload.
func (s *Server) Set(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings[name] = value
}

func (s *Server) writeConf() error {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.settings)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(s.settings[name], "'", "''"))
	}
	return os.WriteFile(s.conf(), []byte(b.String()), 0o644)
}

// Start starts a server that does not run and waits until it answers.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		return fmt.Errorf("server %s runs", s.Name)
	}
	if err := s.writeConf(); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.pair.dir, s.Name, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.pair.bin, "postgres"), "-D", s.Data(), "--config-file="+s.conf())
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	if err := dbtest.AsOrdinaryUser(cmd, s.pair.dir); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	s.cmd, s.ended = cmd, ended
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	go func() { // a server that gives up is not waited for
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return s.await(ctx, "an answer", func(context.Context, *pgx.Conn) (bool, error) { return true, nil })
}

// await asks the server again and again until the answer is true.
func (s *Server) await(ctx context.Context, what string, ask func(context.Context, *pgx.Conn) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := s.ask(ctx, ask)
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("server %s: waiting for %s: %w (last: %v)", s.Name, what, ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func (s *Server) ask(ctx context.Context, ask func(context.Context, *pgx.Conn) (bool, error)) (bool, error) {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return ask(ctx, conn)
}

func (s *Server) do(ctx context.Context, database, sql string) error {
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// Reload makes the server read its settings again.
func (s *Server) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writeConf(); err != nil || s.cmd == nil {
		return err
	}
	return s.cmd.Process.Signal(syscall.SIGHUP)
}

// Stop ends the server as pg_ctl stop does by default: sessions are ended, open transactions rolled back (fast).
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// Kill ends the server as a crash does: nothing is written any more (immediate). A frozen server ends too.
func (s *Server) Kill() error { return s.end(syscall.SIGQUIT) }

func (s *Server) end(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(sig)
	if sig == syscall.SIGQUIT {
		_ = s.signalAll(syscall.SIGCONT)
	}
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		_ = s.signalAll(syscall.SIGKILL)
		<-s.ended
	}
	s.cmd = nil
	return nil
}

// Restart stops and starts.
func (s *Server) Restart(ctx context.Context) error {
	return errors.Join(s.Stop(), s.Start(ctx))
}

// Freeze stands all its processes still: its connections stay open and nothing answers, as when a machine hangs or its cable is cut.
func (s *Server) Freeze() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signalAll(syscall.SIGSTOP)
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signalAll(syscall.SIGCONT)
}

// signalAll signals the server and its processes, each of which leads a group of its own.
func (s *Server) signalAll(sig syscall.Signal) error {
	if s.cmd == nil {
		return fmt.Errorf("server %s does not run", s.Name)
	}
	parent := s.cmd.Process.Pid
	errs := []error{syscall.Kill(parent, sig)} // first: so that it starts no more
	for _, child := range children(parent) {
		if err := syscall.Kill(child, sig); !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func children(parent int) []int {
	var out []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name) state ppid ...; the name may hold anything.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			out = append(out, pid)
		}
	}
	return out
}
