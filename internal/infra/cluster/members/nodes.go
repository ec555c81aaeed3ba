package members

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Nodes returns the nodes whose lives nobody has ended, in the order of their names.
func (m *Member) Nodes(ctx context.Context) ([]Node, error) { return Nodes(ctx, m.o.DB) }

// Nodes is Member.Nodes for who is none.
func Nodes(ctx context.Context, d *db.DB) (nodes []Node, err error) {
	err = d.Read(ctx, func(t *db.Tx) error {
		nodes, err = list(t)
		return err
	})
	return nodes, err
}

// Look is Nodes, with the time by the database's clock.
func Look(ctx context.Context, d *db.DB) (nodes []Node, now time.Time, err error) {
	err = d.Read(ctx, func(t *db.Tx) error {
		nodes, err = list(t)
		now = t.Now()
		return err
	})
	return nodes, now, err
}

// Older returns the nodes that know no schema version from oldest on. It is db.Options.Older.
func Older(ctx context.Context, d *db.DB, oldest int64) (names []string, err error) {
	nodes, now, err := Look(ctx, d)
	for _, n := range nodes {
		if n.Schema < oldest && !n.Expires.Before(now) {
			names = append(names, fmt.Sprintf("%s (release %s)", n.Name, n.Version))
		}
	}
	return names, err
}

func list(t *db.Tx) (nodes []Node, err error) {
	rows, err := t.Query(`SELECT name, epoch, version, address, state, wish, schema, joined, expires FROM node ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n Node
		if err := rows.Scan(&n.Name, &n.Epoch, &n.Version, &n.Address, &n.State, &n.Wish, &n.Schema, &n.Joined, &n.Expires); err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, rows.Err()
}

// Living returns the epoch of every node that lives, by name.
func (m *Member) Living(ctx context.Context) (map[string]int64, error) {
	nodes, err := m.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	epochs := make(map[string]int64, len(nodes))
	for _, n := range nodes {
		epochs[n.Name] = n.Epoch
	}
	return epochs, nil
}

// look ends the lives that have expired, and tells who asked of those that live.
func (m *Member) look(ctx context.Context) error {
	sent := m.o.Now()
	nodes, now, err := Look(ctx, m.o.DB)
	if err != nil {
		return err
	}
	expired := slices.ContainsFunc(nodes, func(n Node) bool { return n.Expires.Before(now) || n.Expires.After(m.latest(now)) })
	if m.patience.mayEnd(sent, m.o.Now(), now, &m.o) && expired {
		if nodes, err = m.end(ctx); err != nil {
			return err
		}
	}
	m.noteWish(nodes)
	for _, f := range m.told().seen {
		f(nodes)
	}
	return nil
}

// latest is what no life that is renewed expires after: twice its lease, as the next release may have a longer one. What does was last
// renewed before the database's clock was set back.
func (m *Member) latest(now time.Time) time.Time {
	if m.o.Alone {
		return forever
	}
	return now.Add(2 * m.o.Lease)
}

// end ends the lives that have expired. It returns those that have not.
func (m *Member) end(ctx context.Context) (living []Node, err error) {
	var ended []string
	err = m.o.DB.Write(ctx, 0, func(t *db.Tx) error {
		if ended, err = m.remove(t); err != nil {
			return err
		}
		living, err = list(t)
		return err
	})
	if err == nil && len(ended) > 0 {
		m.o.Log.Warn("nodes have ended without leaving: their work is taken over", "nodes", ended)
		for _, f := range m.told().ended {
			(*f)()
		}
	}
	return living, err
}

func (m *Member) remove(t *db.Tx) (names []string, err error) {
	rows, err := t.Query(`DELETE FROM node WHERE expires < $1 OR expires > $2 RETURNING name`, t.Now(), m.latest(t.Now()))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// listeners are who is told.
type listeners struct {
	ended []*func()
	seen  []func([]Node)
}

func (m *Member) told() listeners {
	m.mu.Lock()
	defer m.mu.Unlock()
	return listeners{slices.Clone(m.ended), slices.Clone(m.seen)}
}

// State is what this node was last said to be at.
func (m *Member) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// SetState tells the others what this node is at. It counts for its next life, too, where the database cannot be told now.
func (m *Member) SetState(ctx context.Context, s State) error {
	m.mu.Lock()
	m.state = s
	l := m.life
	m.mu.Unlock()
	return m.o.DB.Write(ctx, 0, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE node SET state = $3 WHERE name = $1 AND epoch = $2`, l.Name, l.Epoch, string(s))
		return err
	})
}

// noteWish keeps what is wanted of this node.
func (m *Member) noteWish(nodes []Node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range nodes {
		if n.Name == m.name {
			m.wish = n.Wish
		}
	}
}

func (m *Member) lastWish() Wish {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wish
}

// Ask tells a node what is wanted of it, which it learns within LookEvery. mail.NotFound where there is none of that name.
func Ask(ctx context.Context, d *db.DB, name string, w Wish) error {
	var hit int64
	err := d.Write(ctx, 0, func(t *db.Tx) (err error) {
		hit, err = t.Exec(`UPDATE node SET wish = $2 WHERE name = $1`, name, string(w))
		return err
	})
	if err == nil && hit == 0 {
		err = mail.E("members.Ask", mail.NotFound, fmt.Errorf("there is no node %s", name))
	}
	return err
}

// Leave ends the life of this node, whose work is done or given back. mail.Gone where others have ended it before.
func (m *Member) Leave(ctx context.Context) error {
	l := m.Life()
	var hit int64
	err := m.o.DB.Write(ctx, 0, func(t *db.Tx) (err error) {
		hit, err = t.Exec(`DELETE FROM node WHERE name = $1 AND epoch = $2`, l.Name, l.Epoch)
		return err
	})
	if err == nil && hit == 0 {
		err = mail.E("members.Leave", mail.Gone, fmt.Errorf("the life of %s in epoch %d was over", l.Name, l.Epoch))
	}
	return err
}
