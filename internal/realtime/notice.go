package realtime

import (
	"encoding/binary"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// subject is where notices travel. There is one for all accounts: a subscription in a cluster is dear, and two thousand
// small messages a second are cheap.
const subject = "account.state"

const noticeFormat = 1

// notice is what travels.
type notice struct {
	mail.StateChange
	at time.Time // of the commit, by the clock of the node that made it
}

func (n notice) appendTo(b []byte) []byte {
	b = append(b, noticeFormat)
	b = binary.AppendVarint(b, int64(n.Account))
	b = binary.AppendVarint(b, int64(n.State))
	return binary.AppendVarint(b, n.at.UnixNano())
}

// parseNotice reads a notice, or reports false for one that this release does not understand. What follows the last
// field is left to later releases of the same format.
func parseNotice(b []byte) (notice, bool) {
	if len(b) == 0 || b[0] != noticeFormat {
		return notice{}, false
	}
	b = b[1:]
	var fields [3]int64
	for i := range fields {
		v, n := binary.Varint(b)
		if n <= 0 {
			return notice{}, false
		}
		fields[i], b = v, b[n:]
	}
	if fields[0] <= 0 || fields[1] <= 0 {
		return notice{}, false
	}
	return notice{mail.StateChange{Account: mail.AccountID(fields[0]), State: mail.ModSeq(fields[1])}, time.Unix(0, fields[2])}, true
}
