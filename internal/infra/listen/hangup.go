package listen

import (
	"net"
	"syscall"
)

// HungUp asks the system whether the other end has closed a connection, or its half of it, however much of what it sent
// before was not read. known is false where the system cannot be asked: for connections that are no sockets.
func HungUp(nc net.Conn) (hungUp, known bool) {
	for {
		inner, wrapped := nc.(interface{ NetConn() net.Conn }) // TLS, compression
		if !wrapped {
			break
		}
		nc = inner.NetConn()
	}
	socket, is := nc.(syscall.Conn)
	if !is {
		return false, false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false, false
	}
	err = raw.Control(func(fd uintptr) { hungUp, known = peerClosed(fd) })
	return hungUp && err == nil, known && err == nil
}
