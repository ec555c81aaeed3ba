// Package cluster plays the faults that a cluster must survive, on real processes and a real database, while clients send,
// read and change mail and write down every acknowledgement. Afterwards everything that was acknowledged must be there exactly
// once. The table that it prints has a row for each fault (package table).
//
// It runs with the build tag "system" (make test does); `go test -tags system ./test/cluster -args -rounds 20` plays each fault
// twenty times.
package cluster
