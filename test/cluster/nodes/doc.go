// Package nodes runs the built program as the nodes of a cluster: real processes, each with a data folder of its own, on one
// database.
//
// Every node listens on a loopback address of its own (127.x.y.1, 127.x.y.2 ...) at fixed ports, so that its clients find
// it again after a restart, and nobody listens there while it is down. What it says to the servers of the database, to the
// store of bodies and to other nodes goes over wires of its own (package wire), which the test can break.
//
// Processes end with the test's, however that ends.
package nodes
