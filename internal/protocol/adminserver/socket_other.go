//go:build !linux

package adminserver

import (
	"fmt"
	"net"
)

// mayConnect relies on the mode of the socket.
func mayConnect(*net.UnixConn) bool { return true }

func shorten(path string) (short string, release func(), err error) {
	if len(path) >= maxSocketPath {
		return "", nil, fmt.Errorf("%s has %d bytes and a socket's path has less than %d: choose a shorter data folder", path, len(path), maxSocketPath)
	}
	return path, func() {}, nil
}
