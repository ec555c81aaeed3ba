package inprocess

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/clustertest"
)

func TestBus(t *testing.T) {
	clustertest.Bus(t, func(*testing.T) []cluster.Bus { return []cluster.Bus{New()} })
}

// What the contract leaves open: here a message has arrived when Publish returns, and no subscription is left behind.
func TestSynchronous(t *testing.T) {
	b := New()
	heard := 0
	cancel := b.Subscribe("a", func([]byte) { heard++ })
	b.Publish("a", nil)
	if heard != 1 {
		t.Fatalf("heard %d messages when Publish returned, want 1", heard)
	}
	cancel()
	cancel()
	b.Publish("a", nil)
	if heard != 1 || len(b.subscriptions) != 0 {
		t.Errorf("after cancel: heard %d, %d subjects left", heard, len(b.subscriptions))
	}
}

func BenchmarkPublish(b *testing.B) {
	bus := New()
	bus.Subscribe("a", func([]byte) {})
	payload := make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish("a", payload)
	}
}
