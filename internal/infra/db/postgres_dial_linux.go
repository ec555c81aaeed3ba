package db

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnanswered ends a connection on which what was sent is not acknowledged for userTimeout: keep-alive probes are
// sent only while nothing else is under way (RFC 5482, tcp(7) TCP_USER_TIMEOUT).
func limitUnanswered(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var err error
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	}); e != nil {
		return e
	}
	return err
}
