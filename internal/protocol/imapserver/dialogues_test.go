package imapserver

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/test/dialogues"
)

// Each dialogue has a server and accounts of its own.
func TestDialogues(t *testing.T) {
	dialogues.RunAll(t, "../../../test/dialogues/imap/*.dialogue", func(t *testing.T) dialogues.Options {
		t.Parallel()
		f := serve(t)
		return dialogues.Options{
			Dial:    func(_ context.Context, protocol string) (net.Conn, error) { return f.dial(protocol) },
			Timeout: 5 * time.Second,
		}
	})
}
