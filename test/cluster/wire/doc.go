// Package wire stands between a client and a server on TCP, or on a Unix socket at the server's side, and breaks what goes
// over it as networks do.
//
// What it does to the bytes is a Fault, which can be changed at any moment and holds for connections that are there and for
// those to come. What it has really done is in Count: a fault that struck nothing proves nothing.
//
// # How near it is to a network
//
// Silence is packets lost both ways: nobody hears anything, not even that the other end has gone. What was sent before the
// silence ended arrives then, as TCP would send it again; a connection that was opened during the silence is reset at its
// end, where in a network its client would have given up. The client sees it as opened, not as opening: the kernel answers
// for the wire.
//
// A delay passes on each piece that was read after waiting for it: every byte comes between one and two delays late, and
// a stream of pieces comes slower too.
package wire
