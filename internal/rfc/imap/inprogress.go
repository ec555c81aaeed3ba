package imap

import (
	"strconv"
	"strings"
)

// CodeInProgress says how far a command is (RFC 9585 4): done of goal, which is 0 where it is not known. A tag that a code
// cannot hold is left out.
func CodeInProgress(tag string, done, goal uint64) Code {
	b := []byte("INPROGRESS (NIL")
	if !strings.ContainsAny(tag, `]"\\`) {
		b = append(append([]byte(`INPROGRESS ("`), tag...), '"')
	}
	if goal == 0 {
		return Code(append(b, " NIL NIL)"...))
	}
	b = strconv.AppendUint(append(b, ' '), min(done, goal), 10)
	return Code(append(strconv.AppendUint(append(b, ' '), goal, 10), ')'))
}
