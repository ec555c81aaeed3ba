// Package nats is the bus between the nodes of a cluster: a NATS server (core only) inside each process, and routes between
// them. It imports what it stands on, NATS, for the whole program.
//
// # What it promises
//
// The contract of package cluster, with these two answers to what that leaves open:
//
//   - A message to subscriptions of the same process is a function call, as in package inprocess: it needs no server, is never
//     lost, and has arrived when Publish returns. Other nodes get it over the routes.
//   - Before Start, and after Close, the bus is one of a single node.
//
// # Who may connect
//
// Routes are TLS 1.3, and both sides must show a certificate. The authority that signs these is derived from the cluster's
// secret, which all nodes derive from the master key: each node makes a key and a certificate of its own when it starts, and
// nothing is stored or copied. Who does not know the secret cannot connect. The certificates hold for all time: clocks of
// nodes may be wrong, and a key lives no longer than its process.
//
// A server without a listener for clients does not route, so there is one, on a port of 127.0.0.1; nobody knows its password,
// which is drawn at the start, but the one client of the same process.
//
// # Routes
//
// Route names the other nodes; of two, the one whose name sorts later dials, so each pair has one connection and whoever cuts
// what leads to a node knows what he has cut. It dials again every second while there is none. What NATS tells of further
// servers (gossip) is made void: nodes come and go as the database says, and no other way. A route that is dead without a
// word is given up after 6 seconds.
//
// # Limits
//
// A node that does not read loses messages after maxPending bytes, and its route, which is made again. Nobody waits for it.
// Each subject costs one subscription at each node, however many subscriptions of ours there are. Ping measures the way to every
// node and back, over the same routes as all messages.
//
// Who connects has two seconds to show a certificate. How many may do so at a time is not limited: the port belongs in the network of
// the nodes. The log gets 20 lines a minute of what the server complains of.
package nats
