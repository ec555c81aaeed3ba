// Package listen opens the server's TCP sockets and runs the sessions of a door on them: it admits connections up to a
// number, in all and by host, and drains them when the server stops.
package listen
