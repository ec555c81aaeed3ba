package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
)

// TCP listens at a host:port; an empty host is every address of this machine, port 0 any free port. The error says
// what an operator can do about it.
func TCP(ctx context.Context, endpoint string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", endpoint)
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Addr != nil {
		err = op.Err // the endpoint is named below
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("listen on %s: %w: ports below 1024 need privilege; give the program CAP_NET_BIND_SERVICE or choose another port", endpoint, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: %w: another program holds this port; stop it or choose another port", endpoint, err)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", endpoint, err)
	}
	return l, nil
}
