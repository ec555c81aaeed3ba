package measure

import (
	"context"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/bench/fakemail"
)

func TestOutbound(t *testing.T) {
	s := start(t, fakemail.Options{})
	load := load(s.SMTP)
	received := 0
	count := func() int { received += 3; return received } // three arrive whenever it is asked
	got, err := Outbound(context.Background(), OutboundOptions{Load: load, Count: 30, Received: count, Wait: time.Second})
	if err != nil || got.Received < 30 || got.PerSecond <= 0 || got.Accepted <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
	// Mail that never comes out is an error, not a figure.
	_, err = Outbound(context.Background(), OutboundOptions{Load: load, Count: 30, Received: func() int { return 0 }, Wait: 50 * time.Millisecond})
	mustFail(t, err, "0 of 30 mails")

	// Mail that is held, and then let go.
	held, released := true, 0
	count = func() int {
		if !held {
			released += 10
		}
		return released
	}
	got, err = Drained(context.Background(), OutboundOptions{Load: load, Count: 30, Received: count, Wait: time.Second}, func(context.Context) error { held = false; return nil })
	if err != nil || got.Received < 30 || got.PerSecond <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = Drained(context.Background(), OutboundOptions{Load: load, Count: 30, Received: count, Wait: time.Second}, func(context.Context) error { return nil })
	mustFail(t, err, "although mail is held")
}
