package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// Probe asks again and again whether the database can be written to. It has a connection of its own: that all others are busy does not
// mean that the database is away. One goroutine at a time may use it.
type Probe struct {
	config *pgx.ConnConfig // nil on SQLite, which is never away
	aim    func(context.Context, *pgx.ConnConfig) error
	conn   *pgx.Conn // nil: there is none
}

// NewProbe makes a Probe, which connects when it is first asked.
func (d *DB) NewProbe() *Probe {
	s, ok := d.backend.(*server)
	if !ok {
		return &Probe{}
	}
	config := s.pool.Config().ConnConfig.Copy()
	config.BuildContextWatcherHandler = breakOff
	config.OnNotice = nil
	return &Probe{config: config, aim: s.primary.aim}
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
		to := p.config.Copy()
		if err = p.aim(ctx, to); err != nil {
			return err
		}
		if p.conn, err = pgx.ConnectConfig(ctx, to); err != nil {
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
