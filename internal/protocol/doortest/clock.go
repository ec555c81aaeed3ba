package doortest

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// EmptyPools drops what sync.Pools hold. Some of it has channels (the compressor of bodies), which belong to the bubble of
// testing/synctest that they were made in.
func EmptyPools() {
	runtime.GC()
	runtime.GC()
}

// Bubble runs a test under a fake clock.
func Bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	defer EmptyPools()
	synctest.Test(t, test)
}

// Within fails when a test, which runs under a fake clock, has taken another time than wanted.
func Within(t testing.TB, begun time.Time, want time.Duration) {
	t.Helper()
	if took := time.Since(begun); took != want {
		t.Fatalf("after %v, want %v", took, want)
	}
}
