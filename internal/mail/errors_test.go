package mail

import (
	"errors"
	"fmt"
	"testing"
)

func TestExplain(t *testing.T) {
	quota := E("mailbox.Append", OverQuota, errors.New("the mailbox is full"))
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("plain"), "plain"},
		{quota, "the mailbox is full"},
		{E("admin", Invalid, quota), "the mailbox is full"},
		{fmt.Errorf("set up the demo: %w", quota), "set up the demo: the mailbox is full"},
		{E("a.B", Other, fmt.Errorf("key of 7: %w (is it right?)", quota)), "key of 7: the mailbox is full (is it right?)"},
		{errors.Join(quota, E("tx.Write", Unavailable, errors.New("no disk"))), "the mailbox is full\nno disk"},
		{E("bodies.Rebuild", Gone, nil), "gone"},
		{E("bodies.Rebuild", Other, nil), "bodies.Rebuild"},
	} {
		if got := Explain(c.err); got != c.want {
			t.Errorf("%q is explained as %q, want %q", c.err, got, c.want)
		}
	}
}
