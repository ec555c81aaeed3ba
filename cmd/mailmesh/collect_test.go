package main

import (
	"runtime/debug"
	"testing"
)

func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 3200, 1 << 20: 3200, 8 << 20: 400, 32 << 20: 100, 1 << 30: 100} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d MiB live: GOGC %d, want %d", live>>20, got, want)
		}
	}
}

// The heap of the tests is small, so it is given room, unless the operator has decided.
func TestCollectLess(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	t.Setenv("GOGC", "100")
	collectLess()
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("against GOGC it was set to %d", got)
	}
	t.Setenv("GOGC", "")
	collectLess()
	if got := debug.SetGCPercent(100); got <= 100 {
		t.Errorf("it was set to %d", got)
	}
}
