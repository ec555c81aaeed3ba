package jmapserver_test

import "testing"

// BenchmarkAPI is a request of one call that does nothing: signing in, reading, running, answering.
func BenchmarkAPI(b *testing.B) {
	d := open(b)
	b.ReportAllocs()
	for b.Loop() {
		if answer := d.call(echo); answer.StatusCode != 200 {
			b.Fatal(answer.Status)
		}
	}
}
