// Package listen opens the server's TCP sockets and runs the sessions of a door on them: a Server takes connections of one kind,
// a Door those of a protocol, in clear and over TLS from the start. Conn is one of them, with what every session needs of it:
// deadlines, TLS, and an end that others may ask for.
//
// # What it promises
//
//   - At most Options.Connections sessions run at a time, and at most Options.PerHost of one IPv4 address or IPv6 /64.
//     The others are turned away at once, with a word in the protocol of the door. What is kept about hosts is no more
//     than what their open connections need.
//   - A door whose places are taken to more than three quarters is crowded. Then a host gets no new connection beyond
//     a tenth of Options.PerHost, and clients that have not shown yet why they came are waited for no longer than Hurried
//     (see Server.WaitUntil): neither few hosts with many connections nor many with a few fill a door for long.
//   - Running out of descriptors or memory does not end a listener: it goes on after a pause.
//   - A session that panics ends alone; the fault is logged with its stack.
//   - When the context of Serve ends, the listener closes first, then all sessions are asked to drain, and those that are
//     left after Options.Drain are aborted. The context of their work lives until then.
//   - A Gate takes all doors out of service for a while: sessions are drained, those that begin while it is shut too.
//   - A session that waits for its client hears of Conn.Drain at once, and decides itself for how long it goes on.
//   - Deflate compresses a connection without keeping back what a peer has flushed.
//   - HungUp tells a session that works for long whether its client is still there.
//
// # How a session ends
//
// Run closes its connection when the dialogue is over, after Linger where the client was still sending; Abort is for sessions
// that must end at once.
package listen
