package leases

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// ErrLost is the error of a transaction whose work another node has taken. Its kind is mail.Unavailable: who gets it must not think that what it works on has gone.
var ErrLost error = mail.E("leases.Fence", mail.Unavailable, errors.New("this node does not hold the work any more"))

// Lease is a row: who does a work.
type Lease struct {
	Name  string
	Owner string // "": nobody
	Epoch int64
	Fence int64
	Since time.Time     // since when it is held, or free
	Every time.Duration // as Work has it
	Due   time.Time     // when work that comes again is next done
	Alive bool          // the owner lives
	Free  time.Duration // for how long nobody has it, by the database\'s clock
}

// List returns all leases, by name.
func List(ctx context.Context, d *db.DB) (list []Lease, err error) {
	err = d.Read(ctx, func(t *db.Tx) error { list, _, _, err = read(t); return err })
	return list, err
}

// read returns all leases, how many nodes live that may take work, and the time.
func read(t *db.Tx) (list []Lease, nodes int, now time.Time, err error) {
	now = t.Now()
	rows, err := t.Query(`SELECT l.name, l.owner, l.epoch, l.fence, l.since, l.every, l.due, CASE WHEN n.name IS NULL THEN 0 ELSE 1 END
		FROM lease l LEFT JOIN node n ON n.name = l.owner AND n.epoch = l.epoch ORDER BY l.name`)
	if err != nil {
		return nil, 0, now, err
	}
	for rows.Next() && err == nil {
		var l Lease
		var every int64
		err = rows.Scan(&l.Name, &l.Owner, &l.Epoch, &l.Fence, &l.Since, &every, &l.Due, &l.Alive)
		l.Every = time.Duration(every) * time.Millisecond
		if l.Owner == "" {
			l.Free = now.Sub(l.Since)
		}
		list = append(list, l)
	}
	rows.Close()
	if err := cmp.Or(err, rows.Err()); err != nil {
		return nil, 0, now, err
	}
	err = t.QueryRow(`SELECT count(*) FROM node WHERE expires >= $1 AND state NOT IN ($2, $3)`, now, members.Draining, members.Drained).Scan(&nodes)
	return list, nodes, now, err
}

// round is what Run knows from one look to the next.
type round struct {
	*Leases
	works []Work
	made  bool // the rows are there
	nodes int  // that could take work at the last look
	most  int  // how much work that lasts this node may have, by what it found free; 0: its share
}

// look gives back what is done, takes what is free and due, and returns that.
func (r *round) look(ctx context.Context) ([]*Held, error) {
	if !r.made {
		if err := r.make(ctx); err != nil {
			return nil, err
		}
		r.made = true
	}
	if err := r.giveBack(ctx); err != nil {
		return nil, err
	}
	var list []Lease
	var nodes int
	var now time.Time
	err := r.o.DB.Read(ctx, func(t *db.Tx) (err error) { list, nodes, now, err = read(t); return err })
	if err != nil {
		return nil, err
	}
	life := r.o.Member.Life()
	r.drop(list, life)
	wanted := r.choose(list, nodes, now, life)
	if len(wanted) == 0 || !life.Holds() {
		return nil, nil
	}
	return r.take(ctx, wanted, life)
}

// make adds rows for works that have none. The works come in the order of their names, as nodes start at the same time.
func (r *round) make(ctx context.Context) error {
	return r.o.DB.Write(ctx, 0, func(t *db.Tx) error {
		for _, w := range r.works {
			t.Queue(`INSERT INTO lease (name, owner, epoch, fence, since, every, due) VALUES ($1, '', 0, 0, $2, $3, $4)
				ON CONFLICT (name) DO UPDATE SET every = excluded.every WHERE lease.every <> excluded.every`,
				w.Name, t.Now(), w.Every.Milliseconds(), w.first(t.Now()))
		}
		return nil
	})
}

// drop lets go of what the rows say is another's.
func (r *round) drop(list []Lease, life *members.Life) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, h := range r.held {
		i, ok := slices.BinarySearchFunc(list, name, func(l Lease, name string) int { return strings.Compare(l.Name, name) })
		if !ok || list[i].Fence > h.fence || h.life != life {
			h.release()
		}
	}
}

// choose says which free work this node takes, and gives back what is over its share.
func (r *round) choose(list []Lease, nodes int, now time.Time, life *members.Life) (wanted []Lease) {
	lasting := 0
	for _, w := range r.works {
		if w.Every == 0 {
			lasting++
		}
	}
	if nodes != r.nodes {
		r.nodes, r.most = nodes, 0
	}
	share := max((lasting+max(nodes, 1)-1)/max(nodes, 1), r.most)
	mine := r.lasting()
	for _, w := range r.works {
		i, ok := slices.BinarySearchFunc(list, w.Name, func(l Lease, name string) int { return strings.Compare(l.Name, name) })
		if !ok || !free(list[i], life) || r.holds(w.Name) || now.Before(list[i].Due) {
			continue
		}
		if w.Every == 0 {
			if mine >= share && now.Sub(list[i].Since) < patience {
				continue
			}
			if mine++; mine > share {
				r.most = mine
			}
		}
		wanted = append(wanted, list[i])
	}
	r.surplus(mine - max(share, r.most))
	return wanted
}

// free reports whether nobody does a work: nobody has it, its node has ended, or it is ours by a commit whose answer was lost.
func free(l Lease, life *members.Life) bool {
	return !l.Alive || l.Owner == life.Name && l.Epoch == life.Epoch
}

func (l *Leases) holds(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[name] != nil
}

// lasting is how much work that lasts this node has.
func (l *Leases) lasting() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.held {
		if h.work.Every == 0 {
			n++
		}
	}
	return n
}

// surplus gives back so much of the work that lasts.
func (l *Leases) surplus(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.held {
		if n <= 0 {
			return
		}
		if h.work.Every == 0 {
			h.release()
			n--
		}
	}
}

// take takes leases as they were read, those that nobody else has taken since. The rows come in the order of their names.
func (r *round) take(ctx context.Context, wanted []Lease, life *members.Life) (taken []*Held, err error) {
	slices.SortFunc(wanted, func(a, b Lease) int { return strings.Compare(a.Name, b.Name) })
	err = r.o.DB.Write(ctx, 0, func(t *db.Tx) error {
		taken = nil
		for _, l := range wanted {
			hit, err := t.Exec(`UPDATE lease SET owner = $2, epoch = $3, fence = fence + 1, since = $4 WHERE name = $1 AND fence = $5
				AND NOT EXISTS (SELECT 1 FROM node WHERE node.name = lease.owner AND node.epoch = lease.epoch AND (node.name <> $2 OR node.epoch <> $3))
				AND EXISTS (SELECT 1 FROM node WHERE node.name = $2 AND node.epoch = $3)`, l.Name, life.Name, life.Epoch, t.Now(), l.Fence)
			if err != nil {
				return err
			}
			if hit == 1 {
				taken = append(taken, &Held{work: r.work(l.Name), life: life, fence: l.Fence + 1, stop: make(chan struct{})})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range taken {
		r.held[h.work.Name] = h
	}
	return taken, nil
}

func (r *round) work(name string) Work {
	return r.works[slices.IndexFunc(r.works, func(w Work) bool { return w.Name == name })]
}

// giveBack writes down which works this node does no more, and when they are due. Rows that others have taken stay theirs.
func (l *Leases) giveBack(ctx context.Context) error {
	l.mu.Lock()
	ended := slices.Clone(l.ended)
	l.mu.Unlock()
	if len(ended) == 0 {
		return nil
	}
	slices.SortFunc(ended, func(a, b *Held) int { return strings.Compare(a.work.Name, b.work.Name) })
	err := l.o.DB.Write(ctx, 0, func(t *db.Tx) error {
		for _, h := range ended {
			due := t.Now() // what was cut off is done by the next who looks
			if h.whole && h.work.Every > 0 {
				due = h.work.next(t.Now())
			}
			t.Queue(`UPDATE lease SET owner = '', epoch = 0, since = $5, due = $6 WHERE name = $1 AND owner = $2 AND epoch = $3 AND fence = $4`,
				h.work.Name, h.life.Name, h.life.Epoch, h.fence, t.Now(), due)
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = l.ended[len(ended):]
	for _, h := range ended {
		if l.held[h.work.Name] == h {
			delete(l.held, h.work.Name)
		}
	}
	return nil
}
