package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Who may use every Server.
const (
	AccessKey = "mailmesh"
	SecretKey = "not a secret, for tests"
)

// Server is a running S3 service.
type Server struct {
	Endpoint string // host:port, plain HTTP

	dir      string
	keeper   *exec.Cmd
	lifeline *os.File // the server ends when this is closed, so it ends with the test however that ends
	buckets  atomic.Int64
}

var shared = sync.OnceValues(func() (*Server, error) { return start("") })

// Shared returns a server that all tests of the process use, each its own bucket.
func Shared(t testing.TB) *Server {
	t.Helper()
	s, err := shared()
	missing(t, err)
	return s
}

// Start starts a server for one test, which can be stopped, and frozen by a signal.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start("")
	missing(t, err)
	t.Cleanup(func() { s.end(""); os.RemoveAll(s.dir) })
	return s
}

func missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var errMissing = errors.New("there is no versitygw: test/setup installs it")

func program() (string, error) {
	if tools := os.Getenv("MAILMESH_TOOLS"); tools != "" {
		path := filepath.Join(tools, "bin", "versitygw")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	for dir, _ := os.Getwd(); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, ".tools", "bin", "versitygw")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("versitygw")
	if err != nil {
		return "", errMissing
	}
	return path, nil
}

// keeper runs the server and ends it when its own standard input ends.
const keeper = `
trap '' HUP INT QUIT
"$@" >/dev/null 2>"$DIR/log" </dev/null &
server=$!
read -r answer
kill -KILL "$server"
[ "$answer" = keep ] || rm -rf "$DIR"
`

// start starts a server; endpoint is where it listens, "" for a free port.
func start(endpoint string) (*Server, error) {
	dir, err := os.MkdirTemp("", "mailmesh-s3-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, Endpoint: endpoint}
	if s.Endpoint == "" {
		// Nobody else is given this port between here and the start: the kernel hands ports out in turn.
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		s.Endpoint = l.Addr().String()
		l.Close()
	}
	if err := os.Mkdir(filepath.Join(dir, "buckets"), 0o700); err != nil {
		return nil, err
	}
	return s, s.run()
}

func (s *Server) run() error {
	path, err := program()
	if err != nil {
		return err
	}
	s.keeper = exec.Command("/bin/sh", "-c", keeper, "keeper", path, "--port", s.Endpoint, "--keep-alive", "--quiet", "posix", filepath.Join(s.dir, "buckets"))
	s.keeper.Env = append(os.Environ(), "DIR="+s.dir, "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
	s.keeper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end, lifeline, err := os.Pipe()
	if err != nil {
		return err
	}
	defer end.Close()
	s.keeper.Stdin, s.lifeline = end, lifeline
	if err := s.keeper.Start(); err != nil {
		return errors.Join(err, lifeline.Close())
	}
	return s.await(20 * time.Second)
}

// await returns when the server takes connections.
func (s *Server) await(most time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		conn, err := net.Dial("tcp", s.Endpoint)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("versitygw does not listen after %v: %w; its log: %.1000s", most, err, log)
		}
	}
}

// Stop kills the server. What it acknowledged is there when it is started again.
func (s *Server) Stop() { s.end("keep\n") }

func (s *Server) end(answer string) {
	syscall.Kill(-s.keeper.Process.Pid, syscall.SIGCONT) // a frozen keeper reads nothing
	io.WriteString(s.lifeline, answer)
	s.lifeline.Close()
	s.keeper.Wait() // its status is that of kill
}

// Restart starts a server that was stopped, where it was.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

// Signal sends a signal to the server: SIGSTOP freezes it, SIGCONT lets it go on.
func (s *Server) Signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-s.keeper.Process.Pid, signal); err != nil {
		t.Fatal(err)
	}
}

// NewBucket makes an empty bucket and returns its name.
func (s *Server) NewBucket(t testing.TB) string {
	t.Helper()
	name := "bucket-" + strconv.FormatInt(s.buckets.Add(1), 10)
	// A folder is all that makes a bucket of it.
	if err := os.Mkdir(filepath.Join(s.dir, "buckets", name), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

// URL is what bodies.store is set to for a bucket, by way of endpoint, "" for the server itself.
func (s *Server) URL(bucket, endpoint string) string {
	if endpoint == "" {
		endpoint = s.Endpoint
	}
	u := url.URL{Scheme: "s3", User: url.UserPassword(AccessKey, SecretKey), Host: bucket, Path: "/",
		RawQuery: url.Values{"endpoint": {"http://" + strings.TrimPrefix(endpoint, "http://")}}.Encode()}
	return u.String()
}

// File is the file of an object, for tests that damage it.
func (s *Server) File(bucket, name string) string {
	return filepath.Join(s.dir, "buckets", bucket, filepath.FromSlash(name))
}
