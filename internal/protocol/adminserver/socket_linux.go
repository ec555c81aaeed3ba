package adminserver

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// mayConnect asks the system who is at the other end: a mode that somebody changed is not enough.
func mayConnect(c *net.UnixConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	var peer *syscall.Ucred
	if e := raw.Control(func(fd uintptr) {
		peer, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); e != nil || err != nil {
		return false
	}
	return peer.Uid == 0 || int(peer.Uid) == os.Geteuid()
}

// shorten returns a name for path that fits in a socket's address, by way of the open folder where path is too long.
func shorten(path string) (short string, release func(), err error) {
	if len(path) < maxSocketPath {
		return path, func() {}, nil
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), filepath.Base(path)), func() { folder.Close() }, nil
}
