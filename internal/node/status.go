package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/leases"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/adminserver"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// nodes are all nodes of the server, as this one sees them.
type nodes struct{ *Node }

var _ adminserver.Cluster = nodes{}

// Limits of looking at the nodes.
const (
	roundTripIn = time.Second // for an event to a node and back
	lateRenewal = 2 * members.RenewEvery
	bodiesIn    = 5 * time.Second
	lookingFor  = 10 * time.Second // at everything
)

// Status looks at everything that the nodes stand on.
func (n nodes) Status(ctx context.Context) (s adminserver.ClusterStatus, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookingFor)
	defer cancel()
	s = adminserver.ClusterStatus{Alone: n.rooms.alone(), Nodes: []adminserver.ClusterNode{}, Works: []adminserver.ClusterWork{}, Concerns: []string{}}
	if n.member != nil {
		s.Here = n.member.Life().Name
	}
	for _, look := range []func(context.Context, *adminserver.ClusterStatus) error{n.lookAtDatabase, n.lookAtNodes, n.lookAtEvents, n.lookAtWorks, n.lookAtQueue, n.lookAtBodies} {
		if err := look(ctx, &s); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (n nodes) lookAtDatabase(ctx context.Context, s *adminserver.ClusterStatus) error {
	begun := time.Now()
	err := n.rooms.db.Ping(ctx)
	s.Database = adminserver.ClusterDatabase{Engine: string(n.rooms.db.Engine()), Answer: time.Since(begun).Microseconds(),
		Servers: []adminserver.DatabaseServer{}, Standbys: []adminserver.Standby{}}
	if err != nil || s.Alone {
		return err
	}
	h, err := n.rooms.db.Health(ctx)
	if err != nil {
		return err
	}
	for _, server := range h.Servers {
		s.Database.Servers = append(s.Database.Servers, adminserver.DatabaseServer{Address: server.Address, Role: server.Role, Error: server.Err})
		if server.Role == "away" || server.Role == "former primary" {
			s.Concerns = append(s.Concerns, strings.TrimSpace(fmt.Sprintf("the database server %s is %s: %s", server.Address, server.Role, server.Err)))
		}
	}
	waitedFor := false
	for _, b := range h.Standbys {
		waitedFor = waitedFor || b.Sync == "sync" || b.Sync == "quorum"
		s.Database.Standbys = append(s.Database.Standbys, adminserver.Standby{Name: b.Name, Address: b.Address, State: b.State, Sync: b.Sync, Bytes: b.Bytes,
			Behind: b.Behind.Milliseconds()})
	}
	if !waitedFor {
		s.Concerns = append(s.Concerns, "no commit waits for a standby: when the primary's disk is lost, so is the newest mail")
	}
	return nil
}

func (n nodes) lookAtNodes(ctx context.Context, s *adminserver.ClusterStatus) error {
	list, now, err := members.Look(ctx, n.rooms.db)
	if err != nil {
		return err
	}
	versions := map[string]bool{}
	serving := 0
	for _, m := range list {
		node := showNode(m, now)
		versions[m.Version] = true
		if m.State == members.Serving && node.State != lost {
			serving++
		}
		if node.State == lost || !s.Alone && node.Renewed > lateRenewal.Milliseconds() {
			s.Concerns = append(s.Concerns, fmt.Sprintf("%s has not renewed its lease for %v: it cannot reach the database, or has ended", m.Name,
				time.Duration(node.Renewed)*time.Millisecond))
		}
		s.Nodes = append(s.Nodes, node)
	}
	if !s.Alone {
		if serving < 2 {
			s.Concerns = append(s.Concerns, fmt.Sprintf("%d of the nodes are serving: with fewer than two, the end of one is an outage", serving))
		}
		if len(versions) > 1 {
			s.Concerns = append(s.Concerns, "the nodes run different releases: finish the upgrade")
		}
	}
	return nil
}

// lookAtEvents sends an event to each other node and measures how long it takes until it is back.
func (n nodes) lookAtEvents(ctx context.Context, s *adminserver.ClusterStatus) error {
	bus, ok := n.rooms.bus.(cluster.Pinger)
	if !ok || s.Here == "" {
		return nil
	}
	var others []*adminserver.ClusterNode
	for i := range s.Nodes {
		if node := &s.Nodes[i]; node.Name != s.Here && node.State != lost {
			others = append(others, node)
		}
	}
	if len(others) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, roundTripIn)
	defer cancel()
	took, err := bus.Ping(ctx, len(others))
	if err != nil {
		s.Concerns = append(s.Concerns, "events cannot be sent to other nodes: "+err.Error())
	}
	for _, node := range others {
		if d, ok := took[node.Name]; ok {
			micros := d.Microseconds()
			node.RoundTrip = &micros
		} else if err == nil {
			s.Concerns = append(s.Concerns, fmt.Sprintf("no event comes back from %s: what changes there is seen here up to 15 seconds late", node.Name))
		}
	}
	return nil
}

// lost is the state of a node whose lease has run out, and that nobody has removed yet.
const lost = "lost"

func showNode(m members.Node, now time.Time) adminserver.ClusterNode {
	out := adminserver.ClusterNode{Name: m.Name, Address: m.Address, Version: m.Version, State: string(m.State), Wish: string(m.Wish), Joined: m.Joined,
		Epoch: m.Epoch, Renewed: max(0, members.LeaseFor-m.Expires.Sub(now)).Milliseconds()}
	if m.Expires.Before(now) {
		out.State = lost
	}
	return out
}

// handOver is for how long work may be nobody's while nodes share it anew.
const handOver = 10 * time.Second

func (n nodes) lookAtWorks(ctx context.Context, s *adminserver.ClusterStatus) error {
	if s.Alone {
		return nil
	}
	list, err := leases.List(ctx, n.rooms.db)
	for _, l := range list {
		w := adminserver.ClusterWork{Name: l.Name, Node: l.Owner, Alive: l.Alive, Since: l.Since}
		if l.Every > 0 {
			w.Due = &l.Due
		}
		if l.Every == 0 && !l.Alive && (l.Owner != "" || l.Free > handOver) {
			s.Concerns = append(s.Concerns, fmt.Sprintf("nobody does %q at this moment", l.Name))
		}
		s.Works = append(s.Works, w)
	}
	return err
}

func (n nodes) lookAtQueue(ctx context.Context, s *adminserver.ClusterStatus) error {
	var sizes spool.Sizes
	err := n.rooms.tx.Read(ctx, func(t *tx.Tx) (err error) {
		sizes, err = n.rooms.spool.Measure(t)
		return err
	})
	s.Queue = adminserver.ClusterQueue{Messages: sizes.Messages, Recipients: sizes.Recipients, Held: sizes.Held, Trying: sizes.Leased}
	if sizes.Messages > 0 {
		s.Queue.Oldest = &sizes.Oldest
	}
	return err
}

func (n nodes) lookAtBodies(ctx context.Context, s *adminserver.ClusterStatus) error {
	s.Bodies = adminserver.ClusterBodies{Store: "in the database"}
	if s.Alone {
		s.Bodies.Store = "packs in the data folder"
	}
	store, ok := n.rooms.blobs.(blob.Pinger)
	if !ok {
		return nil
	}
	place, err := n.cfg.Bodies.S3()
	if err != nil || place == nil {
		return err
	}
	s.Bodies.Store = fmt.Sprintf("s3://%s/%s at %s, those up to %v in the database", place.Bucket, place.Prefix, place.Endpoint, n.cfg.Bodies.Small)
	ctx, cancel := context.WithTimeout(ctx, bodiesIn)
	defer cancel()
	begun := time.Now()
	if err := store.Ping(ctx); err != nil {
		s.Bodies.Error = err.Error()
		s.Concerns = append(s.Concerns, "the store of bodies does not answer: "+err.Error())
		return nil
	}
	s.Bodies.Answer = time.Since(begun).Microseconds()
	return nil
}

// Drain and Undrain are adminserver.Cluster's.
func (n nodes) Drain(ctx context.Context, name string) (adminserver.ClusterNode, error) {
	return n.steer(ctx, name, members.Drain)
}

func (n nodes) Undrain(ctx context.Context, name string) (adminserver.ClusterNode, error) {
	return n.steer(ctx, name, members.Serve)
}

func (n nodes) steer(ctx context.Context, name string, w members.Wish) (out adminserver.ClusterNode, err error) {
	if n.rooms.alone() {
		return out, mail.E("cluster", mail.Invalid, errors.New("this server is alone: no other node could take its clients. To stop it, send SIGTERM to its process"))
	}
	list, now, err := members.Look(ctx, n.rooms.db)
	if err != nil {
		return out, err
	}
	m, err := meant(list, name)
	if err == nil {
		err = members.Ask(ctx, n.rooms.db, m.Name, w)
	}
	if err != nil {
		return out, err
	}
	m.Wish = w
	return showNode(m, now), nil
}

// meant finds the node that a person means.
func meant(list []members.Node, name string) (members.Node, error) {
	for _, m := range list {
		if name != "" && (m.Name == name || m.Address == name) {
			return m, nil
		}
	}
	var found, all []string
	for _, m := range list {
		all = append(all, m.Name)
		if strings.HasPrefix(m.Name, name) {
			found = append(found, m.Name)
		}
	}
	switch len(found) {
	case 1:
		return list[slices.Index(all, found[0])], nil
	case 0:
		return members.Node{}, mail.E("cluster", mail.NotFound, fmt.Errorf("there is no node %q: there are %s", name, strings.Join(all, ", ")))
	}
	return members.Node{}, mail.E("cluster", mail.Invalid, fmt.Errorf("%q may be any of %s: name one of them", name, strings.Join(found, ", ")))
}
