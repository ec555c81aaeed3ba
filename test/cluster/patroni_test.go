//go:build system

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

var withPatroni = flag.Bool("patroni", false, "try deploy/postgresql/patroni.yml with Patroni and etcd, which takes a minute")

// patroni is three servers under Patroni, as deploy/postgresql sets them up, and an etcd.
type patroni struct {
	*testing.T
	dir     string
	etcd    string
	servers []*patroniServer
}

type patroniServer struct {
	name, rest, sql, data string
	cmd                   *exec.Cmd
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func newPatroni(t *testing.T) *patroni {
	t.Helper()
	for _, program := range []string{"patroni", "etcd"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: install Debian's patroni and etcd-server", err)
		}
	}
	dir, err := os.MkdirTemp(dbtest.MemoryFolder(), "mailmesh-patroni-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config, err := os.ReadFile("../../deploy/postgresql/patroni.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), config, 0o644); err != nil {
		t.Fatal(err)
	}
	p := &patroni{T: t, dir: dir, etcd: freeAddress(t)}
	peers := "http://" + freeAddress(t)
	p.start("etcd", nil, "etcd", "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls", "http://"+p.etcd, "--advertise-client-urls", "http://"+p.etcd,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers)
	for i := range 3 {
		name := fmt.Sprintf("db%d", i+1)
		s := &patroniServer{name: name, rest: freeAddress(t), sql: freeAddress(t), data: filepath.Join(dir, name)}
		p.servers = append(p.servers, s)
		p.begin(s)
	}
	t.Cleanup(func() {
		for _, s := range p.servers {
			p.kill(s)
		}
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
			for _, name := range logs {
				log, _ := os.ReadFile(name)
				t.Logf("%s ends:\n%s", filepath.Base(name), log[max(0, len(log)-3000):])
			}
		}
	})
	return p
}

// begin starts Patroni on a server, by the configuration that is there for people.
func (p *patroni) begin(s *patroniServer) {
	p.Helper()
	bin, err := dbtest.Programs()
	if err != nil {
		p.Fatal(err)
	}
	s.cmd = p.start(s.name, []string{"PATRONI_NAME=" + s.name, "PATRONI_ETCD3_HOSTS=" + p.etcd, "PATRONI_RESTAPI_LISTEN=" + s.rest,
		"PATRONI_RESTAPI_CONNECT_ADDRESS=" + s.rest, "PATRONI_POSTGRESQL_LISTEN=" + s.sql, "PATRONI_POSTGRESQL_CONNECT_ADDRESS=" + s.sql,
		"PATRONI_POSTGRESQL_DATA_DIR=" + s.data, "PATRONI_POSTGRESQL_BIN_DIR=" + bin, "PATRONI_SUPERUSER_PASSWORD=super",
		"PATRONI_REPLICATION_PASSWORD=copies"}, "patroni", filepath.Join(p.dir, "config.yml"))
}

func (p *patroni) start(name string, env []string, program string, args ...string) *exec.Cmd {
	p.Helper()
	log, err := os.OpenFile(filepath.Join(p.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = "/", log, log, append(os.Environ(), append(env, "HOME="+p.dir)...)
	if err := dbtest.AsOrdinaryUser(cmd, p.dir); err != nil {
		p.Fatal(err)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	p.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	return cmd
}

// kill ends a server's Patroni and PostgreSQL as the loss of its machine does.
func (p *patroni) kill(s *patroniServer) {
	_ = s.cmd.Process.Kill()
	pid, err := os.ReadFile(filepath.Join(s.data, "postmaster.pid"))
	if err != nil {
		return
	}
	first, _, _ := strings.Cut(string(pid), "\n")
	if n, err := strconv.Atoi(first); err == nil && n > 1 {
		_ = syscall.Kill(n, syscall.SIGKILL) // its processes notice and end
	}
}

// roles asks the servers for each other's roles.
func (p *patroni) roles() map[string]string {
	roles := map[string]string{}
	client := http.Client{Timeout: time.Second}
	for _, s := range p.servers {
		answer, err := client.Get("http://" + s.rest + "/cluster")
		if err != nil {
			continue
		}
		var cluster struct {
			Members []struct{ Name, Role, State string }
		}
		err = json.NewDecoder(answer.Body).Decode(&cluster)
		answer.Body.Close()
		if err != nil {
			continue
		}
		for _, m := range cluster.Members {
			if m.State == "running" || m.State == "streaming" {
				roles[m.Name] = m.Role
			}
		}
		return roles
	}
	return roles
}

// await waits until there are so many of the roles.
func (p *patroni) await(limit time.Duration, leaders, synchronous, all int) *patroniServer {
	p.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		roles := p.roles()
		var leader *patroniServer
		count := map[string]int{}
		for _, s := range p.servers {
			count[roles[s.name]]++
			if roles[s.name] == "leader" {
				leader = s
			}
		}
		if count["leader"] == leaders && count["sync_standby"] >= synchronous && len(roles) >= all {
			return leader
		}
		if time.Now().After(deadline) {
			p.Fatalf("after %v the roles are %v", limit, roles)
		}
	}
}

// Under Patroni as deploy/postgresql sets it up the primary's machine is lost: a node goes on by itself on the server that Patroni promotes,
// nothing that was acknowledged is lost, and the lost server comes back as a standby.
func TestPatroni(t *testing.T) {
	if !*withPatroni {
		t.Skip("only with -args -patroni")
	}
	p := newPatroni(t)
	leader := p.await(40*time.Second, 1, 1, 3)
	admin, err := pgx.Connect(t.Context(), "postgres://postgres:super@"+leader.sql+"/postgres")
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"CREATE USER mailmesh PASSWORD 'secret' IN ROLE pg_monitor", "CREATE DATABASE mailmesh OWNER mailmesh"} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	_ = admin.Close(t.Context())
	var hosts []string
	for _, s := range p.servers {
		hosts = append(hosts, s.sql)
	}
	d, err := db.Open(t.Context(), db.Options{URL: "postgres://mailmesh:secret@" + strings.Join(hosts, ",") + "/mailmesh"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	exec := func(sql string, args ...any) error {
		return d.Write(context.Background(), 0, func(tx *db.Tx) error {
			_, err := tx.Exec(sql, args...)
			return err
		})
	}
	if err := exec("CREATE TABLE kept (n BIGINT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	var acknowledged []int64
	add := func(n int64) error {
		err := exec("INSERT INTO kept VALUES ($1)", n)
		if err == nil {
			acknowledged = append(acknowledged, n)
		}
		return err
	}
	n := int64(0)
	for ; n < 500; n++ {
		if err := add(n); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := d.Health(t.Context()); err != nil || len(h.Standbys) != 2 {
		t.Errorf("health: %+v, %v", h, err)
	}
	p.kill(leader)
	struck, refused := time.Now(), 0
	for ; ; n++ {
		err := add(n)
		if err == nil {
			break
		}
		if !db.IsUnavailable(err) && !errors.Is(err, db.ErrCommitUnknown) || time.Since(struck) > time.Minute {
			t.Fatal(err)
		}
		refused++
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("the first write after the loss of the primary's machine was acknowledged after %v; %d before it were refused", time.Since(struck).Round(100*time.Millisecond), refused)
	for first := n + 1; n < first+500; n++ {
		if err := add(n + 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range acknowledged {
		var there int64
		if err := d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow("SELECT count(*) FROM kept WHERE n = $1", id).Scan(&there)
		}); err != nil || there != 1 {
			t.Fatalf("%d was acknowledged and is there %d times, %v", id, there, err)
		}
	}
	p.begin(leader)
	if now := p.await(60*time.Second, 1, 1, 3); now == leader {
		t.Error("the lost server is the primary again")
	}
}
