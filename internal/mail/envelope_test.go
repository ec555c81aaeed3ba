package mail

import (
	"errors"
	"fmt"
	"testing"
)

func TestReply(t *testing.T) {
	var err error = fmt.Errorf("inbound: %w", Reply{Code: 550, Enhanced: EnhancedCode{5, 1, 1}, Text: "no such user"})
	var r Reply
	if !errors.As(err, &r) || r.Error() != "550 5.1.1 no such user" {
		t.Errorf("a wrapped reply is found as %v", r)
	}
	for code, want := range map[int]Status{250: Delivered, 251: Delivered, 421: Deferred, 452: Deferred, 550: Refused, 0: Deferred, 354: Deferred} {
		if got := (Reply{Code: code}).Status(); got != want {
			t.Errorf("a reply %d means %s, want %s", code, got, want)
		}
	}
}
