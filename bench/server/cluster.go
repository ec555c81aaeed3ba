package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mailmesh/mailmesh/test/cluster/postgres"
)

// Cluster is nodes of mailmesh on a PostgreSQL server of its own, which keeps the bodies, too.
type Cluster struct {
	Binary string
	Dir    string // for the data of all
	Nodes  int
	Log    io.Writer // the nodes' output

	database *postgres.Pair
	nodes    []*Mailmesh
}

// Start starts the database, then one node after the other, and returns their doors.
func (c *Cluster) Start(ctx context.Context) ([]Endpoints, error) {
	doors, err := c.start(ctx)
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return doors, nil
}

func (c *Cluster) start(ctx context.Context) ([]Endpoints, error) {
	if err := os.MkdirAll(c.Dir, 0o711); err != nil {
		return nil, err
	}
	var err error
	c.database, err = postgres.Start(ctx, postgres.Options{Single: true, Folder: c.Dir,
		Settings: map[string]string{"shared_buffers": "512MB", "max_wal_size": "8GB"}})
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	var doors []Endpoints
	for i := range c.Nodes {
		node := &Mailmesh{Binary: c.Binary, Data: filepath.Join(c.Dir, fmt.Sprintf("node%d", i+1)), Log: c.Log,
			Env: []string{"MAILMESH_CONFIG_DATABASE=" + c.database.URL()}}
		if i > 0 {
			if err := shareKey(c.nodes[0].Data, node.Data); err != nil {
				return nil, err
			}
		}
		c.nodes = append(c.nodes, node)
		e, err := node.Start(ctx)
		if err != nil {
			return nil, fmt.Errorf("node %d: %w", i+1, err)
		}
		doors = append(doors, e)
	}
	return doors, nil
}

// shareKey gives a node the master key of another: with any other the database would not let it in.
func shareKey(from, to string) error {
	const name = "master.key"
	key, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, name), key, 0o600)
}

// DatabasePID is the process of PostgreSQL, whose descendants belong to it.
func (c *Cluster) DatabasePID() int { return c.database.Primary().PID() }

// AddAccount makes an account that all nodes have.
func (c *Cluster) AddAccount(ctx context.Context, address, password string) error {
	return c.nodes[0].AddAccount(ctx, address, password)
}

// Rest has garbage collected at each node.
func (c *Cluster) Rest(ctx context.Context) error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, n.Rest(ctx))
	}
	return errors.Join(errs...)
}

// Stop ends all that was started.
func (c *Cluster) Stop() error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, n.Stop())
	}
	c.nodes = nil
	if c.database != nil {
		errs = append(errs, c.database.Close())
		c.database = nil
	}
	return errors.Join(errs...)
}
