package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// Probe asks again and again whether the database can be written to. It has a connection of its own: that all others are busy does not
// mean that the database is away. One goroutine at a time may use it.
type Probe struct {
	config *pgx.ConnConfig // nil on SQLite, which is never away
	conn   *pgx.Conn       // nil: there is none
}

// NewProbe makes a Probe, which connects when it is first asked.
func (d *DB) NewProbe() *Probe {
	s, ok := d.backend.(*server)
	if !ok {
		return &Probe{}
	}
	config := s.pool.Config().ConnConfig.Copy()
	// The end of the context breaks the connection at once: the server is not asked to cancel anything first.
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: conn.Conn()}
	}
	config.OnNotice = nil
	return &Probe{config: config}
}

var errStandby = errors.New("the server is a standby: it takes no writes")

// Ask returns nil where a primary has answered before ctx has ended.
func (p *Probe) Ask(ctx context.Context) (err error) {
	if p.config == nil {
		return nil
	}
	defer func() {
		if err != nil {
			p.Close()
			err = failure(ctx, "db.Probe", pgError(err))
		}
	}()
	if p.conn == nil {
		if p.conn, err = pgx.ConnectConfig(ctx, p.config); err != nil {
			return err
		}
	}
	var standby bool
	if err := p.conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil {
		return err
	}
	if standby {
		return &engineError{class: classUnavailable, code: "25006", err: errStandby}
	}
	return nil
}

// Close ends the connection of the probe, if it has one.
func (p *Probe) Close() {
	if p.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	p.conn.Close(ctx)
	p.conn = nil
}
