package listen

import (
	"io"
	"net"
	"time"
)

const (
	lingerFor   = time.Second
	lingerBytes = 1 << 20
)

// Linger lets a client that is still sending read what was said last, before the connection is closed: closing with unread
// data makes TCP break the connection off. It waits a second and reads 1 MiB at most.
func Linger(nc net.Conn) {
	half, ok := nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	nc.SetReadDeadline(time.Now().Add(lingerFor))
	io.CopyN(io.Discard, nc, lingerBytes) // whatever comes, the connection is closed next
}

// Abort closes a connection at once: closing TLS properly could wait for a client that does not read.
func Abort(nc net.Conn) {
	for {
		outer, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		nc = outer.NetConn()
	}
	nc.Close()
}
