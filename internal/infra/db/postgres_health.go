package db

import (
	"context"
	"fmt"
	"time"
)

// Health is what is known of a PostgreSQL database's servers. On SQLite it is empty.
type Health struct {
	Servers  []ServerHealth // in the order of the URL
	Standbys []Standby      // that follow the primary, as it sees them
}

// ServerHealth is one host of the URL.
type ServerHealth struct {
	Address  string
	Role     string // "primary", "standby", "former primary" (it takes writes and is not used), "read-only" or "away"
	Timeline uint64 // of a primary; 0 where it does not tell
	Answer   time.Duration
	Err      string // why it is away
}

// Standby is a server that copies the primary's log.
type Standby struct {
	Name    string // its application_name
	Address string
	State   string        // "streaming", "catchup" ...
	Sync    string        // "sync", "quorum", "potential", "async"; a COMMIT waits for the first two
	Bytes   int64         // of the log that are not on its disk yet
	Behind  time.Duration // between the primary's disk and its
}

// Health asks the primary for its standbys, and tells what was last seen at each host.
func (d *DB) Health(ctx context.Context) (h Health, err error) {
	s, ok := d.backend.(*server)
	if !ok {
		return Health{}, nil
	}
	if len(s.primary.hosts) == 1 {
		s.askIdentity(ctx)
	}
	h.Servers = s.primary.health()
	err = d.Read(ctx, func(tx *Tx) (err error) {
		h.Standbys, err = standbys(tx)
		return err
	})
	return h, err
}

// askIdentity notes what a single host says, at which nobody looks while it is well.
func (s *server) askIdentity(ctx context.Context) {
	h := s.primary.hosts[0]
	var seen sight
	if conn, err := s.acquire(ctx); err != nil {
		seen.err = err
	} else {
		start := time.Now()
		seen.identity, seen.err = readIdentity(ctx, conn.Conn().PgConn())
		seen.roundTrip = time.Since(start)
		conn.Release()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	seen.at = time.Now()
	h.seen = seen
}

func standbys(tx *Tx) (out []Standby, err error) {
	// A user who is not in pg_monitor sees that there are standbys, and nothing of them.
	rows, err := tx.Query(`SELECT coalesce(application_name, ''), coalesce(host(client_addr), ''), coalesce(state, ''), coalesce(sync_state, ''),
		coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn), 0)::bigint, coalesce(extract(epoch FROM flush_lag) * 1000000, 0)::bigint
		FROM pg_stat_replication ORDER BY 1, 2`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s Standby
		var micros int64
		if err := rows.Scan(&s.Name, &s.Address, &s.State, &s.Sync, &s.Bytes, &micros); err != nil {
			return nil, err
		}
		s.Behind = time.Duration(micros) * time.Microsecond
		out = append(out, s)
	}
	return out, rows.Err()
}

func (p *primary) health() (out []ServerHealth) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.hosts {
		s := h.last()
		one := ServerHealth{Address: h.address, Timeline: s.timeline, Answer: s.roundTrip}
		switch {
		case s.err != nil:
			one.Role, one.Err = "away", fmt.Sprint(s.err)
		case s.standby:
			one.Role = "standby"
		case s.readOnly:
			one.Role = "read-only"
		case h == p.now:
			one.Role = "primary"
		default:
			one.Role = "former primary"
		}
		out = append(out, one)
	}
	return out
}
