package db

import (
	"context"
	"net"
	"net/netip"
)

// LocalAddr is the address from which this machine reaches the database, invalid where that is no network: a file, or a socket.
func (d *DB) LocalAddr(ctx context.Context) (netip.Addr, error) {
	s, ok := d.backend.(*server)
	if !ok {
		return netip.Addr{}, nil
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return netip.Addr{}, failure(ctx, "db.LocalAddr", pgError(err))
	}
	defer conn.Release()
	if at, ok := conn.Conn().PgConn().Conn().LocalAddr().(*net.TCPAddr); ok {
		return at.AddrPort().Addr().Unmap(), nil
	}
	return netip.Addr{}, nil
}
