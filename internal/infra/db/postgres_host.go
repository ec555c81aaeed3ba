package db

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// host is one address of the URL, with a connection to it that no transaction uses.
type host struct {
	address string
	config  *pgx.ConnConfig // of this address alone
	wake    chan struct{}   // asks for a look before its time

	mu   sync.Mutex
	conn *pgx.Conn // nil while there is none
	seen sight     // by the last look
}

// sight is what a server said of itself.
type sight struct {
	err       error // it did not answer; the rest is from before
	at        time.Time
	roundTrip time.Duration
	identity
}

// identity says which server this is, and whether it keeps what it acknowledges.
type identity struct {
	standby  bool   // it follows a primary
	readOnly bool   // it takes no writes, whatever the reason
	timeline uint64 // rises with every promotion; 0 where the server does not tell, and on a standby
	fsync    string
	commit   string // synchronous_commit
	standbys string // synchronous_standby_names
}

// The timeline is the front of the name of the file that a primary writes its log to: unlike pg_control_checkpoint it is
// the one of now, also in the moment after a promotion.
const (
	identityStart = `SELECT pg_is_in_recovery()::int::text, current_setting('transaction_read_only'), current_setting('fsync'),
		current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), `
	identitySQL      = identityStart + `CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END`
	identityPlainSQL = identityStart + `''`
)

// readIdentity asks a server who it is.
func readIdentity(ctx context.Context, conn *pgconn.PgConn) (identity, error) {
	results, err := conn.Exec(ctx, identitySQL).ReadAll()
	var answer *pgconn.PgError
	if errors.As(err, &answer) && answer.Severity != "FATAL" && sqlStateClass(answer) == classOther {
		// Some that speak PostgreSQL's protocol know nothing of log files, or do not tell everybody.
		results, err = conn.Exec(ctx, identityPlainSQL).ReadAll()
	}
	if err != nil {
		return identity{}, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 6 {
		return identity{}, errors.New("the server did not say who it is")
	}
	row := results[0].Rows[0]
	id := identity{standby: string(row[0]) == "1", readOnly: string(row[1]) == "on", fsync: string(row[2]),
		commit: string(row[3]), standbys: string(row[4])}
	id.timeline, _ = strconv.ParseUint(string(row[5]), 16, 32)
	return id, nil
}

// unsafeServer is the error of a server that may lose what it has acknowledged.
type unsafeServer struct{ why string }

func (e unsafeServer) Error() string { return e.why }

// safe refuses a server whose commits would be answered before they are kept. The settings can differ by role and
// database, change while the server runs, and differ on the server that is promoted next: every new connection is asked.
func (id *identity) safe() error {
	if id.commit != "on" && id.commit != "remote_apply" {
		return unsafeServer{fmt.Sprintf("synchronous_commit is %q: a server crash would lose acknowledged mail; set it to on", id.commit)}
	}
	if id.fsync != "on" {
		return unsafeServer{fmt.Sprintf("fsync is %q: a crash of the machine would lose acknowledged mail; set it to on", id.fsync)}
	}
	return nil
}

// writable says why a server takes no writes, nil for a primary.
func (id *identity) writable() error {
	switch {
	case id.standby:
		return errors.New("the server is a standby")
	case id.readOnly:
		return errors.New("the server is read-only")
	}
	return nil
}

// hostsOf lists the addresses of a URL. sslmode=prefer names an address twice, with TLS and without.
func hostsOf(config *pgx.ConnConfig) []*host {
	all := append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}, config.Fallbacks...)
	byAddress := map[string]*host{}
	var out []*host
	for _, f := range all {
		address := net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port)))
		h := byAddress[address]
		if h == nil {
			h = &host{address: address, config: config.Copy(), wake: make(chan struct{}, 1)}
			h.config.Host, h.config.Port, h.config.TLSConfig, h.config.Fallbacks = f.Host, f.Port, f.TLSConfig, nil
			h.config.ValidateConnect, h.config.OnNotice = nil, nil
			h.config.BuildContextWatcherHandler = breakOff
			byAddress[address] = h
			out = append(out, h)
			continue
		}
		h.config.Fallbacks = append(h.config.Fallbacks, f)
	}
	return out
}

// breakOff lets the end of a context break the connection at once: the server is not asked to cancel anything first.
func breakOff(conn *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.DeadlineContextWatcherHandler{Conn: conn.Conn()}
}

// look asks the server who it is.
func (h *host) look(ctx context.Context) sight {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	conn := h.conn
	if conn == nil || conn.IsClosed() {
		var err error
		if conn, err = pgx.ConnectConfig(ctx, h.config); err != nil {
			return h.note(nil, sight{err: err})
		}
	}
	start := time.Now()
	id, err := readIdentity(ctx, conn.PgConn())
	if err != nil {
		_ = conn.Close(ctx)
		return h.note(nil, sight{err: err})
	}
	return h.note(conn, sight{identity: id, roundTrip: time.Since(start)})
}

func (h *host) note(conn *pgx.Conn, s sight) sight {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.at = time.Now(); s.err != nil {
		s.identity = h.seen.identity
	}
	h.conn, h.seen = conn, s
	return s
}

func (h *host) last() sight {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seen
}

func (h *host) wakeUp() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}
