package server

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/bench/measure"
)

// The real program, where it is installed: it counts what it takes.
func TestSink(t *testing.T) {
	s := &Sink{Log: io.Discard}
	if err := s.Available(); err != nil {
		t.Skip(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	got, err := measure.Outbound(context.Background(), measure.OutboundOptions{
		Load:  measure.Load{Addr: s.Addr(), Connections: 2, From: "a@x.example", To: []string{"b@y.example"}, Size: 4 << 10},
		Count: 50, Received: s.Received, Wait: 10 * time.Second,
	})
	if err != nil || got.Received != 50 || got.PerSecond <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
