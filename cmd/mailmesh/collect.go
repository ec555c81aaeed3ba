package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapRoom is how much is allocated, at least, between two garbage collections.
const heapRoom = 32 << 20

// collectLess keeps a small heap from being collected too often. A mail server keeps little and allocates much, and by
// Go's rule, that the heap may double, a heap of some megabytes is collected dozens of times a second under load: a sixth of
// what a delivery costs. A heap that is larger than heapRoom may double, as always. An operator's GOGC stands.
func collectLess() {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := 100
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var collected func(*byte)
	collected = func(mark *byte) {
		metrics.Read(live)
		// Setting it stops all goroutines for a moment, so a small difference is none.
		if want := gcPercent(live[0].Value.Uint64()); want < percent*4/5 || want > percent*5/4 {
			percent = want
			debug.SetGCPercent(percent)
		}
		runtime.SetFinalizer(mark, collected)
	}
	collected(&make([]byte, 64)[0]) // nobody holds it, so every collection finalizes it
}

// gcPercent is the GOGC that leaves heapRoom above what lives.
func gcPercent(live uint64) int {
	return int(max(100, heapRoom*100/max(live, 1<<20)))
}
