package nodes

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/test/cluster/wire"
)

// Plan says what cluster is wanted.
type Plan struct {
	Program string
	Folder  string   // an empty one, for all that the nodes keep
	Count   int      // of nodes
	Env     []string // of every node

	// Database is the URL of the database, whose host does not matter. Servers are those that may have it: host:port or
	// unix:PATH, see wire.New. Without it there is one node, with a folder of its own.
	Database string
	Servers  []string

	// Bodies is the host:port of the store of bodies, empty where that is the database. BodiesURL makes the value of
	// bodies.store for a node that is to reach it at another host:port.
	Bodies    string
	BodiesURL func(hostport string) string
}

// Cluster is the nodes that were planned.
type Cluster struct {
	Nodes []*Node
	Older bool // nodes may be of a release that does not tell what is under way: Rest knows only of sessions then

	network string // the first three numbers of the nodes' addresses
}

// New makes the nodes, with their wires and folders, and starts none.
func New(p Plan) (*Cluster, error) {
	network, err := freeNetwork()
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	rand.Read(key)
	c := &Cluster{network: network}
	for i := range p.Count {
		n, err := newNode(p, i+1, fmt.Sprintf("%s.%d", network, i+1), key)
		if n != nil {
			c.Nodes = append(c.Nodes, n)
		}
		if err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// newNode makes a node. What it made before an error is in the node, too.
func newNode(p Plan, number int, address string, key []byte) (*Node, error) {
	name := fmt.Sprintf("n%d", number)
	n := &Node{Name: name, Program: p.Program, Doors: map[string]string{}, folder: filepath.Join(p.Folder, name)}
	if err := os.MkdirAll(n.Data(), 0o700); err != nil {
		return n, err
	}
	if err := os.WriteFile(filepath.Join(n.Data(), "master.key"), key, 0o600); err != nil {
		return n, err
	}
	set := func(name, value string) { n.Env = append(n.Env, "MAILMESH_CONFIG_"+name+"="+value) }
	for door, port := range ports {
		n.Doors[door] = net.JoinHostPort(address, strconv.Itoa(port))
		set("LISTEN_"+strings.ToUpper(door), n.Doors[door])
	}
	set("HOSTNAME", name+".cluster.test")
	set("CLUSTER_NAME", name) // the node whose name sorts later dials the other
	var hosts []string
	for _, server := range p.Servers {
		w, err := wire.New(server)
		if err != nil {
			return n, err
		}
		n.Database = append(n.Database, w)
		hosts = append(hosts, w.Addr())
	}
	if p.Database != "" {
		database, err := at(p.Database, hosts)
		if err != nil {
			return n, err
		}
		set("DATABASE", database)
	}
	bus := net.JoinHostPort(address, strconv.Itoa(busPort))
	var err error
	if n.Bus, err = wire.New(bus); err != nil {
		return n, err
	}
	set("LISTEN_CLUSTER", bus)
	set("CLUSTER_ADDRESS", n.Bus.Addr())
	if p.Bodies != "" {
		if n.Bodies, err = wire.New(p.Bodies); err != nil {
			return n, err
		}
		set("BODIES_STORE", p.BodiesURL(n.Bodies.Addr()))
	}
	n.Env = append(n.Env, p.Env...)
	return n, nil
}

// at is the URL of the same database at other hosts.
func at(database string, hosts []string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Del("host")
	q.Del("port")
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = strings.Join(hosts, ","), q.Encode()
	return u.String(), nil
}

// freeNetwork finds a network in 127.0.0.0/8 that nobody uses: its first three numbers.
func freeNetwork() (string, error) {
	var tried error
	for range 20 {
		network := fmt.Sprintf("127.%d.%d", 16+mathrand.IntN(200), 1+mathrand.IntN(250))
		l, err := net.Listen("tcp", fmt.Sprintf("%s.1:%d", network, ports["smtp"]))
		if err == nil {
			return network, l.Close()
		}
		tried = err
	}
	return "", fmt.Errorf("no loopback address to listen at: %w", tried)
}

// Start starts all nodes: the first alone, which makes the database's tables.
func (c *Cluster) Start(ctx context.Context) error {
	if err := c.Nodes[0].Start(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, n := range c.Nodes[1:] {
		g.Go(func() error { return n.Start(ctx) })
	}
	return g.Wait()
}

// Stop lets all nodes end in their own time.
func (c *Cluster) Stop(ctx context.Context) error {
	var g errgroup.Group
	for _, n := range c.Nodes {
		if n.Running() {
			g.Go(func() error { return n.Stop(ctx) })
		}
	}
	return g.Wait()
}

// Close kills what runs and closes the wires.
func (c *Cluster) Close() error {
	var errs []error
	for _, n := range c.Nodes {
		if n.Running() {
			errs = append(errs, n.Kill())
		}
		for _, w := range append([]*wire.Wire{n.Bodies, n.Bus}, n.Database...) {
			if w != nil {
				w.Close()
			}
		}
	}
	return errors.Join(errs...)
}

// Doors are where all nodes have a door.
func (c *Cluster) Doors(name string) (addresses []string) {
	for _, n := range c.Nodes {
		addresses = append(addresses, n.Doors[name])
	}
	return addresses
}

// Elsewhere is where a door would be that is no node's: what stands in front of the nodes listens there.
func (c *Cluster) Elsewhere(name string) string {
	return net.JoinHostPort(c.network+".100", strconv.Itoa(ports[name]))
}

// AddAccounts makes accounts NAME0@domain, NAME1@domain ... in a domain that is made where it is missing, with settings as
// `mailmesh account set` takes them.
func (c *Cluster) AddAccounts(ctx context.Context, domain, name, password string, count int, settings ...string) (addresses []string, err error) {
	n := c.Nodes[0]
	if _, err := n.Command(ctx, "", "domain", "add", domain); err != nil && !strings.Contains(err.Error(), "already") {
		return nil, err
	}
	var g errgroup.Group
	g.SetLimit(2)
	for i := range count {
		address := fmt.Sprintf("%s%d@%s", name, i, domain)
		addresses = append(addresses, address)
		g.Go(func() error {
			_, err := n.Command(ctx, password+"\n", "account", "add", address, "--password-stdin")
			if err == nil && len(settings) > 0 {
				_, err = n.Command(ctx, "", append([]string{"account", "set", address}, settings...)...)
			}
			return err
		})
	}
	return addresses, g.Wait()
}
