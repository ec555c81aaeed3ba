package outbound

import (
	"bufio"
	"bytes"
	"context"
	"io"

	"github.com/mailmesh/mailmesh/internal/mailflow"
)

// maxHeader is how much of a header is looked at.
const maxHeader = 1 << 20

// tlsOptional reports whether the message asks, with "TLS-Required: No", to be sent even where the policy of the domain would
// keep it back (RFC 8689 3): reports about TLS that does not work are such mail.
func tlsOptional(ctx context.Context, j mailflow.Job) bool {
	content, err := j.Open(ctx)
	if err != nil {
		return false // sending it will say why
	}
	defer content.Close()
	r := bufio.NewReader(io.LimitReader(content, maxHeader))
	for {
		line, err := r.ReadSlice('\n')
		name, value, found := bytes.Cut(line, []byte{':'})
		if found && bytes.EqualFold(bytes.TrimRight(name, " \t"), []byte("TLS-Required")) {
			return bytes.EqualFold(bytes.TrimSpace(value), []byte("No"))
		}
		empty := len(bytes.TrimRight(line, "\r\n")) == 0
		for err == bufio.ErrBufferFull {
			_, err = r.ReadSlice('\n')
		}
		if err != nil || empty {
			return false
		}
	}
}
