// Package pushing is how JMAP clients hear of changes while they are connected: the WebSocket of RFC 8887, which carries
// requests too, and the event source of RFC 8620 7.3.
//
// # What it promises
//
//   - A client is told the newest state of each type that it asked for and that has changed since it was told last, once however
//     many changes there were. What it is told is read once for all clients of an account (realtime/states).
//   - A client that comes back with the pushState, or the id of the last event, that it had is told at once of what has changed
//     meanwhile, and of nothing that it knows.
//   - A client that does not read costs itself: what waits for it is one number an account and some objects of Sources, its
//     writer is its own, and after WriteTimeout it is cut off.
//   - A client whose sign-in has ended is cut off at once where the server says so (store/auth), and within a minute otherwise.
//
// # Other objects
//
// A Source has objects that are no states: typing, presence, notifications. Each is sent once to the clients that name its type,
// or dropped: the newest of a key takes the place of an older one, an object that is late is not sent, and of more than MaxObjects
// that wait the oldest go. Who asks for all types gets states only, since a client of the standards alone would not know what the
// rest is.
//
// # Order on a WebSocket
//
// Requests that bear an id are carried out up to 4 at a time, and answered as they end; one without an id is carried out alone,
// after those before it, so that answers without an id come in the order of their requests. A text that is no request is answered
// with a RequestError, and the connection goes on; a binary message ends it.
//
// # Limits
//
// MaxClients of an account are connected at a time; further ones are answered 429. A message has at most method.MaxSizeRequest bytes
// and arrives within MessageTimeout; of an account four that are larger than 64 KiB arrive at a time, and further ones wait. The
// server pings a WebSocket every PingEvery, and cuts it off when no pong comes. An event source ends when its client does.
package pushing
